use std::hash::{BuildHasherDefault, Hasher};

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

    /// Multiply to twice the width and fold: both the high and the low bits of the result depend on all bits of the key.
    fn write_u64(&mut self, key: u64) {
        let wide = u128::from(self.0 ^ key) * 0x9e37_79b9_7f4a_7c15;
        #[expect(clippy::cast_possible_truncation, reason = "the two halves are taken apart here")]
        let (low, high) = (wide as u64, (wide >> 64) as u64);
        self.0 = low ^ high;
    }

    fn write_u32(&mut self, key: u32) {
        self.write_u64(u64::from(key));
    }
}
