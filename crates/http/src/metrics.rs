//! What a process shows of itself, beside what its systems and routes do.

use runtime::Faults;
use telemetry::{Exposition, Metric};

const BUILD: Metric = Metric { name: "yeyak_build_info", help: "The release that runs here." };
const MEMORY: Metric = Metric { name: "process_resident_memory_bytes", help: "How much memory the process has in use." };
const FAULTS: Metric = Metric { name: "yeyak_fault_active", help: "Faults that are switched on for a service on purpose." };

/// Adds the release, the memory, and the faults that are on.
pub(crate) fn show(faults: Option<&Faults>, to: &mut Exposition) {
    to.gauge(BUILD, &[("version", env!("CARGO_PKG_VERSION"))], 1.);
    if let Some(bytes) = resident_memory() {
        to.gauge(MEMORY, &[], bytes as f64);
    }
    for (service, fault) in faults.map(Faults::all).unwrap_or_default() {
        for (kind, on) in [("down", fault.down), ("delay", !fault.delay.is_zero()), ("refuse", fault.refuse)] {
            to.gauge(FAULTS, &[("service", &service), ("fault", kind)], f64::from(u8::from(on)));
        }
    }
}

/// As Linux tells it; other systems have no file to ask.
fn resident_memory() -> Option<u64> {
    resident(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_linux_writes_it() {
        assert_eq!(resident("Name:\tyeyak\nVmRSS:\t   12345 kB\nThreads:\t4\n"), Some(12_345 * 1024));
        assert_eq!(resident("VmRSS: much\n"), None);
        assert_eq!(resident(""), None);
    }
}
