//! `SchemaService`.

use std::sync::Arc;

use prokura::Snapshot;
use prokura_api::grpc::v1::{self, schema_service_server::SchemaService};
use prokura_model::{
    Change, Schema,
    schema::{Member, UnknownName, canonical},
};
use tonic::{Request, Response, Status};

use super::{
    Door,
    arrival::Arrival,
    convert, moment, reflect,
    refused::{of_ask, of_schema, of_schema_write, of_unknown},
    relationships::waited,
};

type Answer<T> = Result<Response<T>, Status>;

/// The schema of a moment, and the moment.
struct Found {
    schema: Arc<Schema>,
    read_at: Option<v1::ZedToken>,
}

impl Door {
    fn found<T>(&self, request: &Request<T>, consistency: Option<&v1::Consistency>) -> Result<Found, Status> {
        let tenant = Arrival::of(request)?.reads()?;
        let snapshot = moment::snapshot(&self.app, &tenant, consistency)?;
        let schema = written(&snapshot)?.ok_or_else(|| Status::not_found("no schema was written yet"))?;
        Ok(Found { schema, read_at: moment::token(&self.app, &tenant, snapshot.revision()) })
    }
}

/// The schema, if there is one that defines anything to relate.
fn written(snapshot: &Snapshot) -> Result<Option<Arc<Schema>>, Status> {
    let schema = snapshot.schema().map_err(|error| of_ask(&error))?;
    Ok(schema.filter(|schema| !schema.definitions().is_empty()))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn unknown(unknown: UnknownName) -> Status {
    of_unknown(&unknown)
}

#[tonic::async_trait]
impl SchemaService for Door {
    async fn read_schema(&self, request: Request<v1::ReadSchemaRequest>) -> Answer<v1::ReadSchemaResponse> {
        let Found { schema, read_at } = self.found(&request, None)?;
        // As clients of this protocol know it: without partials and comments between definitions, in its order.
        let schema_text = canonical(schema.text()).map_err(|problems| {
            let message = problems.first().map(ToString::to_string).unwrap_or_default();
            Status::internal(format!("the schema in force cannot be read: {message}"))
        })?;
        Ok(Response::new(v1::ReadSchemaResponse { schema_text, read_at }))
    }

    async fn write_schema(&self, request: Request<v1::WriteSchemaRequest>) -> Answer<v1::WriteSchemaResponse> {
        let arrival = Arrival::of(&request)?;
        let tenant = arrival.writes()?;
        let (authority, provenance) = (self.app.authority().clone(), arrival.visit().provenance(None));
        let text = request.into_inner().schema;
        let (receipt, tenant) = waited(move || {
            let changes = vec![Change::SchemaWritten(text.clone())];
            let receipt =
                authority.write(&tenant, provenance, changes).map_err(|error| of_schema_write(&error, &text))?;
            Ok((receipt, tenant))
        })
        .await?;
        let written_at = moment::token(&self.app, &tenant, receipt.revision);
        Ok(Response::new(v1::WriteSchemaResponse { written_at }))
    }

    async fn reflect_schema(&self, request: Request<v1::ReflectSchemaRequest>) -> Answer<v1::ReflectSchemaResponse> {
        let wire = request.get_ref();
        let Found { schema, read_at } = self.found(&request, wire.consistency.as_ref())?;
        let (definitions, caveats) = reflect::reflected(&schema, &wire.optional_filters)?;
        Ok(Response::new(v1::ReflectSchemaResponse { definitions, caveats, read_at }))
    }

    async fn computable_permissions(
        &self,
        request: Request<v1::ComputablePermissionsRequest>,
    ) -> Answer<v1::ComputablePermissionsResponse> {
        Arrival::of(&request)?.reads()?;
        let wire = request.get_ref();
        let kind = convert::type_name(&wire.definition_name, &"definition_name")?;
        let relation = Some(wire.relation_name.as_str()).filter(|name| !name.is_empty());
        let relation = relation.map(|name| convert::relation(name, &"relation_name")).transpose()?;
        let Found { schema, read_at } = self.found(&request, wire.consistency.as_ref())?;
        let mut permissions = reflect::computable(&schema, &kind, relation.as_ref()).map_err(unknown)?;
        permissions.retain(|found| found.definition_name.starts_with(&wire.optional_definition_name_filter));
        Ok(Response::new(v1::ComputablePermissionsResponse { permissions, read_at }))
    }

    async fn dependent_relations(
        &self,
        request: Request<v1::DependentRelationsRequest>,
    ) -> Answer<v1::DependentRelationsResponse> {
        Arrival::of(&request)?.reads()?;
        let wire = request.get_ref();
        let kind = convert::type_name(&wire.definition_name, &"definition_name")?;
        let permission = convert::relation(&wire.permission_name, &"permission_name")?;
        let Found { schema, read_at } = self.found(&request, wire.consistency.as_ref())?;
        if let Member::Relation(_) = schema.find_member(&kind, &permission).map_err(unknown)? {
            let message = format!("`{kind}#{permission}` is a relation, which depends on nothing; name a permission");
            return Err(Status::invalid_argument(message));
        }
        let relations = reflect::dependent(&schema, &kind, &permission).map_err(unknown)?;
        Ok(Response::new(v1::DependentRelationsResponse { relations, read_at }))
    }

    async fn diff_schema(&self, request: Request<v1::DiffSchemaRequest>) -> Answer<v1::DiffSchemaResponse> {
        let wire = request.get_ref();
        let Found { schema, read_at } = self.found(&request, wire.consistency.as_ref())?;
        let text = wire.comparison_schema.clone();
        let diffs = waited(move || {
            let other = Schema::parse(&text).map_err(|diagnostics| of_schema(&text, &diagnostics))?;
            Ok(reflect::diff(&schema, &other))
        })
        .await?;
        Ok(Response::new(v1::DiffSchemaResponse { diffs, read_at }))
    }
}
