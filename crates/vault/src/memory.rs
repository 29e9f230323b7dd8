//! Secrets in memory: wiped on drop, never dumped, never swapped where the
//! system lets us lock.

use std::io::Read;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use zeroize::Zeroizing;

/// Bytes that nobody may print: wiped on drop, `<redacted>` in debug output.
///
/// INVARIANT (key custody): every real secret, passphrase, KEK and DEK lives
/// in one of these (or in a prepared key of the cryptography library, which
/// wipes its own).
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over; the vector's buffer is wiped when dropped.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads at most `limit` bytes to the end of a source (a pipe, a file).
    /// Reserves the whole room first, so that no copy is left behind by growth.
    pub fn read_from(source: &mut impl Read, limit: usize) -> std::io::Result<Self> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
        bytes.resize(limit + 1, 0);
        let mut have = 0;
        while let Some(space) = bytes.get_mut(have..).filter(|space| !space.is_empty()) {
            match source.read(space) {
                Ok(0) => break,
                Ok(count) => have += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if have > limit {
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                format!("longer than {limit} bytes"),
            ));
        }
        bytes.truncate(have);
        Ok(Self(bytes))
    }

    /// The same without one trailing line break, as typed or piped text has.
    #[must_use]
    pub fn without_line_break(mut self) -> Self {
        for end in [b'\n', b'\r'] {
            if self.0.last() == Some(&end) {
                self.0.pop();
            }
        }
        self
    }

    /// The bytes themselves. Whoever asks must not copy them into anything that
    /// is not wiped.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

/// 32 random bytes that are wiped on drop.
pub(crate) fn random_key() -> Result<Zeroizing<[u8; 32]>, aws_lc_rs::error::Unspecified> {
    let mut key = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(key.as_mut_slice())?;
    Ok(key)
}

/// Keeps this process out of core dumps and away from tracers of the same user.
pub fn forbid_dumps() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Memory that must be lockable for locking everything to be safe: with less,
/// a later allocation would fail and end the process, bytes.
const LOCK_ALL_BYTES: u64 = 512 * 1024 * 1024;

/// Locks all memory of this process, now and later. Where the limit forbids,
/// says so: the caller reports it as a warning.
pub fn lock_memory() -> Result<(), String> {
    // As root, or with a high hard limit, the soft limit can be raised.
    let unlimited = Rlimit { current: None, maximum: None };
    if setrlimit(Resource::Memlock, unlimited).is_err() {
        let maximum = getrlimit(Resource::Memlock).maximum;
        let _ = setrlimit(Resource::Memlock, Rlimit { current: maximum, maximum });
    }
    let limit = getrlimit(Resource::Memlock).current;
    if limit.is_some_and(|bytes| bytes < LOCK_ALL_BYTES) {
        return Err(format!(
            "memory is not locked and may be swapped: RLIMIT_MEMLOCK is {} KiB; raise it to \
             unlimited (systemd: LimitMEMLOCK=infinity) or switch swap off",
            limit.unwrap_or(0) / 1024
        ));
    }
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).map_err(|error| {
        format!("memory is not locked and may be swapped ({error}); switch swap off")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // INVARIANT (key custody): a secret never shows in debug output.
    #[test]
    fn debug_output_hides_it() {
        let secret = Secret::new(b"NhqPtmdSJYdKjVHj".to_vec());
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "<redacted> Some(<redacted>)");
    }

    #[test]
    fn reading_is_bounded_and_drops_one_line_break() {
        let read = Secret::read_from(&mut &b"pass phrase\r\n"[..], 16).unwrap();
        assert_eq!(read.without_line_break().expose(), b"pass phrase");
        assert!(Secret::read_from(&mut &[7; 17][..], 16).is_err());
        assert_eq!(Secret::read_from(&mut &[7; 16][..], 16).unwrap().expose().len(), 16);
    }
}
