//! `WatchService`: changes as they happen. They are read from the log, so that nobody who writes waits for anybody who
//! watches, and whoever reads slowly is only behind.

use std::sync::Arc;

use prokura_api::grpc::v1::{self, WatchKind, relationship_update::Operation, watch_service_server::WatchService};
use prokura_model::{Change, Relationship, RelationshipFilter, Revision, TenantName, Terms, Transaction, Value};
use tokio::sync::Notify;
use tonic::{Request, Response, Status};

use super::{
    Door,
    arrival::Arrival,
    convert, moment,
    refused::{invalid, of_ask},
    relationships::waited,
    stream::{Pages, Sending, page},
};
use crate::{app::App, limits::CREDENTIAL_LOOK_MAX};

/// Transactions that are read at once.
const TRANSACTIONS: usize = 100;

#[tonic::async_trait]
impl WatchService for Door {
    type WatchStream = Pages<v1::WatchResponse>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let arrival = Arrival::of(&request)?;
        let tenant = arrival.reads()?;
        let wire = request.into_inner();
        let wanted = Wanted::new(&wire)?;
        let start = match &wire.optional_start_cursor {
            Some(token) => self.app.authority().revision_of(&tenant, &token.token),
            None => self.app.authority().snapshot(&tenant).map(|snapshot| snapshot.revision()),
        };
        let start = start.map_err(|error| of_ask(&error))?;
        let watching = Watching { app: Arc::clone(&self.app), arrival, tenant, wanted, through: start };
        Ok(Response::new(Pages::sent(|send| watching.run(send))))
    }
}

/// What the watcher wants to be told of.
struct Wanted {
    kinds: Vec<String>,
    filters: Vec<RelationshipFilter>,
    relationships: bool,
    schema: bool,
    checkpoints: bool,
}

impl Wanted {
    fn new(wire: &v1::WatchRequest) -> Result<Self, Status> {
        if !wire.optional_object_types.is_empty() && !wire.optional_relationship_filters.is_empty() {
            let fault = "cannot be set together with optional_object_types";
            return Err(invalid(&"optional_relationship_filters", fault));
        }
        let kinds = wire.optional_object_types.iter().enumerate().map(|(position, kind)| {
            convert::type_name(kind, &format_args!("optional_object_types[{position}]")).map(|kind| kind.to_string())
        });
        let filters = wire.optional_relationship_filters.iter().enumerate().map(|(position, filter)| {
            convert::filter(filter, &format_args!("optional_relationship_filters[{position}]"))
        });
        let told: Vec<WatchKind> = wire.optional_update_kinds().collect();
        Ok(Self {
            kinds: kinds.collect::<Result<_, _>>()?,
            filters: filters.collect::<Result<_, _>>()?,
            relationships: told.is_empty()
                || told
                    .iter()
                    .any(|kind| matches!(kind, WatchKind::IncludeRelationshipUpdates | WatchKind::Unspecified)),
            schema: told.contains(&WatchKind::IncludeSchemaUpdates),
            checkpoints: told.contains(&WatchKind::IncludeCheckpoints),
        })
    }

    fn has(&self, relationship: &Relationship, terms: &Terms) -> bool {
        let kind = relationship.resource.kind.as_str();
        (self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted == kind))
            && (self.filters.is_empty() || self.filters.iter().any(|filter| filter.matches(relationship, terms)))
    }

    /// What the watcher is told of a transaction; nothing if none of it is wanted.
    fn told(&self, transaction: &Transaction) -> Option<v1::WatchResponse> {
        let mut told = v1::WatchResponse::default();
        let none = Terms::default();
        for change in &transaction.changes {
            let (operation, relationship, terms) = match change {
                Change::RelationshipTouched(relationship, terms) => (Operation::Touch, relationship, terms),
                // Who is told of it no longer finds it, why ever that is.
                Change::RelationshipDeleted(relationship) | Change::RelationshipExpired(relationship) => {
                    (Operation::Delete, relationship, &none)
                }
                Change::SchemaWritten(_) => {
                    told.schema_updated = self.schema;
                    continue;
                }
                Change::MetadataAttached(Value::Map(members)) => {
                    told.optional_transaction_metadata = Some(convert::wire_context(members));
                    continue;
                }
                _ => continue,
            };
            if self.relationships && self.has(relationship, terms) {
                told.updates.push(v1::RelationshipUpdate {
                    operation: operation.into(),
                    relationship: Some(convert::wire_relationship(relationship, terms)),
                });
            }
        }
        told.full_revision_metadata = told.optional_transaction_metadata.iter().cloned().collect();
        (told.schema_updated || !told.updates.is_empty()).then_some(told)
    }
}

struct Watching {
    app: Arc<App>,
    arrival: Arrival,
    tenant: TenantName,
    wanted: Wanted,
    /// The newest revision that was told of or passed over.
    through: Revision,
}

type Sender = Sending<v1::WatchResponse>;

impl Watching {
    async fn run(mut self, send: Sender) {
        if let Err(status) = self.go_on(&send).await {
            // If nobody is there to be told, that is the end as well.
            let _ = send.send(Err(status)).await;
        }
    }

    async fn go_on(&mut self, send: &Sender) -> Result<(), Status> {
        let mut stopping = std::pin::pin!(self.app.stopped());
        let news = Arc::new(Notify::new());
        let told = Arc::clone(&news);
        let authority = self.app.authority();
        let _subscribed =
            authority.subscribe(&self.tenant, Box::new(move |_| told.notify_one())).map_err(|error| of_ask(&error))?;
        let mut checkpoint = None;
        loop {
            if !self.arrival.is_still_good(&self.app).await {
                return Err(Status::permission_denied("the credential is no longer good"));
            }
            let Ok(room) = send.reserve().await else { return Ok(()) };
            let transactions = self.next().await?;
            if let Some(last) = transactions.last() {
                self.through = last.revision;
                let messages: Vec<_> =
                    transactions.iter().filter_map(|transaction| self.message(transaction)).collect();
                if !messages.is_empty() {
                    room.send(Ok(page(messages)));
                }
                continue;
            }
            if self.wanted.checkpoints && checkpoint != Some(self.through) {
                checkpoint = Some(self.through);
                room.send(Ok(page(vec![v1::WatchResponse {
                    changes_through: moment::token(&self.app, &self.tenant, self.through),
                    is_checkpoint: true,
                    ..Default::default()
                }])));
            } else {
                drop(room);
            }
            tokio::select! {
                () = news.notified() => {}
                () = tokio::time::sleep(CREDENTIAL_LOOK_MAX) => {}
                () = send.closed() => return Ok(()),
                () = stopping.as_mut() => return Err(Status::unavailable("the server is stopping")),
            }
        }
    }

    async fn next(&self) -> Result<Vec<Transaction>, Status> {
        let (authority, tenant, through) = (self.app.authority().clone(), self.tenant.clone(), self.through);
        waited(move || authority.changes(&tenant, through, TRANSACTIONS).map_err(|error| of_ask(&error))).await
    }

    fn message(&self, transaction: &Transaction) -> Option<v1::WatchResponse> {
        let mut message = self.wanted.told(transaction)?;
        message.changes_through = moment::token(&self.app, &self.tenant, transaction.revision);
        Some(message)
    }
}
