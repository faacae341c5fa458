//! What differs between a declaration and what is there. See `docs/decisions/0006-what-prune-ends.md`.

mod endorsements;
mod parents;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::ControlFlow,
};

use prokura_engine::View;
use prokura_model::{
    AuthzenMapping, Change, Delegation, ObjectRef, Principal, PrincipalState, Relationship, RelationshipFilter, Schema,
    Task, TaskState, Terms, Timestamp, Value,
};

use crate::{
    Declaration, DeclaredDelegation, DeclaredPrincipal, DeclaredTask, Difference, Effect, Expiry, Section, WriteError,
    limits::TRANSACTION_CHANGES_MAX, writer::validate::within,
};

/// What differs, and what a person should know besides.
#[derive(Default)]
pub(super) struct Found {
    pub(super) difference: Vec<Difference>,
    pub(super) notes: Vec<String>,
}

/// What must be written so that what is there is as declared, in the order in which it can be written.
pub(super) fn difference(
    view: &View<'_>,
    declaration: &Declaration,
    prune: bool,
    now: Timestamp,
) -> Result<Found, WriteError> {
    let mut found = Found::default();
    if let Some(text) = &declaration.schema {
        found.schema(view, text);
    }
    if let Some(relationships) = &declaration.relationships {
        found.relationships(view, relationships, prune, now)?;
    }
    if let Some(attributes) = &declaration.attributes {
        found.attributes(view, attributes, prune);
    }
    if let Some(principals) = &declaration.principals {
        found.principals(view, principals, prune)?;
    }
    if let Some(tasks) = &declaration.tasks {
        found.tasks(view, tasks, prune, now)?;
    }
    if let Some(delegations) = &declaration.delegations {
        found.delegations(view, delegations, prune)?;
    }
    if let Some(endorsements) = &declaration.endorsements {
        found.endorsements(view, endorsements, prune)?;
    }
    if let Some(mapping) = &declaration.authzen {
        found.authzen(view, mapping);
    }
    Ok(found)
}

impl Found {
    fn schema(&mut self, view: &View<'_>, text: &str) {
        let before = view.schema();
        let (effect, detail) = match &before {
            None => (Effect::Added, String::new()),
            Some(before) if before.text() == text => return,
            Some(before) => (Effect::Changed, schema_detail(before, text)),
        };
        self.differs(effect, Section::Schema, String::new(), detail, Change::SchemaWritten(text.to_owned()));
    }

    fn relationships(
        &mut self,
        view: &View<'_>,
        declared: &[(Relationship, Terms)],
        prune: bool,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut named: BTreeMap<&Relationship, &Terms> = BTreeMap::new();
        for (relationship, terms) in declared {
            if named.insert(relationship, terms).is_some_and(|before| before != terms) {
                let (section, name) = (Section::Relationship.word(), relationship.to_string());
                return Err(WriteError::DeclaredTwice { section, name });
            }
        }
        for (relationship, terms) in &named {
            self.relationship(view, relationship, terms, now);
        }
        if prune { self.relationships_left_out(view, &named, now) } else { Ok(()) }
    }

    fn relationship(&mut self, view: &View<'_>, relationship: &Relationship, terms: &Terms, now: Timestamp) {
        let (effect, detail) = match view.stored(relationship) {
            Some(stored) if stored.terms == *terms => return,
            // It would be collected at once, and be missing again the next time.
            _ if terms.is_over(now) => {
                return self.notes.push(format!("relationship `{relationship}` is over and is not written"));
            }
            None => (Effect::Added, String::new()),
            Some(stored) if stored.terms.is_over(now) => (Effect::Added, String::new()),
            Some(stored) => (Effect::Changed, terms_detail(&stored.terms, terms)),
        };
        let change = Change::RelationshipTouched(relationship.clone(), terms.clone());
        self.differs(effect, Section::Relationship, relationship.to_string(), detail, change);
    }

