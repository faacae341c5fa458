//! What changed from one schema to another, change by change.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    AccessItem, Allowed, AuthorityOver, Caveat, Clause, Definition, Guard, Member, Permission, Relation, Schema,
    canonical::canonical_condition,
};
use crate::{CaveatName, GuardName, RelationName, TypeName, condition::ParameterType};

/// One way in which two schemas differ. Documentation is what comments say; an expression is what it means, not how it is
/// written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A definition is new.
    DefinitionAdded(TypeName),
    /// A definition is gone.
    DefinitionRemoved(TypeName),
    /// The documentation of a definition is another.
    DefinitionDocChanged(TypeName),
    /// A relation is new.
    RelationAdded(TypeName, RelationName),
    /// A relation is gone.
    RelationRemoved(TypeName, RelationName),
    /// The documentation of a relation is another.
    RelationDocChanged(TypeName, RelationName),
    /// A relation allows subjects that it did not allow.
    SubjectTypeAdded(TypeName, RelationName, Allowed),
    /// A relation does not allow subjects that it allowed.
    SubjectTypeRemoved(TypeName, RelationName, Allowed),
    /// A permission is new.
    PermissionAdded(TypeName, RelationName),
    /// A permission is gone.
    PermissionRemoved(TypeName, RelationName),
    /// The documentation of a permission is another.
    PermissionDocChanged(TypeName, RelationName),
    /// A permission is computed in another way.
    PermissionExpressionChanged(TypeName, RelationName),
    /// A caveat is new.
    CaveatAdded(CaveatName),
    /// A caveat is gone.
    CaveatRemoved(CaveatName),
    /// The documentation of a caveat is another.
    CaveatDocChanged(CaveatName),
    /// The expression of a caveat is another.
    CaveatExpressionChanged(CaveatName),
    /// A caveat has a new parameter.
    CaveatParameterAdded(CaveatName, String),
    /// A parameter of a caveat is gone.
    CaveatParameterRemoved(CaveatName, String),
    /// A parameter of a caveat has another type: the one before, and the one after.
    CaveatParameterTypeChanged(CaveatName, String, ParameterType, ParameterType),
    /// Something can be asked for in a new way.
    AccessAdded(String),
    /// A way to ask for something is gone.
    AccessRemoved(String),
    /// The documentation of an access item is another.
    AccessDocChanged(String),
    /// An access item says something else.
    AccessChanged(String),
    /// The schema says who has authority over a type, which it did not.
    AuthorityAdded(TypeName),
    /// The schema does not say any more who has authority over a type.
    AuthorityRemoved(TypeName),
    /// The documentation of an authority is another.
    AuthorityDocChanged(TypeName),
    /// Others have authority over a type.
    AuthorityChanged(TypeName),
    /// An attribute is new.
    AttributeAdded(TypeName, String),
    /// An attribute is gone.
    AttributeRemoved(TypeName, String),
    /// An attribute is of another type: the one before, and the one after.
    AttributeTypeChanged(TypeName, String, ParameterType, ParameterType),
    /// A guard is new.
    GuardAdded(GuardName),
    /// A guard is gone.
    GuardRemoved(GuardName),
    /// The documentation of a guard is another.
    GuardDocChanged(GuardName),
    /// A guard is on other permissions.
    GuardMoved(GuardName),
    /// A guard has other parameters, applies under another condition, or says other things.
    GuardChanged(GuardName),
}

