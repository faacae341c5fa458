//! By which access item something can be asked for: the first that applies.

use prokura_model::{
    ObjectRef, RelationName, TaskId, Timestamp, Value,
    schema::{AccessItem, TICKET},
};

use super::{
    Decision, Walk,
    guards::{Actor, Reader, Said, Standpoint},
};
use crate::{Context, EngineError, Limits, View};

/// Somebody asks for access to one resource.
#[derive(Clone, Copy, Debug)]
pub struct AccessAsked<'a> {
    /// Who asks.
    pub requester: &'a ObjectRef,
    /// Under which task, if any.
    pub task: Option<&'a TaskId>,
    /// For what.
    pub permission: &'a RelationName,
    /// On what.
    pub resource: &'a ObjectRef,
    /// Whether by breaking the glass.
    pub break_glass: bool,
    /// The ticket it belongs to.
    pub ticket: Option<&'a str>,
}

/// What the schema says to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessFound {
    /// This item applies.
    Item(Box<AccessItem>),
    /// No item does.
    Nothing,
    /// Whether this item applies depends on the ticket, and none is named.
    TicketMissing(Box<AccessItem>),
    /// This item demands a ticket of which somebody has written attributes, and nobody has of this one.
    TicketUnknown(Box<AccessItem>, ObjectRef),
    /// Whether this item applies cannot be said: why. Nothing is granted by those behind it.
    Unclear(Box<AccessItem>, String),
}

impl View<'_> {
    /// The first item for this whose condition holds. One whose condition cannot be evaluated ends the search, so that what it
    /// might have refused is not granted by another.
    ///
    /// # Errors
    /// There is no schema, or the revision is no longer kept.
    pub fn access_to(
        &self,
        asked: AccessAsked<'_>,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<AccessFound, EngineError> {
        let guard = self.index.guard();
        let program = self.program(&guard)?;
        if program.schema.access().is_empty() {
            return Ok(AccessFound::Nothing);
        }
        let AccessAsked { requester, task, permission, resource, break_glass, ticket } = asked;
        let mut walk = Walk::new(requester, (self, &guard), now, limits, Decision::begun(self.revision));
        let task = task.and_then(|id| walk.stored_task(id));
        walk.found.run = task.and_then(|task| walk.run_of(task)).cloned();
        let named = ticket.map(|ticket| (TICKET.to_owned(), Value::String(ticket.to_owned())));
        let values: Context = named.into_iter().collect();
        let standpoint = Standpoint {
            resource,
            actor: Actor::Known(requester),
            task,
            chain: (0, false),
            run: walk.run(),
            credential: None,
            values: &values,
            now,
            approvals: None,
        };
        let reader = Reader { view: self, program, standpoint };
        let mut found = AccessFound::Nothing;
        for item in program.schema.access_to(&resource.kind, permission, break_glass) {
            let item = Box::new(item.clone());
            let said = item.when.as_ref().map_or(Said::Yes, |when| reader.asked(&item.parameters(), when));
            let of_ticket = item.ticket_type.as_ref().map(|kind| reader.named(TICKET, kind));
            let unwritten = |ticket: &ObjectRef| self.attributes(ticket).is_none_or(|attributes| attributes.is_empty());
            found = match (said, of_ticket) {
                (Said::No, _) => continue,
                (Said::Missing(_), _) => AccessFound::TicketMissing(item),
                (_, Some(Err(why))) => AccessFound::Unclear(item, why),
                (_, Some(Ok(Some(ticket)))) if unwritten(&ticket) => AccessFound::TicketUnknown(item, ticket),
                (Said::Failed(why), _) => AccessFound::Unclear(item, why),
                (Said::Yes, _) => AccessFound::Item(item),
            };
            break;
        }
        self.index.check_kept(self.revision)?;
        Ok(found)
    }
}
