//! A small seeded generator (SplitMix64, public domain): the walk and made-up
//! ids are the same under the same seed. Not for secrets.

/// The generator's state.
#[derive(Debug)]
pub(crate) struct Seeded {
    state: u64,
}

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A whole number from `-most` to `most`.
    pub(crate) fn around_zero(&mut self, most: u32) -> i64 {
        let width = u64::from(most).saturating_mul(2).saturating_add(1);
        let draw = self.next().checked_rem(width).unwrap_or(0);
        i64::try_from(draw).unwrap_or(0).saturating_sub(i64::from(most))
    }

    /// Letters and digits.
    pub(crate) fn text(&mut self, length: usize) -> String {
        (0..length)
            .filter_map(|_| LETTERS.get(usize::try_from(self.next() % 62).unwrap_or(0)))
            .map(|byte| char::from(*byte))
            .collect()
    }
}
