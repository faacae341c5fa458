//! A thin client: one method a route, typed in and out.

mod error;
mod lines;
mod routes;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Url};
use serde::{Serialize, de::DeserializeOwned};

pub use error::ClientError;
pub use lines::Lines;

use crate::ErrorBody;

/// Longest a request may take, unless the options say otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How a server is reached.
#[derive(Clone)]
pub struct ClientOptions {
    /// Where it is: `http://127.0.0.1:8080`. A path in it is kept in front of every route.
    pub server: String,
    /// An API key, or a token. None: only the open routes answer.
    pub credential: Option<String>,
    /// The tenant that is meant.
    pub tenant: String,
    /// Certificates (PEM) to trust besides the system's.
    pub trusted: Option<Vec<u8>>,
    /// Longest a request may take.
    pub timeout: Duration,
}

impl ClientOptions {
    /// A server's tenant `default`, without a credential.
    pub fn new(server: impl Into<String>) -> Self {
        Self { server: server.into(), credential: None, tenant: "default".to_owned(), trusted: None, timeout: TIMEOUT }
    }
}

/// Without the credential.
impl std::fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientOptions")
            .field("server", &self.server)
            .field("tenant", &self.tenant)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A client of one server, one tenant and one credential. Cheap to clone; connections are kept and shared.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    server: Url,
    tenant: String,
    credential: Option<String>,
}

/// Without the credential.
impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.server.as_str())
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client; no connection is made yet.
    ///
    /// # Errors
    /// The server's address or the certificates to trust cannot be read.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let server = Url::parse(&options.server)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| ClientError::Address(options.server.clone()))?;
        let mut builder = reqwest::Client::builder()
            .timeout(options.timeout)
            .connect_timeout(options.timeout.min(Duration::from_secs(10)))
            // A redirect would carry the credential to wherever it points.
            .redirect(reqwest::redirect::Policy::none());
        builder = match (server.scheme(), &options.trusted) {
            // Without TLS no certificates are needed, and a machine that has none must not be turned away.
            ("http", _) => builder.tls_certs_only([]),
            (_, None) => builder,
            (_, Some(pem)) => {
                let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(ClientError::Certificates)?;
                builder.tls_certs_merge(certificates)
            }
        };
        let http = builder.build().map_err(ClientError::Certificates)?;
        Ok(Self { http, server, tenant: options.tenant, credential: options.credential })
    }

    /// The same server and credential, another tenant.
    #[must_use]
    pub fn with_tenant(&self, tenant: impl Into<String>) -> Self {
        Self { tenant: tenant.into(), ..self.clone() }
    }

    /// The tenant that is meant.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Where the server is.
    #[must_use]
    pub fn server(&self) -> &str {
        self.server.as_str()
    }

    async fn fetch<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ClientError> {
        self.send(self.request(Method::GET, path)).await
    }

    async fn fetch_by<Q: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &Q,
    ) -> Result<T, ClientError> {
        let mut url = self.url(path);
        append_query(&mut url, query);
        self.send(self.authenticated(self.http.get(url))).await
    }

    async fn post<B: Serialize + Sync, T: DeserializeOwned>(&self, path: &[&str], body: &B) -> Result<T, ClientError> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    async fn put<B: Serialize + Sync, T: DeserializeOwned>(&self, path: &[&str], body: &B) -> Result<T, ClientError> {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.authenticated(self.http.request(method, self.url(path)))
    }

    fn authenticated(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.credential {
            Some(credential) => request.bearer_auth(credential),
            None => request,
        }
    }

    /// Each segment is escaped, so an id can never leave its place in the path.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.server.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = request.send().await.map_err(ClientError::from_transport)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(ClientError::from_transport)?;
        if status.is_success() {
            return serde_json::from_slice(&bytes)
                .map_err(|error| ClientError::Answer { status: status.as_u16(), detail: error.to_string() });
        }
        Err(refused(status.as_u16(), &bytes))
    }
}

/// Why a server refused, as it says it.
fn refused(status: u16, bytes: &[u8]) -> ClientError {
    match serde_json::from_slice::<ErrorBody>(bytes) {
        Ok(body) => ClientError::Refused { status, error: Box::new(body.error) },
        Err(_) => {
            ClientError::Answer { status, detail: "not an error message of Prokura: is the address right?".to_owned() }
        }
    }
}

/// The members of a flat structure, as the query of the address.
fn append_query<Q: Serialize>(url: &mut Url, query: &Q) {
    let Ok(serde_json::Value::Object(members)) = serde_json::to_value(query) else {
        return;
    };
    for (name, value) in members {
        let text = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        url.query_pairs_mut().append_pair(&name, &text);
    }
}
