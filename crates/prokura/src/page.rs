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
