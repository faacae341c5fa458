use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

/// For maps whose keys are packed nodes. Their numbers are ours, counted up from zero, so nobody can choose colliding ones.
/// Maps keyed by names, which callers choose, have [`NameHash`].
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
#[derive(Clone, Copy, Debug)]
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

impl NameHash {
    /// The same of bytes in [words](words_of).
    #[inline(always)]
    pub(crate) fn of_bytes(&self, besides: u64, bytes: &[u8]) -> u64 {
        let (whole, rest) = bytes.as_chunks::<8>();
        let mut hash = self.begin ^ besides;
        for word in whole {
            hash = folded(hash ^ u64::from_le_bytes(*word), self.factor);
        }
        if !rest.is_empty() {
            hash = folded(hash ^ word_of(rest), self.factor);
        }
        folded(hash, self.end)
    }
}

/// For maps whose keys are names.
impl BuildHasher for NameHash {
    type Hasher = NameHasher;

    #[inline]
    fn build_hasher(&self) -> NameHasher {
        NameHasher { hash: self.begin, factor: self.factor, end: self.end }
    }
}

/// Takes in the parts of a name, one after the other.
pub(crate) struct NameHasher {
    hash: u64,
    factor: u64,
    end: u64,
}

impl Hasher for NameHasher {
    #[inline]
    fn finish(&self) -> u64 {
        folded(self.hash, self.end)
    }

    /// With the length, so that what ends in zeroes differs from what is filled up with them.
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.write_u64(bytes.len() as u64);
        for word in words_of(bytes) {
            self.write_u64(word);
        }
    }

    /// What the standard library writes behind each text. Its length stands before it already.
    #[inline]
    fn write_u8(&mut self, byte: u8) {
        self.hash ^= u64::from(byte);
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.hash = folded(self.hash ^ word, self.factor);
    }
}

/// The bytes in words, the last one filled with zeroes. Of nothing there are none.
#[inline]
pub(crate) fn words_of(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.chunks(8).map(word_of)
}

/// Up to eight bytes as a word, the first one lowest. Of fewer, two halves are read that may overlap.
#[inline(always)]
pub(crate) fn word_of(bytes: &[u8]) -> u64 {
    if let Some(word) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*word);
    }
    let len = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << (8 * (len - 4));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<2>(), bytes.last_chunk::<2>()) {
        return u64::from(u16::from_le_bytes(*first)) | u64::from(u16::from_le_bytes(*last)) << (8 * (len - 2));
    }
    bytes.first().map_or(0, |byte| u64::from(*byte))
}

/// Multiply to twice the width and fold: both the high and the low bits of the result depend on all bits of the key.
#[inline(always)]
pub(crate) fn folded(key: u64, factor: u64) -> u64 {
    let wide = u128::from(key) * u128::from(factor);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are taken apart here")]
    let (low, high) = (wide as u64, (wide >> 64) as u64);
    low ^ high
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use prokura_model::ObjectRef;

    use super::{NameHash, word_of};

    #[test]
    fn a_word_is_its_bytes_and_zeroes() {
        for len in 0..=8 {
            let bytes: Vec<u8> = (1..=len).collect();
            let mut padded = bytes.clone();
            padded.resize(8, 0);
            assert_eq!(word_of(&bytes).to_le_bytes().as_slice(), padded);
        }
    }

    #[test]
    fn names_that_are_nearly_alike_have_hashes_of_their_own() {
        let hash = NameHash::new();
        let of = |kind: &str, id: &str| hash.hash_one(ObjectRef::new(kind, id).unwrap());
        let hashes = [of("user", "alice"), of("user", "alicf"), of("user", "alicealice"), of("users", "alice")];
        for (position, hash) in hashes.iter().enumerate() {
            assert!(!hashes[position + 1..].contains(hash));
        }
        assert_eq!(of("user", "alice"), of("user", "alice"));
    }
}
