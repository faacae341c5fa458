//! The server over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that fails says so by panicking, in its helpers too"
)]

mod authzen;
mod bad_input;
mod batch;
mod connections;
mod json_api;
mod limits;
mod matrix;
mod openapi;
mod scenarios;
mod support;
mod telemetry;
mod token;
