//! Expected relations: who stands in a permission, and by which relationships.
//!
//! `[user:tom] is <document:plan#viewer>/<group:eng#member>`: the subject, and the places where it was found directly. The
//! membership is that of the whole expansion: usersets are followed, and are members themselves.

use std::collections::{BTreeMap, BTreeSet};

use prokura::{
    AskError, Context, Expansion, ExpansionNode, ExpansionOperation, Permissionship, Snapshot, SubjectLookup,
};
use prokura_model::{ObjectRef, RelationName, SubjectRef};

/// Where a subject was found, and for a wildcard who is taken out of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    found_in: BTreeSet<String>,
    without: BTreeSet<SubjectRef>,
}

type Members = BTreeMap<SubjectRef, Place>;

/// A line of what is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) subject: SubjectRef,
    /// Whether a caveat plays a part.
    pub(super) caveated: bool,
    /// Who is taken out of a wildcard, and whether only on a condition.
    pub(super) without: Vec<(SubjectRef, bool)>,
    pub(super) found_in: BTreeSet<String>,
}

impl Line {
    /// Reads `[subject] is <object#relation>/<object#relation>`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wanted = || format!("`{text}` is not `[subject] is <object#relation>`");
        let (start, end) = (text.find('[').ok_or_else(wanted)?, text.rfind(']').ok_or_else(wanted)?);
        let inside = text.get(start + 1..end).ok_or_else(wanted)?.trim();
        let (subject, without) = match inside.split_once(" - ") {
            None => (inside, ""),
            Some((subject, without)) => {
                let listed = without.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
                (subject.trim(), listed.ok_or_else(wanted)?)
            }
        };
        let (subject, caveated) = entry(subject)?;
        let without = without.split(',').map(str::trim).filter(|part| !part.is_empty()).map(entry);
        let places = text.get(end + 1..).unwrap_or_default();
        let found_in = places.split('<').skip(1).filter_map(|part| part.split('>').next()).map(place);
        Ok(Self {
            subject,
            caveated,
            without: without.collect::<Result<_, _>>()?,
            found_in: found_in.collect::<Result<_, _>>()?,
        })
    }
}

/// A subject, and whether `[...]` stands behind it.
fn entry(text: &str) -> Result<(SubjectRef, bool), String> {
    let (subject, caveated) = text.strip_suffix("[...]").map_or((text, false), |subject| (subject, true));
    let subject = subject.trim().parse().map_err(|error| format!("`{subject}`: {error}"))?;
    Ok((subject, caveated))
}

/// A place as the expansion names it.
fn place(text: &str) -> Result<String, String> {
    let found: SubjectRef = text.trim().parse().map_err(|error| format!("`{text}`: {error}"))?;
    Ok(found.to_string())
}

/// What is otherwise than these lines say: each with the line it is about, if it is about one.
pub(super) fn compared(
    snapshot: &Snapshot,
    resource: &ObjectRef,
    permission: &RelationName,
    lines: &[(String, Line)],
) -> Result<Vec<(Option<usize>, String, String)>, AskError> {
    let mut walk = Walk { snapshot, known: BTreeMap::new() };
    let members = walk.members(resource, permission)?;
    let mut wrong = Vec::new();
    for found in members.keys() {
        if !lines.iter().any(|(_, line)| line.subject == *found) {
            wrong.push((None, "nobody else".to_owned(), found.to_string()));
        }
    }
    for (position, (_, line)) in lines.iter().enumerate() {
        let mut tell = |expected: String, found: String| wrong.push((Some(position), expected, found));
        let Some(place) = members.get(&line.subject) else {
            tell(format!("`{}` as a member", line.subject), "no such member".to_owned());
            continue;
        };
        if place.found_in != line.found_in {
            let shown = |places: &BTreeSet<String>| places.iter().cloned().collect::<Vec<_>>().join(", ");
            tell(format!("found in {}", shown(&line.found_in)), format!("found in {}", shown(&place.found_in)));
        }
        if let SubjectRef::Wildcard(kind) = &line.subject {
            everyone(snapshot, resource, permission, kind, line, &mut tell)?;
            continue;
        }
        let found = snapshot.check(resource, permission, &line.subject, &Context::new())?;
        // With `[...]` a caveat plays a part, and one whose values are all bound may still say yes or no.
        if !line.caveated && found != Permissionship::Has {
            tell("a member without a condition".to_owned(), super::validation::spoken(&found));
        }
    }
    Ok(wrong)
}

