//! Makes code of the `.proto` files, without `protoc`, and keeps their descriptors for server reflection.

use std::{env, error::Error, fs, path::Path};

use prost::Message as _;

/// What nothing else brings in: the services, and what travels as text or as bytes.
const FILES: [&str; 6] = [
    "authzed/api/v1/error_reason.proto",
    "authzed/api/v1/experimental_service.proto",
    "authzed/api/v1/permission_service.proto",
    "authzed/api/v1/schema_service.proto",
    "authzed/api/v1/watch_service.proto",
    "google/rpc/error_details.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let target = env::var("OUT_DIR")?;
    fs::write(Path::new(&target).join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .build_transport(false)
        // Few answers have a trace; the others should not be as large as one.
        .boxed(".authzed.api.v1.DebugInformation.check")
        .boxed(".authzed.api.v1.CheckPermissionResponse.debug_trace")
        .boxed(".authzed.api.v1.CheckBulkPermissionsResponseItem.debug_trace")
        .compile_fds(descriptors)?;
    Ok(())
}
