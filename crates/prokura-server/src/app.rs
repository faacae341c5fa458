use std::{net::SocketAddr, sync::Arc};

use axum::http::{HeaderMap, Uri, header, uri};
use prokura::{Authority, Health};

use crate::{
    auth::Authenticator, callbacks::Callbacks, config::Config, error::Refusal, limits::IMPORTS_MAX, request::blocking,
    server::ServeError, telemetry::Telemetry, webhooks::Webhooks,
};

/// What every request needs.
#[derive(Debug)]
pub(crate) struct App {
    authority: Authority,
    authenticator: Authenticator,
    telemetry: Telemetry,
    webhooks: Arc<Webhooks>,
    callbacks: Callbacks,
    public_url: Option<String>,
    scheme: &'static str,
    address: SocketAddr,
    stopping: tokio::sync::watch::Sender<bool>,
    /// Held while a principal is read, changed and written back: what one request changes must not undo what another did.
    principals: Arc<tokio::sync::Mutex<()>>,
    /// A place for each load of relationships that may go on at once.
    imports: Arc<tokio::sync::Semaphore>,
}

impl App {
    pub(crate) async fn new(
        config: &Config,
        scheme: &'static str,
        address: SocketAddr,
        authority: Authority,
    ) -> Result<Self, ServeError> {
        let webhooks = Webhooks::open(&config.webhooks, config.webhook_folder.as_deref(), &authority);
        Ok(Self {
            callbacks: Callbacks::open(&config.callbacks).map_err(ServeError::Callbacks)?,
            webhooks: Arc::new(webhooks.map_err(ServeError::Webhooks)?),
            authenticator: Authenticator::new(config, authority.clone()).await?,
            authority,
            telemetry: Telemetry::new(),
            public_url: config.public_url.clone(),
            scheme,
            address,
            stopping: tokio::sync::watch::Sender::new(false),
            principals: Arc::default(),
            imports: Arc::new(tokio::sync::Semaphore::new(IMPORTS_MAX)),
        })
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    pub(crate) fn webhooks(&self) -> &Arc<Webhooks> {
        &self.webhooks
    }

    pub(crate) fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }

    pub(crate) fn imports(&self) -> Arc<tokio::sync::Semaphore> {
        Arc::clone(&self.imports)
    }

    pub(crate) fn begin_shutdown(&self) {
        self.stopping.send_replace(true);
    }

    /// Ends when the server is told to stop: what would go on for ever ends with it.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stopping = self.stopping.subscribe();
        async move {
            // The sender goes with the server, which is the same.
            let _ = stopping.wait_for(|stop| *stop).await;
        }
    }

    /// Whether whoever follows something without an end must end now.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    pub(crate) fn close_authority(&self) {
        self.authority.clone().close();
    }

    /// Does this while no other request changes principals. It is done to its end once it has begun, whether or not the
    /// caller is still there, and nobody else begins before.
    pub(crate) async fn alone_with_principals<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Authority) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let alone = Arc::clone(&self.principals).lock_owned().await;
        let authority = self.authority.clone();
        blocking(move || {
            let _alone = alone;
            work(&authority)
        })
        .await
    }

    /// Whether new requests are welcome; if not, why.
    pub(crate) fn ready(&self) -> Result<Health, &'static str> {
        if *self.stopping.borrow() {
            return Err("the server is stopping");
        }
        let health = self.authority.health();
        if !health.writes.is_working() {
            return Err("writes have stopped");
        }
        if !health.records.is_working() {
            return Err("decisions cannot be recorded");
        }
        Ok(health)
    }

    /// How the caller reaches this server: as configured, or else as the caller says itself.
    pub(crate) fn url_for(&self, uri: &Uri, headers: &HeaderMap) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let named = uri
            .authority()
            .map(uri::Authority::as_str)
            .or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()))
            // A host, not a host with a user in front of it, which only serves to mislead.
            .filter(|host| host.parse::<uri::Authority>().is_ok() && !host.contains('@'));
        match named {
            Some(host) => format!("{}://{host}", self.scheme),
            None => format!("{}://{}", self.scheme, self.address),
        }
    }
}
