//! Every limit of the model: a name, a default, and why it is what it is.
//!
//! A limit is listed in `docs/manual/limits.md` and tested at n and at n + 1; a tidy test holds both to this file.

/// Longest object id, in bytes. SpiceDB's limit, so that its data fits.
pub const OBJECT_ID_BYTES_MAX: usize = 1_024;

/// Longest type name, in bytes, prefixes included. SpiceDB's limit.
pub const TYPE_NAME_BYTES_MAX: usize = 128;

/// Longest relation or permission name, in bytes. SpiceDB's limit.
pub const RELATION_NAME_BYTES_MAX: usize = 64;

/// Longest caveat name, in bytes, prefixes included. SpiceDB's limit.
pub const CAVEAT_NAME_BYTES_MAX: usize = 128;

/// Longest name of a type, relation or condition that comes from another language, in bytes. OpenFGA's limit.
pub const OPEN_NAME_BYTES_MAX: usize = 254;

/// Longest tenant name, in bytes: it is part of every frame of the log and of URLs.
pub const TENANT_NAME_BYTES_MAX: usize = 64;

/// Longest schema text, in bytes.
pub const SCHEMA_BYTES_MAX: usize = 1_048_576;

/// Deepest nesting of parentheses in a permission expression. The parser recurses, so this bounds its stack.
pub const SCHEMA_NESTING_MAX: usize = 64;

/// Most relations and permissions in one schema, each partial counted once for every time it is put in: a few partials put
/// into each other could otherwise grow beyond measure.
pub const SCHEMA_MEMBERS_MAX: usize = 100_000;

/// Most files that one schema is put together from.
pub const SCHEMA_FILES_MAX: usize = 256;

/// Most things wrong with one schema text that are reported at once.
pub const SCHEMA_DIAGNOSTICS_MAX: usize = 100;

/// Most guards on one permission: each decision about it evaluates them all.
pub const GUARDS_ON_ONE_MAX: usize = 64;

/// Most things that one guard forbids, requires or asks for.
pub const GUARD_CLAUSES_MAX: usize = 64;

/// Longest purpose, reason or other sentence a person writes, in bytes.
pub const SENTENCE_BYTES_MAX: usize = 4_096;

/// Longest task, delegation, key or decision id, in bytes.
pub const RECORD_ID_BYTES_MAX: usize = 128;

/// Most clauses in one cap.
pub const CAP_CLAUSES_MAX: usize = 64;

/// Most permissions, and most resources, in one clause of a cap.
pub const CAP_ENTRIES_MAX: usize = 256;

/// Most entries among the origins of an endorsement.
pub const ENDORSEMENT_ORIGINS_MAX: usize = 256;

/// Longest time that an access item may grant, in milliseconds: 90 days. What is needed for longer is no exception.
pub const ACCESS_MS_MAX: u64 = 7_776_000_000;

/// Longest ticket of a request, in bytes: an id or an address.
pub const REQUEST_TICKET_BYTES_MAX: usize = 256;

/// Most resources in one request.
pub const REQUEST_RESOURCES_MAX: usize = 64;
/// Most budgets of one task: every decision under it looks at each.
pub const TASK_BUDGETS_MAX: usize = 16;

/// Deepest nesting of a [`Value`](crate::Value): a number is 1 deep, a list of numbers 2. Reading one recurses, so this
/// bounds the stack.
pub const VALUE_NESTING_MAX: usize = 32;

/// Deepest nesting of what a relation of a model consists of: a single relation is 1 deep, `a or b` 2. Reading one recurses,
/// so this bounds the stack.
pub const MODEL_NESTING_MAX: usize = 32;

/// Longest expression of a condition, in bytes. The library parses and checks by recursion, so what it may see is bounded
/// in several ways.
pub const CONDITION_BYTES_MAX: usize = 16_384;

/// Most words and signs in the expression of a condition.
pub const CONDITION_TOKENS_MAX: usize = 4_096;

/// Deepest nesting of brackets in the expression of a condition.
pub const CONDITION_NESTING_MAX: usize = 64;

/// Most operators, calls and brackets that depend on one another in the expression of a condition: the length of a chain
/// such as `1 + 1 + 1`, of `!!!x`, of `a ? b : c ? d : e`.
pub const CONDITION_DEPTH_MAX: usize = 256;

/// Most entries in a list, a map or the arguments of a call in the expression of a condition.
pub const CONDITION_ELEMENTS_MAX: usize = 1_024;

/// Most `optMap` in the expression of a condition: each doubles what it is applied to.
pub const CONDITION_OPTIONAL_MAPS_MAX: usize = 4;

/// Deepest nesting of macros over lists (`all`, `exists`, `map` …) in the expression of a condition.
pub const CONDITION_LOOPS_MAX: usize = 3;

/// Longest pattern for `matches`, in bytes.
pub const CONDITION_PATTERN_BYTES_MAX: usize = 1_024;

/// Longest text for `matches`, in bytes: what matching takes at worst is the product of text and pattern.
pub const CONDITION_MATCHED_BYTES_MAX: usize = 16_384;

/// Most values in the context of a condition, those inside lists and maps included.
pub const CONDITION_VALUES_MAX: usize = 10_000;

/// Most steps in the evaluation of a condition: operations, elements that are looked at, and every 16 bytes of text.
pub const CONDITION_STEPS_MAX: usize = 100_000;
