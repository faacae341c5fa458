//! The clients that OpenFGA publishes, unmodified.

use std::path::Path;

use crate::clients::{drive, python};

#[tokio::test]
async fn the_python_client_of_openfga_works() {
    drive("`openfga-sdk` from PyPI", &python(), &["-c", "import openfga_sdk"], "openfga.py").await;
}

#[tokio::test]
async fn the_node_client_of_openfga_works() {
    let probe = ["-e", "require('@openfga/sdk')"];
    drive("`@openfga/sdk` from npm", Path::new("node"), &probe, "openfga.cjs").await;
}
