//! `prokura relationship`

mod bulk;

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Args, Subcommand};
use prokura_api::{
    DeleteRelationships, Receipt, Relationship, RelationshipFilter, RelationshipQuery, StoredRelationship,
    WriteRelationships,
};
use prokura_model::{ObjectId, ObjectRef, RelationName, SubjectRef, TypeName};
use serde::Serialize;

use crate::{
    apply,
    arguments::Ended,
    failure::Failure,
    near::Filter,
    output::table,
    session::{Session, gather, more},
    terms::Termed,
    wire,
};

#[derive(Debug, Subcommand)]
pub(crate) enum RelationshipCommand {
    /// Make relationships exist, in one transaction
    Write(Write),
    Delete(Delete),
    Read(Read),
    Import(bulk::Import),
    Export(bulk::Export),
}

#[derive(Args, Debug)]
pub(crate) struct Write {
    /// Relationships, such as `document:plan#viewer@user:alice`, with terms behind them
    /// (`…[only_on:{"day":"monday"}][expiration:2030-01-01T00:00:00Z]`)
    #[arg(required_unless_present = "file")]
    relationships: Vec<Termed>,
    /// File with one relationship a line (`*.rels`)
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Fail if one of them exists already
    #[arg(long)]
    create: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Make relationships not exist, in one transaction: those named, or all that a filter means
#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// Relationships, such as `document:plan#viewer@user:alice`; terms behind them say nothing
    #[arg(required_unless_present_any = ["file", "resource", "relation", "subject", "caveat", "prefix"])]
    relationships: Vec<Termed>,
    /// File with one relationship a line (`*.rels`)
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
    /// With a filter: most to delete; if there are more, none is deleted
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// With a filter and --limit: if there are more, delete that many
    #[arg(long, requires = "limit")]
    partial: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// List relationships
#[derive(Args, Debug)]
pub(crate) struct Read {
    #[command(flatten)]
    which: Which,
    /// Most to list
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

/// Which relationships are meant.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Which {
    /// Of this resource (`document:plan`), or of this type (`document`)
    #[arg(long, value_name = "TYPE[:ID]")]
    resource: Option<Place>,
    /// Of resources whose id begins so
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// In this relation
    #[arg(long, value_name = "NAME")]
    relation: Option<RelationName>,
    /// With this subject (`user:alice`, `team:core#member`), or of this type (`user`)
    #[arg(long, value_name = "TYPE[:ID[#RELATION]]")]
    subject: Option<Place>,
    /// With this caveat
    #[arg(long, value_name = "NAME")]
    caveat: Option<String>,
}

impl Which {
    /// Whether nothing was said.
    fn is_all(&self) -> bool {
        self.filter() == RelationshipFilter::default()
    }

    pub(crate) fn filter(&self) -> RelationshipFilter {
        let (resource, subject) = (self.resource.as_ref(), self.subject.as_ref());
        let id = |place: Option<&Place>| Some(place?.id.as_ref()?.as_str().to_owned());
        let everyone = subject.is_some_and(|place| place.everyone).then(|| "*".to_owned());
        RelationshipFilter {
            resource_type: resource.map(|place| place.kind.to_string()),
            resource_id: id(resource),
            resource_id_prefix: self.prefix.clone(),
            relation: self.relation.as_ref().map(ToString::to_string),
            subject_type: subject.map(|place| place.kind.to_string()),
            subject_id: id(subject).or(everyone),
            subject_relation: subject.and_then(|place| place.relation.as_ref()).map(ToString::to_string),
            caveat: self.caveat.clone(),
            expires: None,
        }
    }
}

/// A type, or one object of it, perhaps with a relation.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) kind: TypeName,
    pub(crate) id: Option<ObjectId>,
    pub(crate) relation: Option<RelationName>,
    /// `user:*`, where that is asked for.
    pub(crate) everyone: bool,
}

