//! `prokura openapi`

use clap::Args;

use crate::{arguments::Ended, failure::Failure, output::Output};

/// Print the OpenAPI 3.1 document of the JSON API
#[derive(Args, Debug)]
pub(crate) struct Openapi {}

impl Openapi {
    pub(crate) fn run(self) -> Result<Ended, Failure> {
        Output { json: true }.show(&prokura_server::openapi(), |_| String::new())?;
        Ok(Ended::Done)
    }
}
