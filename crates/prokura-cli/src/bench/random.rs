//! A small seeded generator: the same numbers on every machine, for ever, which a library would not promise.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when `end` is 0. The bias of the multiplication is far below what a workload shows.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        let high = (self.next() >> 32).wrapping_mul(u64::from(end)) >> 32;
        u32::try_from(high).unwrap_or_default()
    }

    /// A number below a length.
    pub(crate) fn below_length(&mut self, length: usize) -> u32 {
        self.below(u32::try_from(length).unwrap_or(u32::MAX))
    }
}
