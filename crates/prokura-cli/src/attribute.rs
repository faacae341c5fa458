//! `prokura attribute`

use clap::{Args, Subcommand};
use prokura_api::{AttributeQuery, AttributesWrite};
use prokura_model::ObjectRef;
use serde_json::{Map, Value};

use crate::{
    arguments::Ended,
    failure::Failure,
    near::Filter,
    output::table,
    relationship::Place,
    session::{Session, gather, more},
    wire,
};

#[derive(Debug, Subcommand)]
pub(crate) enum AttributeCommand {
    Read(Read),
    Set(Set),
}

/// List what is known about objects
#[derive(Args, Debug)]
pub(crate) struct Read {
    /// Of this object (`service:checkout`), or of this type (`service`)
    #[arg(value_name = "TYPE[:ID]")]
    object: Option<Place>,
    /// Most to list
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

/// Set all attributes of an object; those not named are gone
#[derive(Args, Debug)]
pub(crate) struct Set {
    object: ObjectRef,
    /// Attributes; a value is JSON, or else text: `tier=1 region=eu 'zip="01067"'`
    #[arg(value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, Value)>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

fn attribute(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not NAME=VALUE"))?;
    if name.is_empty() {
        return Err(format!("`{text}` has no name before the `=`"));
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((name.to_owned(), value))
}

impl AttributeCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        match self {
            Self::Read(read) => read.run(session).await,
            Self::Set(set) => set.run(session).await,
        }
    }
}

impl Read {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let query = AttributeQuery {
            kind: self.object.as_ref().map(|place| place.kind.to_string()),
            id: self.object.as_ref().and_then(|place| place.id.as_ref()).map(|id| id.as_str().to_owned()),
            limit: None,
            cursor: None,
        };
        let found = gather(self.limit, async |limit, cursor| {
            session.client.attributes(&AttributeQuery { limit, cursor, ..query.clone() }).await
        })
        .await
        .map_err(|error| session.failure(&error))?;
        if found.items.is_empty() {
            Filter::default().kind(self.object.as_ref().map(|place| &place.kind)).known(session).await?;
        }
        session.out.show(&found, |found| {
            let rows = found.items.iter().map(|entry| {
                let attributes: Vec<_> =
                    entry.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
                [wire::object_text(&entry.object), attributes.join(" ")]
            });
            table(["object", "attributes"], rows.collect(), "no attributes") + &more(found)
        })?;
        Ok(Ended::Done)
    }
}

impl Set {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let mut attributes = Map::new();
        for (name, value) in self.attributes {
            if attributes.insert(name.clone(), value).is_some() {
                return Err(Failure::new("attribute_twice", format!("`{name}` is given twice")));
            }
        }
        let count = attributes.len();
        let wanted = AttributesWrite { object: wire::object(&self.object), attributes, reason: self.reason };
        let receipt = session.client.set_attributes(&wanted).await.map_err(|error| session.failure(&error))?;
        session.out.show(&receipt, |receipt| {
            format!("{} has {count} attributes now (revision {})", self.object, receipt.revision)
        })?;
        Ok(Ended::Done)
    }
}
