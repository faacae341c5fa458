//! What was probably meant: names that are near the one given, among those the server knows.

use prokura_api::{ClientError, DelegationQuery, PrincipalQuery, TaskQuery};
use prokura_model::{RelationName, Schema, TypeName, did_you_mean};

use crate::{
    failure::Failure,
    session::{Session, gather},
    wire,
};

/// Names looked through for one that is near.
const LOOKED_THROUGH_MAX: usize = 1_000;

/// The registered principal whose name is nearest, if one is near; never the one that is named.
pub(crate) async fn principal(session: &Session, named: &str) -> Option<prokura_api::Principal> {
    let found = gather(LOOKED_THROUGH_MAX, async |limit, cursor| {
        session.client.principals(&PrincipalQuery { limit, cursor, ..PrincipalQuery::default() }).await
    });
    let found = found.await.ok()?.items;
    let names: Vec<_> = found.iter().map(|principal| wire::object_text(&principal.object)).collect();
    let meant = did_you_mean(named, names.iter().map(String::as_str))?;
    found.iter().find(|principal| wire::object_text(&principal.object) == meant).cloned()
}

async fn task(session: &Session, named: &str) -> Option<String> {
    let found = gather(LOOKED_THROUGH_MAX, async |limit, cursor| {
        session.client.tasks(&TaskQuery { limit, cursor, ..TaskQuery::default() }).await
    });
    let found = found.await.ok()?;
    did_you_mean(named, found.items.iter().map(|task| task.id.as_str())).map(ToOwned::to_owned)
}

async fn delegation(session: &Session, named: &str) -> Option<String> {
    let found = gather(LOOKED_THROUGH_MAX, async |limit, cursor| {
        session.client.delegations(&DelegationQuery { limit, cursor, ..DelegationQuery::default() }).await
    });
    let found = found.await.ok()?;
    did_you_mean(named, found.items.iter().map(|link| link.id.as_str())).map(ToOwned::to_owned)
}

/// The failure, and if it is that `named` is unknown, what was probably meant.
pub(crate) async fn failure(session: &Session, error: &ClientError, named: &str) -> Failure {
    let failure = session.failure(error);
    let meant = match failure.code() {
        "task_unknown" => task(session, named).await,
        "delegation_unknown" => delegation(session, named).await,
        "principal_unknown" => principal(session, named).await.map(|near| wire::object_text(&near.object)),
        _ => None,
    };
    match meant {
        Some(meant) => failure.help(format!("did you mean `{meant}`?")),
        None => failure,
    }
}

/// Why a list is empty, if it is because a filter names what the schema does not have.
#[derive(Debug, Default)]
pub(crate) struct Filter<'f> {
    kinds: Vec<&'f TypeName>,
    /// A relation, and of which type; of any, if that was left open.
    relations: Vec<(Option<&'f TypeName>, &'f RelationName)>,
}

impl<'f> Filter<'f> {
    #[must_use]
    pub(crate) fn kind(mut self, kind: Option<&'f TypeName>) -> Self {
        self.kinds.extend(kind);
        self
    }

    #[must_use]
    pub(crate) fn relation(mut self, kind: Option<&'f TypeName>, relation: Option<&'f RelationName>) -> Self {
        self.relations.extend(relation.map(|relation| (kind, relation)));
        self
    }

    /// Fails if a name is unknown. To be asked when nothing was found.
    pub(crate) async fn known(&self, session: &Session) -> Result<(), Failure> {
        if self.kinds.is_empty() && self.relations.is_empty() {
            return Ok(());
        }
        let Ok(schema) = session.client.schema().await else {
            return Ok(());
        };
        Schema::parse(&schema.schema).map_or(Ok(()), |schema| self.within(&schema))
    }

    fn within(&self, schema: &Schema) -> Result<(), Failure> {
        for kind in &self.kinds {
            schema.find_definition(kind).map_err(|unknown| Failure::new(unknown.code(), unknown.to_string()))?;
        }
        for (kind, relation) in &self.relations {
            if let Some(kind) = kind {
                schema
                    .find_member(kind, relation)
                    .map_err(|unknown| Failure::new(unknown.code(), unknown.to_string()))?;
            } else if schema.definitions().values().all(|definition| definition.member(relation.as_str()).is_none()) {
                let message = format!("no type of the schema has a relation or permission `{relation}`");
                let failure = Failure::new("member_unknown", message);
                let members = schema.definitions().values().flat_map(|definition| definition.members.values());
                let meant = did_you_mean(relation.as_str(), members.map(|member| member.name().as_str()));
                return Err(match meant {
                    Some(meant) => failure.help(format!("did you mean `{meant}`?")),
                    None => failure,
                });
            }
        }
        Ok(())
    }
}
