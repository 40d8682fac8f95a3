//! Numbers for what is known by a text, since rows are kept by numbers.

use sha2::{Digest, Sha256};

/// How many bits of a digest a number has. Together with the place of a sitting it is still a number that every client's JSON can hold,
/// which ends at 2^53.
const BITS: u32 = 47;

/// The number of a text: the first bits of its SHA-256, the same for ever. Two texts can have one number, seldom and by nobody's will, so
/// a row that is kept under it says of each text what belongs to it.
pub(super) fn number(text: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(text).into();
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)) >> (u64::BITS - BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_never_changes_and_can_be_of_two_texts() {
        assert_eq!(number("10"), 40_829_805_304_609);
        assert_eq!(number("71390637"), 11_422_625_939_912);
        assert_eq!(number("81605687"), 11_422_625_939_912);
        assert!(number("10") < 1 << BITS);
    }
}
