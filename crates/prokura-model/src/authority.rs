use std::{collections::BTreeSet, fmt};

use minicbor::{Decode, Encode};

use crate::{Budget, Cap, ObjectRef, SubjectRef, Timestamp, limits::RECORD_ID_BYTES_MAX};

macro_rules! record_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(smol_str::SmolStr);

        impl $name {
            /// The id, if the text is one: 1 to [`RECORD_ID_BYTES_MAX`] of `[a-zA-Z0-9._-]`.
            #[must_use]
            pub fn new(text: impl AsRef<str>) -> Option<Self> {
                let text = text.as_ref();
                let legal = (1..=RECORD_ID_BYTES_MAX).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
                legal.then(|| Self(smol_str::SmolStr::new(text)))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                crate::codec::put_text(e, &self.0)
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                Self::new(d.str()?).ok_or_else(|| minicbor::decode::Error::message("not a record id"))
            }
        }
    };
}
pub(crate) use record_id;

record_id!(
    /// Names a task within its tenant.
    TaskId
);
record_id!(
    /// Names a delegation within its tenant.
    DelegationId
);
record_id!(
    /// Names an endorsement within its tenant.
    EndorsementId
);

/// A node that can act or authorise. A subject that was never registered is alive, but cannot delegate.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Principal {
    /// Which node.
    #[n(0)]
    pub object: ObjectRef,
    /// Who answers for it. People usually have none.
    #[n(1)]
    pub owner: Option<ObjectRef>,
    /// Whether it may act.
    #[n(2)]
    pub state: PrincipalState,
    /// Written by `apply` from files, which may prune what the files no longer name.
    #[n(3)]
    pub declared: bool,
}

/// Whether a principal may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum PrincipalState {
    /// It may.
    #[n(0)]
    Active,
    /// It may not, until it is resumed.
    #[n(1)]
    Suspended,
    /// It is gone for good; what it owns is suspended until someone else owns it.
    #[n(2)]
    OffBoarded,
}

/// A server-minted unit of work.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Task {
    /// Its name.
    #[n(0)]
    pub id: TaskId,
    /// For whom the work is done; the root of every chain under it starts here.
    #[n(1)]
    pub origin: ObjectRef,
    /// What the work is, in words.
    #[n(2)]
    pub purpose: String,
    /// When it was opened.
    #[n(3)]
    pub opened_at: Timestamp,
    /// The moment from which it is over, whatever its state.
    #[n(4)]
    pub expires_at: Timestamp,
    /// Whether work under it goes on.
    #[n(5)]
    pub state: TaskState,
    /// Written by `apply` from files, which may prune what the files no longer name.
    #[n(6)]
    pub declared: bool,
    /// The task it is a part of: it is over when that one is, and is for the same origin.
    #[n(7)]
    pub parent: Option<TaskId>,
    /// Who answers for it besides its origin, and may close it.
    #[n(8)]
    pub owner: Option<ObjectRef>,
    /// What bounds how much is done under it, each under a name of its own.
    #[n(12)]
    #[cbor(default)]
    pub budgets: Vec<Budget>,
}

/// Whether work under a task goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum TaskState {
    /// It does.
    #[n(0)]
    Open,
    /// The work is done.
    #[n(1)]
    Completed,
    /// The work was called off.
    #[n(2)]
    Cancelled,
}

/// A stored, directed link under a task. Immutable but for its end: see [`Change::DelegationRevoked`](crate::Change).
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Delegation {
    /// Its name.
    #[n(0)]
    pub id: DelegationId,
    /// The task it serves; every link of a chain names the same one.
    #[n(1)]
    pub task: TaskId,
    /// What it does with authority.
    #[n(2)]
    pub kind: DelegationKind,
    /// Who passes on.
    #[n(3)]
    pub from: ObjectRef,
    /// Who receives.
    #[n(4)]
    pub to: ObjectRef,
    /// The link it continues; none at the root of a chain.
    #[n(5)]
    pub parent: Option<DelegationId>,
    /// What it may carry.
    #[n(6)]
    pub cap: Cap,
    /// How many further links may hang below it, counted down the chain; 0 means it may not be passed on.
    #[n(7)]
    pub depth: u32,
    /// The first moment at which it carries anything.
    #[n(8)]
    pub not_before: Option<Timestamp>,
    /// The moment from which it carries nothing. The task's expiry bounds it in any case.
    #[n(9)]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    #[n(10)]
    pub revoked_at: Option<Timestamp>,
    /// Written by `apply` from files, which may prune what the files no longer name.
    #[n(11)]
    pub declared: bool,
    /// How many allows it may carry, those of every chain through it; as many as there are, if it does not say.
    #[n(14)]
    pub uses: Option<u64>,
}

/// What a link does with authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum DelegationKind {
    /// `to` may do what `from` may do, inside the cap.
    #[n(0)]
    Lends,
    /// `to` is asked to do a piece of work with its own authority, inside the cap and what it is endorsed for. Nothing of
    /// that comes back to `from`.
    #[n(1)]
    Dispatches,
}

/// A worker's standing statement, made by whoever owns it: what it does for which origins when it is dispatched to.
/// Immutable but for its end.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Endorsement {
    /// Its name.
    #[n(0)]
    pub id: EndorsementId,
    /// Who does the work.
    #[n(1)]
    pub worker: ObjectRef,
    /// Who says so. It counts as long as the worker is this one's.
    #[n(2)]
    pub by: ObjectRef,
    /// What the worker does.
    #[n(3)]
    pub cap: Cap,
    /// For the tasks of which origins: these, all of these types, and who stands in these usersets when it is asked.
    #[n(4)]
    pub origins: BTreeSet<SubjectRef>,
    /// The moment from which it counts no more.
    #[n(5)]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    #[n(6)]
    pub revoked_at: Option<Timestamp>,
    /// Written by `apply` from files, which may prune what the files no longer name.
    #[n(7)]
    pub declared: bool,
}

macro_rules! words {
    ($name:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $name {
            /// The word for it in the protocol, the CLI and errors.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// What the word means, if it means one.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(crate) use words;

words!(PrincipalState { Active => "active", Suspended => "suspended", OffBoarded => "off_boarded" });
words!(TaskState { Open => "open", Completed => "completed", Cancelled => "cancelled" });
words!(DelegationKind { Lends => "lends", Dispatches => "dispatches" });

#[cfg(test)]
mod tests;
