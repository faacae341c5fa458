//! Wire requests, through every door: whatever arrives is answered, and never with "this server has a bug".
//!
//! An input is a row of requests: a byte that says which, two for the length, and the body.
#![no_main]

use std::{cell::RefCell, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, Response, Version, header},
};
use http_body_util::{BodyExt, Collected};
use libfuzzer_sys::fuzz_target;
use prokura::{Authority, Clock, Options, Provenance};
use prokura_api::grpc::v1;
use prokura_model::{Change, Timestamp};
use prost::Message;
use tokio::runtime::{Builder, Runtime};
use tower_service::Service;

const REQUESTS_MAX: usize = 6;
const SCHEMA: &str = "use expiration\n\
    caveat odd(day int, on list<string>) { day % 2 == 1 && 'x' in on }\n\
    definition user {}\n\
    definition group {\n relation member: user | group#member\n}\n\
    definition document {\n\
    relation parent: document\n\
    relation viewer: user | user:* | group#member | user with odd | user with expiration\n\
    relation banned: user\n\
    permission view = viewer + parent->view - banned\n\
    }";
const RELATIONSHIPS: [&str; 4] = [
    "document:plan#viewer@group:eng#member",
    "group:eng#member@user:alice",
    "document:plan#banned@user:bob",
    "document:sub#parent@document:plan",
];
const MODEL: &str = r#"{"schema_version":"1.1","type_definitions":[{"type":"user"},{"type":"document","relations":{"viewer":{"this":{}},"view":{"union":{"child":[{"this":{}},{"computedUserset":{"relation":"viewer"}}]}}},"metadata":{"relations":{"viewer":{"directly_related_user_types":[{"type":"user"},{"type":"user","wildcard":{}},{"type":"user","condition":"odd"}]},"view":{"directly_related_user_types":[{"type":"user"}]}}}}],"conditions":{"odd":{"name":"odd","expression":"day % 2 == 1","parameters":{"day":{"type_name":"TYPE_NAME_INT"}}}}}"#;

/// Method and path; `{store}` and `{model}` are those of the authority. A path that ends in `=` goes on with the body.
const ROUTES: [(&str, &str); 51] = [
    ("POST", "/access/v1/evaluation"),
    ("POST", "/access/v1/evaluations"),
    ("POST", "/access/v1/search/subject"),
    ("POST", "/access/v1/search/resource"),
    ("POST", "/access/v1/search/action"),
    ("POST", "/tenants/default/access/v1/evaluation"),
    ("POST", "/v1/keys"),
    ("POST", "/v1/tenants"),
    ("POST", "/v1/tenants/default/apply"),
    ("PUT", "/v1/tenants/default/attributes"),
    ("GET", "/v1/tenants/default/attributes?object="),
    ("POST", "/v1/tenants/default/check"),
    ("POST", "/v1/tenants/default/decide"),
    ("POST", "/v1/tenants/default/explain"),
    ("GET", "/v1/tenants/default/decisions?limit="),
    ("GET", "/v1/tenants/default/decisions?page_token="),
    ("POST", "/v1/tenants/default/delegations"),
    ("GET", "/v1/tenants/default/delegations?task="),
    ("PUT", "/v1/tenants/default/principals"),
    ("POST", "/v1/tenants/default/principals/off-board"),
    ("POST", "/v1/tenants/default/principals/remove"),
    ("POST", "/v1/tenants/default/principals/resume"),
    ("POST", "/v1/tenants/default/principals/suspend"),
    ("GET", "/v1/tenants/default/relationships?resource="),
    ("GET", "/v1/tenants/default/relationships?page_token="),
    ("POST", "/v1/tenants/default/relationships/write"),
    ("PUT", "/v1/tenants/default/schema"),
    ("GET", "/v1/tenants/default/schema"),
    ("POST", "/v1/tenants/default/tasks"),
    ("GET", "/v1/tenants/default/tasks?state="),
    ("GET", "/v1/tenants/default/transactions/2"),
    ("GET", "/stores?page_size="),
    ("GET", "/stores?continuation_token="),
    ("POST", "/stores"),
    ("GET", "/stores/{store}"),
    ("PATCH", "/stores/{store}"),
    ("DELETE", "/stores/{store}"),
    ("GET", "/stores/{store}/authorization-models?continuation_token="),
    ("POST", "/stores/{store}/authorization-models"),
    ("GET", "/stores/{store}/authorization-models/{model}"),
    ("GET", "/stores/{store}/assertions/{model}"),
    ("PUT", "/stores/{store}/assertions/{model}"),
    ("POST", "/stores/{store}/write"),
    ("POST", "/stores/{store}/read"),
    ("GET", "/stores/{store}/changes?continuation_token="),
    ("POST", "/stores/{store}/check"),
    ("POST", "/stores/{store}/batch-check"),
    ("POST", "/stores/{store}/list-objects"),
    ("POST", "/stores/{store}/streamed-list-objects"),
    ("POST", "/stores/{store}/list-users"),
    ("POST", "/stores/{store}/expand"),
];

