//! Every limit of the engine: a name, a default, and why it is what it is.
//!
//! A limit is listed in `docs/manual/limits.md` and tested at n and at n + 1; a tidy test holds both to this file.

/// Most goals (a relation or permission of an object) open on one path of a check, unless configured. Twice SpiceDB's default:
/// a graph that is deeper than this is more likely a mistake than an organisation.
pub const DEPTH_DEFAULT: usize = 100;

/// Most goals on one path that can be configured. Open goals are kept in a list, not on the thread's stack, so this bounds
/// only how long looking for a cycle takes.
pub const DEPTH_MAX: usize = 10_000;

/// Most edges visited by one check, unless configured: a fraction of a second.
pub const WORK_DEFAULT: u64 = 1_000_000;

/// Most edges visited by one list, the checks of its candidates included, unless configured: a few seconds.
pub const LIST_WORK_DEFAULT: u64 = 50_000_000;

/// Most nodes in an expansion: it is shown whole or not at all.
pub const EXPANDED_NODES_MAX: usize = 100_000;

/// Most links in a chain that carries anything, unless configured. A longer chain is a deny: too long is what the chain is, and
/// not how far somebody looked.
pub const CHAIN_LINKS_DEFAULT: usize = 32;

/// Most tasks in a line, from one to the root of its tree. With more above it, a task carries nothing: as with a chain that
/// is too long, that is a deny.
pub const TASK_LINE_MAX: usize = 16;

/// Most type names a tenant can ever have used: a type is part of every packed node, and has 14 bits there.
pub const TYPES_MAX: usize = 16_384;

/// Most relation and permission names a tenant can ever have used: a name has 16 bits in a packed node.
pub const RELATION_NAMES_MAX: usize = 65_535;

/// Most goals in the tree of an explanation, and most goals named as tried; what is beyond is left out and said to be. Also
/// bounds how deep the tree nests, for whoever walks it by recursion.
pub const EXPLAINED_GOALS_MAX: usize = 500;

/// Most edges in a witness.
pub const WITNESS_EDGES_MAX: usize = 1_000;

/// Most relationships that an explanation tries, one at a time, to find one that would have made the deny an allow.
pub const NEAREST_TRIED_MAX: usize = 64;

/// Most relationships in one page.
pub const PAGE_RELATIONSHIPS_MAX: usize = 10_000;

/// Most of a cap's text that a message repeats, in bytes: whoever made the cap decides how long it is, and every decision
/// that it denies is answered and recorded with the message.
pub const CAP_TEXT_BYTES_MAX: usize = 512;

/// How much one question may cost.
///
/// `depth` and `work` bound the evaluation: reaching one says nothing about who may do what, so it is an error and never a
/// deny. `chain_links` is a rule about chains: a longer one carries nothing, however it is evaluated, so that it is a deny,
/// with the reason `chain_too_long`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most goals open on one path; more than [`DEPTH_MAX`] counts as that.
    pub depth: usize,
    /// Most edges visited in one check.
    pub work: u64,
    /// Most edges visited for one list, the checks of its candidates included.
    pub list_work: u64,
    /// Most links in a chain that carries anything.
    pub chain_links: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: DEPTH_DEFAULT,
            work: WORK_DEFAULT,
            list_work: LIST_WORK_DEFAULT,
            chain_links: CHAIN_LINKS_DEFAULT,
        }
    }
}
