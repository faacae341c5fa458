//! Tests that need to see inside: what a full queue does, and the limits nobody reaches from outside.

mod queues;
mod recovery;
mod registers;
