//! Whether the answer that was found is the one that was expected.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Standing {
    Has,
    #[default]
    HasNot,
    Conditional(BTreeSet<String>),
}

impl Standing {
    fn on(names: &str) -> Self {
        Self::Conditional(names.split(',').map(str::to_owned).collect())
    }

    /// Which of the values that are lacking is told depends on what was looked at first; one of them is.
    fn agrees(&self, found: &Self) -> bool {
        match (self, found) {
            (Self::Conditional(expected), Self::Conditional(found)) => !found.is_empty() && found.is_subset(expected),
            _ => self == found,
        }
    }
}

/// `alice, bob if day,on, *, not carol`; or `nothing`: who is named, and everyone else.
fn list(text: &str) -> (BTreeMap<&str, Standing>, Standing) {
    let (mut named, mut others) = (BTreeMap::new(), Standing::HasNot);
    for entry in text.split(", ").filter(|entry| *entry != "nothing") {
        let (name, standing) = match (entry.strip_prefix("not "), entry.split_once(" if ")) {
            (Some(name), _) => (name, Standing::HasNot),
            (None, Some((name, on))) => (name, Standing::on(on)),
            (None, None) => (entry, Standing::Has),
        };
        if name == "*" {
            others = standing;
        } else {
            named.insert(name, standing);
        }
    }
    (named, others)
}

/// Whether two answers say the same. A list that names whom a wildcard covers, and one that does not, do.
pub(super) fn same(expected: &str, found: &str, of_list: bool) -> bool {
    if let (Some(expected), Some(found)) = (expected.strip_prefix("conditional "), found.strip_prefix("conditional "))
        && !of_list
    {
        return expected == found || Standing::on(expected).agrees(&Standing::on(found));
    }
    if !of_list || expected.starts_with("error ") || found.starts_with("error ") {
        return expected == found;
    }
    let ((wanted, wanted_others), (listed, listed_others)) = (list(expected), list(found));
    let names = wanted.keys().chain(listed.keys());
    wanted_others.agrees(&listed_others)
        && names.into_iter().all(|name| {
            let wanted = wanted.get(name).unwrap_or(&wanted_others);
            wanted.agrees(listed.get(name).unwrap_or(&listed_others))
        })
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn answers_that_say_the_same_are_the_same() {
        for (expected, found, of_list, agree) in [
            ("has", "has", false, true),
            ("has", "has_not", false, false),
            ("conditional day,hour", "conditional day", false, true),
            ("conditional day", "conditional day,hour", false, false),
            ("conditional no_path", "has", false, false),
            ("alice, bob", "bob, alice", true, true),
            ("alice", "alice, bob", true, false),
            ("*, not eve", "*, alice, not eve", true, true),
            ("*, not eve", "*", true, false),
            ("nothing", "alice", true, false),
            ("alice if day,hour", "alice if hour", true, true),
            ("error type_unknown", "nothing", true, false),
        ] {
            assert_eq!(same(expected, found, of_list), agree, "{expected} / {found}");
        }
    }
}
