//! What ties frames together: contiguous sequence numbers over the log, contiguous numbers and hashes per tenant, and one
//! digest over everything.

use std::collections::HashMap;

use prokura_model::{TenantName, Timestamp};

use crate::frame::{Frame, Hash, Kind, NO_HASH, digest_after};

/// The state of a log after its last frame.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) sequence: u64,
    pub(crate) digest: Hash,
    pub(crate) tails: HashMap<TenantName, Tail>,
    /// Whose the last frame is, and its number there.
    pub(crate) last: Option<(TenantName, u64)>,
    /// The greatest time of any frame.
    pub(crate) time: Option<Timestamp>,
}

/// A tenant's last frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tail {
    pub(crate) number: u64,
    pub(crate) sequence: u64,
    pub(crate) hash: Hash,
}

/// Before a tenant's first frame.
const NO_TAIL: Tail = Tail { number: 0, sequence: 0, hash: NO_HASH };

/// Frames that are to follow on a chain, before they do.
#[derive(Debug)]
pub(crate) struct Staged {
    chain: Chain,
}

impl Chain {
    pub(crate) fn empty() -> Self {
        Self { sequence: 0, digest: NO_HASH, tails: HashMap::new(), last: None, time: None }
    }

    pub(crate) fn tail(&self, tenant: &TenantName) -> Tail {
        self.tails.get(tenant).copied().unwrap_or(NO_TAIL)
    }

    /// What is wrong with the frame as the next one of this chain.
    pub(crate) fn objection<B>(&self, kind: Kind, key: u64, frame: &Frame<B>) -> Option<String> {
        let tail = self.tail(&frame.tenant);
        if frame.kind != kind {
            return Some("it belongs to the other log".to_owned());
        }
        if key != self.sequence + 1 {
            return Some(format!("entry {} should stand here", self.sequence + 1));
        }
        if frame.sequence != key {
            return Some(format!("it was written as entry {}", frame.sequence));
        }
        if frame.number != tail.number + 1 {
            return Some(format!("revision {} of its tenant should stand here", tail.number + 1));
        }
        if frame.prior != tail.sequence || frame.previous != tail.hash {
            return Some("it was written after another predecessor than the one that is there".to_owned());
        }
        None
    }

    /// Goes on with a frame that is as it should be.
    pub(crate) fn push<B>(&mut self, frame: &Frame<B>, hash: Hash) {
        self.sequence = frame.sequence;
        self.digest = digest_after(&self.digest, &hash);
        self.tails.insert(frame.tenant.clone(), Tail { number: frame.number, sequence: frame.sequence, hash });
        self.last = Some((frame.tenant.clone(), frame.number));
        self.time = self.time.max(Some(frame.time));
    }

    /// A place to put frames that are not durable yet.
    pub(crate) fn stage(&self) -> Staged {
        Staged {
            chain: Self {
                sequence: self.sequence,
                digest: self.digest,
                tails: HashMap::new(),
                last: self.last.clone(),
                time: self.time,
            },
        }
    }

    /// Goes on with everything that was staged.
    pub(crate) fn absorb(&mut self, staged: Staged) {
        let Self { sequence, digest, tails, last, time } = staged.chain;
        self.tails.extend(tails);
        (self.sequence, self.digest, self.last, self.time) = (sequence, digest, last, time);
    }
}

impl Staged {
    /// What the next frame of the tenant follows on.
    pub(crate) fn tail(&self, base: &Chain, tenant: &TenantName) -> Tail {
        self.chain.tails.get(tenant).copied().unwrap_or_else(|| base.tail(tenant))
    }

    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    pub(crate) fn push<B>(&mut self, frame: &Frame<B>, hash: Hash) {
        self.chain.push(frame, hash);
    }
}
