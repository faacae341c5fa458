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

    /// A number from 0 up to but not including 1.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number below a length.
    pub(crate) fn below_length(&mut self, length: usize) -> u32 {
        self.below(u32::try_from(length).unwrap_or(u32::MAX))
    }
}

/// Places `0..count` drawn with Zipf's law (s = 1): the first twice as often as the second, thrice as often as the third.
pub(crate) fn zipf(random: &mut Random, count: usize, draws: usize) -> Vec<usize> {
    let mut sums = Vec::with_capacity(count);
    let mut sum = 0.0;
    for rank in 1..=count {
        sum += 1.0 / rank as f64;
        sums.push(sum);
    }
    let drawn = |random: &mut Random| {
        let at = random.fraction() * sum;
        sums.partition_point(|below| *below <= at).min(count.saturating_sub(1))
    };
    (0..draws).map(|_| drawn(random)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_drawn_twice_as_often_as_the_second() {
        let drawn = zipf(&mut Random::new(7), 1_000, 100_000);
        let times = |place: usize| drawn.iter().filter(|drawn| **drawn == place).count() as f64;
        assert!((1.9..2.1).contains(&(times(0) / times(1))), "{} {}", times(0), times(1));
        assert!(drawn.iter().all(|place| *place < 1_000));
    }
}