/// As a sentence: `relation document#viewer allows group#member`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefinitionAdded(kind) => write!(f, "definition `{kind}` is new"),
            Self::DefinitionRemoved(kind) => write!(f, "definition `{kind}` is gone"),
            Self::DefinitionDocChanged(kind) => write!(f, "definition `{kind}` has another comment"),
            Self::RelationAdded(kind, name) => write!(f, "relation `{kind}#{name}` is new"),
            Self::RelationRemoved(kind, name) => write!(f, "relation `{kind}#{name}` is gone"),
            Self::RelationDocChanged(kind, name) => write!(f, "relation `{kind}#{name}` has another comment"),
            Self::SubjectTypeAdded(kind, name, allowed) => write!(f, "relation `{kind}#{name}` allows `{allowed}`"),
            Self::SubjectTypeRemoved(kind, name, allowed) => {
                write!(f, "relation `{kind}#{name}` does not allow `{allowed}` any more")
            }
            Self::PermissionAdded(kind, name) => write!(f, "permission `{kind}#{name}` is new"),
            Self::PermissionRemoved(kind, name) => write!(f, "permission `{kind}#{name}` is gone"),
            Self::PermissionDocChanged(kind, name) => write!(f, "permission `{kind}#{name}` has another comment"),
            Self::PermissionExpressionChanged(kind, name) => {
                write!(f, "permission `{kind}#{name}` is computed in another way")
            }
            Self::CaveatAdded(name) => write!(f, "caveat `{name}` is new"),
            Self::CaveatRemoved(name) => write!(f, "caveat `{name}` is gone"),
            Self::CaveatDocChanged(name) => write!(f, "caveat `{name}` has another comment"),
            Self::CaveatExpressionChanged(name) => write!(f, "caveat `{name}` has another expression"),
            Self::CaveatParameterAdded(name, parameter) => {
                write!(f, "caveat `{name}` has a new parameter `{parameter}`")
            }
            Self::CaveatParameterRemoved(name, parameter) => {
                write!(f, "caveat `{name}` has no parameter `{parameter}` any more")
            }
            Self::CaveatParameterTypeChanged(name, parameter, before, after) => {
                write!(f, "parameter `{parameter}` of caveat `{name}` is of type `{after}`, and was `{before}`")
            }
            Self::AccessAdded(name) => write!(f, "access `{name}` is new"),
            Self::AccessRemoved(name) => write!(f, "access `{name}` is gone"),
            Self::AccessDocChanged(name) => write!(f, "access `{name}` has another comment"),
            Self::AccessChanged(name) => write!(f, "access `{name}` says something else"),
            Self::AuthorityAdded(kind) => write!(f, "authority over `{kind}` is new"),
            Self::AuthorityRemoved(kind) => write!(f, "authority over `{kind}` is gone"),
            Self::AuthorityDocChanged(kind) => write!(f, "authority over `{kind}` has another comment"),
            Self::AuthorityChanged(kind) => write!(f, "authority over `{kind}` says something else"),
            Self::AttributeAdded(kind, name) => write!(f, "attribute `{name}` of `{kind}` is new"),
            Self::AttributeRemoved(kind, name) => write!(f, "attribute `{name}` of `{kind}` is gone"),
            Self::AttributeTypeChanged(kind, name, before, after) => {
                write!(f, "attribute `{name}` of `{kind}` is of type `{after}`, and was `{before}`")
            }
            Self::GuardAdded(name) => write!(f, "guard `{name}` is new"),
            Self::GuardRemoved(name) => write!(f, "guard `{name}` is gone"),
            Self::GuardDocChanged(name) => write!(f, "guard `{name}` has another comment"),
            Self::GuardMoved(name) => write!(f, "guard `{name}` is on other permissions"),
            Self::GuardChanged(name) => write!(f, "guard `{name}` says something else"),
        }
    }
}

/// What changed from one schema to another: definitions first, then caveats, guards, access items and authorities, each in the order of their names. A relation that
/// became a permission is gone and new.
///
/// ```
/// use prokura_model::{Schema, schema::diff};
///
/// let read = |text: &str| Schema::parse(text).map_err(|problems| format!("{problems:?}"));
/// let before = read("definition user {}\ndefinition document {\n\trelation viewer: user\n}")?;
/// let after = read("definition user {}\ndefinition document {\n\trelation viewer: user | user:*\n}")?;
/// let said: Vec<String> = diff(&before, &after).iter().map(ToString::to_string).collect();
/// assert_eq!(said, ["relation `document#viewer` allows `user:*`"]);
/// # Ok::<(), String>(())
/// ```
#[must_use]
pub fn diff(before: &Schema, after: &Schema) -> Vec<Difference> {
    let mut found = Vec::new();
    for (kind, pair) in pairs(before.definitions(), after.definitions()) {
        match pair {
            Pair::Before(_) => found.push(Difference::DefinitionRemoved(kind.clone())),
            Pair::After(_) => found.push(Difference::DefinitionAdded(kind.clone())),
            Pair::Both(before, after) => definition(before, after, &mut found),
        }
    }
    for (name, pair) in pairs(before.caveats(), after.caveats()) {
        match pair {
            Pair::Before(_) => found.push(Difference::CaveatRemoved(name.clone())),
            Pair::After(_) => found.push(Difference::CaveatAdded(name.clone())),
            Pair::Both(before, after) => caveat(before, after, &mut found),
        }
    }
    for (name, pair) in pairs(before.guards(), after.guards()) {
        match pair {
            Pair::Before(_) => found.push(Difference::GuardRemoved(name.clone())),
            Pair::After(_) => found.push(Difference::GuardAdded(name.clone())),
            Pair::Both(before, after) => guard(before, after, &mut found),
        }
    }
    access(before, after, &mut found);
    for (kind, pair) in pairs(before.authorities(), after.authorities()) {
        match pair {
            Pair::Before(_) => found.push(Difference::AuthorityRemoved(kind.clone())),
            Pair::After(_) => found.push(Difference::AuthorityAdded(kind.clone())),
            Pair::Both(before, after) => authority(before, after, &mut found),
        }
    }
    found
}

