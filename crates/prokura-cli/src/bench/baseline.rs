//! The empty handlers: what a request costs before anything is decided.
//!
//! Each reads the same message as the product, checks a key of the same length and answers a constant of the same shape, so
//! that what remains is what deciding and recording cost.

use std::{convert::Infallible, future::Ready, net::SocketAddr, pin::Pin};

use axum::{Json, Router, http::HeaderMap, http::StatusCode, routing::post};
use clap::Args;
use hyper::{Request, Response, body::Incoming, header::HeaderValue};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use prokura_api::{
    authzen::{EvaluationRequest, EvaluationResponse, ResponseContext},
    grpc::v1::{self, check_permission_response::Permissionship},
};
use tokio::net::TcpListener;
use tonic::{Status, server::UnaryService};
use tonic_prost::ProstCodec;

use super::Outcome;

#[derive(Debug, Args)]
pub(crate) struct Baseline {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    key: String,
}

impl Baseline {
    /// JSON over HTTP/1.1, by axum.
    pub(crate) fn http(&self) -> Outcome<()> {
        let expected = format!("Bearer {}", self.key);
        let answer = move |headers: HeaderMap, Json(request): Json<EvaluationRequest>| {
            let known = headers.get("authorization").is_some_and(|value| value.as_bytes() == expected.as_bytes());
            std::future::ready(if known { Ok(Json(evaluated(&request))) } else { Err(StatusCode::UNAUTHORIZED) })
        };
        let router = Router::new().route("/access/v1/evaluation", post(answer));
        runtime()?.block_on(serve(self.listen, TowerToHyperService::new(router)))
    }

    /// gRPC, by tonic.
    pub(crate) fn grpc(&self) -> Outcome<()> {
        let expected = HeaderValue::try_from(format!("Bearer {}", self.key))?;
        runtime()?.block_on(serve(self.listen, Checking(expected)))
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

async fn serve<S, B>(listen: SocketAddr, service: S) -> Outcome<()>
where
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service.clone();
        tokio::spawn(async move {
            // A client that goes away is the ordinary end of a connection.
            let _ended = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn evaluated(request: &EvaluationRequest) -> EvaluationResponse {
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

/// Answers every check with the same, for whoever has the key.
#[derive(Clone)]
struct Checking(HeaderValue);

impl hyper::service::Service<Request<Incoming>> for Checking {
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let checking = self.clone();
        Box::pin(async move { Ok(tonic::server::Grpc::new(ProstCodec::default()).unary(checking, request).await) })
    }
}

impl UnaryService<v1::CheckPermissionRequest> for Checking {
    type Response = v1::CheckPermissionResponse;
    type Future = Ready<Result<tonic::Response<Self::Response>, Status>>;

    fn call(&mut self, request: tonic::Request<v1::CheckPermissionRequest>) -> Self::Future {
        let presented = request.metadata().get("authorization").map(|value| value.as_encoded_bytes());
        if presented != Some(self.0.as_bytes()) {
            return std::future::ready(Err(Status::unauthenticated("the key is another")));
        }
        let has = !request.get_ref().permission.is_empty();
        std::future::ready(Ok(tonic::Response::new(v1::CheckPermissionResponse {
            checked_at: Some(v1::ZedToken { token: "a token of as many bytes as one has".to_owned() }),
            permissionship: if has { Permissionship::HasPermission.into() } else { 0 },
            ..v1::CheckPermissionResponse::default()
        })))
    }
}