    fn relationships_left_out(
        &mut self,
        view: &View<'_>,
        declared: &BTreeMap<&Relationship, &Terms>,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        // What cannot be written in one transaction need not be found to the end.
        let room = TRANSACTION_CHANGES_MAX.saturating_sub(self.difference.len());
        let mut removed = Vec::new();
        view.visit_relationships(&RelationshipFilter::default(), |stored| {
            if !declared.contains_key(&stored.relationship) && !stored.terms.is_over(now) {
                removed.push(stored.relationship);
            }
            if removed.len() > room { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .map_err(|error| WriteError::Internal(error.to_string()))?;
        within("changes in a transaction", TRANSACTION_CHANGES_MAX, self.difference.len() + removed.len())?;
        removed.sort_unstable();
        for relationship in removed {
            let name = relationship.to_string();
            let change = Change::RelationshipDeleted(relationship);
            self.differs(Effect::Removed, Section::Relationship, name, String::new(), change);
        }
        Ok(())
    }

    fn attributes(&mut self, view: &View<'_>, declared: &BTreeMap<ObjectRef, BTreeMap<String, Value>>, prune: bool) {
        for (object, wanted) in declared {
            let there = view.attributes(object);
            let effect = match &there {
                Some(there) if **there == *wanted => continue,
                None if wanted.is_empty() => continue,
                None => Effect::Added,
                Some(_) if wanted.is_empty() => Effect::Removed,
                Some(_) => Effect::Changed,
            };
            let change = Change::AttributesSet(object.clone(), wanted.clone());
            self.differs(effect, Section::Attributes, object.to_string(), String::new(), change);
        }
        if !prune {
            return;
        }
        for (object, _) in view.all_attributes() {
            if !declared.contains_key(&object) {
                let name = object.to_string();
                let change = Change::AttributesSet(object, BTreeMap::new());
                self.differs(Effect::Removed, Section::Attributes, name, String::new(), change);
            }
        }
    }

    fn principals(&mut self, view: &View<'_>, declared: &[DeclaredPrincipal], prune: bool) -> Result<(), WriteError> {
        let named = once(Section::Principal, declared.iter().map(|principal| &principal.object))?;
        let mut states = HashMap::new();
        for principal in declared {
            let there = view.principal(&principal.object);
            let state = principal.state.or_else(|| there.as_ref().map(|there| there.state));
            states.extend(state.map(|state| (&principal.object, state)));
            if state == Some(PrincipalState::OffBoarded) && principal.state.is_none() {
                self.notes.push(format!("principal `{}` is off_boarded and stays so", principal.object));
            }
            let wanted = Principal {
                object: principal.object.clone(),
                owner: principal.owner.clone(),
                state: state.unwrap_or(PrincipalState::Active),
                declared: true,
            };
            let (effect, detail) = match &there {
                None => (Effect::Added, String::new()),
                Some(there) if **there == wanted => continue,
                Some(there) => (Effect::Changed, principal_detail(there, &wanted)),
            };
            let name = wanted.object.to_string();
            self.differs(effect, Section::Principal, name, detail, Change::PrincipalSet(wanted));
        }
        if prune {
            for there in view.principals() {
                if there.declared && !named.contains(&there.object) {
                    self.principal_is_left_out(view, &there, &states);
                }
            }
        }
        Ok(())
    }

    /// Who was never registered is alive, so removing what is stopped would start it again.
    fn principal_is_left_out(
        &mut self,
        view: &View<'_>,
        there: &Principal,
        declared: &HashMap<&ObjectRef, PrincipalState>,
    ) {
        let object = &there.object;
        if there.state != PrincipalState::Active {
            return self.notes.push(format!("principal `{object}` is {} and stays so: it is not removed", there.state));
        }
        let state =
            |owner: &ObjectRef| declared.get(owner).copied().or_else(|| view.principal(owner).map(|owner| owner.state));
        match &there.owner {
            Some(owner) if state(owner) == Some(PrincipalState::OffBoarded) => self.notes.push(format!(
                "principal `{object}` is stopped, because its owner `{owner}` is off_boarded, and stays so: \
                 it is not removed"
            )),
            _ => {
                let change = Change::PrincipalRemoved(object.clone());
                self.differs(Effect::Removed, Section::Principal, object.to_string(), String::new(), change);
            }
        }
    }

    fn tasks(
        &mut self,
        view: &View<'_>,
        declared: &[DeclaredTask],
        prune: bool,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let named = once(Section::Task, declared.iter().map(|task| &task.id))?;
        for task in parents::first(declared, |task| (&task.id, task.parent.as_ref())) {
            match view.task(&task.id) {
                Some(there) => self.task_is_there(&there, task, now)?,
                None => {
                    let change = Change::TaskOpened(opened(task, now));
                    self.differs(Effect::Added, Section::Task, task.id.to_string(), String::new(), change);
                }
            }
        }
        if prune {
            for there in view.tasks() {
                if there.declared && there.state == TaskState::Open && !named.contains(&there.id) {
                    let change = Change::TaskClosed(there.id.clone(), TaskState::Cancelled);
                    self.differs(Effect::Removed, Section::Task, there.id.to_string(), "cancelled".to_owned(), change);
                }
            }
        }
        Ok(())
    }

    fn task_is_there(&mut self, there: &Task, declared: &DeclaredTask, now: Timestamp) -> Result<(), WriteError> {
        let same_end = match declared.expires {
            Expiry::At(moment) => there.expires_at == moment,
            Expiry::AfterMs(milliseconds) => there.expires_at == there.opened_at.plus_ms(milliseconds),
        };
        let detail = if there.origin != declared.origin {
            format!("origin `{}`, not `{}`", there.origin, declared.origin)
        } else if there.purpose != declared.purpose {
            format!("purpose `{}`, not `{}`", there.purpose, declared.purpose)
        } else if there.parent != declared.parent {
            "another parent".to_owned()
        } else if there.owner != declared.owner {
            "another owner".to_owned()
        } else if there.budgets != declared.budgets {
            "other budgets".to_owned()
        } else if !same_end {
            "another expiry".to_owned()
        } else {
            if there.state != TaskState::Open {
                self.notes
                    .push(format!("task `{}` is {} and stays so; to do it again, use a new id", there.id, there.state));
            } else if there.expires_at <= now {
                self.notes.push(format!("task `{}` has expired; to do it again, use a new id", there.id));
            }
            return Ok(());
        };
        Err(WriteError::DeclaredDiffers { section: "task", name: there.id.to_string(), detail })
    }

    fn delegations(&mut self, view: &View<'_>, declared: &[DeclaredDelegation], prune: bool) -> Result<(), WriteError> {
        let named = once(Section::Delegation, declared.iter().map(|delegation| &delegation.id))?;
        if prune {
            for there in view.delegations() {
                if there.declared && there.revoked_at.is_none() && !named.contains(&there.id) {
                    let (name, detail) = (there.id.to_string(), "revoked".to_owned());
                    let change = Change::DelegationRevoked(there.id.clone());
                    self.differs(Effect::Removed, Section::Delegation, name, detail, change);
                }
            }
        }
        for delegation in parents::first(declared, |link| (&link.id, link.parent.as_ref())) {
            match view.delegation(&delegation.id) {
                Some(there) => self.delegation_is_there(&there, delegation)?,
                None => {
                    let detail = format!("{} -> {}", delegation.from, delegation.to);
                    let change = Change::DelegationCreated(created(delegation));
                    self.differs(Effect::Added, Section::Delegation, delegation.id.to_string(), detail, change);
                }
            }
        }
        Ok(())
    }

    fn delegation_is_there(&mut self, there: &Delegation, declared: &DeclaredDelegation) -> Result<(), WriteError> {
        let parent = |parent: Option<&_>| match parent {
            Some(parent) => format!("parent `{parent}`"),
            None => "no parent".to_owned(),
        };
        let detail = if there.task != declared.task {
            format!("task `{}`, not `{}`", there.task, declared.task)
        } else if there.kind != declared.kind {
            format!("kind `{}`, not `{}`", there.kind, declared.kind)
        } else if there.from != declared.from {
            format!("from `{}`, not `{}`", there.from, declared.from)
        } else if there.to != declared.to {
            format!("to `{}`, not `{}`", there.to, declared.to)
        } else if there.parent != declared.parent {
            format!("{}, not {}", parent(there.parent.as_ref()), parent(declared.parent.as_ref()))
        } else if there.cap != declared.cap {
            format!("cap `{}`, not `{}`", there.cap, declared.cap)
        } else if there.uses != declared.uses {
            "another number of uses".to_owned()
        } else if there.depth != declared.depth {
            format!("depth {}, not {}", there.depth, declared.depth)
        } else if there.not_before != declared.not_before || there.expires_at != declared.expires_at {
            "another beginning or expiry".to_owned()
        } else {
            if there.revoked_at.is_some() {
                self.notes
                    .push(format!("delegation `{}` is revoked and stays so; to make it again, use a new id", there.id));
            }
            return Ok(());
        };
        Err(WriteError::DeclaredDiffers { section: "delegation", name: there.id.to_string(), detail })
    }

    fn authzen(&mut self, view: &View<'_>, wanted: &AuthzenMapping) {
        let effect = match view.authzen_mapping() {
            Some(there) if *there == *wanted => return,
            None if wanted.is_empty() => return,
            None => Effect::Added,
            Some(_) if wanted.is_empty() => Effect::Removed,
            Some(_) => Effect::Changed,
        };
        let detail = format!("{} names", wanted.len());
        self.differs(effect, Section::Authzen, String::new(), detail, Change::AuthzenMappingSet(wanted.clone()));
    }

    fn differs(&mut self, effect: Effect, section: Section, name: String, detail: String, change: Change) {
        self.difference.push(Difference { effect, section, name, detail, change });
    }
}

fn opened(declared: &DeclaredTask, now: Timestamp) -> Task {
    Task {
        id: declared.id.clone(),
        origin: declared.origin.clone(),
        purpose: declared.purpose.clone(),
        opened_at: now,
        expires_at: match declared.expires {
            Expiry::At(moment) => moment,
            Expiry::AfterMs(milliseconds) => now.plus_ms(milliseconds),
        },
        state: TaskState::Open,
        declared: true,
        parent: declared.parent.clone(),
        owner: declared.owner.clone(),
        budgets: declared.budgets.clone(),
    }
}

fn created(declared: &DeclaredDelegation) -> Delegation {
    Delegation {
        id: declared.id.clone(),
        task: declared.task.clone(),
        kind: declared.kind,
        from: declared.from.clone(),
        to: declared.to.clone(),
        parent: declared.parent.clone(),
        cap: declared.cap.clone(),
        depth: declared.depth,
        not_before: declared.not_before,
        expires_at: declared.expires_at,
        revoked_at: None,
        declared: true,
        uses: declared.uses,
    }
}

/// The names of a section, each of which may stand there once.
fn once<'d, T: std::hash::Hash + Eq + std::fmt::Display>(
    section: Section,
    names: impl Iterator<Item = &'d T>,
) -> Result<HashSet<&'d T>, WriteError> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(WriteError::DeclaredTwice { section: section.word(), name: name.to_string() });
        }
    }
    Ok(seen)
}