enum Pair<'p, V> {
    Before(&'p V),
    After(&'p V),
    Both(&'p V, &'p V),
}

/// What either of two maps has, by name.
fn pairs<'p, K: Ord, V>(
    before: &'p BTreeMap<K, V>,
    after: &'p BTreeMap<K, V>,
) -> impl Iterator<Item = (&'p K, Pair<'p, V>)> {
    let names: BTreeSet<&K> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter_map(move |name| {
        let pair = match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) => Pair::Both(before, after),
            (Some(before), None) => Pair::Before(before),
            (None, Some(after)) => Pair::After(after),
            (None, None) => return None,
        };
        Some((name, pair))
    })
}

fn definition(before: &Definition, after: &Definition, found: &mut Vec<Difference>) {
    let kind = &before.name;
    if before.doc != after.doc {
        found.push(Difference::DefinitionDocChanged(kind.clone()));
    }
    for (_, pair) in pairs(&before.members, &after.members) {
        match pair {
            Pair::Before(member) => found.push(removed(kind, member)),
            Pair::After(member) => found.push(added(kind, member)),
            Pair::Both(Member::Relation(before), Member::Relation(after)) => relation(kind, before, after, found),
            Pair::Both(Member::Permission(before), Member::Permission(after)) => permission(kind, before, after, found),
            Pair::Both(before, after) => found.extend([removed(kind, before), added(kind, after)]),
        }
    }
    attributes(before, after, found);
}

fn attributes(before: &Definition, after: &Definition, found: &mut Vec<Difference>) {
    for (name, pair) in pairs(&before.attributes, &after.attributes) {
        let (kind, name) = (before.name.clone(), name.clone());
        match pair {
            Pair::Before(_) => found.push(Difference::AttributeRemoved(kind, name)),
            Pair::After(_) => found.push(Difference::AttributeAdded(kind, name)),
            Pair::Both(before, after) if before != after => {
                found.push(Difference::AttributeTypeChanged(kind, name, before.clone(), after.clone()));
            }
            Pair::Both(..) => {}
        }
    }
}

fn added(kind: &TypeName, member: &Member) -> Difference {
    match member {
        Member::Relation(relation) => Difference::RelationAdded(kind.clone(), relation.name.clone()),
        Member::Permission(permission) => Difference::PermissionAdded(kind.clone(), permission.name.clone()),
    }
}

fn removed(kind: &TypeName, member: &Member) -> Difference {
    match member {
        Member::Relation(relation) => Difference::RelationRemoved(kind.clone(), relation.name.clone()),
        Member::Permission(permission) => Difference::PermissionRemoved(kind.clone(), permission.name.clone()),
    }
}

fn relation(kind: &TypeName, before: &Relation, after: &Relation, found: &mut Vec<Difference>) {
    let name = &before.name;
    if before.doc != after.doc {
        found.push(Difference::RelationDocChanged(kind.clone(), name.clone()));
    }
    if before.computed != after.computed {
        found.push(Difference::PermissionExpressionChanged(kind.clone(), name.clone()));
    }
    let old: BTreeSet<&Allowed> = before.allowed.iter().collect();
    let new: BTreeSet<&Allowed> = after.allowed.iter().collect();
    let gone = old.difference(&new);
    found.extend(gone.map(|allowed| Difference::SubjectTypeRemoved(kind.clone(), name.clone(), (*allowed).clone())));
    let more = new.difference(&old);
    found.extend(more.map(|allowed| Difference::SubjectTypeAdded(kind.clone(), name.clone(), (*allowed).clone())));
}

