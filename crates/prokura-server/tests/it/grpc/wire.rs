//! Ways to call.

use prokura_api::grpc::{rpc, v1};
use prost::Message;
use prost_types::{Struct, Value, value::Kind};
use tonic::{
    Request, Response, Status, Streaming,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

use crate::support::Setup;

pub(super) type Called = InterceptedService<Channel, Credentials>;

pub(super) async fn channel(setup: &Setup) -> Channel {
    Channel::from_shared(setup.url("")).unwrap().connect().await.unwrap()
}

/// What a caller sends with every call.
#[derive(Clone)]
pub(super) struct Credentials {
    bearer: MetadataValue<Ascii>,
    tenant: Option<MetadataValue<Ascii>>,
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.bearer.clone());
        if let Some(tenant) = &self.tenant {
            request.metadata_mut().insert("prokura-tenant", tenant.clone());
        }
        Ok(request)
    }
}

/// Somebody with a key, connected.
pub(super) struct Caller {
    channel: Channel,
    credentials: Credentials,
}

impl Caller {
    pub(super) async fn new(setup: &Setup, key: &str) -> Self {
        let bearer = format!("Bearer {key}").parse().unwrap();
        Self { channel: channel(setup).await, credentials: Credentials { bearer, tenant: None } }
    }

    pub(super) fn about(mut self, tenant: &str) -> Self {
        self.credentials.tenant = Some(tenant.parse().unwrap());
        self
    }

    fn called(&self) -> Called {
        InterceptedService::new(self.channel.clone(), self.credentials.clone())
    }

    pub(super) fn permissions(&self) -> v1::permissions_service_client::PermissionsServiceClient<Called> {
        v1::permissions_service_client::PermissionsServiceClient::new(self.called())
    }
}

impl Caller {
    pub(super) fn experimental(&self) -> v1::experimental_service_client::ExperimentalServiceClient<Called> {
        v1::experimental_service_client::ExperimentalServiceClient::new(self.called())
    }

    pub(super) fn schema(&self) -> v1::schema_service_client::SchemaServiceClient<Called> {
        v1::schema_service_client::SchemaServiceClient::new(self.called())
    }

    pub(super) fn watch(&self) -> v1::watch_service_client::WatchServiceClient<Called> {
        v1::watch_service_client::WatchServiceClient::new(self.called())
    }
}

/// All messages of an answer, or its failure.
pub(super) async fn all<T>(
    call: impl Future<Output = Result<Response<Streaming<T>>, Status>>,
) -> Result<Vec<T>, Status> {
    let (mut stream, mut found) = (call.await?.into_inner(), Vec::new());
    while let Some(message) = stream.message().await? {
        found.push(message);
    }
    Ok(found)
}

/// A relationship of the text `type:id#relation@type:id`, legal or not.
pub(super) fn edge(text: &str) -> v1::Relationship {
    let (resource, subject) = text.split_once('@').unwrap();
    let (resource, relation) = resource.split_once('#').unwrap();
    let pair = |text: &str| text.split_once(':').map(|(kind, id)| object(kind, id)).unwrap();
    v1::Relationship {
        resource: pair(resource),
        relation: relation.to_owned(),
        subject: Some(v1::SubjectReference { object: pair(subject), optional_relation: String::new() }),
        ..Default::default()
    }
}

pub(super) fn update(operation: v1::relationship_update::Operation, text: &str) -> v1::RelationshipUpdate {
    v1::RelationshipUpdate { operation: operation.into(), relationship: Some(edge(text)) }
}

pub(super) fn of_type(kind: &str) -> Option<v1::RelationshipFilter> {
    Some(v1::RelationshipFilter { resource_type: kind.to_owned(), ..Default::default() })
}

/// A context of one text.
pub(super) fn context(name: &str, text: &str) -> Struct {
    Struct { fields: [(name.to_owned(), Value { kind: Some(Kind::StringValue(text.to_owned())) })].into() }
}

pub(super) fn object(kind: &str, id: &str) -> Option<v1::ObjectReference> {
    Some(v1::ObjectReference { object_type: kind.to_owned(), object_id: id.to_owned() })
}

pub(super) fn person(id: &str) -> Option<v1::SubjectReference> {
    Some(v1::SubjectReference { object: object("user", id), optional_relation: String::new() })
}

/// A context that is so many values deep.
pub(super) fn nested(depth: usize) -> Struct {
    let mut value = Value { kind: Some(Kind::BoolValue(true)) };
    for _ in 1..depth {
        let inner = Struct { fields: [("in".to_owned(), value)].into() };
        value = Value { kind: Some(Kind::StructValue(inner)) };
    }
    Struct { fields: [("out".to_owned(), value)].into() }
}

/// The reason in a status.
pub(super) fn reason(status: &Status) -> String {
    let details = rpc::Status::decode(status.details()).unwrap().details;
    let information = rpc::ErrorInfo::decode(details.first().expect("a detail").value.as_slice()).unwrap();
    assert_eq!(information.domain, "authzed.com");
    information.reason
}

/// Calls with an empty message, as gRPC-web over HTTP/1.1. The answer: the code, or that the call goes on.
pub(super) async fn empty_call(setup: &Setup, path: &str, key: &str, tenant: Option<&str>) -> String {
    let call = web_call(setup, path, key, tenant, &());
    match tokio::time::timeout(std::time::Duration::from_millis(500), call).await {
        Ok((code, _)) => code,
        Err(_) => "goes on".to_owned(),
    }
}

/// Calls with this message, as gRPC-web over HTTP/1.1. The answer: the code, and the messages that came.
pub(super) async fn web_call(
    setup: &Setup,
    path: &str,
    key: &str,
    tenant: Option<&str>,
    message: &impl Message,
) -> (String, Vec<Vec<u8>>) {
    let message = message.encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(message);
    let mut request = setup.http.post(setup.url(path)).header("content-type", "application/grpc-web+proto").body(body);
    if !key.is_empty() {
        request = request.bearer_auth(key);
    }
    if let Some(tenant) = tenant {
        request = request.header("prokura-tenant", tenant);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200, "{path}");
    if let Some(code) = response.headers().get("grpc-status") {
        return (name(code.to_str().unwrap()), Vec::new());
    }
    let bytes = response.bytes().await.unwrap();
    let (mut rest, mut messages) = (bytes.as_ref(), Vec::new());
    while let Some((head, after)) = rest.split_at_checked(5) {
        let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
        let (frame, after) = after.split_at(length);
        if head[0] & 0x80 != 0 {
            let trailers = String::from_utf8(frame.to_vec()).unwrap();
            let code = trailers.lines().find_map(|line| line.strip_prefix("grpc-status:")).unwrap();
            return (name(code.trim()), messages);
        }
        messages.push(frame.to_vec());
        rest = after;
    }
    panic!("{path}: no code in {bytes:?}");
}

/// The name of a code as the protocol writes it.
fn name(number: &str) -> String {
    let names = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    names[number.parse::<usize>().unwrap()].to_owned()
}
