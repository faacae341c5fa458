//! What handlers take from a request: who is calling, the path, the query, the body.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use bytes::Bytes;
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use prokura::{Asked, ByModel, DecideError, Decided, Placed, Provenance, Question, limits::PAGE_ENTRIES_MAX};
use prokura_model::{DelegationId, Fault, ObjectRef, TenantName, Value};
use serde::de::DeserializeOwned;

use crate::{
    app::App,
    auth::{Caller, tenant_named},
    error::Refusal,
    json,
    limits::{BODY_BYTES_MAX, BODY_WAIT_MAX, CALLBACK_BYTES_MAX, QUESTION_BYTES_MAX, REQUEST_NAME_BYTES_MAX},
    telemetry::RequestNotes,
};

/// Who is calling, verified, and what the request is called.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) caller: Caller,
    /// The caller's own name for the request, for records.
    pub(crate) request_id: Option<String>,
    /// The caller's name for a write that it may send again.
    idempotency_key: Option<String>,
}

impl Visit {
    /// Whoever sent these headers.
    pub(crate) async fn of(app: &App, headers: &HeaderMap, notes: Option<&Arc<RequestNotes>>) -> Result<Self, Refusal> {
        let caller = app.authenticator().authenticate(credential(headers)?).await?;
        if let Some(notes) = notes {
            // It is set once: a request has one caller.
            let _ = notes.caller.set(caller.clone());
        }
        let request_id = notes.filter(|notes| notes.named_by_caller).map(|notes| notes.id.clone());
        Ok(Self { caller, request_id, idempotency_key: idempotency_key(headers)? })
    }

    /// What is kept with what this caller writes.
    pub(crate) fn provenance(&self, reason: Option<String>) -> Provenance {
        let provenance = Provenance::new(self.caller.author(), reason.unwrap_or_default());
        match &self.idempotency_key {
            Some(key) => provenance.with_request_id(key),
            None => provenance,
        }
    }

    /// The caller's name for a write that it may send again.
    pub(crate) fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// The delegation that is acted under: as the request names it, or as the token does; both only if they agree.
    pub(crate) fn agreed_delegation(
        &self,
        named: Option<DelegationId>,
        path: &str,
    ) -> Result<Option<DelegationId>, Refusal> {
        let claimed = self.caller.token().and_then(|token| token.delegation.clone());
        match (named, claimed) {
            (Some(named), Some(claimed)) if named != claimed => Err(Refusal::invalid_at(
                path,
                "delegations_disagree",
                "the request and the token name different delegations; name one",
            )),
            (named, claimed) => Ok(named.or(claimed)),
        }
    }

    /// The tenant, for reading anything in it.
    pub(crate) fn reads(&self, tenant: &str) -> Result<TenantName, Refusal> {
        self.caller.may_read(tenant)?;
        tenant_named(tenant)
    }

    /// The tenant, for changing anything in it.
    pub(crate) fn writes(&self, tenant: &str) -> Result<TenantName, Refusal> {
        self.caller.may_write(tenant)?;
        tenant_named(tenant)
    }

    /// The tenant, for asking for decisions.
    pub(crate) fn asks(&self, tenant: &str) -> Result<TenantName, Refusal> {
        self.caller.may_ask(tenant)?;
        tenant_named(tenant)
    }

    /// The tenant, for opening tasks and delegating in it.
    pub(crate) fn takes_part(&self, tenant: &str) -> Result<TenantName, Refusal> {
        self.caller.may_take_part(tenant)?;
        tenant_named(tenant)
    }

    /// The tenant, for reading tasks and delegations in it.
    pub(crate) fn reads_parts(&self, tenant: &str) -> Result<TenantName, Refusal> {
        self.caller.may_read_parts(tenant)?;
        tenant_named(tenant)
    }
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        Self::of(app, &parts.headers, parts.extensions.get::<Arc<RequestNotes>>()).await
    }
}

fn credential(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Err(Refusal::unauthenticated(
            "credential_missing",
            "send an API key or a token in the header `Authorization: Bearer …`",
        ));
    };
    if values.next().is_some() {
        return Err(Refusal::unauthenticated("credential_invalid", "the header `Authorization` is there twice"));
    }
    value.to_str().map_err(|_| {
        Refusal::unauthenticated("credential_invalid", "the header `Authorization` is not printable ASCII")
    })
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(text) if (1..=REQUEST_NAME_BYTES_MAX).contains(&text.len()) => Ok(Some(text.to_owned())),
        _ => Err(Refusal::invalid(
            "idempotency_key_invalid",
            format!("the header `Idempotency-Key` has 1 to {REQUEST_NAME_BYTES_MAX} printable ASCII characters"),
        )),
    }
}

