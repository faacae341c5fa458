//! Objects, subjects and relationships as text: SpiceDB's form, with quotes around ids outside its alphabet.

/// Text that does not say what it should. Columns count characters from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct TextError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub message: String,
}
