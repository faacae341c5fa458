//! Pages of what a search found. A token says for which request it is good and where that one's next page begins; nothing
//! is kept for it here.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use prokura_api::authzen::{PageResponse, SearchResponse, SearchResult};
use prokura_model::Value;
use sha2::{Digest as _, Sha256};

use super::read::{Members, member, wrong_type};
use crate::{error::Refusal, json, limits::SEARCH_RESULTS_MAX};

/// Something that was found, and its place in the order of the answer: no two have the same.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) place: String,
    pub(super) result: SearchResult,
}

/// Which part of an answer is wanted.
#[derive(Debug)]
pub(super) struct Wanted {
    request: RequestDigest,
    /// Whether the request speaks of pages.
    paged: bool,
    limit: Option<u64>,
    after: Option<String>,
}

/// Equal for requests that ask the same.
type RequestDigest = [u8; 32];

/// How a token says that the request had no limit.
const NO_LIMIT: u64 = u64::MAX;

impl Wanted {
    /// What the member `page` says. `asked` is all the rest that the answer depends on.
    pub(super) fn read(members: &Members, endpoint: &str, asked: &Value) -> Result<Self, Refusal> {
        let request = digest(endpoint, asked);
        let page = match member(members, "page") {
            None => return Ok(Self { request, paged: false, limit: None, after: None }),
            Some(Value::Map(page)) => page,
            Some(_) => return Err(wrong_type("page", "an object")),
        };
        let limit = match member(page, "limit") {
            None => None,
            Some(Value::Integer(limit)) => {
                Some(u64::try_from(*limit).map_err(|_| wrong_type("page.limit", "a whole number, 0 or more"))?)
            }
            Some(_) => return Err(wrong_type("page.limit", "a whole number, 0 or more")),
        };
        let (before, after) = match member(page, "token") {
            None => (None, None),
            Some(Value::String(token)) if token.is_empty() => (None, None),
            Some(Value::String(token)) => {
                let (limit, after) = read_token(token, &request).ok_or_else(token_invalid)?;
                (Some(limit), after)
            }
            Some(_) => return Err(wrong_type("page.token", "a text")),
        };
        let limit = match (before, limit) {
            (Some(before), Some(limit)) if before != Some(limit) => return Err(token_invalid()),
            (Some(before), _) => before,
            (None, limit) => limit,
        };
        Ok(Self { request, paged: true, limit, after })
    }

    /// That part of everything that was found.
    pub(super) fn of(self, mut found: Vec<Found>) -> SearchResponse {
        found.sort_by(|one, other| one.place.cmp(&other.place));
        if let Some(after) = &self.after {
            found.retain(|found| found.place > *after);
        }
        let most = self.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(SEARCH_RESULTS_MAX);
        let most = most.min(SEARCH_RESULTS_MAX);
        let more = found.len() > most;
        found.truncate(most);
        let next_token = if more {
            let last = found.last().map(|found| found.place.as_str());
            token(&self.request, self.limit, last.or(self.after.as_deref()))
        } else {
            String::new()
        };
        let page = (self.paged || more).then_some(PageResponse { next_token, count: found.len() as u64 });
        SearchResponse { results: found.into_iter().map(|found| found.result).collect(), page }
    }
}

fn token_invalid() -> Refusal {
    let message = "not the `next_token` of a page of this request; everything but `page` must be as it was, and so must \
                   `page.limit`, or be left out";
    Refusal::invalid_at("page.token", "page_token_invalid", message)
}

fn digest(endpoint: &str, asked: &Value) -> RequestDigest {
    let mut hash = Sha256::new();
    hash.update((endpoint.len() as u64).to_le_bytes());
    hash.update(endpoint);
    // Members are sorted, so equal questions have one text.
    hash.update(json::to_wire(asked).to_string());
    hash.finalize().into()
}

fn token(request: &RequestDigest, limit: Option<u64>, after: Option<&str>) -> String {
    let mut bytes = request.to_vec();
    bytes.extend(limit.unwrap_or(NO_LIMIT).to_be_bytes());
    bytes.push(u8::from(after.is_some()));
    bytes.extend(after.unwrap_or_default().as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The limit and the place of a token, if it is one for this request.
fn read_token(token: &str, request: &RequestDigest) -> Option<(Option<u64>, Option<String>)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let rest = bytes.strip_prefix(request)?;
    let (limit, rest) = rest.split_first_chunk::<8>()?;
    let limit = Some(u64::from_be_bytes(*limit)).filter(|limit| *limit != NO_LIMIT);
    let (is_there, place) = rest.split_first()?;
    let place = String::from_utf8(place.to_vec()).ok()?;
    match is_there {
        0 if place.is_empty() => Some((limit, None)),
        1 => Some((limit, Some(place))),
        _ => None,
    }
}