fn everyone(
    snapshot: &Snapshot,
    resource: &ObjectRef,
    permission: &RelationName,
    kind: &prokura_model::TypeName,
    line: &Line,
    tell: &mut impl FnMut(String, String),
) -> Result<(), AskError> {
    let lookup = SubjectLookup {
        resource: resource.clone(),
        permission: permission.clone(),
        kind: kind.clone(),
        relation: None,
        context: Context::new(),
    };
    let found = snapshot.lookup_subjects_all(&lookup)?;
    let Some(all) = found.iter().find(|found| found.id.is_none()) else {
        tell(format!("everyone (`{kind}:*`)"), "not everyone".to_owned());
        return Ok(());
    };
    if matches!(all.permissionship, Permissionship::Conditional(_)) != line.caveated {
        let wanted = if line.caveated { "everyone on a condition" } else { "everyone without a condition" };
        tell(wanted.to_owned(), super::validation::spoken(&all.permissionship));
    }
    let shown = |entries: BTreeMap<String, bool>| {
        let entries = entries.into_iter().map(|(name, open)| if open { format!("{name}[...]") } else { name });
        format!("without {{{}}}", entries.collect::<Vec<_>>().join(", "))
    };
    let wanted: BTreeMap<String, bool> = line.without.iter().map(|(who, open)| (who.to_string(), *open)).collect();
    let excluded = all.excluded.iter().map(|out| {
        let who = ObjectRef { kind: kind.clone(), id: out.id.clone() };
        (who.to_string(), matches!(out.permissionship, Permissionship::Conditional(_)))
    });
    let excluded: BTreeMap<String, bool> = excluded.collect();
    if wanted != excluded {
        tell(shown(wanted), shown(excluded));
    }
    Ok(())
}

/// The expansion is one step deep; this follows the usersets.
struct Walk<'s> {
    snapshot: &'s Snapshot,
    /// What was expanded already, or is being expanded: a userset inside itself adds nothing.
    known: BTreeMap<(ObjectRef, RelationName), Members>,
}

impl Walk<'_> {
    fn members(&mut self, object: &ObjectRef, relation: &RelationName) -> Result<Members, AskError> {
        let goal = (object.clone(), relation.clone());
        if let Some(known) = self.known.get(&goal) {
            return Ok(known.clone());
        }
        self.known.insert(goal.clone(), Members::new());
        let expansion = self.snapshot.expand(object, relation, &Context::new())?;
        let members = self.of(&expansion)?;
        self.known.insert(goal, members.clone());
        Ok(members)
    }

    fn of(&mut self, expansion: &Expansion) -> Result<Members, AskError> {
        match &expansion.node {
            ExpansionNode::Leaf(subjects) => {
                let mut members = Members::new();
                for (subject, _) in subjects {
                    let found_in = BTreeSet::from([expansion.goal.to_string()]);
                    let own = Members::from([(subject.clone(), Place { found_in, without: BTreeSet::new() })]);
                    members = union(members, own);
                    if let SubjectRef::Userset(object, relation) = subject {
                        members = union(members, self.members(object, relation)?);
                    }
                }
                Ok(members)
            }
            ExpansionNode::Operation(operation, children) => {
                let mut combined: Option<Members> = None;
                for child in children {
                    let next = self.of(child)?;
                    combined = Some(match (combined, operation) {
                        (None, _) => next,
                        (Some(before), ExpansionOperation::Union) => union(before, next),
                        (Some(before), ExpansionOperation::Intersection) => intersection(&before, &next),
                        (Some(before), ExpansionOperation::Exclusion) => exclusion(&before, &next),
                    });
                }
                Ok(combined.unwrap_or_default())
            }
        }
    }
}

