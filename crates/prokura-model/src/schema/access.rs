//! What can be asked for, by whom it is answered, and for how long at most.

use std::collections::BTreeSet;

use super::guard::{Guard, Parameters, read_of_runs};
use crate::{RelationName, Schema, TypeName, condition::Condition};

/// `access deploy_now on service#deploy { … }`: somebody who may not do this may ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessItem {
    /// Its name.
    pub name: String,
    /// Its doc comment, without the comment marks.
    pub doc: Option<String>,
    /// What can be asked for: each a type, and a permission or relation on it. Never empty.
    pub targets: Vec<(TypeName, RelationName)>,
    /// When it applies; always, without it.
    pub when: Option<Condition>,
    /// How a request is answered.
    pub answer: AccessAnswer,
    /// Longest time that is granted, in milliseconds; 0 where every request is refused.
    pub at_most_ms: u64,
    /// The relation that is written for whoever lacks the right. Without one, only rights that somebody has can be lent.
    pub relation: Option<RelationName>,
    /// Whether a request has to name a ticket.
    pub ticket_required: bool,
    /// Of which type the ticket is, where it is not believed: somebody has written attributes of that object.
    pub ticket_type: Option<TypeName>,
    /// Whether it is granted at once, to be reviewed by whoever would be asked.
    pub break_glass: bool,
    /// Whether the task's origin may answer for its own agents.
    pub origin_may_answer: bool,
}

/// How a request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessAnswer {
    /// With no.
    Refuse,
    /// With yes, at once.
    Grant,
    /// By a person who has this permission on the resource at that moment; one for each type that can be asked for.
    Ask(Vec<(TypeName, RelationName)>),
}

/// The name by which a condition reads the ticket.
pub const TICKET: &str = "ticket";

impl AccessItem {
    /// Whether this can be asked for by it.
    #[must_use]
    pub fn is_on(&self, kind: &TypeName, permission: &RelationName) -> bool {
        self.targets.iter().any(|(on, name)| on == kind && name == permission)
    }

    /// What a request brings: the ticket, where it names an object.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        let objects = self.ticket_type.iter().map(|kind| (TICKET.to_owned(), kind.clone()));
        Parameters { values: Vec::new(), objects: objects.collect() }
    }

    /// What a person needs on a resource of this type to answer, or to review what was granted at once.
    #[must_use]
    pub fn asks(&self, kind: &TypeName) -> Option<&RelationName> {
        let AccessAnswer::Ask(asked) = &self.answer else { return None };
        asked.iter().find(|(on, _)| on == kind).map(|(_, permission)| permission)
    }
}

impl Schema {
    /// The attributes of which guards or access items read what runs have touched. Of these it is kept.
    #[must_use]
    pub fn read_of_runs(&self) -> BTreeSet<String> {
        let guards = self.guards().values().flat_map(Guard::read_of_runs);
        let items = self.access().iter().filter_map(|item| item.when.as_ref()).flat_map(read_of_runs);
        guards.chain(items).map(str::to_owned).collect()
    }

    /// The items by which this can be asked for, in the order in which they are tried. Breaking the glass is asked for on its
    /// own.
    pub fn access_to(
        &self,
        kind: &TypeName,
        permission: &RelationName,
        break_glass: bool,
    ) -> impl Iterator<Item = &AccessItem> {
        self.access().iter().filter(move |item| item.break_glass == break_glass && item.is_on(kind, permission))
    }
}
