//! The engine held to the oracle, to the laws, and to the written scenarios.
#![expect(clippy::expect_used, reason = "a test fails by panicking, also in its helper functions")]

mod candidate;
mod differential;
mod explanations;
mod images;
mod laws;
mod limits;
mod revisions;
mod scenarios;
