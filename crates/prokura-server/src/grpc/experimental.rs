//! `ExperimentalService`: the former names of calls, with messages that differ from theirs in name only.

use prokura_api::grpc::v1::{
    self, experimental_service_server::ExperimentalService, permissions_service_server::PermissionsService,
    schema_service_server::SchemaService,
};
use prost::Message;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::{Door, arrival::Arrival, bulk};

type Answer<T> = Result<Response<T>, Status>;

/// The same message under its other name.
fn renamed<A: Message, B: Message + Default>(message: &A) -> Result<B, Status> {
    B::decode(message.encode_to_vec().as_slice()).map_err(|_| Status::internal("the message has no former shape"))
}

fn asked_as<A: Message, B: Message + Default>(request: Request<A>) -> Result<Request<B>, Status> {
    let (metadata, extensions, message) = request.into_parts();
    Ok(Request::from_parts(metadata, extensions, renamed(&message)?))
}

fn answered_as<A: Message, B: Message + Default>(response: Response<A>) -> Answer<B> {
    Ok(Response::new(renamed(&response.into_inner())?))
}

#[tonic::async_trait]
impl ExperimentalService for Door {
    type BulkExportRelationshipsStream =
        std::pin::Pin<Box<dyn Stream<Item = Result<v1::BulkExportRelationshipsResponse, Status>> + Send>>;

    async fn bulk_import_relationships(
        &self,
        request: Request<Streaming<v1::BulkImportRelationshipsRequest>>,
    ) -> Answer<v1::BulkImportRelationshipsResponse> {
        let arrival = Arrival::of(&request)?;
        let messages = request.into_inner().map(|message| Ok(message?.relationships));
        let num_loaded = bulk::import(&self.app, &arrival, messages).await?;
        Ok(Response::new(v1::BulkImportRelationshipsResponse { num_loaded }))
    }

    async fn bulk_export_relationships(
        &self,
        request: Request<v1::BulkExportRelationshipsRequest>,
    ) -> Answer<Self::BulkExportRelationshipsStream> {
        let messages = self.export_bulk_relationships(asked_as(request)?).await?.into_inner();
        Ok(Response::new(Box::pin(messages.map(|message| renamed(&message?)))))
    }

    async fn bulk_check_permission(
        &self,
        request: Request<v1::BulkCheckPermissionRequest>,
    ) -> Answer<v1::BulkCheckPermissionResponse> {
        answered_as(self.check_bulk_permissions(asked_as(request)?).await?)
    }

    async fn experimental_reflect_schema(
        &self,
        request: Request<v1::ExperimentalReflectSchemaRequest>,
    ) -> Answer<v1::ExperimentalReflectSchemaResponse> {
        answered_as(self.reflect_schema(asked_as(request)?).await?)
    }

    async fn experimental_computable_permissions(
        &self,
        request: Request<v1::ExperimentalComputablePermissionsRequest>,
    ) -> Answer<v1::ExperimentalComputablePermissionsResponse> {
        answered_as(self.computable_permissions(asked_as(request)?).await?)
    }

    async fn experimental_dependent_relations(
        &self,
        request: Request<v1::ExperimentalDependentRelationsRequest>,
    ) -> Answer<v1::ExperimentalDependentRelationsResponse> {
        answered_as(self.dependent_relations(asked_as(request)?).await?)
    }

    async fn experimental_diff_schema(
        &self,
        request: Request<v1::ExperimentalDiffSchemaRequest>,
    ) -> Answer<v1::ExperimentalDiffSchemaResponse> {
        answered_as(self.diff_schema(asked_as(request)?).await?)
    }
}
