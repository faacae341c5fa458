//! Names that the schema language can write, for names that it cannot.

use std::collections::{BTreeMap, BTreeSet};

/// Longest name made here; what the language allows, less some room for what makes it the only one.
const NAME_BYTES_MAX: usize = 60;

/// Words that would be read as something else where a name stands.
const KEYWORDS: [&str; 16] = [
    "all",
    "and",
    "any",
    "caveat",
    "definition",
    "expiration",
    "import",
    "nil",
    "partial",
    "permission",
    "relation",
    "self",
    "true",
    "false",
    "use",
    "with",
];

/// The rule by which names are carried over, as it is told.
pub(super) const RULE: &str = "letters become small, whatever is no letter, digit or `_` becomes `_`, a name that begins \
     with no letter gets `n_` in front, one that ends in `_` or has fewer than three characters gets `x` or `_x` behind, \
     and a name that is taken then gets `_2`, `_3` and so on";

/// Names of one kind, each carried over to a name of its own.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
    carried: BTreeMap<String, String>,
}

impl Names {
    /// Names carried over in this order. Those that are legal as they are go first, so that they stay as they are.
    pub(super) fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut all = Self::default();
        let (fine, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| legal(name) == *name);
        for name in fine.into_iter().chain(others) {
            if !all.carried.contains_key(name) {
                let given = all.free(&legal(name));
                all.carried.insert(name.to_owned(), given);
            }
        }
        all
    }

    /// What the name became.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.carried.get(name).map(String::as_str)
    }

    /// Names that are others now, and what they are.
    pub(super) fn changed(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.carried.iter().map(|(from, to)| (from.as_str(), to.as_str()));
        pairs.filter(|(from, to)| from != to)
    }

    /// The name, or one made of it that is not taken; it is then.
    pub(super) fn free(&mut self, name: &str) -> String {
        let numbered = (2..).map(|number: u32| format!("{name}_{number}"));
        let free = std::iter::once(name.to_owned()).chain(numbered).find(|candidate| !self.taken.contains(candidate));
        let free = free.unwrap_or_else(|| name.to_owned());
        self.taken.insert(free.clone());
        free
    }
}

/// The name by the rule, whether or not it is taken.
fn legal(name: &str) -> String {
    let mut text: String = name
        .chars()
        .map(|letter| letter.to_ascii_lowercase())
        .map(|letter| if letter.is_ascii_lowercase() || letter.is_ascii_digit() { letter } else { '_' })
        .collect();
    if !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        text.insert_str(0, "n_");
    }
    text.truncate(NAME_BYTES_MAX);
    if text.ends_with('_') {
        text.push('x');
    }
    if text.len() < 3 || KEYWORDS.contains(&text.as_str()) {
        text.push_str("_x");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn every_name_becomes_a_legal_one_of_its_own() {
        let given = ["viewer", "Viewer", "can-view", "can_view", "1st", "id", "a", "self", "öl", "x_", "viewer"];
        let names = Names::of(given);
        let carried: Vec<_> = given.iter().map(|name| names.get(name).expect("carried over")).collect();
        assert_eq!(
            carried,
            ["viewer", "viewer_2", "can_view_2", "can_view", "n_1st", "id_x", "a_x", "self_x", "n__l", "x_x", "viewer"]
        );
        for name in carried {
            prokura_model::RelationName::new(name).expect("legal");
        }
    }
}