/// A call: its path, and what its request is after it was read and written once more, if it can be read.
type Call = (&'static str, fn(&[u8]) -> Option<Vec<u8>>);

macro_rules! calls {
    ($($service:literal: $($name:literal $request:ident),+;)+) => {
        [$($((concat!("/authzed.api.v1.", $service, "/", $name), again::<v1::$request> as fn(&[u8]) -> Option<Vec<u8>>)),+),+]
    };
}

const CALLS: [Call; 23] = calls! {
    "PermissionsService":
        "ReadRelationships" ReadRelationshipsRequest, "WriteRelationships" WriteRelationshipsRequest,
        "DeleteRelationships" DeleteRelationshipsRequest, "CheckPermission" CheckPermissionRequest,
        "CheckBulkPermissions" CheckBulkPermissionsRequest, "ExpandPermissionTree" ExpandPermissionTreeRequest,
        "LookupResources" LookupResourcesRequest, "LookupSubjects" LookupSubjectsRequest,
        "ImportBulkRelationships" ImportBulkRelationshipsRequest,
        "ExportBulkRelationships" ExportBulkRelationshipsRequest;
    "SchemaService":
        "ReadSchema" ReadSchemaRequest, "WriteSchema" WriteSchemaRequest, "ReflectSchema" ReflectSchemaRequest,
        "ComputablePermissions" ComputablePermissionsRequest, "DependentRelations" DependentRelationsRequest,
        "DiffSchema" DiffSchemaRequest;
    "WatchService": "Watch" WatchRequest;
    "ExperimentalService":
        "BulkImportRelationships" BulkImportRelationshipsRequest,
        "BulkExportRelationships" BulkExportRelationshipsRequest,
        "BulkCheckPermission" BulkCheckPermissionRequest,
        "ExperimentalReflectSchema" ExperimentalReflectSchemaRequest,
        "ExperimentalComputablePermissions" ExperimentalComputablePermissionsRequest,
        "ExperimentalDiffSchema" ExperimentalDiffSchemaRequest;
};

fn again<M: Message + Default>(bytes: &[u8]) -> Option<Vec<u8>> {
    let written = M::decode(bytes).ok()?.encode_to_vec();
    let once_more = M::decode(written.as_slice()).expect("what was written is read").encode_to_vec();
    assert_eq!(once_more, written, "read and written again, another message");
    Some(written)
}

/// Opening an authority takes longer than asking it, so so many inputs share one.
const INPUTS_EACH: usize = 64;

thread_local! {
    static HOUSE: RefCell<Option<House>> = const { RefCell::new(None) };
}

struct House {
    runtime: Runtime,
    authority: Authority,
    door: Door,
    inputs: usize,
}

impl House {
    fn open() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime is made");
        let clock = Clock::new(|| Timestamp(1_800_000_000_000));
        let authority = Authority::in_memory(Options { clock, ..Options::default() });
        let door = runtime.block_on(Door::open(&authority));
        Self { runtime, authority, door, inputs: 0 }
    }

    fn put(&mut self, mut input: &[u8]) {
        self.inputs += 1;
        for _ in 0..REQUESTS_MAX {
            let Some(([which, low, high], more)) = input.split_first_chunk::<3>() else { break };
            let length = usize::from(u16::from_le_bytes([*low, *high])).min(more.len());
            let (body, after) = more.split_at(length);
            input = after;
            let which = usize::from(*which);
            match CALLS.get(which) {
                Some((path, again)) => self.runtime.block_on(self.door.call(path, *again, body)),
                None => {
                    let (method, path) = ROUTES[(which - CALLS.len()) % ROUTES.len()];
                    self.runtime.block_on(self.door.ask(method, path, body));
                }
            }
        }
    }

    fn close(self) {
        drop((self.door, self.runtime));
        self.authority.close();
    }
}

fuzz_target!(init: prokura_fuzz::plant("wire", seeds()), |data: &[u8]| {
    HOUSE.with_borrow_mut(|house| {
        if let Some(full) = house.take_if(|house| house.inputs >= INPUTS_EACH) {
            full.close();
        }
        house.get_or_insert_with(House::open).put(data);
    });
});

struct Door {
    router: Router,
    key: String,
    store: String,
    model: String,
}

