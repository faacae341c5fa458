//! The server over real sockets.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that fails says so by panicking, in its helpers too"
)]

mod approvals;
mod authzen;
mod authzen_access;
mod authzen_names;
mod authzen_search;
mod bad_input;
mod batch;
mod both_ways;
mod budgets;
mod callbacks;
mod clients;
mod connections;
mod grpc;
mod json_api;
mod laws;
mod limits;
mod matrix;
mod openapi;
mod openfga;
mod questions;
mod rights;
mod runs;
mod scenarios;
mod suites;
mod support;
mod telemetry;
mod token;
mod webhooks;
