//! OpenFGA's HTTP API: what its clients send, and what they get back.

mod checking;
mod clients;
mod conformance;
mod laws;
mod limits;
mod listing;
mod models;
mod refusing;
mod stores;
mod support;
mod writing;
