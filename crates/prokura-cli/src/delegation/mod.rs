//! `prokura delegate`, `prokura revoke`, `prokura delegation`

mod standing;

use std::{collections::BTreeSet, str::FromStr};

use clap::{Args, Subcommand};
use prokura_api::{
    Cap, CapClause as ApiClause, Delegation, DelegationKind, DelegationQuery, NewDelegation, ReasonOnly,
};
use prokura_model::{CapResource, CaveatUse, ObjectRef, RelationName};

use crate::{
    arguments::Ended,
    failure::Failure,
    near::{self, Filter},
    output::{fields, table},
    session::{Session, gather, more},
    time::{When, shown},
    wire,
};
use standing::{Standing, parents_first};

/// Lend authority under a task: `to` may do what `from` may do, inside the cap
#[derive(Args, Debug)]
pub(crate) struct Delegate {
    /// Who passes on
    from: ObjectRef,
    /// Who receives
    to: ObjectRef,
    /// The task it serves
    #[arg(long, value_name = "ID")]
    task: String,
    /// The delegation it continues; none at the root of a chain
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
    /// Ask `to` to do the work with its own authority, as far as its owner endorses it
    #[arg(long)]
    dispatch: bool,
    /// What it may carry: `deploy, restart on service:checkout`, `* on service:*`; may be repeated
    #[arg(long, required = true, value_name = "PERMISSIONS on RESOURCES")]
    cap: Vec<Clause>,
    /// How many further links may hang below it; 0: it may not be passed on
    #[arg(long, default_value_t = 0)]
    depth: u32,
    /// From when: `30m`, or a time of RFC 3339
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    not_before: Option<When>,
    /// Until when: `2h`, or a time of RFC 3339; the task's expiry bounds it in any case
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    expires: Option<When>,
    /// How many allows it may carry, those of every chain through it; without it as many as there are
    #[arg(long, value_name = "NUMBER")]
    uses: Option<u64>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// End a delegation, and with it every link below
#[derive(Args, Debug)]
pub(crate) struct Revoke {
    delegation: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DelegationCommand {
    List(List),
    /// Show one delegation
    Show {
        /// Which
        delegation: String,
    },
}

/// List delegations
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Under this task
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Made by this principal
    #[arg(long, value_name = "PRINCIPAL")]
    from: Option<ObjectRef>,
    /// Made to this principal
    #[arg(long, value_name = "PRINCIPAL")]
    to: Option<ObjectRef>,
    /// Most to list
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

/// One clause of a cap as people write it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Clause {
    permissions: BTreeSet<String>,
    resources: BTreeSet<CapResource>,
    condition: Option<CaveatUse>,
}

impl FromStr for Clause {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape =
            || format!("`{text}` is not of the shape `PERMISSIONS on RESOURCES`, such as `deploy on service:checkout`");
        let (permissions, resources) = text.split_once(" on ").ok_or_else(shape)?;
        let permissions: BTreeSet<_> = permissions.split(',').map(|name| name.trim().to_owned()).collect();
        for permission in permissions.iter().filter(|name| *name != "*") {
            RelationName::new(permission).map_err(|error| error.to_string())?;
        }
        let (resources, condition) = condition(resources)?;
        let resources = split(resources)
            .into_iter()
            .map(|resource| resource.parse::<CapResource>().map_err(|error| format!("`{resource}`: {error}")));
        Ok(Self { permissions, resources: resources.collect::<Result<_, _>>()?, condition })
    }
}

/// What stands before ` when `, outside of quotes, and the caveat behind it.
fn condition(text: &str) -> Result<(&str, Option<CaveatUse>), String> {
    const WHEN: &str = " when ";
    let quotes = |text: &str| text.replace("\\\\", "").replace("\\\"", "").matches('"').count();
    for (at, _) in text.match_indices(WHEN) {
        let Some((resources, condition)) = text.split_at_checked(at) else { continue };
        if quotes(resources).is_multiple_of(2) {
            let condition = condition.get(WHEN.len()..).unwrap_or_default().trim();
            let used = condition.parse().map_err(|error| format!("`{condition}`: {error}"))?;
            return Ok((resources, Some(used)));
        }
    }
    Ok((text, None))
}

/// The clauses as the protocol has them.
pub(crate) fn cap(clauses: &[Clause]) -> Cap {
    let clauses = clauses.iter().map(|clause| ApiClause {
        permissions: clause.permissions.iter().cloned().collect(),
        resources: clause.resources.iter().map(wire::cap_resource).collect(),
        when: clause.condition.as_ref().map(wire::caveat_use),
    });
    Cap { clauses: clauses.collect() }
}

/// The parts between commas, where a comma inside a quoted id is none.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(text.get(start..at).unwrap_or_default().trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default().trim());
    parts
}

impl Delegate {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let wanted = NewDelegation {
            task: self.task,
            kind: if self.dispatch { DelegationKind::Dispatches } else { DelegationKind::Lends },
            from: Some(wire::object(&self.from)),
            to: wire::object(&self.to),
            parent: self.parent,
            cap: cap(&self.cap),
            depth: self.depth,
            not_before: self.not_before.map(When::moment),
            expires_at: self.expires.and_then(When::at),
            expires_in_seconds: self.expires.and_then(When::in_seconds),
            uses: self.uses,
            reason: self.reason,
        };
        let made = session.client.delegate(&wanted).await.map_err(|error| session.failure(&error))?;
        session.out.show(&made, |made| told(made, ""))?;
        Ok(Ended::Done)
    }
}

