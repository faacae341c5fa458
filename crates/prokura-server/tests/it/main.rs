//! The server over real sockets.

mod authzen;
mod support;
