//! Of which moment an answer is: consistency, tokens, and cursors, which are bound to a moment.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use prokura::{Consistency, Snapshot};
use prokura_api::grpc::v1::{self, consistency::Requirement};
use prokura_model::{Revision, TenantName};
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::Status;

use super::refused::{cursor_invalid, invalid, of_ask};
use crate::{app::App, limits::CURSOR_BYTES_MAX};

/// What the message asks for. Who does not say does not mind.
pub(super) fn consistency(wire: Option<&v1::Consistency>) -> Result<Consistency, Status> {
    let Some(wire) = wire else { return Ok(Consistency::MinimizeLatency) };
    match &wire.requirement {
        Some(Requirement::MinimizeLatency(true)) => Ok(Consistency::MinimizeLatency),
        Some(Requirement::FullyConsistent(true)) => Ok(Consistency::FullyConsistent),
        Some(Requirement::AtLeastAsFresh(token)) => Ok(Consistency::AtLeastAsFresh(token.token.clone())),
        Some(Requirement::AtExactSnapshot(token)) => Ok(Consistency::AtExactSnapshot(token.token.clone())),
        Some(Requirement::MinimizeLatency(false) | Requirement::FullyConsistent(false)) => {
            Err(invalid("consistency.requirement", "value must equal true"))
        }
        None => Err(invalid("consistency.requirement", "value is required")),
    }
}

pub(super) fn snapshot(app: &App, tenant: &TenantName, wire: Option<&v1::Consistency>) -> Result<Snapshot, Status> {
    app.authority().snapshot_with(tenant, &consistency(wire)?).map_err(|error| of_ask(&error))
}

pub(super) fn token(app: &App, tenant: &TenantName, revision: Revision) -> Option<v1::ZedToken> {
    Some(v1::ZedToken { token: app.authority().token(tenant, revision) })
}

/// The state that a list is read at, and what its cursors look like.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    pub(super) snapshot: Snapshot,
    /// Where the walk goes on; none at its beginning.
    pub(super) after: Option<String>,
    token: String,
    call: [u8; CALL_BYTES],
}

/// What of a cursor stands for the call it belongs to.
const CALL_BYTES: usize = 16;

/// A token's length in a cursor is one byte.
type Length = u8;

impl Walk {
    /// The walk that the cursor goes on with, or a new one. `question` is the request without its consistency, limit and
    /// cursor: a cursor is good for the same question only.
    pub(super) fn new(
        app: &App,
        tenant: &TenantName,
        wire: Option<&v1::Consistency>,
        cursor: Option<&v1::Cursor>,
        question: &impl Message,
    ) -> Result<Self, Status> {
        let question = Sha256::digest(question.encode_to_vec());
        let Some(cursor) = cursor.filter(|cursor| !cursor.token.is_empty()) else {
            let snapshot = snapshot(app, tenant, wire)?;
            let token = app.authority().token(tenant, snapshot.revision());
            let call = sealed(&question, &token);
            return Ok(Self { snapshot, after: None, token, call });
        };
        consistency(wire)?;
        let (token, call, after) = read(&cursor.token).ok_or_else(cursor_invalid)?;
        if call != sealed(&question, &token) {
            return Err(cursor_invalid());
        }
        // The rest of a list is of the moment that its beginning was of.
        let exact = Consistency::AtExactSnapshot(token.clone());
        let snapshot = app.authority().snapshot_with(tenant, &exact).map_err(|error| of_ask(&error))?;
        Ok(Self { snapshot, after: Some(after), token, call })
    }

    pub(super) fn token(&self) -> Option<v1::ZedToken> {
        Some(v1::ZedToken { token: self.token.clone() })
    }

    /// The cursor behind this place.
    pub(super) fn cursor(&self, place: &str) -> Option<v1::Cursor> {
        let mut bytes = Vec::with_capacity(1 + self.token.len() + CALL_BYTES + place.len());
        // Tokens are far shorter than that; should one not be, its cursors are none.
        bytes.push(Length::try_from(self.token.len()).unwrap_or(0));
        bytes.extend(self.token.as_bytes());
        bytes.extend(self.call);
        bytes.extend(place.as_bytes());
        Some(v1::Cursor { token: URL_SAFE_NO_PAD.encode(bytes) })
    }
}

fn sealed(question: &[u8], token: &str) -> [u8; CALL_BYTES] {
    let whole = Sha256::new().chain_update(question).chain_update(token).finalize();
    whole.first_chunk().copied().unwrap_or_default()
}

fn read(text: &str) -> Option<(String, [u8; CALL_BYTES], String)> {
    if text.len() > CURSOR_BYTES_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (length, rest) = bytes.split_first()?;
    let (token, rest) = rest.split_at_checked((*length).into())?;
    let (call, place) = rest.split_first_chunk()?;
    Some((String::from_utf8(token.to_vec()).ok()?, *call, String::from_utf8(place.to_vec()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_cursor_bytes_max() {
        let cursor = |bytes: usize| {
            let mut whole = vec![3];
            whole.extend(b"abc");
            whole.extend([7; CALL_BYTES]);
            whole.resize(bytes, b'x');
            URL_SAFE_NO_PAD.encode(whole)
        };
        let (longest, longer) = (cursor(CURSOR_BYTES_MAX / 4 * 3), cursor(CURSOR_BYTES_MAX / 4 * 3 + 1));
        assert_eq!(longest.len(), CURSOR_BYTES_MAX);
        let (token, call, place) = read(&longest).expect("it is not too long");
        assert_eq!((token.as_str(), call), ("abc", [7; CALL_BYTES]));
        assert!(place.bytes().all(|byte| byte == b'x'));
        assert_eq!(read(&longer), None);
        for text in ["", "A", "AAAA", "!"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
