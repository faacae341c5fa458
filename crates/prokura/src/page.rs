use prokura_engine::EngineError;

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
    /// The page of a list that is at hand whole, ascending by its keys; a cursor is the key of the last entry seen.
    pub(crate) fn of<K: Ord + ToString>(
        entries: Vec<T>,
        page: &Page,
        key: impl Fn(&T) -> K,
        read_key: impl Fn(&str) -> Option<K>,
    ) -> Result<Self, AskError> {
        Self::by(entries, page, key, K::to_string, read_key)
    }

    /// The page of those that somebody may have; looked at one after the other, and no further than needed. What cannot be said
    /// of one leaves it out. A cursor names only what was on a page.
    pub(crate) fn some<K: Ord + ToString>(
        entries: Vec<T>,
        page: &Page,
        key: impl Fn(&T) -> K,
        read_key: impl Fn(&str) -> Option<K>,
        may_have: impl Fn(&T) -> Result<bool, EngineError>,
    ) -> Result<Self, AskError> {
        page.check()?;
        let start = start(&entries, page, &key, read_key)?;
        let mut meant = entries.into_iter().skip(start).filter(|entry| may_have(entry) == Ok(true));
        let found: Vec<T> = meant.by_ref().take(page.size).collect();
        let more = meant.next().is_some();
        let next = found.last().filter(|_| more).map(|last| key(last).to_string());
        Ok(Self { entries: found, next })
    }

    /// The same, for keys that are text in a way of their own.
    pub(crate) fn by<K: Ord>(
        entries: Vec<T>,
        page: &Page,
        key: impl Fn(&T) -> K,
        text: impl Fn(&K) -> String,
        read_key: impl Fn(&str) -> Option<K>,
    ) -> Result<Self, AskError> {
        page.check()?;
        let start = start(&entries, page, &key, read_key)?;
        let more = entries.len() > start + page.size;
        let entries: Vec<T> = entries.into_iter().skip(start).take(page.size).collect();
        let next = entries.last().filter(|_| more).map(|last| text(&key(last)));
        Ok(Self { entries, next })
    }
}

/// Where a page begins.
fn start<T, K: Ord>(
    entries: &[T],
    page: &Page,
    key: &impl Fn(&T) -> K,
    read_key: impl Fn(&str) -> Option<K>,
) -> Result<usize, AskError> {
    let Some(cursor) = &page.after else { return Ok(0) };
    let after = read_key(cursor).ok_or_else(|| AskError::CursorInvalid(cursor.clone()))?;
    Ok(entries.partition_point(|entry| key(entry) <= after))
}
