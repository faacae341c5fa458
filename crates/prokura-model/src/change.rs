use std::{collections::BTreeMap, fmt};

use minicbor::{Decode, Encode};

use crate::{
    Approval, AuthzenMapping, Consumption, DecisionId, Delegation, DelegationId, Endorsement, EndorsementId, Key,
    KeyId, Model, ModelId, ObjectRef, Principal, Relationship, Request, Spending, StoreSecret, Taken, Task, TaskId,
    TaskState, TenantName, Terms, Value,
};

/// A place in a tenant's total order of transactions. The empty tenant is at revision 0; the first transaction makes 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Revision(#[n(0)] pub u64);

impl Revision {
    /// The revision of the next transaction.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Timestamp(#[n(0)] pub u64);

impl Timestamp {
    /// The moment this many milliseconds later; the end of time when there is no such moment.
    #[must_use]
    pub fn plus_ms(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }
}

/// As RFC 3339 has it, in UTC and to the millisecond: `2026-11-22T07:30:00.000Z`. RFC 3339 ends with the year 9999; a later
/// year stands there with all its digits.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
        let (days, of_day) = (self.0 / DAY_MS, self.0 % DAY_MS);
        let (year, month, day) = civil_from_days(days);
        let (hours, minutes) = (of_day / 3_600_000, of_day / 60_000 % 60);
        let (seconds, milliseconds) = (of_day / 1_000 % 60, of_day % 1_000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}Z")
    }
}

/// Year, month and day of the day this many days after 1970-01-01, in the Gregorian calendar.
///
/// Counted from March, so that the leap day is the last of its year, and in eras of 400 years, which all have as many days.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    const ERA_DAYS: u64 = 146_097;
    /// From 0000-03-01 to 1970-01-01.
    const BEFORE_1970: u64 = 719_468;
    let days = days + BEFORE_1970;
    let (era, of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / (ERA_DAYS - 1)) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// The days from 1970-01-01 to this day in the Gregorian calendar; none before it. Counted as [`civil_from_days`] counts.
pub(crate) fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    const ERA_DAYS: u64 = 146_097;
    const BEFORE_1970: u64 = 719_468;
    let year = year.checked_sub(u64::from(month <= 2))?;
    let (era, of_era) = (year / 400, year % 400);
    let march_month = (month + 9) % 12;
    let of_year = (153 * march_month + 2) / 5 + day.checked_sub(1)?;
    (era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year).checked_sub(BEFORE_1970)
}

