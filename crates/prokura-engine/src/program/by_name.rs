use crate::hash::word_of;

/// Values by name. Names are few and compared as numbers first, so that finding one reads little memory and calls nothing.
#[derive(Debug)]
pub(crate) struct ByName<V> {
    /// Sorted by name. What a name begins with, read as one number, sorts as the name does.
    entries: Vec<(u64, Box<str>, V)>,
}

impl<V> ByName<V> {
    pub(crate) fn new<'n>(named: impl IntoIterator<Item = (&'n str, V)>) -> Self {
        let entry = |(name, value): (&'n str, V)| (beginning(name.as_bytes()), Box::from(name), value);
        let mut entries: Vec<(u64, Box<str>, V)> = named.into_iter().map(entry).collect();
        entries.sort_by(|one, other| one.1.cmp(&other.1));
        Self { entries }
    }

    #[inline]
    pub(crate) fn find(&self, name: &str) -> Option<&V> {
        /// From so many names on, halving is quicker than looking at each.
        const FEW: usize = 16;
        let wanted = beginning(name.as_bytes());
        let first = match self.entries.len() {
            0..=FEW => 0,
            _ => self.entries.partition_point(|(beginning, ..)| *beginning < wanted),
        };
        let reached = self.entries.get(first..)?.iter().take_while(|(beginning, ..)| *beginning <= wanted);
        let mut alike = reached.filter(|(beginning, ..)| *beginning == wanted);
        alike.find(|(_, known, _)| **known == *name).map(|(.., value)| value)
    }
}

/// The first eight bytes, as a number that sorts as they do.
#[inline]
pub(crate) fn beginning(bytes: &[u8]) -> u64 {
    word_of(bytes.get(..8).unwrap_or(bytes)).swap_bytes()
}

#[cfg(test)]
mod tests {
    use super::ByName;

    #[test]
    fn every_name_is_found_and_no_other() {
        for count in [0, 1, 3, 16, 17, 200] {
            let name = |n: usize| format!("{}{n}", ["", "relation", "relationship_", "z"][n % 4]);
            let all: Vec<String> = (0..count).map(name).collect();
            let names = ByName::new(all.iter().map(String::as_str).zip(0..));
            for (n, name) in all.iter().enumerate() {
                assert_eq!(names.find(name), Some(&n));
            }
            for other in ["", "relation", "relationship", "zz", "zzzzzzzzzzzzzzz", "a"] {
                assert_eq!(names.find(other), None, "{other}");
            }
        }
    }
}
