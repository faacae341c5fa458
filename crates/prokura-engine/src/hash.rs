use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

/// For maps whose keys are packed nodes. Their numbers are ours, counted up from zero, so nobody can choose colliding ones;
/// maps keyed by names, which callers choose, keep the standard library's keyed hash.
pub(crate) type PackedHash = BuildHasherDefault<PackedHasher>;

#[derive(Debug, Default)]
pub(crate) struct PackedHasher(u64);

impl Hasher for PackedHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = folded(self.0 ^ key, 0x9e37_79b9_7f4a_7c15);
    }

    fn write_u32(&mut self, key: u32) {
        self.write_u64(u64::from(key));
    }
}

/// A hash of names, with a secret of the process in it: callers choose names, and are not to choose ones that collide.
///
/// Each word is mixed in by a multiplication with a secret factor, as wyhash and foldhash do it. That is weaker than SipHash
/// against somebody who sees hashes, and nobody does.
pub(crate) struct NameHash {
    begin: u64,
    factor: u64,
    end: u64,
}

impl NameHash {
    pub(crate) fn new() -> Self {
        let secret = RandomState::new();
        Self { begin: secret.hash_one(0), factor: secret.hash_one(1) | 1, end: secret.hash_one(2) | 1 }
    }

    /// The hash of words, with what is known besides.
    #[inline]
    pub(crate) fn of(&self, besides: u64, words: impl Iterator<Item = u64>) -> u64 {
        let all = words.fold(self.begin ^ besides, |hash, word| folded(hash ^ word, self.factor));
        folded(all, self.end)
    }
}

/// Multiply to twice the width and fold: both the high and the low bits of the result depend on all bits of the key.
#[inline(always)]
pub(crate) fn folded(key: u64, factor: u64) -> u64 {
    let wide = u128::from(key) * u128::from(factor);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are taken apart here")]
    let (low, high) = (wide as u64, (wide >> 64) as u64);
    low ^ high
}