/// The variable segments of the path, unescaped.
pub(crate) struct Segments<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for Segments<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        match Path::<T>::from_request_parts(parts, app).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(error) => Err(Refusal::invalid("path_invalid", error.body_text())),
        }
    }
}

/// The query of the address. Parameters that do not exist are an error.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Parameters<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        match Query::<T>::from_request_parts(parts, app).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(error) => {
                let text = error.body_text();
                let message = text.rsplit_once("query string: ").map_or(text.as_str(), |(_, message)| message);
                let message = match message.strip_suffix("invalid digit found in string") {
                    Some(place) => format!("{place}must be a number from 1 to {PAGE_ENTRIES_MAX}"),
                    None => message.to_owned(),
                };
                Err(Refusal::invalid("query_invalid", format!("the query of the address: {message}")))
            }
        }
    }
}

/// The body of a request of the JSON API, not yet decoded: first it is asked whether the caller may do this at all.
pub(crate) struct JsonBody(Vec<u8>);

impl JsonBody {
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        Ok(json::decode(&self.0)?)
    }

    /// The same, for routes that need no body.
    pub(crate) fn decode_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Refusal> {
        if self.0.is_empty() { Ok(T::default()) } else { self.decode() }
    }

    /// The body as it came.
    pub(crate) fn text(&self) -> Result<String, Refusal> {
        String::from_utf8(self.0.clone()).map_err(|_| Refusal::invalid("json_malformed", "the body is not UTF-8"))
    }

    /// The same for a question, which is not as long as what is written may be.
    pub(crate) fn decode_question<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        check_question(&self.0)?;
        self.decode()
    }

    /// The same for what may hold much, and is read where reading it keeps nobody waiting.
    pub(crate) async fn decode_bulk<T: DeserializeOwned + Send + 'static>(self) -> Result<T, Refusal> {
        blocking(move || Ok(json::decode_bulk(&self.0)?)).await
    }
}

impl FromRequest<Arc<App>> for JsonBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, Refusal> {
        let named_json = is_json(request.headers());
        let bytes = read_body(request.into_body()).await?;
        if !named_json && !bytes.is_empty() {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "content_type_invalid",
                Fault::Caller,
                "the header `Content-Type` must be `application/json`",
            ));
        }
        Ok(Self(bytes))
    }
}

/// A body from somebody of whom only the body says who it is: little of it is read.
pub(crate) struct SmallBody(pub(crate) Vec<u8>);

impl FromRequest<Arc<App>> for SmallBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, Refusal> {
        let body = Limited::new(request.into_body(), CALLBACK_BYTES_MAX);
        let Ok(collected) = tokio::time::timeout(BODY_WAIT_MAX, body.collect()).await else { return Err(too_slow()) };
        match collected {
            Ok(collected) => Ok(Self(collected.to_bytes().into())),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large(CALLBACK_BYTES_MAX)),
            Err(_) => Err(Refusal::invalid("body_broken", "the body ended before its end")),
        }
    }
}

/// The body of an AuthZEN request: the same, with the status that AuthZEN asks for.
pub(crate) struct AuthzenBody(pub(crate) Vec<u8>);

impl FromRequest<Arc<App>> for AuthzenBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        Self::read(&parts.headers, body).await
    }
}

impl AuthzenBody {
    /// The body that comes after these headers.
    pub(crate) async fn read<B: HttpBody<Data = Bytes> + Unpin>(headers: &HeaderMap, body: B) -> Result<Self, Refusal> {
        let named_json = is_json(headers);
        let bytes = read_body(body).await?;
        if !named_json {
            return Err(Refusal::invalid(
                "content_type_invalid",
                "the header `Content-Type` must be `application/json`",
            ));
        }
        check_question(&bytes)?;
        Ok(Self(bytes))
    }
}

fn check_question(bytes: &[u8]) -> Result<(), Refusal> {
    if bytes.len() <= QUESTION_BYTES_MAX { Ok(()) } else { Err(too_large(QUESTION_BYTES_MAX)) }
}

fn too_large(most: usize) -> Refusal {
    let message = format!("the body of such a request has at most {most} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", Fault::Limit, message)
}

fn is_json(headers: &HeaderMap) -> bool {
    names_type(headers, "application/json")
}

