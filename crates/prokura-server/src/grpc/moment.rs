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
            Err(invalid(&"consistency.requirement", "value must equal true"))
        }
        None => Err(invalid(&"consistency.requirement", "value is required")),
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
    /// What every cursor begins with.
    head: String,
}

/// What of a cursor stands for the moment, and what for the call that it belongs to.
const HEAD_BYTES: usize = size_of::<u64>() + 16;

/// The same as text. It comes out even, so the head and the place behind it are texts of their own.
const HEAD_TEXT_BYTES: usize = HEAD_BYTES / 3 * 4;

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
            let head = head(snapshot.revision(), &question, &token);
            return Ok(Self { snapshot, after: None, token, head });
        };
        consistency(wire)?;
        let (revision, presented, after) = read(&cursor.token).ok_or_else(cursor_invalid)?;
        // Nobody makes a revision's token without the secret, and so nobody its cursors.
        let token = app.authority().token(tenant, revision);
        let head = head(revision, &question, &token);
        if presented != head {
            return Err(cursor_invalid());
        }
        // The rest of a list is of the moment that its beginning was of.
        let exact = Consistency::AtExactSnapshot(token.clone());
        let snapshot = app.authority().snapshot_with(tenant, &exact).map_err(|error| of_ask(&error))?;
        Ok(Self { snapshot, after: Some(after), token, head })
    }

    pub(super) fn token(&self) -> Option<v1::ZedToken> {
        Some(v1::ZedToken { token: self.token.clone() })
    }

    /// What every cursor begins with; the place stands behind it, in base 64.
    pub(super) fn cursors(&self) -> &str {
        &self.head
    }

    /// The cursor behind this place.
    pub(super) fn cursor(&self, place: &str) -> Option<v1::Cursor> {
        let mut token = String::with_capacity(self.head.len() + place.len().div_ceil(3) * 4);
        token.push_str(&self.head);
        URL_SAFE_NO_PAD.encode_string(place, &mut token);
        Some(v1::Cursor { token })
    }
}

fn head(revision: Revision, question: &[u8], token: &str) -> String {
    let call = Sha256::new().chain_update(question).chain_update(token).finalize();
    let parts: Vec<u8> = revision.0.to_be_bytes().into_iter().chain(call).take(HEAD_BYTES).collect();
    URL_SAFE_NO_PAD.encode(parts)
}

/// The revision, the head and the place of a cursor.
fn read(text: &str) -> Option<(Revision, &str, String)> {
    if text.len() > CURSOR_BYTES_MAX {
        return None;
    }
    let (head, place) = text.split_at_checked(HEAD_TEXT_BYTES)?;
    let decoded = URL_SAFE_NO_PAD.decode(head).ok()?;
    let revision = Revision(u64::from_be_bytes(*decoded.first_chunk()?));
    Some((revision, head, String::from_utf8(URL_SAFE_NO_PAD.decode(place).ok()?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_cursor_bytes_max() {
        let first = head(Revision(5), b"question", "token");
        let cursor = |bytes: usize| format!("{first}{}", URL_SAFE_NO_PAD.encode("x".repeat(bytes)));
        let place_max = (CURSOR_BYTES_MAX - HEAD_TEXT_BYTES) / 4 * 3;
        let (longest, longer) = (cursor(place_max), cursor(place_max + 1));
        assert_eq!((first.len(), longest.len()), (HEAD_TEXT_BYTES, CURSOR_BYTES_MAX));
        let (revision, presented, place) = read(&longest).expect("it is not too long");
        assert_eq!((revision, presented), (Revision(5), first.as_str()));
        assert!(place.len() == place_max && place.bytes().all(|byte| byte == b'x'));
        assert_eq!(read(&longer), None);
        for text in ["", "A", "AAAA", "!"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
