//! Many relationships at once: deleting by filter, importing, exporting.

use std::{ops::ControlFlow, sync::Arc};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode},
    response::Response,
};
use http_body_util::BodyExt as _;
use prokura::{ImportError, ImportFault};
use prokura_api as api;
use prokura_api::ErrorBody;
use prokura_model::{Fault, Relationship, Terms};
use tokio::{runtime::Handle, sync::mpsc};

use crate::{
    app::App,
    convert,
    error::Refusal,
    json,
    limits::{BODY_WAIT_MAX, QUESTION_BYTES_MAX},
    request::{JsonBody, Parameters, Segments, Visit, blocking, names_type},
    stream::{self, NDJSON},
};

/// Deletes what a filter means, in one transaction.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/relationships/delete", tag = "graph", params(("tenant" = String, Path)),
    request_body = api::DeleteRelationships,
    responses((status = 200, body = api::DeletedRelationships), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn delete_relationships(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    body: JsonBody,
) -> Result<Json<api::DeletedRelationships>, Refusal> {
    let tenant = visit.writes(&tenant)?;
    let wire: api::DeleteRelationships = body.decode()?;
    let deletion = convert::relationship_deletion(&wire)?;
    let (authority, provenance) = (app.authority().clone(), visit.provenance(wire.reason));
    let deleted = blocking(move || {
        let deleted = authority.delete_relationships(&tenant, provenance, deletion)?;
        Ok(api::DeletedRelationships {
            deleted: deleted.deleted,
            complete: deleted.complete,
            receipt: convert::wire_receipt_in(&authority, &tenant, deleted.receipt),
        })
    });
    Ok(Json(deleted.await?))
}

/// Creates relationships, as many as come: one on each line of the body, as JSON. They are written as they arrive, in many
/// transactions; one that exists already, or that is not legal, ends the import, and what was written before stays.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/relationships/import", tag = "graph",
    params(("tenant" = String, Path), api::ImportQuery),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 200, body = api::ImportResponse), (status = "4XX", body = ErrorBody))
)]
pub(crate) async fn import_relationships(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    Parameters(query): Parameters<api::ImportQuery>,
    request: Request,
) -> Result<Json<api::ImportResponse>, Refusal> {
    let tenant = visit.writes(&tenant)?;
    if !names_type(request.headers(), NDJSON) {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content_type_invalid",
            Fault::Caller,
            format!("the header `Content-Type` must be `{NDJSON}`: one relationship as JSON on each line"),
        ));
    }
    let (sender, receiver) = mpsc::channel(RELATIONSHIPS_WAITING);
    let (authority, provenance) = (app.authority().clone(), visit.provenance(query.reason));
    let writing = blocking(move || {
        let imported = authority.import(&tenant, &provenance, Arriving(receiver), |_| {}).map_err(refused)?;
        Ok(api::ImportResponse {
            imported: imported.loaded,
            transactions: imported.transactions,
            receipt: imported.last.map(|receipt| convert::wire_receipt_in(&authority, &tenant, receipt)),
        })
    });
    // Both go on at the same time; reading ends when nobody writes any more.
    let (imported, ()) = tokio::join!(writing, read_lines(request, sender));
    Ok(Json(imported?))
}

/// Relationships read and not yet written. Whoever sends them waits then.
const RELATIONSHIPS_WAITING: usize = 1_024;

type Arrived = Result<(Relationship, Terms), Refusal>;

/// What arrives, for whoever writes it.
struct Arriving(mpsc::Receiver<Arrived>);

impl Iterator for Arriving {
    type Item = Arrived;

    fn next(&mut self) -> Option<Arrived> {
        self.0.blocking_recv()
    }
}

