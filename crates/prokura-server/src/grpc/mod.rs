//! The gRPC door: `authzed.api.v1` for clients written for it, with health, server reflection and gRPC-web, on the port
//! that everything else is on.

mod arrival;
mod ask;
mod bulk;
mod called;
mod convert;
mod experimental;
mod health;
mod listed;
mod lookup;
mod moment;
mod permissions;
mod reflect;
mod refused;
mod relationships;
mod schema;
mod straight;
mod stream;
mod told;
mod trace;
mod watch;

use std::{collections::HashMap, sync::Arc};

use axum::{Router, response::Response};
use hyper::body::Incoming;
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

use crate::{app::App, limits::BODY_BYTES_MAX, telemetry::CalledMethod};
use called::{Called, Method, Serves};
pub(crate) use refused::{is_call, of_refusal};
use straight::Way;
pub(crate) use straight::{CallBody, Straight};
pub(crate) use told::{TellsItself, name as code_name};

/// The services of the protocol, over one authority.
#[derive(Clone, Debug)]
struct Door {
    app: Arc<App>,
}

/// The routes of the door, and the short way to the methods that callers ask most.
pub(crate) fn routes(app: &Arc<App>) -> (Router, Straight) {
    let mut known = Known::new(app);
    let door = Door { app: Arc::clone(app) };
    known.add(false, &PermissionsServiceServer::new(door.clone()).max_decoding_message_size(BODY_BYTES_MAX));
    known.add(false, &ExperimentalServiceServer::new(door.clone()).max_decoding_message_size(BODY_BYTES_MAX));
    known.add(false, &SchemaServiceServer::new(door.clone()).max_decoding_message_size(BODY_BYTES_MAX));
    let (resources, subjects) = listed::methods(&door);
    known.shorten(listed::RESOURCES, resources);
    known.shorten(listed::SUBJECTS, subjects);
    known.add(false, &WatchServiceServer::new(door).max_decoding_message_size(BODY_BYTES_MAX));
    let health = HealthServer::new(health::Wellbeing::new(app, &known.services));
    known.add(true, &health);
    known.reflect();
    let router = known.router.layer(tonic_web::GrpcWebLayer::new());
    (router, Straight::new(app, known.ways))
}

/// What is told of a method that there is not.
pub(crate) fn unknown_method() -> Response {
    Status::unimplemented("there is no such method; server reflection lists those there are").into_http()
}

/// The services that are described, what describes them, and the ways to them.
struct Known {
    app: Arc<App>,
    sets: Vec<FileDescriptorSet>,
    services: Vec<String>,
    router: Router,
    ways: HashMap<String, Way>,
}

impl Known {
    fn new(app: &Arc<App>) -> Self {
        let encoded = [
            DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        // They were made when this was built, and a test reads them.
        Self {
            app: Arc::clone(app),
            sets: encoded.into_iter().filter_map(|bytes| FileDescriptorSet::decode(bytes).ok()).collect(),
            services: Vec::new(),
            router: Router::new(),
            ways: HashMap::new(),
        }
    }

    /// A further service: ways to each method it has, so that no caller can make up a label.
    fn add<S>(&mut self, open: bool, service: &S)
    where
        S: Serves<axum::body::Body> + Serves<Incoming> + NamedService + Sync,
    {
        for method in methods(&self.sets, S::NAME) {
            let path = format!("/{}/{method}", S::NAME);
            let method = Method { app: Arc::clone(&self.app), called: CalledMethod::new(path.clone()), open };
            let called = Called::new(service.clone(), method);
            self.router = std::mem::take(&mut self.router).route_service(&path, called.clone());
            self.ways.insert(path, Box::new(move |request, notes| called.answer(request, notes)));
        }
        self.services.push(S::NAME.to_owned());
    }

    /// A shorter way to a method that there is: plain gRPC is answered by this service instead, and alike.
    fn shorten(&mut self, path: &str, service: impl Serves<Incoming> + Sync) {
        let method = Method { app: Arc::clone(&self.app), called: CalledMethod::new(path.to_owned()), open: false };
        let called = Called::new(service, method);
        let way: Way = Box::new(move |request, notes| called.answer(request, notes));
        self.ways.entry(path.to_owned()).and_modify(|known| *known = way);
    }

    /// Server reflection, in both of its versions: older tools know the older one only.
    fn reflect(&mut self) {
        let builder = || {
            self.sets
                .iter()
                .fold(Builder::configure(), |builder, set| builder.register_file_descriptor_set(set.clone()))
        };
        let (newer, older) = (builder().build_v1(), builder().build_v1alpha());
        if let Ok(newer) = newer {
            self.add(true, &newer);
        }
        if let Ok(older) = older {
            self.add(true, &older);
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