impl std::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains(':') {
            let kind = TypeName::new(text).map_err(|error| error.to_string())?;
            return Ok(Self { kind, id: None, relation: None, everyone: false });
        }
        match text.parse::<SubjectRef>().map_err(|error| error.to_string())? {
            SubjectRef::Object(ObjectRef { kind, id }) => {
                Ok(Self { kind, id: Some(id), relation: None, everyone: false })
            }
            SubjectRef::Userset(ObjectRef { kind, id }, relation) => {
                Ok(Self { kind, id: Some(id), relation: Some(relation), everyone: false })
            }
            SubjectRef::Wildcard(kind) => Ok(Self { kind, id: None, relation: None, everyone: true }),
        }
    }
}

impl RelationshipCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        match self {
            Self::Write(Write { relationships, file, create, reason }) => {
                let side = if create { Side::Create } else { Side::Write };
                Named { relationships, file, reason }.run(session, side).await
            }
            Self::Delete(delete) => delete.run(session).await,
            Self::Read(read) => read.run(session).await,
            Self::Import(import) => import.run(session).await,
            Self::Export(export) => export.run(session).await,
        }
    }
}

/// Which of the two was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Write,
    Create,
    Delete,
}

/// Relationships of one command that are looked up first, to say what it changed; more are only counted.
const LOOKED_UP_MAX: usize = 100;

/// What a command changed.
#[derive(Debug, Serialize)]
struct Effect {
    #[serde(flatten)]
    receipt: Receipt,
    /// Relationships the command named, each counted once.
    named: usize,
    /// Relationships that are there and were not, or are gone and were there; unknown where they were not looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<usize>,
    /// Those that were already as the command wants them.
    unchanged: Vec<String>,
}

impl Delete {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let Self { relationships, file, which, limit, partial, reason } = self;
        if which.is_all() {
            if limit.is_some() {
                return Err(Failure::new("usage", "`--limit` goes with a filter, such as `--resource document`"));
            }
            return Named { relationships, file, reason }.run(session, Side::Delete).await;
        }
        if !relationships.is_empty() || file.is_some() {
            return Err(Failure::new("usage", "name relationships, or a filter, not both"));
        }
        let wanted =
            DeleteRelationships { filter: which.filter(), limit, partial, reason, ..DeleteRelationships::default() };
        let deleted = session.client.delete_relationships(&wanted).await.map_err(|error| session.failure(&error))?;
        session.out.show(&deleted, |deleted| {
            let more = if deleted.complete { "" } else { "; there may be more: run it again" };
            format!("deleted: {}{more} (revision {})", deleted.deleted, deleted.receipt.revision)
        })?;
        Ok(Ended::Done)
    }
}

/// Relationships that a command names, one by one or in a file.
#[derive(Debug)]
struct Named {
    relationships: Vec<Termed>,
    file: Option<PathBuf>,
    reason: Option<String>,
}

impl Named {
    async fn run(self, session: &Session, side: Side) -> Result<Ended, Failure> {
        let mut named = BTreeMap::new();
        let mut all: Vec<_> = self.relationships.iter().map(wire::relationship_on_terms).collect();
        if let Some(file) = &self.file {
            all.extend(apply::declaration(file)?.relationships.unwrap_or_default());
        }
        for mut relationship in all {
            if side == Side::Delete {
                (relationship.caveat, relationship.expires_at) = (None, None);
            }
            let identity = Relationship { caveat: None, expires_at: None, ..relationship.clone() };
            let text = wire::relationship_text(&identity);
            if named.insert(text.clone(), relationship.clone()).is_some_and(|other| other != relationship) {
                return Err(Failure::new("relationship_twice", format!("`{text}` is given twice, on different terms")));
            }
        }
        let named: Vec<_> = named.into_values().collect();
        let unchanged = unchanged(session, &named, side).await;
        let count = named.len();
        let mut changes = WriteRelationships { reason: self.reason, ..WriteRelationships::default() };
        match side {
            Side::Write => changes.touch = named,
            Side::Create => changes.create = named,
            Side::Delete => changes.delete = named,
        }
        let receipt = session.client.write_relationships(&changes).await.map_err(|error| session.failure(&error))?;
        let effect = Effect {
            receipt,
            named: count,
            changed: unchanged.as_ref().map(|unchanged| count - unchanged.len()),
            unchanged: unchanged.unwrap_or_default(),
        };
        session.out.show(&effect, |effect| effect.told(side))?;
        Ok(Ended::Done)
    }
}

