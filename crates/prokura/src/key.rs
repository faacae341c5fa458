use std::fmt;

use prokura_model::Key;

/// A key that was just made. This is the only time its secret can be read.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What is stored.
    pub key: Key,
    /// What its holder presents.
    pub secret: Secret,
}

/// Text that must not end up in a log: printing it for debugging shows `…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
