//! Which changes are legal in a state. Runs on the writer's thread, against everything written before.

mod authority;
mod authzen;
mod budget;
mod cap;
mod endorsement;
mod schema;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::Arc,
};

use prokura_engine::View;
use prokura_model::{
    Change, Delegation, DelegationId, EndorsementId, ObjectRef, Principal, PrincipalState, Relationship, Schema, Task,
    TaskId, Terms, Timestamp, TypeName, Value, condition,
    limits::{SENTENCE_BYTES_MAX, VALUE_NESTING_MAX},
    schema::RelationshipFault,
};

use self::schema::FinalSchema;

use crate::{
    Unfit, WriteError,
    decide::recorded_bytes,
    limits::{ATTRIBUTES_MAX, METADATA_BYTES_MAX, RELATIONSHIP_CONTEXT_BYTES_MAX, TRANSACTION_CHANGES_MAX},
};

/// The state as the changes looked at so far leave it.
pub(super) struct Draft<'v> {
    view: View<'v>,
    now: Timestamp,
    chain_links: usize,
    /// The schema as the whole transaction leaves it: all changes answer to it, wherever it stands among them.
    schema: Option<Arc<Schema>>,
    principals: HashMap<ObjectRef, Option<Arc<Principal>>>,
    /// The principals that are set, wherever that stands: who takes over may be registered later in the same transaction.
    to_come: HashMap<ObjectRef, PrincipalState>,
    tasks: HashMap<TaskId, Arc<Task>>,
    delegations: HashMap<DelegationId, Arc<Delegation>>,
    /// The endorsements that the transaction makes.
    endorsements: HashSet<EndorsementId>,
}

/// Checks the changes, and sets what is the authority's to set.
pub(super) fn validate(
    view: View<'_>,
    now: Timestamp,
    chain_links: usize,
    changes: &mut Vec<Change>,
) -> Result<(), WriteError> {
    if changes.is_empty() {
        return Err(WriteError::NoChanges);
    }
    within("changes in a transaction", TRANSACTION_CHANGES_MAX, changes.len())?;
    let edges = edges(changes)?;
    let FinalSchema { schema, over } = schema::final_schema(&view, now, changes, &edges)?;
    let mut draft = Draft {
        view,
        now,
        chain_links,
        schema,
        principals: HashMap::new(),
        to_come: to_come(changes),
        tasks: HashMap::new(),
        delegations: HashMap::new(),
        endorsements: HashSet::new(),
    };
    changes.iter_mut().try_for_each(|change| draft.take(change))?;
    changes.extend(over.into_iter().map(Change::RelationshipExpired));
    within("changes in a transaction", TRANSACTION_CHANGES_MAX, changes.len())
}

/// A limit, held.
pub(super) fn within(what: &'static str, max: usize, found: usize) -> Result<(), WriteError> {
    if found > max {
        return Err(WriteError::LimitExceeded { what, max, found });
    }
    Ok(())
}

/// A value that the log could be read back with. Says its [`recorded_bytes`].
pub(crate) fn check_value(value: &Value) -> Result<usize, String> {
    fn check(value: &Value, nesting_left: usize) -> Result<usize, String> {
        let Some(nesting_left) = nesting_left.checked_sub(1) else {
            return Err(format!("a value is nested at most {VALUE_NESTING_MAX} deep"));
        };
        match value {
            Value::Float(number) if !number.is_finite() => Err("a number is neither infinite nor `NaN`".to_owned()),
            Value::List(values) => values.iter().try_fold(1, |bytes, value| Ok(bytes + check(value, nesting_left)?)),
            Value::Map(members) => members
                .iter()
                .try_fold(1, |bytes, (name, value)| Ok(bytes + name.len() + 1 + check(value, nesting_left)?)),
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::String(_) => {
                Ok(recorded_bytes(value))
            }
        }
    }
    check(value, VALUE_NESTING_MAX)
}

/// The relationships that are written, each with the terms it holds on afterwards; none if it is gone.
type Edges<'c> = HashMap<&'c Relationship, Option<&'c Terms>>;

fn edges(changes: &[Change]) -> Result<Edges<'_>, WriteError> {
    let mut edges = Edges::with_capacity(changes.len());
    for change in changes {
        let (relationship, terms) = match change {
            Change::RelationshipTouched(relationship, terms) => (relationship, Some(terms)),
            Change::RelationshipDeleted(relationship) => (relationship, None),
            _ => continue,
        };
        let before = edges.insert(relationship, terms);
        if before.is_some_and(|before| before != terms) {
            return Err(WriteError::ChangesContradict(Box::new(relationship.clone())));
        }
    }
    Ok(edges)
}

fn to_come(changes: &[Change]) -> HashMap<ObjectRef, PrincipalState> {
    let set = changes.iter().filter_map(|change| match change {
        Change::PrincipalSet(principal) => Some((principal.object.clone(), principal.state)),
        _ => None,
    });
    set.collect()
}

