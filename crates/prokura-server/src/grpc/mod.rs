//! The gRPC door: `authzed.api.v1` for clients written for it, with health, server reflection and gRPC-web, on the port
//! that everything else is on.

mod arrival;
mod ask;
mod bulk;
mod convert;
mod experimental;
mod health;
mod lookup;
mod moment;
mod permissions;
mod reflect;
mod refused;
mod relationships;
mod schema;
mod stream;
mod told;
mod trace;
mod watch;

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    extract::Request,
    middleware,
    response::{IntoResponse, Response},
};
use prokura_api::grpc::{
    DESCRIPTORS,
    v1::{
        experimental_service_server::ExperimentalServiceServer, permissions_service_server::PermissionsServiceServer,
        schema_service_server::SchemaServiceServer, watch_service_server::WatchServiceServer,
    },
};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::{Status, server::NamedService};
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder;

use crate::{app::App, limits::BODY_BYTES_MAX};
pub(crate) use refused::{is_call, of_refusal};
pub(crate) use told::{Told, name as code_name};

/// The services of the protocol, over one authority.
#[derive(Clone, Debug)]
struct Door {
    app: Arc<App>,
}

/// The routes of the door.
pub(crate) fn routes(app: &Arc<App>) -> Router {
    let mut known = Known::new();
    let door = Door { app: Arc::clone(app) };
    let permissions = PermissionsServiceServer::new(door.clone());
    let experimental = ExperimentalServiceServer::new(door.clone());
    let closed = Router::new();
    let closed = known.add(closed, &permissions.max_decoding_message_size(BODY_BYTES_MAX));
    let closed = known.add(closed, &experimental.max_decoding_message_size(BODY_BYTES_MAX));
    let closed = known.add(closed, &SchemaServiceServer::new(door.clone()).max_decoding_message_size(BODY_BYTES_MAX));
    let closed = known.add(closed, &WatchServiceServer::new(door).max_decoding_message_size(BODY_BYTES_MAX));
    let closed = closed.layer(middleware::from_fn_with_state(Arc::clone(app), arrival::arrive));
    let open = known.add(Router::new(), &HealthServer::new(health::Wellbeing::new(app, &known.services)));
    let open = known.reflect(open);
    closed
        .merge(open)
        .layer(middleware::from_fn(arrival::in_time))
        .layer(middleware::from_fn_with_state(Arc::clone(app), told::tell))
        .layer(tonic_web::GrpcWebLayer::new())
}

/// What is told of a method that there is not.
pub(crate) fn unknown_method() -> Response {
    Status::unimplemented("there is no such method; server reflection lists those there are").into_http()
}

/// The services that are described, and what describes them.
struct Known {
    sets: Vec<FileDescriptorSet>,
    services: Vec<String>,
}

impl Known {
    fn new() -> Self {
        let encoded = [
            DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        // They were made when this was built, and a test reads them.
        Self {
            sets: encoded.into_iter().filter_map(|bytes| FileDescriptorSet::decode(bytes).ok()).collect(),
            services: Vec::new(),
        }
    }

    /// The routes with a further service: one for each method it has, so that no caller can make up a label.
    fn add<S>(&mut self, mut router: Router, service: &S) -> Router
    where
        S: tower_service::Service<Request, Error = Infallible> + NamedService + Clone + Send + Sync + 'static,
        S::Response: IntoResponse,
        S::Future: Send + 'static,
    {
        for method in methods(&self.sets, S::NAME) {
            router = router.route_service(&format!("/{}/{method}", S::NAME), service.clone());
        }
        self.services.push(S::NAME.to_owned());
        router
    }

    /// The routes with server reflection, in both of its versions: older tools know the older one only.
    fn reflect(&mut self, router: Router) -> Router {
        let builder = || {
            self.sets
                .iter()
                .fold(Builder::configure(), |builder, set| builder.register_file_descriptor_set(set.clone()))
        };
        let (newer, older) = (builder().build_v1(), builder().build_v1alpha());
        let router = match newer {
            Ok(newer) => self.add(router, &newer),
            Err(_) => router,
        };
        match older {
            Ok(older) => self.add(router, &older),
            Err(_) => router,
        }
    }
}

/// The names of a service's methods.
fn methods(sets: &[FileDescriptorSet], service: &str) -> Vec<String> {
    let mut names = Vec::new();
    for file in sets.iter().flat_map(|set| &set.file) {
        for described in &file.service {
            if format!("{}.{}", file.package(), described.name()) == service {
                names.extend(described.method.iter().map(|method| method.name().to_owned()));
            }
        }
    }
    names
}
