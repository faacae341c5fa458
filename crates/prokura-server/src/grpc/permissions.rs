//! `PermissionsService`: which method is done where.

use prokura_api::grpc::v1::{self, permissions_service_server::PermissionsService};
use tokio_stream::StreamExt;
use tonic::{Request, Response, Status, Streaming};

use super::{Door, arrival::Arrival, ask, bulk, lookup, relationships, stream::Pages};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl PermissionsService for Door {
    type ReadRelationshipsStream = Pages<v1::ReadRelationshipsResponse>;
    type LookupResourcesStream = Pages<v1::LookupResourcesResponse>;
    type LookupSubjectsStream = Pages<v1::LookupSubjectsResponse>;
    type ExportBulkRelationshipsStream = Pages<v1::ExportBulkRelationshipsResponse>;

    async fn read_relationships(
        &self,
        request: Request<v1::ReadRelationshipsRequest>,
    ) -> Answer<Self::ReadRelationshipsStream> {
        let arrival = Arrival::of(&request)?;
        relationships::read(&self.app, &arrival, request.into_inner()).map(Response::new)
    }

    async fn write_relationships(
        &self,
        request: Request<v1::WriteRelationshipsRequest>,
    ) -> Answer<v1::WriteRelationshipsResponse> {
        let arrival = Arrival::of(&request)?;
        relationships::write(&self.app, &arrival, request.get_ref()).await.map(Response::new)
    }

    async fn delete_relationships(
        &self,
        request: Request<v1::DeleteRelationshipsRequest>,
    ) -> Answer<v1::DeleteRelationshipsResponse> {
        let arrival = Arrival::of(&request)?;
        relationships::delete(&self.app, &arrival, request.get_ref()).await.map(Response::new)
    }

    async fn check_permission(
        &self,
        request: Request<v1::CheckPermissionRequest>,
    ) -> Answer<v1::CheckPermissionResponse> {
        ask::check(&self.app, &Arrival::of(&request)?, request.get_ref()).await.map(Response::new)
    }

    async fn check_bulk_permissions(
        &self,
        request: Request<v1::CheckBulkPermissionsRequest>,
    ) -> Answer<v1::CheckBulkPermissionsResponse> {
        let arrival = Arrival::of(&request)?;
        ask::check_bulk(&self.app, arrival, request.into_inner()).await.map(Response::new)
    }

    async fn expand_permission_tree(
        &self,
        request: Request<v1::ExpandPermissionTreeRequest>,
    ) -> Answer<v1::ExpandPermissionTreeResponse> {
        lookup::expand(&self.app, &Arrival::of(&request)?, request.get_ref()).await.map(Response::new)
    }

    async fn lookup_resources(
        &self,
        request: Request<v1::LookupResourcesRequest>,
    ) -> Answer<Self::LookupResourcesStream> {
        let arrival = Arrival::of(&request)?;
        lookup::resources(&self.app, &arrival, request.into_inner(), lookup::told_resource).map(Response::new)
    }

    async fn lookup_subjects(&self, request: Request<v1::LookupSubjectsRequest>) -> Answer<Self::LookupSubjectsStream> {
        let arrival = Arrival::of(&request)?;
        lookup::subjects(&self.app, &arrival, request.into_inner(), lookup::told_subject).map(Response::new)
    }

    async fn import_bulk_relationships(
        &self,
        request: Request<Streaming<v1::ImportBulkRelationshipsRequest>>,
    ) -> Answer<v1::ImportBulkRelationshipsResponse> {
        let arrival = Arrival::of(&request)?;
        let messages = request.into_inner().map(|message| Ok(message?.relationships));
        let num_loaded = bulk::import(&self.app, &arrival, messages).await?;
        Ok(Response::new(v1::ImportBulkRelationshipsResponse { num_loaded }))
    }

    async fn export_bulk_relationships(
        &self,
        request: Request<v1::ExportBulkRelationshipsRequest>,
    ) -> Answer<Self::ExportBulkRelationshipsStream> {
        let arrival = Arrival::of(&request)?;
        bulk::export(&self.app, &arrival, request.into_inner()).map(Response::new)
    }
}
