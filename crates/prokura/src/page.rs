use crate::{AskError, limits::PAGE_ENTRIES_MAX};

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most so many entries: 1 to [`PAGE_ENTRIES_MAX`](crate::limits::PAGE_ENTRIES_MAX).
    pub size: usize,
    /// The `next` of the page before; none for the first page.
    pub after: Option<String>,
}

impl Page {
    /// The first page, of at most so many entries.
    #[must_use]
    pub fn first(size: usize) -> Self {
        Self { size, after: None }
    }

    pub(crate) fn check(&self) -> Result<(), AskError> {
        if (1..=PAGE_ENTRIES_MAX).contains(&self.size) {
            return Ok(());
        }
        Err(AskError::PageSize(self.size))
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::first(100)
    }
}

/// Part of a list, in a stable order.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<String>,
}

impl<T> Listed<T> {
    /// The page of a list that is at hand whole, in the order of its keys; a cursor is the key of the last entry seen.
    pub(crate) fn of(
        entries: impl IntoIterator<Item = T>,
        page: &Page,
        key: impl Fn(&T) -> String,
    ) -> Result<Self, AskError> {
        page.check()?;
        let mut entries: Vec<(String, T)> = entries.into_iter().map(|entry| (key(&entry), entry)).collect();
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        let start = page.after.as_ref().map_or(0, |after| entries.partition_point(|(key, _)| key <= after));
        let more = entries.len() > start + page.size;
        let mut taken: Vec<(String, T)> = entries.into_iter().skip(start).take(page.size).collect();
        let next = if more { taken.last_mut().map(|(key, _)| std::mem::take(key)) } else { None };
        Ok(Self { entries: taken.into_iter().map(|(_, entry)| entry).collect(), next })
    }
}
