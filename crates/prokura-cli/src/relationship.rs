//! `prokura relationship`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use prokura_api::{RelationshipQuery, StoredRelationship, WriteRelationships};
use prokura_model::{ObjectId, ObjectRef, RelationName, Relationship, SubjectRef, TypeName};

use crate::{
    apply,
    arguments::Ended,
    failure::Failure,
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
            Self::Write(write) => write.run(session, "written", |touch, delete| (touch, delete)).await,
            Self::Delete(write) => write.run(session, "deleted", |touch, delete| (delete, touch)).await,
            Self::Read(read) => read.run(session).await,
        }
    }
}

type Sides = (Vec<prokura_api::Relationship>, Vec<prokura_api::Relationship>);

impl Write {
    /// `sides` says which of the two lists of the request is meant.
    async fn run(
        self,
        session: &Session,
        done: &str,
        sides: fn(Vec<prokura_api::Relationship>, Vec<prokura_api::Relationship>) -> Sides,
    ) -> Result<Ended, Failure> {
        let mut named: Vec<_> = self.relationships.iter().map(wire::relationship).collect();
        if let Some(file) = &self.file {
            named.extend(apply::declaration(file)?.relationships.unwrap_or_default());
        }
        let count = named.len();
        let (touch, delete) = sides(named, Vec::new());
        let changes = WriteRelationships { touch, delete, reason: self.reason };
        let receipt = session.client.write_relationships(&changes).await.map_err(|error| session.failure(&error))?;
        session.out.show(&receipt, |receipt| format!("{done}: {count} (revision {})", receipt.revision))?;
        Ok(Ended::Done)
    }
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
        session.out.show(&found, |found| {
            let rows = found.items.iter().map(row).collect();
            table(["relationship", "since revision"], rows, "no relationships") + &more(found)
        })?;
        Ok(Ended::Done)
    }
}

fn row(stored: &StoredRelationship) -> [String; 2] {
    [wire::relationship_text(&stored.relationship), stored.since.to_string()]
}