/// Why an import ended early, and how far it was.
fn refused(error: ImportError<Refusal>) -> Refusal {
    let before = error.before;
    let cause = match error.cause {
        ImportFault::Source(refusal) => refusal,
        ImportFault::Write(error) => Refusal::from(*error),
    };
    cause.adding(&format!(
        "; {} relationships were imported before, in {} transactions, and stay",
        before.loaded, before.transactions
    ))
}

/// Reads the lines of the body and hands them on, until one is wrong or nobody takes them any more. Of a body that is
/// refused, the rest is left where it is.
async fn read_lines(request: Request, to: mpsc::Sender<Arrived>) {
    let mut body = request.into_body();
    let (mut line, mut number) = (Vec::new(), 0_usize);
    loop {
        let frame = match tokio::time::timeout(BODY_WAIT_MAX, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => break,
            Ok(Some(Err(_))) | Err(_) => {
                let refusal = Refusal::invalid("body_broken", "the body ended before its end, or stood still");
                // Nobody to tell: whoever writes has ended.
                let _ = to.send(Err(refusal)).await;
                return;
            }
        };
        let Ok(data) = frame.into_data() else { continue };
        for part in data.split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(part);
            if line.last() == Some(&b'\n') {
                number += 1;
                if hand_on(&line, number, &to).await.is_break() {
                    return;
                }
                line.clear();
            } else if line.len() > QUESTION_BYTES_MAX {
                let message = format!("line {}: a line has at most {QUESTION_BYTES_MAX} bytes", number + 1);
                let refusal = Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", Fault::Limit, message);
                let _ = to.send(Err(refusal)).await;
                return;
            }
        }
    }
    // The last line needs no end.
    let _ = hand_on(&line, number + 1, &to).await;
}

/// Hands the relationship of a line on, if it has one.
async fn hand_on(line: &[u8], number: usize, to: &mpsc::Sender<Arrived>) -> ControlFlow<()> {
    if line.trim_ascii().is_empty() {
        return ControlFlow::Continue(());
    }
    let read = json::decode::<api::Relationship>(line).map_err(Refusal::from);
    let read = read.and_then(|wire| convert::relationship_on_terms(&wire, format_args!("line[{number}]")));
    let wrong = read.is_err();
    let sent = to.send(read.map_err(|refusal| refusal.on_line(number))).await;
    if wrong || sent.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Every relationship that the filter means, one on each line, as the import takes them: those of one revision, in no
/// particular order. The revision is in the header `Prokura-Token`. An answer that breaks off is not whole.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/relationships/export", tag = "graph",
    params(("tenant" = String, Path), api::RelationshipFilter),
    responses(
        (status = 200, body = String, content_type = "application/x-ndjson"), (status = "4XX", body = ErrorBody)
    )
)]
pub(crate) async fn export_relationships(
    State(app): State<Arc<App>>,
    visit: Visit,
    Segments(tenant): Segments<String>,
    Parameters(query): Parameters<api::RelationshipFilter>,
) -> Result<Response, Refusal> {
    let tenant = visit.reads(&tenant)?;
    let filter = convert::relationship_filter(&query, "")?;
    let snapshot = app.authority().snapshot(&tenant)?;
    let (mut lines, mut response) = stream::lines();
    if let Ok(token) = HeaderValue::from_str(&app.authority().token(&tenant, snapshot.revision())) {
        response.headers_mut().insert("prokura-token", token);
    }
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut wrong = None;
        let visited = snapshot.visit_relationships(&filter, |stored| {
            let added = lines.add(&convert::wire_relationship_on_terms(&stored.relationship, &stored.terms));
            if let Err(refusal) = added {
                wrong = Some(refusal);
                return ControlFlow::Break(());
            }
            if lines.is_full() && runtime.block_on(lines.flush()).is_err() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        match wrong.or_else(|| visited.err().map(Refusal::from)) {
            Some(refusal) => runtime.block_on(lines.break_off(&refusal)),
            // Who has gone is not told.
            None => drop(runtime.block_on(lines.flush())),
        }
    });
    Ok(response)
}