impl Revoke {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let why = ReasonOnly { reason: self.reason };
        let revoked = session.client.revoke_delegation(&self.delegation, &why).await;
        let revoked = match revoked {
            Ok(revoked) => revoked,
            Err(error) => return Err(near::failure(session, &error, &self.delegation).await),
        };
        session.out.show(&revoked, |revoked| told(revoked, ""))?;
        Ok(Ended::Done)
    }
}

impl DelegationCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        match self {
            Self::List(list) => list.run(session).await,
            Self::Show { delegation } => {
                let found = match session.client.delegation(&delegation).await {
                    Ok(found) => found,
                    Err(error) => return Err(near::failure(session, &error, &delegation).await),
                };
                let standing = Standing::of(session, std::slice::from_ref(&found)).await;
                session.out.show(&found, |found| told(found, &standing.state(found)))?;
                Ok(Ended::Done)
            }
        }
    }
}

impl List {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let kind = |object: &ObjectRef| object.kind.to_string();
        let id = |object: &ObjectRef| object.id.as_str().to_owned();
        let query = DelegationQuery {
            task: self.task.clone(),
            from_type: self.from.as_ref().map(kind),
            from_id: self.from.as_ref().map(id),
            to_type: self.to.as_ref().map(kind),
            to_id: self.to.as_ref().map(id),
            limit: None,
            cursor: None,
        };
        let found = gather(self.limit, async |limit, cursor| {
            session.client.delegations(&DelegationQuery { limit, cursor, ..query.clone() }).await
        })
        .await
        .map_err(|error| session.failure(&error))?;
        if found.items.is_empty() {
            self.known(session).await?;
        }
        let standing = Standing::of(session, &found.items).await;
        session.out.show(&found, |found| {
            let rows = parents_first(&found.items).into_iter().map(|link| row(link, &standing)).collect();
            table(["delegation", "task", "from", "to", "may carry", "state"], rows, "no delegations") + &more(found)
        })?;
        Ok(Ended::Done)
    }
}

impl List {
    /// Fails if nothing was found because what was asked for cannot be.
    async fn known(&self, session: &Session) -> Result<(), Failure> {
        if let Some(task) = &self.task
            && let Err(error) = session.client.task(task).await
            && error.code() == "task_unknown"
        {
            return Err(near::failure(session, &error, task).await);
        }
        let kind = |object: &'_ ObjectRef| object.kind.clone();
        let (from, to) = (self.from.as_ref().map(kind), self.to.as_ref().map(kind));
        Filter::default().kind(from.as_ref()).kind(to.as_ref()).known(session).await
    }
}

fn row(link: &Delegation, standing: &Standing) -> [String; 6] {
    [
        link.id.clone(),
        link.task.clone(),
        wire::object_text(&link.from),
        wire::object_text(&link.to),
        wire::cap_text(&link.cap),
        standing.state(link),
    ]
}

fn told(link: &Delegation, state: &str) -> String {
    let time = |time: Option<prokura_api::Time>| time.map(shown).unwrap_or_default();
    fields(&[
        ("delegation", link.id.clone()),
        ("task", link.task.clone()),
        ("state", state.to_owned()),
        (
            "kind",
            match link.kind {
                DelegationKind::Lends => "lends".to_owned(),
                DelegationKind::Dispatches => "dispatches".to_owned(),
            },
        ),
        ("from", wire::object_text(&link.from)),
        ("to", wire::object_text(&link.to)),
        ("parent", link.parent.clone().unwrap_or_default()),
        ("may carry", wire::cap_text(&link.cap).replace("; ", "\n")),
        ("depth", link.depth.to_string()),
        ("uses", link.uses.map(|uses| uses.to_string()).unwrap_or_default()),
        ("not before", time(link.not_before)),
        ("expires", time(link.expires_at)),
        ("revoked", time(link.revoked_at)),
    ])
}

#[cfg(test)]
mod tests {
    use super::Clause;

    #[test]
    fn a_clause_reads_as_a_sentence() {
        let clause: Clause = r#"deploy, restart on service:*, page:"a, b""#.parse().expect("a clause");
        assert_eq!(clause.permissions.len(), 2);
        let resources: Vec<_> = clause.resources.iter().map(ToString::to_string).collect();
        assert_eq!(resources, ["service:*", r#"page:"a, b""#]);
    }

    #[test]
    fn what_is_no_clause_is_refused_with_its_shape() {
        let narrow: Clause =
            r#"pay on account:* where origin has view under folder:"when I" by parent when at_most:{"limit": 1}"#
                .parse()
                .expect("a clause");
        let resources: Vec<_> = narrow.resources.iter().map(ToString::to_string).collect();
        assert_eq!(resources, [r#"account:* where origin has view under folder:"when I" by parent"#]);
        assert_eq!(narrow.condition.map(|used| used.to_string()).as_deref(), Some(r#"at_most:{"limit":1}"#));
        for text in [
            "",
            "deploy",
            "deploy service:checkout",
            "deploy on",
            "DEPLOY on service:*",
            "deploy on service",
            "deploy on service:* when",
        ] {
            assert!(text.parse::<Clause>().is_err(), "{text}");
        }
    }
}
