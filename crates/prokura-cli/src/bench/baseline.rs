//! The empty handler: what a request costs before anything is decided.
//!
//! It reads the same message, checks a key of the same length and answers a constant of the same shape, so that what
//! remains is what deciding and recording cost.

use std::net::SocketAddr;

use axum::{Json, Router, http::HeaderMap, http::StatusCode, routing::post};
use clap::Args;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use prokura_api::authzen::{EvaluationRequest, EvaluationResponse, ResponseContext};
use tokio::net::TcpListener;

use super::Outcome;

#[derive(Debug, Args)]
pub(crate) struct Baseline {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    key: String,
}

impl Baseline {
    pub(crate) fn run(&self) -> Outcome<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.serve())
    }

    async fn serve(&self) -> Outcome<()> {
        let expected = format!("Bearer {}", self.key);
        let answer = move |headers: HeaderMap, Json(request): Json<EvaluationRequest>| {
            let known = headers.get("authorization").is_some_and(|value| value.as_bytes() == expected.as_bytes());
            std::future::ready(if known { Ok(Json(constant(&request))) } else { Err(StatusCode::UNAUTHORIZED) })
        };
        let router = Router::new().route("/access/v1/evaluation", post(answer));
        let listener = TcpListener::bind(self.listen).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                // A client that goes away is the ordinary end of a connection.
                let _ended =
                    auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }
}

fn constant(request: &EvaluationRequest) -> EvaluationResponse {
    EvaluationResponse {
        decision: !request.subject.id.is_empty(),
        context: Some(ResponseContext {
            id: Some("00000000-0000-7000-8000-000000000000".to_owned()),
            reason: Some("own_authority".to_owned()),
            message: Some("this answer is a constant of the benchmark".to_owned()),
            revision: Some(1),
            ..ResponseContext::default()
        }),
    }
}
