//! What an operator sees: one log line and a few numbers a request. Never a secret, a token, or the id of an object.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use metrics::{Counter, Histogram, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use prokura::Authority;
use prokura_model::Outcome;
use tonic::Code;
use uuid::Uuid;

use crate::{
    app::App, auth::Caller, error::Refusal, grpc, limits::REQUEST_NAME_BYTES_MAX, openfga, routes, webhooks::Webhooks,
};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The numbers of one server. Not the process's: a process may hold several.
pub(crate) struct Telemetry {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    requests: Kept<(&'static str, u16), Counter>,
    durations: Kept<(), Histogram>,
    decisions: Kept<&'static str, Counter>,
    names: Names,
}

/// Numbers that were looked up once. The registry takes names and labels, and looking it up costs more than counting.
/// Names are of routes, methods and reasons, which nobody can make up.
struct Kept<L, N>(RwLock<HashMap<String, Vec<(L, N)>>>);

impl<L: Copy + PartialEq, N> Kept<L, N> {
    fn new() -> Self {
        Self(RwLock::new(HashMap::new()))
    }

    fn with(&self, name: &str, label: L, look_up: impl FnOnce() -> N, count: impl FnOnce(&N)) {
        let find = |numbers: &Vec<(L, N)>| numbers.iter().position(|(found, _)| *found == label);
        {
            let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let found = kept.get(name).and_then(|numbers| numbers.get(find(numbers)?));
            if let Some((_, number)) = found {
                return count(number);
            }
        }
        let number = look_up();
        count(&number);
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let numbers = kept.entry(name.to_owned()).or_default();
        if find(numbers).is_none() {
            numbers.push((label, number));
        }
    }
}

/// A method of the gRPC door, and the numbers that most of its calls count in.
pub(crate) struct CalledMethod {
    /// `/` service `/` method.
    path: String,
    took: OnceLock<Histogram>,
    answered: OnceLock<Counter>,
}

impl CalledMethod {
    pub(crate) fn new(path: String) -> Self {
        Self { path, took: OnceLock::new(), answered: OnceLock::new() }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

/// Names for requests whose callers gave none: UUIDv7s that count up from a random number.
struct Names {
    random: Uuid,
    count: AtomicU64,
}

impl Names {
    fn new() -> Self {
        Self { random: Uuid::new_v4(), count: AtomicU64::new(0) }
    }

    fn next(&self) -> Uuid {
        let (first, second) = self.random.as_u64_pair();
        let count = second.wrapping_add(self.count.fetch_add(1, Ordering::Relaxed));
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let milliseconds = u64::try_from(since_epoch.as_millis()).unwrap_or_default();
        let mut bytes = [0; 10];
        let (head, tail) = bytes.split_at_mut(2);
        head.copy_from_slice(first.to_be_bytes().first_chunk::<2>().unwrap_or(&[0; 2]));
        tail.copy_from_slice(&count.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &bytes).into_uuid()
    }
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Telemetry")
    }
}

/// What is known of a request besides its head; the layers share it.
#[derive(Debug)]
pub(crate) struct RequestNotes {
    /// Its name: the caller's own, or one made up here.
    pub(crate) id: String,
    /// Whether the caller gave the name.
    pub(crate) named_by_caller: bool,
    /// Who is calling, once that is known.
    pub(crate) caller: OnceLock<Caller>,
}

/// Who is calling, for a line that is written; nobody asks otherwise.
fn label(notes: Option<&RequestNotes>) -> String {
    notes.and_then(|notes| notes.caller.get()).map(Caller::label).unwrap_or_default()
}

/// Counts a connection as long as it lives.
pub(crate) struct CountedConnection<'t>(&'t Telemetry);

impl Telemetry {
    pub(crate) fn new() -> Self {
        // Seconds; deciding takes microseconds, writing waits for a disk.
        const BUCKETS: [f64; 12] = [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0];
        let matcher = Matcher::Suffix("_seconds".to_owned());
        // The only error is an empty list of buckets.
        let builder = PrometheusBuilder::new().set_buckets_for_metric(matcher, &BUCKETS).unwrap_or_default();
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let telemetry = Self {
            recorder,
            handle,
            requests: Kept::new(),
            durations: Kept::new(),
            decisions: Kept::new(),
            names: Names::new(),
        };
        telemetry.emit(describe);
        telemetry
    }

    pub(crate) fn connection(&self) -> CountedConnection<'_> {
        self.emit(|| gauge!("prokura_connections").increment(1.0));
        CountedConnection(self)
    }

    /// A decision, by its reason; or that there was none, by the code of the error.
    pub(crate) fn decided(&self, outcome: &Outcome) {
        let disposition = outcome.disposition().map_or("error", prokura_model::Disposition::word);
        let reason = outcome.code();
        let number =
            || counter!("prokura_decisions_total", "disposition" => disposition, "reason" => reason.to_owned());
        self.decisions.with(reason, disposition, || self.emit(number), |number| number.increment(1));
    }