/// How the terms differ. Contexts may be long, and are told only to differ.
fn terms_detail(there: &Terms, wanted: &Terms) -> String {
    let mut parts = Vec::new();
    let name = |terms: &Terms| terms.caveat.as_ref().map(|caveat| caveat.name.clone());
    if name(there) != name(wanted) {
        parts.push(name(wanted).map_or_else(|| "no caveat".to_owned(), |name| format!("caveat {name}")));
    } else if there.caveat != wanted.caveat {
        parts.push("another context of its caveat".to_owned());
    }
    if there.expires_at != wanted.expires_at {
        let end = wanted.expires_at;
        parts.push(end.map_or_else(|| "no expiry".to_owned(), |end| format!("expires at {end}")));
    }
    parts.join(", ")
}

fn principal_detail(there: &Principal, wanted: &Principal) -> String {
    let mut parts = Vec::new();
    if there.owner != wanted.owner {
        parts.push(match &wanted.owner {
            Some(owner) => format!("owner {owner}"),
            None => "no owner".to_owned(),
        });
    }
    if there.state != wanted.state {
        parts.push(wanted.state.to_string());
    }
    if there.declared != wanted.declared {
        parts.push("now declared".to_owned());
    }
    parts.join(", ")
}

/// Which definitions differ. A text that is no schema is refused soon after, with better words.
fn schema_detail(before: &Schema, text: &str) -> String {
    let Ok(after) = Schema::parse(text) else {
        return String::new();
    };
    let (old, new) = (before.definitions(), after.definitions());
    let mut parts = Vec::new();
    let mut list = |what: &str, names: Vec<&str>| {
        if !names.is_empty() {
            parts.push(format!("{what} {}", names.join(", ")));
        }
    };
    list("adds", new.keys().filter(|name| !old.contains_key(*name)).map(|name| name.as_str()).collect());
    let differs = |name: &&_| old.get(*name).is_some_and(|definition| new.get(*name) != Some(definition));
    list("changes", new.keys().filter(differs).map(|name| name.as_str()).collect());
    list("drops", old.keys().filter(|name| !new.contains_key(*name)).map(|name| name.as_str()).collect());
    if parts.is_empty() {
        return "only comments or layout".to_owned();
    }
    parts.join("; ")
}