impl Effect {
    fn told(&self, side: Side) -> String {
        let (done, was) = match side {
            Side::Write | Side::Create => ("written", "there already"),
            Side::Delete => ("deleted", "not there"),
        };
        let Self { receipt: Receipt { revision, .. }, named, changed, unchanged } = self;
        let Some(changed) = changed else {
            return format!("{done}: {named}, not counting which were {was} before (revision {revision})");
        };
        let mut text = format!("{done}: {changed}");
        if !unchanged.is_empty() {
            let verb = if unchanged.len() == 1 { "was" } else { "were" };
            text.push_str(&format!("; {} {verb} {was}: {}", unchanged.len(), unchanged.join(", ")));
        }
        text + &format!(" (revision {revision})")
    }
}

/// Those of the named relationships that are as the command wants them before it is run. None if that is not known:
/// there are too many to look each up, or the key may not read them.
async fn unchanged(session: &Session, named: &[Relationship], side: Side) -> Option<Vec<String>> {
    if named.len() > LOOKED_UP_MAX {
        return None;
    }
    let mut unchanged = Vec::new();
    for relationship in named {
        let there = there(session, relationship, side).await?;
        if side != Side::Create && there == (side == Side::Write) {
            unchanged.push(wire::relationship_text(relationship));
        }
    }
    Some(unchanged)
}

/// Whether it is there, when it is written on the same terms.
async fn there(session: &Session, wanted: &Relationship, side: Side) -> Option<bool> {
    const READ_MAX: usize = 100;
    let query = RelationshipQuery {
        resource_type: Some(wanted.resource.kind.clone()),
        resource_id: Some(wanted.resource.id.clone()),
        relation: Some(wanted.relation.clone()),
        subject_type: Some(wanted.subject.kind.clone()),
        subject_id: wanted.subject.id.clone().or_else(|| Some("*".to_owned())),
        subject_relation: wanted.subject.relation.clone().or_else(|| Some("...".to_owned())),
        ..RelationshipQuery::default()
    };
    let found = gather(READ_MAX, async |limit, cursor| {
        session.client.relationships(&RelationshipQuery { limit, cursor, ..query.clone() }).await
    });
    let found = found.await.ok()?;
    let there = found.items.iter().any(|stored| side == Side::Delete || stored.relationship == *wanted);
    (there || found.next_cursor.is_none()).then_some(there)
}

impl Read {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let query = RelationshipQuery::from(self.which.filter());
        let found = gather(self.limit, async |limit, cursor| {
            session.client.relationships(&RelationshipQuery { limit, cursor, ..query.clone() }).await
        })
        .await
        .map_err(|error| session.failure(&error))?;
        if found.items.is_empty() {
            self.which.names().known(session).await?;
        }
        session.out.show(&found, |found| {
            let rows = found.items.iter().map(row).collect();
            table(["relationship", "since revision"], rows, "no relationships") + &more(found)
        })?;
        Ok(Ended::Done)
    }
}

impl Which {
    /// The names it uses, for when nothing was found.
    fn names(&self) -> Filter<'_> {
        let (resource, subject) = (self.resource.as_ref(), self.subject.as_ref());
        let userset = subject.and_then(|place| place.relation.as_ref());
        Filter::default()
            .kind(resource.map(|place| &place.kind))
            .kind(subject.map(|place| &place.kind))
            .relation(resource.map(|place| &place.kind), self.relation.as_ref())
            .relation(subject.map(|place| &place.kind), userset)
    }
}

fn row(stored: &StoredRelationship) -> [String; 2] {
    [wire::relationship_text(&stored.relationship), stored.since.to_string()]
}