/// Whether the body is said to be of this type.
pub(crate) fn names_type(headers: &HeaderMap, wanted: &str) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next().and_then(|value| value.to_str().ok()), values.next()) else {
        return false;
    };
    let essence = value.split_once(';').map_or(value, |(essence, _)| essence);
    essence.trim().eq_ignore_ascii_case(wanted)
}

async fn read_body<B: HttpBody<Data = Bytes> + Unpin>(body: B) -> Result<Vec<u8>, Refusal> {
    let mut whole = pin!(collect(body));
    if let Some(collected) = ready_soon(whole.as_mut()).await {
        return collected;
    }
    match tokio::time::timeout(BODY_WAIT_MAX, whole).await {
        Ok(collected) => collected,
        Err(_) => Err(too_slow()),
    }
}

fn too_slow() -> Refusal {
    let message = format!("the body did not arrive within {} s", BODY_WAIT_MAX.as_secs());
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", Fault::Limit, message)
}

/// What becomes of the future at once, or when the connection has been looked at once more. Most bodies have come with their
/// head, and need no timer.
async fn ready_soon<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    let mut looked = false;
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if looked => Poll::Ready(None),
        Poll::Pending => {
            looked = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

/// The whole body. One that is too large is read to its end all the same, and thrown away: answering while the caller is
/// still sending would close the connection on it, and it would never see the answer.
async fn collect<B: HttpBody<Data = Bytes> + Unpin>(mut body: B) -> Result<Vec<u8>, Refusal> {
    /// What is read of a body that is refused.
    const THROWN_AWAY_BYTES_MAX: usize = 8 * BODY_BYTES_MAX;
    let mut bytes = Vec::new();
    let mut size = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::invalid("body_broken", "the body ended before its end"))?;
        let Ok(data) = frame.into_data() else { continue };
        size = size.saturating_add(data.len());
        if size <= BODY_BYTES_MAX {
            bytes.extend_from_slice(&data);
        } else if size > THROWN_AWAY_BYTES_MAX {
            break;
        }
    }
    if size > BODY_BYTES_MAX {
        return Err(too_large(BODY_BYTES_MAX));
    }
    Ok(bytes)
}

/// Decides; if the record is full, what waits for a place in it waits where that keeps nobody else.
pub(crate) async fn decided(
    app: &App,
    tenant: &TenantName,
    question: &Question,
    asked: Asked,
) -> Result<Decided, DecideError> {
    decided_by(app, tenant, question, None, asked).await
}

/// Decides, by a model if there is one; if the record is full, what waits for a place in it waits where that keeps nobody else.
pub(crate) async fn decided_by(
    app: &App,
    tenant: &TenantName,
    question: &Question,
    by: Option<&ByModel>,
    asked: Asked,
) -> Result<Decided, DecideError> {
    let placed = match by {
        None => app.authority().decide_at_once(tenant, question, asked)?,
        Some(by) => app.authority().decide_by_model(tenant, question, by, asked)?,
    };
    let unrecorded = match placed {
        Placed::InLine(decided) => return Ok(decided),
        Placed::NotYet(unrecorded) => unrecorded,
    };
    let authority = app.authority().clone();
    let waited = tokio::task::spawn_blocking(move || authority.decide_waiting(unrecorded)).await;
    waited
        .unwrap_or_else(|_| Err(DecideError::RecordUnavailable("the wait for a place in the record failed".to_owned())))
}

/// What is kept with the decision: the question as it was understood, with its arguments and context.
pub(crate) fn canonical(question: &Question) -> Value {
    let text = |text: &str| Value::String(text.to_owned());
    let object = |object: &ObjectRef| {
        let members = [("type", text(object.kind.as_str())), ("id", text(object.id.as_str()))];
        Value::Map(members.map(|(name, value)| (name.to_owned(), value)).into())
    };
    let members = [
        ("actor", Some(object(&question.actor))),
        ("permission", Some(text(question.permission.as_str()))),
        ("resource", Some(object(&question.resource))),
        ("delegation", question.delegation.as_ref().map(|id| text(id.as_str()))),
        ("tool_schema", question.tool_schema.as_deref().map(text)),
        ("arguments", (!question.arguments.is_empty()).then(|| Value::Map(question.arguments.clone()))),
        ("context", (!question.context.is_empty()).then(|| Value::Map(question.context.clone()))),
    ];
    Value::Map(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

/// Runs what waits for a disk where it may wait.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(Refusal::server("internal", "the work for this request failed")),
    }
}
