//! Whether the server is well, as `grpc.health.v1` asks.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server::Health,
};

use super::stream::{Pages, page};
use crate::{app::App, limits::HEALTH_WATCHERS_MAX};

/// How often a watcher is looked at: what it is told may be that much late.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

/// The service; every service of the server is as well as the server is.
#[derive(Clone, Debug)]
pub(super) struct Wellbeing {
    app: Arc<App>,
    services: Arc<[String]>,
    /// Nobody has to say who they are to watch, so there cannot be any number of them.
    places: Arc<Semaphore>,
}

impl Wellbeing {
    pub(super) fn new(app: &Arc<App>, services: &[String]) -> Self {
        Self { app: Arc::clone(app), services: services.into(), places: Arc::new(Semaphore::new(HEALTH_WATCHERS_MAX)) }
    }

    fn now(&self, service: &str) -> ServingStatus {
        match self.app.ready() {
            _ if !service.is_empty() && !self.services.iter().any(|known| known == service) => {
                ServingStatus::ServiceUnknown
            }
            Ok(_) => ServingStatus::Serving,
            Err(_) => ServingStatus::NotServing,
        }
    }
}

#[tonic::async_trait]
impl Health for Wellbeing {
    type WatchStream = Pages<HealthCheckResponse>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        match self.now(&request.get_ref().service) {
            ServingStatus::ServiceUnknown => Err(Status::not_found("there is no such service here")),
            status => Ok(Response::new(HealthCheckResponse { status: status.into() })),
        }
    }

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Status::resource_exhausted("too many watch the health already"))?;
        let (wellbeing, service) = (self.clone(), request.into_inner().service);
        let stopping = self.app.stopped();
        Ok(Response::new(Pages::sent(async move |send| {
            let _place = place;
            let mut told = None;
            let mut stopping = std::pin::pin!(stopping);
            loop {
                let status = wellbeing.now(&service);
                if told != Some(status) {
                    told = Some(status);
                    if send.send(Ok(page(vec![HealthCheckResponse { status: status.into() }]))).await.is_err() {
                        return;
                    }
                }
                tokio::select! {
                    () = send.closed() => return,
                    () = stopping.as_mut() => {
                        let last = HealthCheckResponse { status: ServingStatus::NotServing.into() };
                        let _ = send.send(Ok(page(vec![last]))).await;
                        return;
                    }
                    () = tokio::time::sleep(LOOKED_AT_EVERY) => {}
                }
            }
        })))
    }
}
