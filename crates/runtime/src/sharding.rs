use store::{SHARDS, Shard};

/// The shard of the aggregate with this key: FNV-1a, which is fixed for ever and the same everywhere.
pub fn shard_of(key: &str) -> Shard {
    let hash = fnv(key);
    // The high bits are folded in, for the low ones of FNV differ little between short keys.
    ((hash ^ (hash >> 32)) % u64::from(SHARDS)) as Shard
}

/// A hash of a text, FNV-1a.
pub(crate) fn fnv(text: &str) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    text.bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_never_change() {
        let shards: Vec<_> = ["1", "2", "3", "room", "n33"].map(shard_of).into();
        assert_eq!(shards, ["1", "2", "3", "room", "n33"].map(shard_of));
        let mut counts = [0; SHARDS as usize];
        for key in 1..=16_000 {
            counts[usize::from(shard_of(&key.to_string()))] += 1;
        }
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
    }
}
