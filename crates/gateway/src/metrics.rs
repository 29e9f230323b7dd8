//! Prometheus metrics: what the gateway counts, gathered when asked.
//!
//! INVARIANT (bounded): every label value is from a closed list or a name of
//! the configuration; nothing that a bot or a venue sends becomes one. No key
//! id and no secret is among them.

mod gather;
mod safety;
mod serve;

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::FileExt as _;

pub(crate) use serve::run;

/// What is opened before the sandbox closes files and ports.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) listener: TcpListener,
    pub(crate) memory: Option<Memory>,
}

impl Opened {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self { listener, memory: Memory::open() }
    }
}

/// The process's own memory, as the kernel tells it.
#[derive(Debug)]
pub(crate) struct Memory(File);

impl Memory {
    fn open() -> Option<Self> {
        File::open("/proc/self/status").ok().map(Self)
    }

    /// Resident bytes.
    fn resident(&self) -> Option<u64> {
        let mut text = [0; 4096];
        let length = self.0.read_at(&mut text, 0).ok()?;
        let text = std::str::from_utf8(text.get(..length)?).ok()?;
        let (_, resident) = text.split_once("\nVmRSS:")?;
        let kibibytes: u64 = resident.split_whitespace().next()?.parse().ok()?;
        kibibytes.checked_mul(1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read() {
        let resident = Memory::open().unwrap().resident().unwrap();
        assert!(resident > 100_000 && resident < 1 << 40, "{resident}");
    }
}
