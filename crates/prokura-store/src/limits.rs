//! Every limit of the store: a name, a default, and why it is what it is.

/// Longest frame of either log, in bytes: one transaction or the decision records
/// that share one, with all that surrounds them. It bounds what
/// one commit holds in memory and what a damaged length can make a reader believe.
pub const FRAME_BYTES_MAX: usize = 33_554_432;

/// Longest record of a checkpoint, in bytes: any transaction fits. It bounds what writing one holds in memory and what a
/// damaged length can make a reader believe.
pub const CHECKPOINT_RECORD_BYTES_MAX: usize = 33_554_432;

/// Most decision records in one frame. It bounds what is read to find one of them.
pub const FRAME_RECORDS_MAX: usize = 1_024;

/// Most bytes of decision records in one frame; one alone may have more. With what surrounds them they just fit a page of
/// 64 KiB, and redb rounds pages up to powers of two.
pub const FRAME_RECORDS_BYTES_MAX: usize = 65_024;