    /// An attempt to tell a webhook something, and what came of it.
    pub(crate) fn webhook(&self, name: &str, outcome: &'static str) {
        self.emit(|| {
            counter!("prokura_webhook_events_total", "webhook" => name.to_owned(), "outcome" => outcome).increment(1);
        });
    }

    /// The page that a collector reads.
    pub(crate) fn page(&self, authority: &Authority, webhooks: &Webhooks) -> String {
        let health = authority.health();
        self.emit(|| {
            gauge!("prokura_writes_waiting").set(count(health.writes_waiting));
            gauge!("prokura_records_waiting").set(count(health.records_waiting));
            gauge!("prokura_writes_working").set(if health.writes.is_working() { 1.0 } else { 0.0 });
            gauge!("prokura_records_working").set(if health.records.is_working() { 1.0 } else { 0.0 });
            for (webhook, behind) in webhooks.behind() {
                gauge!("prokura_webhook_behind", "webhook" => webhook.to_owned()).set(number(behind));
            }
            for tenant in authority.tenants() {
                if let Ok(snapshot) = authority.snapshot(&tenant) {
                    let revision = number(snapshot.revision().0);
                    gauge!("prokura_tenant_revision", "tenant" => tenant.to_string()).set(revision);
                }
            }
        });
        self.sum_up();
        self.handle.render()
    }

    fn request(&self, route: &str, method: &'static str, status: u16, duration: Duration) {
        let took = || histogram!("prokura_http_request_duration_seconds", "route" => route.to_owned());
        self.durations.with(route, (), || self.emit(took), |took| took.record(duration.as_secs_f64()));
        let number = || {
            let (route, status) = (route.to_owned(), status.to_string());
            counter!("prokura_http_requests_total", "route" => route, "method" => method, "status" => status)
        };
        self.requests.with(route, (method, status), || self.emit(number), |number| number.increment(1));
    }

    /// A call of the gRPC door that is over.
    pub(crate) fn called(&self, call: &CalledMethod, code: Code, notes: Option<&RequestNotes>, duration: Duration) {
        let (name, method) = (grpc::code_name(code), call.path.as_str());
        let id = notes.map_or("", |notes| notes.id.as_str());
        let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        match code {
            Code::Internal | Code::Unknown | Code::Unavailable | Code::DataLoss => {
                let caller = label(notes);
                tracing::error!(request_id = id, method, code = name, caller, duration_us, "call");
            }
            _ => {
                tracing::info!(request_id = id, method, code = name, caller = label(notes), duration_us, "call");
            }
        }
        let route = method.trim_start_matches('/');
        let took = || histogram!("prokura_grpc_call_duration_seconds", "method" => route.to_owned());
        call.took.get_or_init(|| self.emit(took)).record(duration.as_secs_f64());
        let number = || counter!("prokura_grpc_calls_total", "method" => route.to_owned(), "code" => name);
        match code {
            Code::Ok => call.answered.get_or_init(|| self.emit(number)).increment(1),
            _ => self.emit(number).increment(1),
        }
    }

    /// Takes the durations noted so far together. Until then, each takes memory of its own.
    pub(crate) fn sum_up(&self) {
        self.handle.run_upkeep();
    }

    fn emit<T>(&self, write: impl FnOnce() -> T) -> T {
        metrics::with_local_recorder(&self.recorder, write)
    }
}

impl Drop for CountedConnection<'_> {
    fn drop(&mut self) {
        self.0.emit(|| gauge!("prokura_connections").decrement(1.0));
    }
}

