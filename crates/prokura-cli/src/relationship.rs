//! `prokura relationship`

use std::{collections::BTreeSet, path::PathBuf};

use clap::{Args, Subcommand};
use prokura_api::{Receipt, RelationshipQuery, StoredRelationship, WriteRelationships};
use prokura_model::{ObjectId, ObjectRef, RelationName, Relationship, SubjectRef, TypeName};
use serde::Serialize;

use crate::{
    apply,
    arguments::Ended,
    failure::Failure,
    near::Filter,
    output::table,
    session::{Session, gather, more},
    wire,
};

#[derive(Debug, Subcommand)]
pub(crate) enum RelationshipCommand {
    /// Make relationships exist, in one transaction
    Write(Write),
    /// Make relationships not exist, in one transaction
    Delete(Write),
    Read(Read),
}

#[derive(Args, Debug)]
pub(crate) struct Write {
    /// Relationships, such as `document:plan#viewer@user:alice`
    #[arg(required_unless_present = "file")]
    relationships: Vec<Relationship>,
    /// File with one relationship a line (`*.rels`)
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// List relationships
#[derive(Args, Debug)]
pub(crate) struct Read {
    /// Of this resource (`document:plan`), or of this type (`document`)
    #[arg(long, value_name = "TYPE[:ID]")]
    resource: Option<Place>,
    /// In this relation
    #[arg(long, value_name = "NAME")]
    relation: Option<RelationName>,
    /// With this subject (`user:alice`, `team:core#member`), or of this type (`user`)
    #[arg(long, value_name = "TYPE[:ID[#RELATION]]")]
    subject: Option<Place>,
    /// Most to list
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

/// A type, or one object of it, perhaps with a relation.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) kind: TypeName,
    pub(crate) id: Option<ObjectId>,
    pub(crate) relation: Option<RelationName>,
}

impl std::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains(':') {
            let kind = TypeName::new(text).map_err(|error| error.to_string())?;
            return Ok(Self { kind, id: None, relation: None });
        }
        match text.parse::<SubjectRef>().map_err(|error| error.to_string())? {
            SubjectRef::Object(ObjectRef { kind, id }) => Ok(Self { kind, id: Some(id), relation: None }),
            SubjectRef::Userset(ObjectRef { kind, id }, relation) => {
                Ok(Self { kind, id: Some(id), relation: Some(relation) })
            }
            SubjectRef::Wildcard(kind) => Ok(Self { kind, id: None, relation: None }),
        }
    }
}

impl RelationshipCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        match self {
            Self::Write(write) => write.run(session, Side::Write).await,
            Self::Delete(write) => write.run(session, Side::Delete).await,
            Self::Read(read) => read.run(session).await,
        }
    }
}

/// Which of the two was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Write,
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

impl Write {
    async fn run(self, session: &Session, side: Side) -> Result<Ended, Failure> {
        let mut named: BTreeSet<_> = self.relationships.iter().map(wire::relationship).collect();
        if let Some(file) = &self.file {
            named.extend(apply::declaration(file)?.relationships.unwrap_or_default());
        }
        let unchanged = unchanged(session, &named, side).await;
        let count = named.len();
        let (named, none) = (named.into_iter().collect(), Vec::new());
        let (touch, delete) = if side == Side::Write { (named, none) } else { (none, named) };
        let changes = WriteRelationships { touch, delete, reason: self.reason };
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
        let (done, was) = if side == Side::Write { ("written", "there already") } else { ("deleted", "not there") };
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
async fn unchanged(session: &Session, named: &BTreeSet<prokura_api::Relationship>, side: Side) -> Option<Vec<String>> {
    if named.len() > LOOKED_UP_MAX {
        return None;
    }
    let mut unchanged = Vec::new();
    for relationship in named {
        if there(session, relationship).await? == (side == Side::Write) {
            unchanged.push(wire::relationship_text(relationship));
        }
    }
    Some(unchanged)
}

async fn there(session: &Session, wanted: &prokura_api::Relationship) -> Option<bool> {
    // A filter cannot say "the object itself" or "the wildcard": more may match, and is passed over.
    const READ_MAX: usize = 10_000;
    let query = RelationshipQuery {
        resource_type: Some(wanted.resource.kind.clone()),
        resource_id: Some(wanted.resource.id.clone()),
        relation: Some(wanted.relation.clone()),
        subject_type: Some(wanted.subject.kind.clone()),
        subject_id: wanted.subject.id.clone(),
        subject_relation: wanted.subject.relation.clone(),
        limit: None,
        cursor: None,
    };
    let found = gather(READ_MAX, async |limit, cursor| {
        session.client.relationships(&RelationshipQuery { limit, cursor, ..query.clone() }).await
    });
    let found = found.await.ok()?;
    let there = found.items.iter().any(|stored| stored.relationship == *wanted);
    (there || found.next_cursor.is_none()).then_some(there)
}

impl Read {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let resource = self.resource.as_ref();
        let subject = self.subject.as_ref();
        let id = |place: Option<&Place>| Some(place?.id.as_ref()?.as_str().to_owned());
        let query = RelationshipQuery {
            resource_type: resource.map(|place| place.kind.to_string()),
            resource_id: id(resource),
            relation: self.relation.as_ref().map(ToString::to_string),
            subject_type: subject.map(|place| place.kind.to_string()),
            subject_id: id(subject),
            subject_relation: subject.and_then(|place| place.relation.as_ref()).map(ToString::to_string),
            limit: None,
            cursor: None,
        };
        let found = gather(self.limit, async |limit, cursor| {
            session.client.relationships(&RelationshipQuery { limit, cursor, ..query.clone() }).await
        })
        .await
        .map_err(|error| session.failure(&error))?;
        if found.items.is_empty() {
            self.filter().known(session).await?;
        }
        session.out.show(&found, |found| {
            let rows = found.items.iter().map(row).collect();
            table(["relationship", "since revision"], rows, "no relationships") + &more(found)
        })?;
        Ok(Ended::Done)
    }

    fn filter(&self) -> Filter<'_> {
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
