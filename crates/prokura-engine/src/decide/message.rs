//! What a decision says.

use std::fmt::{self, Write as _};

use prokura_model::{Cap, Delegation, PrincipalState};

use crate::limits::CAP_TEXT_BYTES_MAX;

/// A sentence that most decisions end with, written where it mostly fits at once.
pub(super) fn sentence(words: fmt::Arguments<'_>) -> String {
    let mut sentence = String::with_capacity(192);
    // Writing to a string cannot fail.
    let _ = sentence.write_fmt(words);
    sentence
}

/// A link as a message names it.
pub(super) struct Described<'d>(pub(super) &'d Delegation);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Delegation { id, from, to, .. } = self.0;
        write!(f, "delegation `{id}` from {from} to {to}")
    }
}

/// The text of a cap as far as a message carries it. What is beyond is not even written.
pub(super) fn beginning(cap: &Cap) -> String {
    let mut beginning = Beginning(String::new());
    match write!(beginning, "{cap}") {
        Ok(()) => beginning.0,
        Err(fmt::Error) => beginning.0 + "…",
    }
}

struct Beginning(String);

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = CAP_TEXT_BYTES_MAX - self.0.len();
        let (fits, rest) = text.split_at(text.floor_char_boundary(left));
        self.0.push_str(fits);
        if rest.is_empty() { Ok(()) } else { Err(fmt::Error) }
    }
}

pub(super) fn state_words(state: PrincipalState) -> &'static str {
    match state {
        PrincipalState::Active => "active",
        PrincipalState::Suspended => "suspended",
        PrincipalState::OffBoarded => "off-boarded",
    }
}

#[cfg(test)]
mod tests;