impl Door {
    async fn open(authority: &Authority) -> Self {
        let first = authority.first_key(None).expect("a key is made").expect("there was none");
        let mut changes = vec![Change::SchemaWritten(SCHEMA.to_owned())];
        changes.extend(RELATIONSHIPS.map(|text| Change::touched(text.parse().expect("a legal relationship"))));
        let tenant = prokura_model::TenantName::new("default").expect("a legal name");
        authority.write(&tenant, Provenance::new("fuzz", "begin"), changes).expect("it is written");
        let config = prokura_server::Config::default();
        let router = prokura_server::router(&config, authority.clone()).await.expect("the configuration is legal");
        let key = first.secret.reveal().to_owned();
        let mut door = Self { router, key, store: String::new(), model: String::new() };
        door.store = member(&door.ask("POST", "/stores", br#"{"name":"fuzz"}"#).await, "id");
        let path = "/stores/{store}/authorization-models";
        door.model = member(&door.ask("POST", path, MODEL.as_bytes()).await, "authorization_model_id");
        door
    }

    /// A request of one of the doors that speak JSON.
    async fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        let mut path = path.replace("{store}", &self.store).replace("{model}", &self.model);
        let mut body = body.to_vec();
        if path.ends_with('=') {
            path.push_str(&String::from_utf8_lossy(&std::mem::take(&mut body)));
        }
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/json");
        let Ok(request) = request.body(Body::from(body)) else { return Vec::new() };
        let what = format!("{} {}", request.method(), request.uri());
        let response = self.send(request).await;
        let status = response.status();
        let answered = response.into_body().collect().await.expect("an answer comes to its end").to_bytes();
        let text = String::from_utf8_lossy(&answered);
        assert!(status.as_u16() < 500 || status == 501, "{what}: {status}: {text}");
        answered.to_vec()
    }

    /// A gRPC call. What no message can be made of is sent, too, but tonic answers that itself, as an internal error.
    async fn call(&mut self, path: &str, again: fn(&[u8]) -> Option<Vec<u8>>, message: &[u8]) {
        let legal = again(message);
        let message = legal.as_deref().unwrap_or(message);
        let mut body = vec![0];
        body.extend(u32::try_from(message.len()).expect("inputs are small").to_be_bytes());
        body.extend(message);
        let request = Request::post(path)
            .version(Version::HTTP_2)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(header::TE, "trailers")
            .body(Body::from(body))
            .expect("a legal request");
        let response = self.send(request).await;
        assert_eq!(response.status(), 200, "{path}");
        let headers = response.headers().clone();
        let collecting = response.into_body().collect();
        let trailers = if path.ends_with("/Watch") {
            // A stream without an end: what comes at once is enough.
            match tokio::time::timeout(Duration::from_millis(5), collecting).await {
                Ok(collected) => told(collected.ok()),
                Err(_) => return,
            }
        } else {
            told(collecting.await.ok())
        };
        let code = headers.get("grpc-status").or_else(|| trailers.get("grpc-status"));
        let code = code.and_then(|code| code.to_str().ok()).unwrap_or_else(|| panic!("{path}: no status"));
        let message = headers.get("grpc-message").or_else(|| trailers.get("grpc-message"));
        let ours = matches!(code, "2" | "13" | "15");
        assert!(!ours || legal.is_none(), "{path}: code {code}: {message:?}");
    }

    async fn send(&mut self, request: Request<Body>) -> Response<Body> {
        self.router.call(request).await.unwrap_or_else(|never| match never {})
    }
}

fn told(collected: Option<Collected<axum::body::Bytes>>) -> axum::http::HeaderMap {
    collected.and_then(|collected| collected.trailers().cloned()).unwrap_or_default()
}

/// A member of a flat JSON object whose values need no escapes.
fn member(json: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(json);
    let found = text.split_once(&format!("\"{name}\":\"")).and_then(|(_, rest)| rest.split_once('"'));
    found.unwrap_or_else(|| panic!("no `{name}` in {text}")).0.to_owned()
}

fn seeds() -> Vec<Vec<u8>> {
    let object = |kind: &str, id: &str| v1::ObjectReference { object_type: kind.to_owned(), object_id: id.to_owned() };
    let subject =
        Some(v1::SubjectReference { object: Some(object("user", "alice")), optional_relation: String::new() });
    let relationship = v1::Relationship {
        resource: Some(object("document", "plan")),
        relation: "viewer".to_owned(),
        subject: subject.clone(),
        ..Default::default()
    };
    let filter = v1::RelationshipFilter { resource_type: "document".to_owned(), ..Default::default() };
    let messages = [
        (
            "CheckPermission",
            v1::CheckPermissionRequest {
                resource: Some(object("document", "plan")),
                permission: "view".to_owned(),
                subject: subject.clone(),
                ..Default::default()
            }
            .encode_to_vec(),
        ),
        (
            "ExpandPermissionTree",
            v1::ExpandPermissionTreeRequest {
                resource: Some(object("document", "plan")),
                permission: "view".to_owned(),
                ..Default::default()
            }
            .encode_to_vec(),
        ),
        (
            "LookupResources",
            v1::LookupResourcesRequest {
                resource_object_type: "document".to_owned(),
                permission: "view".to_owned(),
                subject,
                ..Default::default()
            }
            .encode_to_vec(),
        ),
        (
            "LookupSubjects",
            v1::LookupSubjectsRequest {
                resource: Some(object("document", "plan")),
                permission: "view".to_owned(),
                subject_object_type: "user".to_owned(),
                ..Default::default()
            }
            .encode_to_vec(),
        ),
        (
            "WriteRelationships",
            v1::WriteRelationshipsRequest {
                updates: vec![v1::RelationshipUpdate { operation: 2, relationship: Some(relationship.clone()) }],
                ..Default::default()
            }
            .encode_to_vec(),
        ),
        (
            "ReadRelationships",
            v1::ReadRelationshipsRequest { relationship_filter: Some(filter.clone()), ..Default::default() }
                .encode_to_vec(),
        ),
        (
            "DeleteRelationships",
            v1::DeleteRelationshipsRequest { relationship_filter: Some(filter), ..Default::default() }.encode_to_vec(),
        ),
        (
            "ImportBulkRelationships",
            v1::ImportBulkRelationshipsRequest { relationships: vec![relationship] }.encode_to_vec(),
        ),
        ("WriteSchema", v1::WriteSchemaRequest { schema: SCHEMA.to_owned() }.encode_to_vec()),
        (
            "DiffSchema",
            v1::DiffSchemaRequest { comparison_schema: SCHEMA.to_owned(), ..Default::default() }.encode_to_vec(),
        ),
    ];
    let call = |(name, body): (&str, Vec<u8>)| {
        let which = CALLS.iter().position(|(path, _)| path.ends_with(name)).expect("there is such a call");
        framed(which, &body)
    };
    let requests = [
        (
            "/evaluation",
            r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"view"},"resource":{"type":"document","id":"plan"},"context":{"a":[1]}}"#,
        ),
        (
            "/evaluations",
            r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"view"},"evaluations":[{"resource":{"type":"document","id":"plan"}}],"options":{"evaluations_semantic":"deny_on_first_deny"}}"#,
        ),
        (
            "/search/subject",
            r#"{"subject":{"type":"user"},"action":{"name":"view"},"resource":{"type":"document","id":"plan"},"page":{"limit":1}}"#,
        ),
        (
            "/default/check",
            r#"{"subject":{"type":"user","id":"alice"},"permission":"view","resource":{"type":"document","id":"plan"}}"#,
        ),
        (
            "/default/decide",
            r#"{"actor":{"type":"user","id":"alice"},"permission":"view","resource":{"type":"document","id":"plan"}}"#,
        ),
        (
            "/relationships/write",
            r#"{"reason":"x","changes":[{"touch":{"resource":{"type":"document","id":"plan"},"relation":"viewer","subject":{"type":"user","id":"bob"}}}]}"#,
        ),
        (
            "/default/tasks",
            r#"{"origin":{"type":"user","id":"alice"},"purpose":"x","expires_at":"2030-01-01T00:00:00Z"}"#,
        ),
        ("/authorization-models", MODEL),
        (
            "/write",
            r#"{"writes":{"tuple_keys":[{"user":"user:alice","relation":"viewer","object":"document:plan","condition":{"name":"odd","context":{"day":1}}}]}}"#,
        ),
        ("{store}/read", r#"{"tuple_key":{"object":"document:plan"}}"#),
        (
            "{store}/check",
            r#"{"tuple_key":{"user":"user:alice","relation":"view","object":"document:plan"},"contextual_tuples":{"tuple_keys":[{"user":"user:alice","relation":"viewer","object":"document:plan"}]},"context":{"day":1}}"#,
        ),
        (
            "/batch-check",
            r#"{"checks":[{"tuple_key":{"user":"user:alice","relation":"view","object":"document:plan"},"correlation_id":"1"}]}"#,
        ),
        ("/list-objects", r#"{"user":"user:alice","relation":"view","type":"document"}"#),
        (
            "/list-users",
            r#"{"object":{"type":"document","id":"plan"},"relation":"view","user_filters":[{"type":"user"}]}"#,
        ),
        ("/expand", r#"{"tuple_key":{"relation":"view","object":"document:plan"}}"#),
    ];
    let ask = |(end, body): (&str, &str)| {
        let which = ROUTES.iter().position(|(method, path)| *method != "GET" && path.ends_with(end));
        framed(CALLS.len() + which.expect("there is such a route"), body.as_bytes())
    };
    messages.map(call).into_iter().chain(requests.map(ask)).collect()
}

fn framed(which: usize, body: &[u8]) -> Vec<u8> {
    let which = u8::try_from(which).expect("there are few");
    let length = u16::try_from(body.len()).expect("seeds are small").to_le_bytes();
    [&[which], length.as_slice(), body].concat()
}