fn describe() {
    metrics::describe_counter!("prokura_http_requests_total", "Requests answered, by route, method and status.");
    metrics::describe_histogram!("prokura_http_request_duration_seconds", "How long answering took, by route.");
    metrics::describe_counter!("prokura_grpc_calls_total", "Calls over, by method and code.");
    metrics::describe_histogram!("prokura_grpc_call_duration_seconds", "How long calls took, by method.");
    metrics::describe_counter!("prokura_decisions_total", "Decisions, by disposition and reason.");
    metrics::describe_counter!(
        "prokura_webhook_events_total",
        "Events for webhooks: delivered, failed (and tried again), or passed over as too old."
    );
    metrics::describe_gauge!(
        "prokura_webhook_behind",
        "Revisions that a webhook has not been through, of all tenants."
    );
    metrics::describe_gauge!("prokura_connections", "Connections that are open.");
    metrics::describe_gauge!("prokura_tenant_revision", "The newest revision, by tenant.");
    metrics::describe_gauge!("prokura_writes_waiting", "Writes that wait for the writer.");
    metrics::describe_gauge!("prokura_records_waiting", "Decisions that wait to be recorded.");
    metrics::describe_gauge!("prokura_writes_working", "Whether writes are accepted.");
    metrics::describe_gauge!("prokura_records_working", "Whether decisions can be recorded, and so are given.");
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and 2^53 revisions are far off")]
fn number(revisions: u64) -> f64 {
    revisions as f64
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; queues are nowhere near 2^53")]
fn count(entries: usize) -> f64 {
    entries as f64
}

/// The outermost layer: names the request, has it answered, writes the body of a refusal, and tells the operator.
pub(crate) async fn observe(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("none", MatchedPath::as_str);
    let call = grpc::is_call(request.headers());
    let seen = Seen { call, ..Seen::begun(route, method_name(request.method())) };
    let (name, named) = named(&app, request.headers());
    let (notes, response) = match named {
        Ok(notes) => {
            request.extensions_mut().insert(Arc::clone(&notes));
            (Some(notes), next.run(request).await)
        }
        Err(refusal) => (None, refusal.into_response()),
    };
    seen.answered(&app, name, notes.as_deref(), response)
}

/// A request that is not answered yet.
pub(crate) struct Seen<'r> {
    started: Instant,
    route: &'r str,
    method: &'static str,
    call: bool,
}

impl<'r> Seen<'r> {
    /// The route and the method are labels, so they are ours and not the caller's.
    pub(crate) fn begun(route: &'r str, method: &'static str) -> Self {
        Self { started: Instant::now(), route, method, call: false }
    }

    /// The answer as it leaves: with the request's name, and a refusal in the words of its door. The operator is told.
    pub(crate) fn answered(
        self,
        app: &App,
        name: Name,
        notes: Option<&RequestNotes>,
        mut response: Response,
    ) -> Response {
        let Self { started, route, method, call } = self;
        let id = notes.map_or("", |notes| notes.id.as_str());
        let code = match response.extensions_mut().remove::<Refusal>() {
            Some(refusal) => {
                response =
                    if call { grpc::of_refusal(&refusal).into_http() } else { written(&refusal, response, route, id) };
                refusal.parts().code.clone()
            }
            None => String::new(),
        };
        name.put_on(response.headers_mut());
        if response.extensions_mut().remove::<grpc::TellsItself>().is_some() {
            // It is told when it is over.
            return response;
        }
        let (status, duration) = (response.status().as_u16(), started.elapsed());
        app.telemetry().request(route, method, status, duration);
        log(&Line { id, route, method, status, code: &code, notes, duration });
        response
    }
}

/// A request's name as its answer has it.
pub(crate) struct Name(Option<HeaderValue>);

impl Name {
    /// Puts it among the headers of the answer.
    pub(crate) fn put_on(self, headers: &mut HeaderMap) {
        if let Some(mut value) = self.0 {
            // No two are alike: among the headers that a connection remembers it would only push out the others.
            value.set_sensitive(true);
            headers.insert(REQUEST_ID.clone(), value);
        }
    }
}

/// The name of a request, its own or one made up here, and what is noted of it under that name. What the caller sent
/// comes back as it was, legal or not.
pub(crate) fn named(app: &App, headers: &HeaderMap) -> (Name, Result<Arc<RequestNotes>, Refusal>) {
    let Some(given) = headers.get(&REQUEST_ID) else {
        let id = app.telemetry().names.next().to_string();
        let name = HeaderValue::from_str(&id).ok();
        return (Name(name), Ok(Arc::new(RequestNotes::new(id, false))));
    };
    let notes = match given.to_str() {
        Ok(text) if (1..=REQUEST_NAME_BYTES_MAX).contains(&text.len()) => {
            Ok(Arc::new(RequestNotes::new(text.to_owned(), true)))
        }
        _ => Err(Refusal::invalid(
            "request_id_invalid",
            format!("the header `X-Request-ID` has 1 to {REQUEST_NAME_BYTES_MAX} printable ASCII characters"),
        )),
    };
    (Name(Some(given.clone())), notes)
}

/// A caller can make up methods; it must not be able to make up labels.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

impl RequestNotes {
    fn new(id: String, named_by_caller: bool) -> Self {
        Self { id, named_by_caller, caller: OnceLock::new() }
    }
}

/// The refusal's body, in the words of the door it came through; the head stays.
fn written(refusal: &Refusal, response: Response, route: &str, id: &str) -> Response {
    let body = if routes::is_of_access_requests(route) {
        routes::problem(refusal)
    } else if route.contains("/access/v1/") {
        ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], refusal.text()).into_response()
    } else if openfga::is_route(route) {
        Json(openfga::body(refusal)).into_response()
    } else {
        Json(refusal.body(id)).into_response()
    };
    let (mut head, _) = response.into_parts();
    let (body_head, body) = body.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.extend(body_head.headers);
    Response::from_parts(head, body)
}

struct Line<'l> {
    id: &'l str,
    route: &'l str,
    method: &'l str,
    status: u16,
    code: &'l str,
    notes: Option<&'l RequestNotes>,
    duration: Duration,
}

fn log(line: &Line<'_>) {
    let Line { id, route, method, status, code, notes, duration } = line;
    let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    if *status >= 500 {
        let caller = label(*notes);
        tracing::error!(request_id = id, route, method, status, code, caller, duration_us, "request");
    } else if matches!(*route, "/healthz" | "/readyz" | "/metrics") {
        tracing::debug!(request_id = id, route, method, status, code, caller = label(*notes), duration_us, "request");
    } else {
        tracing::info!(request_id = id, route, method, status, code, caller = label(*notes), duration_us, "request");
    }
}
