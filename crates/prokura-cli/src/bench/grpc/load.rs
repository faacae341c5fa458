//! Getting the data into a server of the protocol that somebody else started.

use std::time::{Duration, Instant};

use prokura_api::grpc::v1;

use super::{Connection, calls::wire_relationship, frame};
use crate::bench::{Outcome, data::World, drive::runtime, processes::Target, progress::Progress};

const WRITE_SCHEMA: &str = "/authzed.api.v1.SchemaService/WriteSchema";
const IMPORT: &str = "/authzed.api.v1.PermissionsService/ImportBulkRelationships";

/// Relationships in one message of an import, and in one call.
const PER_MESSAGE: usize = 1_000;
const PER_CALL: usize = 100_000;

/// Writes the schema and imports every relationship. How long the latter took.
pub(crate) fn load(target: &Target, world: &World, progress: Progress) -> Outcome<Duration> {
    runtime()?.block_on(async {
        let mut connection = Connection::open(target).await?;
        let schema = v1::WriteSchemaRequest { schema: world.schema.to_owned() };
        let _written: v1::WriteSchemaResponse = connection.unary(WRITE_SCHEMA, &schema).await.map_err(not_empty)?;
        let step = progress.parts("loading the peer", world.relationships.len());
        let mut took = Duration::ZERO;
        for some in world.relationships.chunks(PER_CALL) {
            let mut messages = Vec::new();
            for few in some.chunks(PER_MESSAGE) {
                let relationships = few.iter().map(wire_relationship).collect();
                frame(&v1::ImportBulkRelationshipsRequest { relationships }, &mut messages)?;
            }
            let started = Instant::now();
            connection.call(IMPORT, messages.into()).await.map_err(not_empty)?;
            took += started.elapsed();
            step.done(some.len());
        }
        Ok(took)
    })
}

fn not_empty(error: impl std::fmt::Display) -> String {
    format!(
        "the peer did not take the data: {error}; it must hold nothing yet: start it anew, or say --peer-loaded if it \
         holds the data of this very workload and size"
    )
}
