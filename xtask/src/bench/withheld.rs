//! What the host withheld: the time for which a core of this virtual machine had work and was not let run. Where threads are woken often, most of a slow hundredth can be it.

/// The time of all cores since the machine started, in ticks.
#[derive(Clone, Copy)]
pub(super) struct Cores {
    all: u64,
    withheld: u64,
}

impl Cores {
    /// Until now; none where the system does not tell.
    pub(super) fn now() -> Option<Self> {
        Self::read(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    fn read(stat: &str) -> Option<Self> {
        let cores = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        // As proc(5) orders them; what stands behind the eighth, `steal`, is counted within the first two.
        let ticks: Vec<u64> = cores.split_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { all: ticks.iter().sum(), withheld: *ticks.get(7)? })
    }

    /// The part of the time from `since` until now that was withheld.
    pub(super) fn withheld(since: Option<Self>) -> Option<f64> {
        Self::now()?.withheld_from(since?)
    }

    fn withheld_from(self, since: Self) -> Option<f64> {
        let all = self.all.checked_sub(since.all).filter(|ticks| *ticks > 0)?;
        Some(self.withheld.saturating_sub(since.withheld) as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_withheld_is_a_part_of_all_time() {
        let read = |stat| Cores::read(stat).unwrap();
        let before = read("cpu  10 0 10 70 5 0 5 100 7 7\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
        let after = read("cpu  40 0 20 100 10 0 5 125 9 9\n");
        assert_eq!(after.withheld_from(before), Some(0.25));
        assert_eq!(before.withheld_from(before), None, "no time went by");
        assert_eq!(before.withheld_from(after), None, "it went by the other way");
    }

    #[test]
    fn a_system_that_does_not_tell_says_nothing() {
        assert!(Cores::read("cpu  1 2 3 4\n").is_none());
        assert!(Cores::read("intr 1\n").is_none());
        assert_eq!(Cores::withheld(None), None);
    }
}
