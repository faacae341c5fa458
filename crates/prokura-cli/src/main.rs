//! The `prokura` binary: the server, and everything a person or a script does with one.
//!
//! One file a family of commands. Exit codes: 0 done or allowed, 1 denied or conditional, 2 failed.

mod apply;
mod approval;
mod arguments;
mod attribute;
mod bench;
mod budget;
mod completions;
mod configuration;
mod decide;
mod decision;
mod delegation;
mod demo;
mod endorsement;
mod explain;
mod failure;
mod import;
mod key;
mod limits;
mod lookup;
mod near;
mod openapi;
mod openfga_dsl;
mod output;
mod principal;
mod relationship;
mod request;
mod reservation;
mod schema;
mod serve;
mod session;
mod source;
mod stats;
mod task;
mod tenant;
mod terms;
mod test;
mod time;
mod tree;
mod watch;
mod webhook;
mod wire;

use std::process::ExitCode;

use crate::arguments::Arguments;

/// The memory allocator of the server: many small allocations from many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    let json = arguments.reach.json;
    match arguments.run() {
        Ok(ended) => ended.into(),
        Err(failure) => {
            failure.report(json);
            ExitCode::from(2)
        }
    }
}