fn permission(kind: &TypeName, before: &Permission, after: &Permission, found: &mut Vec<Difference>) {
    if before.doc != after.doc {
        found.push(Difference::PermissionDocChanged(kind.clone(), before.name.clone()));
    }
    if before.expression != after.expression {
        found.push(Difference::PermissionExpressionChanged(kind.clone(), before.name.clone()));
    }
}

fn caveat(before: &Caveat, after: &Caveat, found: &mut Vec<Difference>) {
    let name = &before.name;
    if before.doc != after.doc {
        found.push(Difference::CaveatDocChanged(name.clone()));
    }
    if canonical_condition(&before.expression) != canonical_condition(&after.expression) {
        found.push(Difference::CaveatExpressionChanged(name.clone()));
    }
    let parameters =
        |caveat: &Caveat| -> BTreeMap<String, ParameterType> { caveat.parameters.iter().cloned().collect() };
    for (parameter, pair) in pairs(&parameters(before), &parameters(after)) {
        let (name, parameter) = (name.clone(), parameter.clone());
        match pair {
            Pair::Before(_) => found.push(Difference::CaveatParameterRemoved(name, parameter)),
            Pair::After(_) => found.push(Difference::CaveatParameterAdded(name, parameter)),
            Pair::Both(before, after) if before != after => {
                found.push(Difference::CaveatParameterTypeChanged(name, parameter, before.clone(), after.clone()));
            }
            Pair::Both(..) => {}
        }
    }
}

fn access(before: &Schema, after: &Schema, found: &mut Vec<Difference>) {
    let named = |schema: &Schema| -> BTreeMap<String, AccessItem> {
        schema.access().iter().map(|item| (item.name.clone(), item.clone())).collect()
    };
    for (name, pair) in pairs(&named(before), &named(after)) {
        match pair {
            Pair::Before(_) => found.push(Difference::AccessRemoved(name.clone())),
            Pair::After(_) => found.push(Difference::AccessAdded(name.clone())),
            Pair::Both(before, after) => {
                if before.doc != after.doc {
                    found.push(Difference::AccessDocChanged(name.clone()));
                }
                let bare = |item: &AccessItem| AccessItem { doc: None, when: None, ..item.clone() };
                let when = |item: &AccessItem| item.when.as_ref().map(|when| canonical_condition(when.expression()));
                if (bare(before), when(before)) != (bare(after), when(after)) {
                    found.push(Difference::AccessChanged(name.clone()));
                }
            }
        }
    }
}

fn authority(before: &AuthorityOver, after: &AuthorityOver, found: &mut Vec<Difference>) {
    if before.doc != after.doc {
        found.push(Difference::AuthorityDocChanged(before.kind.clone()));
    }
    if before.said() != after.said() {
        found.push(Difference::AuthorityChanged(before.kind.clone()));
    }
}

fn guard(before: &Guard, after: &Guard, found: &mut Vec<Difference>) {
    let name = &before.name;
    if before.doc != after.doc {
        found.push(Difference::GuardDocChanged(name.clone()));
    }
    if before.on.iter().collect::<BTreeSet<_>>() != after.on.iter().collect::<BTreeSet<_>>() {
        found.push(Difference::GuardMoved(name.clone()));
    }
    let parameters = |guard: &Guard| -> (BTreeMap<String, ParameterType>, BTreeMap<String, TypeName>) {
        (guard.parameters.values.iter().cloned().collect(), guard.parameters.objects.clone())
    };
    let when = |guard: &Guard| guard.when.as_ref().map(|when| canonical_condition(when.expression()));
    let said = |guard: &Guard| -> Vec<String> { guard.clauses.iter().map(clause).collect() };
    if (parameters(before), when(before), said(before)) != (parameters(after), when(after), said(after)) {
        found.push(Difference::GuardChanged(name.clone()));
    }
}

/// What a clause means, however it is written.
fn clause(clause: &Clause) -> String {
    match clause {
        Clause::Require(condition) => canonical_condition(condition.expression()),
        other => other.to_string(),
    }
}
