//! Every limit of the model: a name, a default, and why it is what it is.
//!
//! A limit is listed in `docs/manual/limits.md` and tested at n and at n + 1; a tidy test holds both to this file.

/// Longest object id, in bytes. SpiceDB's limit, so that its data fits.
pub const OBJECT_ID_BYTES_MAX: usize = 1_024;

/// Longest type name, in bytes, prefixes included. SpiceDB's limit.
pub const TYPE_NAME_BYTES_MAX: usize = 128;

/// Longest relation or permission name, in bytes. SpiceDB's limit.
pub const RELATION_NAME_BYTES_MAX: usize = 64;

/// Longest tenant name, in bytes: it is part of every frame of the log and of URLs.
pub const TENANT_NAME_BYTES_MAX: usize = 64;

/// Longest schema text, in bytes.
pub const SCHEMA_BYTES_MAX: usize = 1_048_576;

/// Deepest nesting of parentheses in a permission expression. The parser recurses, so this bounds its stack.
pub const SCHEMA_NESTING_MAX: usize = 64;

/// Most things wrong with one schema text that are reported at once.
pub const SCHEMA_DIAGNOSTICS_MAX: usize = 100;

/// Longest purpose, reason or other sentence a person writes, in bytes.
pub const SENTENCE_BYTES_MAX: usize = 4_096;

/// Longest task, delegation, key or decision id, in bytes.
pub const RECORD_ID_BYTES_MAX: usize = 128;

/// Most clauses in one cap.
pub const CAP_CLAUSES_MAX: usize = 64;

/// Most permissions, and most resources, in one clause of a cap.
pub const CAP_ENTRIES_MAX: usize = 256;

/// Deepest nesting of a [`Value`](crate::Value): a number is 1 deep, a list of numbers 2. Reading one recurses, so this
/// bounds the stack.
pub const VALUE_NESTING_MAX: usize = 32;
