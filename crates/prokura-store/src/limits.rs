//! Every limit of the store: a name, a default, and why it is what it is.

/// Longest frame of either log, in bytes: one transaction or one decision record with all that surrounds it. It bounds what
/// one commit holds in memory and what a damaged length can make a reader believe.
pub const FRAME_BYTES_MAX: usize = 33_554_432;
