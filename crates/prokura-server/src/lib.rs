//! Prokura over HTTP: who is calling, what they may ask, and the doors through which they ask it: AuthZEN's, our own JSON
//! API, and gRPC as SpiceDB's clients speak it. What is right is decided below, in the library; nothing here knows how.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let authority = prokura::Authority::in_memory(prokura::Options::default());
//! let config = prokura_server::Config { listen: "127.0.0.1:0".to_owned(), ..Default::default() };
//! let server = prokura_server::serve(config, authority).await?;
//! println!("listening on {}", server.url());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod app;
mod at_once;
mod auth;
mod callbacks;
mod config;
mod convert;
mod error;
mod grpc;
mod json;
pub mod limits;
mod listen;
mod openfga;
mod outbound;
mod request;
mod routes;
mod server;
mod stream;
mod telemetry;
mod tls;
mod webhooks;

pub use auth::Algorithm;
pub use callbacks::Callback;
pub use config::{Config, ConfigError, Issuer, TlsFiles};
pub use routes::openapi;
pub use server::{ServeError, Server, Stopped, router, serve};
pub use webhooks::Webhook;

/// An explanation of the library as the JSON API tells it, for who runs the library in the same process.
#[must_use]
pub fn explanation_on_the_wire(
    subject: &prokura_model::ObjectRef,
    explanation: &prokura::Explanation,
) -> prokura_api::Explanation {
    convert::wire_explanation(subject, explanation)
}