/// One thing that is written. A transaction is a list of them, all or none.
///
/// The numbers are the log's format: a number is never used twice, and a new member gets a new one.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Change {
    /// The whole schema text is this from now on.
    #[n(0)]
    SchemaWritten(#[n(0)] String),
    /// The relationship exists from now on, whether or not it did, and on these terms.
    #[n(1)]
    RelationshipTouched(
        #[n(0)] Relationship,
        #[n(1)]
        #[cbor(default)]
        Terms,
    ),
    /// The relationship does not exist from now on.
    #[n(2)]
    RelationshipDeleted(#[n(0)] Relationship),
    /// These are all the attributes of the object; none left means it has none.
    #[n(3)]
    AttributesSet(#[n(0)] ObjectRef, #[n(1)] BTreeMap<String, Value>),
    /// The principal is registered, or registered anew: owner and state are these.
    #[n(4)]
    PrincipalSet(#[n(0)] Principal),
    /// The principal is not registered any more.
    #[n(5)]
    PrincipalRemoved(#[n(0)] ObjectRef),
    /// A task begins.
    #[n(6)]
    TaskOpened(#[n(0)] Task),
    /// A task ends, and with it everything under it; nothing below is touched.
    #[n(7)]
    TaskClosed(#[n(0)] TaskId, #[n(1)] TaskState),
    /// A link is made.
    #[n(8)]
    DelegationCreated(#[n(0)] Delegation),
    /// A link ends, and with it every link that hangs below; nothing below is touched.
    #[n(9)]
    DelegationRevoked(#[n(0)] DelegationId),
    /// A tenant begins. Only in the log of the [system tenant](TenantName).
    #[n(10)]
    TenantCreated(#[n(0)] TenantName),
    /// A key is made. Only in the log of the system tenant.
    #[n(11)]
    KeyCreated(#[n(0)] Key),
    /// A key ends. Only in the log of the system tenant.
    #[n(12)]
    KeyRevoked(#[n(0)] KeyId),
    /// The relationship was over already, and is now collected. Whoever watches learns of it here.
    #[n(13)]
    RelationshipExpired(#[n(0)] Relationship),
    /// What the author wants to be kept with this transaction; it changes nothing.
    #[n(14)]
    MetadataAttached(#[n(0)] Value),
    /// There is one more model, and it is the newest.
    #[n(15)]
    ModelWritten(#[n(0)] Model),
    /// These are the assertions about the model, as they were sent.
    #[n(16)]
    AssertionsWritten(#[n(0)] ModelId, #[n(1)] String),
    /// The tenant is shown under this name. Only in the log of the system tenant.
    #[n(17)]
    TenantNamed(#[n(0)] TenantName, #[n(1)] String),
    /// The tenant is gone: nobody asks it or writes to it any more, and its name is not used again. Only in the log of the
    /// system tenant.
    #[n(18)]
    TenantDeleted(#[n(0)] TenantName),
    /// The secret that revision tokens are made with. Only in the log of the system tenant.
    #[n(19)]
    SecretMade(#[n(0)] StoreSecret),
    /// What was asked for, as a digest, where the other changes do not tell: a request that is sent again is told from
    /// another one with the same id. It changes nothing.
    #[n(20)]
    WorkDigested(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        [u8; 32],
    ),
    /// Names are called this over AuthZEN from now on, whole; an empty mapping is none.
    #[n(21)]
    AuthzenMappingSet(#[n(0)] AuthzenMapping),
    /// A worker is endorsed.
    #[n(22)]
    EndorsementCreated(#[n(0)] Endorsement),
    /// An endorsement ends.
    #[n(23)]
    EndorsementRevoked(#[n(0)] EndorsementId),
    /// A request for access is made, or goes on: it is this from now on.
    #[n(30)]
    RequestSet(#[n(0)] Box<Request>),
    /// An allow took something, for good or until it is settled.
    #[n(40)]
    Consumed(#[n(0)] Box<Consumption>),
    /// A reservation under the task ends, and this is taken for good.
    #[n(41)]
    ReservationCommitted(#[n(0)] DecisionId, #[n(1)] TaskId, #[n(2)] Taken),
    /// A reservation under the task ends, and gives back all that it held.
    #[n(42)]
    ReservationReleased(#[n(0)] DecisionId, #[n(1)] TaskId),
    /// All that was taken under the task is this. Only in a checkpoint, where it stands for the movements before it.
    #[n(43)]
    SpendingSet(#[n(0)] TaskId, #[n(1)] Box<Spending>),
    /// An approval is asked for, or goes on: it is this from now on.
    #[n(44)]
    ApprovalSet(#[n(0)] Box<Approval>),
}

impl Change {
    /// The relationship exists from now on, for good.
    #[must_use]
    pub fn touched(relationship: Relationship) -> Self {
        Self::RelationshipTouched(relationship, Terms::default())
    }
}

/// Changes that took effect together, and who wrote them, why and when: the provenance of every edge in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Transaction {
    /// Its place in the tenant's order.
    pub revision: Revision,
    /// When it was accepted.
    pub time: Timestamp,
    /// Who wrote it: a key (`key:ID`), or an actor with a token (`token:ISSUER:ACTOR`, the actor in its text form).
    pub author: String,
    /// Why, in the author's words; may be empty.
    pub reason: String,
    /// The caller's own name for the request, if it gave one.
    pub request_id: Option<String>,
    /// What changed.
    pub changes: Vec<Change>,
}

#[cfg(test)]
mod tests;
