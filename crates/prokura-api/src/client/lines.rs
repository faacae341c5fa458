//! Answers that go on, line by line.

use std::{marker::PhantomData, time::Duration};

use reqwest::{Method, RequestBuilder, Response, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;

use super::{Client, ClientError, append_query, refused};
use crate::{ImportQuery, ImportResponse, Relationship, RelationshipFilter, WatchEvent, WatchQuery};

/// An answer that goes on takes as long as it takes.
const ENDLESS: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Longest a part of an import may take to be written.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(600);

/// An answer with a JSON value on each line, as it comes.
#[derive(Debug)]
pub struct Lines<T> {
    response: Response,
    waiting: Vec<u8>,
    ended: bool,
    holds: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Lines<T> {
    /// The next line; none at the end.
    ///
    /// # Errors
    /// The connection broke, and what came is not all; or the line cannot be read.
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            if let Some(end) = self.waiting.iter().position(|byte| *byte == b'\n') {
                let rest = self.waiting.split_off(end + 1);
                let line = std::mem::replace(&mut self.waiting, rest);
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return self.read(&line).map(Some);
            }
            if self.ended {
                let line = std::mem::take(&mut self.waiting);
                return if line.trim_ascii().is_empty() { Ok(None) } else { self.read(&line).map(Some) };
            }
            match self.response.chunk().await.map_err(ClientError::from_transport)? {
                Some(part) => self.waiting.extend_from_slice(&part),
                None => self.ended = true,
            }
        }
    }

    fn read(&self, line: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(line)
            .map_err(|error| ClientError::Answer { status: self.response.status().as_u16(), detail: error.to_string() })
    }
}

impl Client {
    /// Every relationship that the filter means, as they come.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn export_relationships(&self, filter: &RelationshipFilter) -> Result<Lines<Relationship>, ClientError> {
        let mut url = self.url(&["v1", "tenants", self.tenant(), "relationships", "export"]);
        append_query(&mut url, filter);
        self.lines(self.authenticated(self.http.request(Method::GET, url))).await
    }

    /// What is written, as it is written.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn watch(&self, query: &WatchQuery) -> Result<Lines<WatchEvent>, ClientError> {
        let mut url = self.url(&["v1", "tenants", self.tenant(), "watch"]);
        append_query(&mut url, query);
        self.lines(self.authenticated(self.http.request(Method::GET, url))).await
    }

    /// Creates relationships: one as JSON on each line of the text.
    ///
    /// # Errors
    /// See [`ClientError`]. What was written before the mistake stays.
    pub async fn import_relationships(
        &self,
        query: &ImportQuery,
        lines: String,
    ) -> Result<ImportResponse, ClientError> {
        let mut url = self.url(&["v1", "tenants", self.tenant(), "relationships", "import"]);
        append_query(&mut url, query);
        let request = self.authenticated(self.http.request(Method::POST, url));
        self.send(request.timeout(IMPORT_TIMEOUT).header(CONTENT_TYPE, "application/x-ndjson").body(lines)).await
    }

    async fn lines<T>(&self, request: RequestBuilder) -> Result<Lines<T>, ClientError> {
        let response = request.timeout(ENDLESS).send().await.map_err(ClientError::from_transport)?;
        let status = response.status();
        if !status.is_success() {
            let bytes = response.bytes().await.map_err(ClientError::from_transport)?;
            return Err(refused(status.as_u16(), &bytes));
        }
        Ok(Lines { response, waiting: Vec::new(), ended: false, holds: PhantomData })
    }
}