/// The wildcard that stands for this object, with who is taken out of it.
fn wildcard_of<'m>(members: &'m Members, subject: &SubjectRef) -> Option<&'m Place> {
    match subject {
        SubjectRef::Object(object) => {
            let all = members.get(&SubjectRef::Wildcard(object.kind.clone()))?;
            (!all.without.contains(subject)).then_some(all)
        }
        SubjectRef::Userset(..) | SubjectRef::Wildcard(_) => None,
    }
}

fn is_wildcard(subject: &SubjectRef) -> bool {
    matches!(subject, SubjectRef::Wildcard(_))
}

fn joined(one: &Place, other: &Place) -> BTreeSet<String> {
    one.found_in.union(&other.found_in).cloned().collect()
}

fn union(mut one: Members, other: Members) -> Members {
    for (subject, place) in other {
        match one.get_mut(&subject) {
            None => {
                one.insert(subject, place);
            }
            Some(own) => {
                own.found_in = joined(own, &place);
                own.without = own.without.intersection(&place.without).cloned().collect();
            }
        }
    }
    // Who is a member by itself is not taken out.
    let named: BTreeSet<SubjectRef> = one.keys().cloned().collect();
    for (_, place) in one.iter_mut().filter(|(subject, _)| is_wildcard(subject)) {
        place.without.retain(|out| !named.contains(out));
    }
    one
}

fn intersection(one: &Members, other: &Members) -> Members {
    let mut both = Members::new();
    for (these, those) in [(one, other), (other, one)] {
        for (subject, place) in these.iter().filter(|(subject, _)| !is_wildcard(subject)) {
            let met = those.get(subject).or_else(|| wildcard_of(those, subject));
            if let Some(met) = met {
                let entry = both.entry(subject.clone()).or_default();
                entry.found_in.extend(joined(place, met));
            }
        }
    }
    for (subject, place) in one.iter().filter(|(subject, _)| is_wildcard(subject)) {
        if let Some(met) = other.get(subject) {
            let without = place.without.union(&met.without).filter(|out| !both.contains_key(out)).cloned().collect();
            both.insert(subject.clone(), Place { found_in: joined(place, met), without });
        }
    }
    both
}

fn exclusion(one: &Members, other: &Members) -> Members {
    let mut left = Members::new();
    for (subject, place) in one {
        if let SubjectRef::Wildcard(kind) = subject {
            if other.contains_key(subject) {
                continue;
            }
            let named = other.keys().filter(|out| matches!(out, SubjectRef::Object(object) if object.kind == *kind));
            let without = place.without.iter().chain(named).cloned().collect();
            left.insert(subject.clone(), Place { found_in: place.found_in.clone(), without });
        } else if !other.contains_key(subject) && wildcard_of(other, subject).is_none() {
            left.insert(subject.clone(), place.clone());
        }
    }
    // Of everyone but everyone, those remain whom the second does not have.
    for (subject, place) in one.iter().filter(|(subject, _)| is_wildcard(subject)) {
        for out in other.get(subject).into_iter().flat_map(|met| &met.without) {
            if !place.without.contains(out) && !left.contains_key(out) {
                left.insert(out.clone(), Place { found_in: place.found_in.clone(), without: BTreeSet::new() });
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn lines_are_read() {
        let line =
            Line::parse("[user:*[...] - {user:tom, user:jo[...]}] is <doc:a#viewer>/<team:core#member>").unwrap();
        assert_eq!(line.subject.to_string(), "user:*");
        assert!(line.caveated);
        let without: Vec<_> = line.without.iter().map(|(who, open)| (who.to_string(), *open)).collect();
        assert_eq!(without, [("user:tom".to_owned(), false), ("user:jo".to_owned(), true)]);
        assert_eq!(line.found_in.into_iter().collect::<Vec<_>>(), ["doc:a#viewer", "team:core#member"]);
        for wrong in ["user:tom is <doc:a#viewer>", "[user] is <doc:a#viewer>", "[user:a - user:b] is <doc:a#viewer>"] {
            assert!(Line::parse(wrong).is_err(), "{wrong}");
        }
    }
}