impl Draft<'_> {
    fn take(&mut self, change: &mut Change) -> Result<(), WriteError> {
        match change {
            // The whole text was looked at before.
            Change::SchemaWritten(_) => Ok(()),
            Change::RelationshipTouched(relationship, terms) => self.touched(relationship, terms),
            Change::RelationshipDeleted(relationship) => self.deleted(relationship),
            Change::AttributesSet(object, attributes) => self.attributes_set(object, attributes),
            Change::PrincipalSet(principal) => self.principal_set(principal),
            Change::PrincipalRemoved(object) => self.principal_removed(object),
            Change::TaskOpened(task) => self.task_opened(task),
            Change::TaskClosed(task, state) => self.task_closed(task, *state),
            Change::DelegationCreated(delegation) => self.delegation_created(delegation),
            Change::DelegationRevoked(delegation) => self.delegation_revoked(delegation),
            Change::EndorsementCreated(endorsement) => self.endorsement_created(endorsement),
            Change::EndorsementRevoked(endorsement) => self.endorsement_revoked(endorsement),
            Change::MetadataAttached(metadata) => metadata_attached(metadata),
            // What the authority itself adds.
            Change::WorkDigested(_) | Change::RequestSet(_) | Change::ApprovalSet(_) => Ok(()),
            Change::AuthzenMappingSet(mapping) => self.authzen_mapping_set(mapping),
            Change::RelationshipExpired(_)
            | Change::Consumed(_)
            | Change::ReservationCommitted(..)
            | Change::ReservationReleased(..)
            | Change::SpendingSet(..)
            | Change::ModelWritten(_)
            | Change::AssertionsWritten(..)
            | Change::TenantCreated(_)
            | Change::TenantNamed(..)
            | Change::TenantDeleted(_)
            | Change::KeyCreated(_)
            | Change::KeyRevoked(_)
            | Change::SecretMade(_) => Err(WriteError::ChangeReserved),
        }
    }

    fn touched(&self, relationship: &Relationship, terms: &Terms) -> Result<(), WriteError> {
        if let Some(caveat) = &terms.caveat {
            context_bound(&format_args!("`{relationship}`"), &caveat.context)?;
        }
        self.schema()?.check_relationship(relationship, terms).map_err(|fault| unfit(relationship, terms, fault))
    }

    /// Deleting what is not there is fine, but not what could never be there: somebody means to take a right away, and
    /// a misspelt relation would leave it in place without a word.
    fn deleted(&self, relationship: &Relationship) -> Result<(), WriteError> {
        if self.view.stored(relationship).is_some() {
            return Ok(());
        }
        let terms = Terms::default();
        self.schema()?.check_deletion(relationship, &terms).map_err(|fault| unfit(relationship, &terms, fault))
    }

    fn attributes_set(&self, object: &ObjectRef, attributes: &BTreeMap<String, Value>) -> Result<(), WriteError> {
        if attributes.is_empty() && self.view.attributes(object).is_some() {
            return Ok(());
        }
        self.known_type(&object.kind, || format!("attributes of `{object}`"))?;
        within("attributes of an object", ATTRIBUTES_MAX, attributes.len())?;
        let schema = self.schema.clone().or_else(|| self.newest_model());
        let definition = schema.as_ref().and_then(|schema| schema.definition(object.kind.as_str()));
        for (name, value) in attributes {
            let declared = definition.and_then(|definition| definition.attributes.get(name));
            let fits = check_value(value).and_then(|_| {
                declared.map_or(Ok(()), |declared| {
                    condition::check_value(declared, value).map_err(|fault| fault.to_string())
                })
            });
            fits.map_err(|detail| WriteError::ValueInvalid {
                place: format!("attribute `{name}` of `{object}`"),
                detail,
            })?;
        }
        Ok(())
    }

    fn schema(&self) -> Result<&Schema, WriteError> {
        self.schema.as_deref().ok_or(WriteError::SchemaMissing)
    }

    fn newest_model(&self) -> Option<Arc<Schema>> {
        let newest = self.view.newest_model()?;
        self.view.with_model(&newest).ok()?.schema()
    }

    fn known_type(&self, kind: &TypeName, place: impl FnOnce() -> String) -> Result<(), WriteError> {
        let schema = match &self.schema {
            Some(schema) => Arc::clone(schema),
            // A tenant of models has no schema: its newest model says which types there are.
            None => self.newest_model().ok_or(WriteError::SchemaMissing)?,
        };
        match schema.find_definition(kind) {
            Ok(_) => Ok(()),
            Err(unknown) => Err(WriteError::NameUnknown { place: place(), unknown }),
        }
    }

    fn principal(&self, object: &ObjectRef) -> Option<Arc<Principal>> {
        match self.principals.get(object) {
            Some(drafted) => drafted.clone(),
            None => self.view.principal(object),
        }
    }

    fn task(&self, id: &TaskId) -> Option<Arc<Task>> {
        self.tasks.get(id).cloned().or_else(|| self.view.task(id))
    }

    fn delegation(&self, id: &DelegationId) -> Option<Arc<Delegation>> {
        self.delegations.get(id).cloned().or_else(|| self.view.delegation(id))
    }
}

fn unfit(relationship: &Relationship, terms: &Terms, fault: RelationshipFault) -> WriteError {
    let (relationship, terms) = (relationship.clone(), terms.clone());
    WriteError::RelationshipInvalid(Box::new(Unfit { relationship, terms, fault }))
}

/// What a caveat is bound with can be kept, and is read back with every check that meets it.
fn context_bound(place: &dyn fmt::Display, context: &BTreeMap<String, Value>) -> Result<(), WriteError> {
    let mut bytes = 1;
    for (name, value) in context {
        let value = check_value(value).map_err(|detail| WriteError::ValueInvalid {
            place: format!("`{name}` in the context of {place}"),
            detail,
        })?;
        bytes += name.len() + 1 + value;
    }
    within("bytes of what a caveat is bound to", RELATIONSHIP_CONTEXT_BYTES_MAX, bytes)
}

fn metadata_attached(metadata: &Value) -> Result<(), WriteError> {
    let place = "the metadata of the transaction".to_owned();
    let bytes = check_value(metadata).map_err(|detail| WriteError::ValueInvalid { place, detail })?;
    within("bytes of a transaction's metadata", METADATA_BYTES_MAX, bytes)
}

fn sentence(what: &'static str, text: &str) -> Result<(), WriteError> {
    within(what, SENTENCE_BYTES_MAX, text.len())
}
