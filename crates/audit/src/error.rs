//! What can go wrong, whose fault it is, and what to do next.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An entry whose bytes are not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The entry's index in the log.
    pub index: u64,
    /// The segment file's number.
    pub segment: u32,
    /// Where its record starts in the segment file, in bytes.
    pub offset: u64,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "entry {} is damaged ({}; segment {}, byte {})",
            self.index, self.why, self.segment, self.offset
        )
    }
}

/// An error of the log.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Another process writes this log.
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The directory holds another log.
    Origin {
        /// The origin that was asked for.
        expected: String,
        /// The origin on disk.
        found: String,
    },
    /// An option is out of its range.
    Option(&'static str),
    /// An entry that had been written, or that later entries follow, is not readable any more.
    Damaged(Damage),
    /// The log holds fewer entries than its own checkpoint or sync mark says.
    Truncated {
        /// Entries that are there.
        found: u64,
        /// Entries that were there.
        expected: u64,
    },
    /// The entries no longer hash to what was recorded.
    Mismatch {
        /// The size of the tree at which it shows.
        size: u64,
        /// What disagrees.
        why: &'static str,
    },
    /// The entry is empty or longer than [`crate::MAX_ENTRY_BYTES`].
    EntrySize {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The log holds [`crate::MAX_ENTRIES`] entries.
    Full,
    /// There is no room on the disk for another segment; nothing was written.
    NoSpace,
    /// The reserve for this class is used up; nothing was written.
    ReserveUsedUp(crate::Reserve),
    /// Written entries may be lost: the disk failed to sync and did not recover.
    Lost {
        /// The first entry that may be lost.
        index: u64,
    },
    /// No such entry (yet).
    NoEntry {
        /// The index that was asked for.
        index: u64,
        /// Entries that there are.
        count: u64,
    },
    /// No checkpoint covers this entry yet.
    Uncovered {
        /// The entry.
        index: u64,
    },
    /// A publisher of this log exists already.
    PublisherTaken,
    /// The signer refused, or what it returned is not the checkpoint asked for.
    Sign(String),
    /// A checkpoint is missing, malformed, or not by this key.
    Checkpoint(CheckpointError),
    /// A proof does not hold.
    Proof(ProofError),
    /// The disk or the file system.
    Io {
        /// What was being done.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Error {
    /// Whether the same call may succeed later without anybody's doing
    /// anything but making room: nothing was written.
    #[must_use]
    pub fn is_storage(&self) -> bool {
        matches!(self, Self::NoSpace | Self::Io { .. } | Self::ReserveUsedUp(_))
    }

    /// The same error once more, for another entry that it met.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::NoSpace => Self::NoSpace,
            Self::Full => Self::Full,
            Self::Io { doing, path, source } => Self::Io {
                doing,
                path: path.clone(),
                source: io::Error::new(source.kind(), source.to_string()),
            },
            other => Self::Io {
                doing: "append to",
                path: PathBuf::new(),
                source: io::Error::other(other.to_string()),
            },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { path } => write!(
                f,
                "another process writes this log (it holds `{}`): stop it first, or read with a reader",
                path.display()
            ),
            Self::Origin { expected, found } => write!(
                f,
                "the directory holds the log `{found}`, not `{expected}`: name its directory or its origin"
            ),
            Self::Option(why) => write!(f, "{why}"),
            Self::Damaged(damage) => write!(
                f,
                "{damage}: nothing was changed; restore the directory from a copy, or verify it to see the extent"
            ),
            Self::Truncated { found, expected } => write!(
                f,
                "the log holds {found} entries, but {expected} had been put on disk: entries from {found} are missing; restore the directory from a copy"
            ),
            Self::Mismatch { size, why } => {
                write!(f, "the first {size} entries do not hash to what was recorded: {why}")
            }
            Self::EntrySize { bytes } => write!(
                f,
                "an entry of {bytes} bytes cannot be logged: it must have 1 to {} bytes",
                crate::MAX_ENTRY_BYTES
            ),
            Self::Full => {
                write!(f, "the log is full ({} entries): start another", crate::MAX_ENTRIES)
            }
            Self::NoSpace => write!(
                f,
                "no room on disk for the log: nothing was written; make room, then try again"
            ),
            Self::ReserveUsedUp(reserve) => write!(
                f,
                "the log cannot be written and the reserve for {reserve} is used up: make room on disk"
            ),
            Self::Lost { index } => write!(
                f,
                "the disk failed to keep entries from {index} on: stop, check the disk, and open the log again"
            ),
            Self::NoEntry { index, count } => {
                write!(f, "there is no entry {index}: the log holds {count} entries")
            }
            Self::Uncovered { index } => {
                write!(f, "no checkpoint covers entry {index} yet: publish one first")
            }
            Self::PublisherTaken => write!(f, "this log already has a publisher: use that one"),
            Self::Sign(why) => write!(f, "the checkpoint was not signed: {why}"),
            Self::Checkpoint(error) => write!(f, "{error}"),
            Self::Proof(error) => write!(f, "{error}"),
            Self::Io { doing, path, source } => {
                write!(f, "cannot {doing} `{}`: {source}", path.display())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Checkpoint(error) => Some(error),
            Self::Proof(error) => Some(error),
            _ => None,
        }
    }
}

impl From<CheckpointError> for Error {
    fn from(error: CheckpointError) -> Self {
        Self::Checkpoint(error)
    }
}

impl From<ProofError> for Error {
    fn from(error: ProofError) -> Self {
        Self::Proof(error)
    }
}

/// Turns an operating system's error into ours; a full disk is told apart.
pub(crate) fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::NoSpace,
        _ => Error::Io { doing, path, source },
    }
}

/// Why a checkpoint is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The verifier key is malformed.
    Key(String),
    /// The text is no signed note, or its body no checkpoint.
    Malformed(&'static str),
    /// No valid signature by the key.
    Signature(String),
    /// The checkpoint is of another log.
    Origin {
        /// The name of the key.
        expected: String,
        /// The origin line.
        found: String,
    },
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(why) => write!(f, "the verifier key is not usable: {why}"),
            Self::Malformed(why) => write!(f, "the checkpoint is malformed: {why}"),
            Self::Signature(why) => {
                write!(f, "the checkpoint is not signed by the log's key: {why}")
            }
            Self::Origin { expected, found } => {
                write!(f, "the checkpoint is of the log `{found}`, not `{expected}`")
            }
        }
    }
}

impl std::error::Error for CheckpointError {}

/// Why a proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofError {
    /// The tree or the proof is larger than any log may be.
    TooLarge,
    /// The newer tree is smaller than the older one: entries were removed.
    Shrunk {
        /// Size before.
        old: u64,
        /// Size after.
        new: u64,
    },
    /// The newer tree does not extend the older one.
    Inconsistent,
    /// The tree is too small to hold the entry.
    NotCovered {
        /// The entry.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The tree does not hold this entry at this index.
    NotIncluded {
        /// The entry.
        index: u64,
    },
    /// The text is not a proof.
    Malformed(&'static str),
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the proof is larger than any log may be"),
            Self::Shrunk { old, new } => {
                write!(f, "the log shrank from {old} to {new} entries: entries were removed")
            }
            Self::Inconsistent => {
                write!(f, "the newer tree does not extend the older one: entries were rewritten")
            }
            Self::NotCovered { index, size } => {
                write!(f, "entry {index} is not covered by a tree of {size} entries")
            }
            Self::NotIncluded { index } => {
                write!(f, "the tree does not hold these bytes as entry {index}")
            }
            Self::Malformed(why) => write!(f, "the proof is malformed: {why}"),
        }
    }
}

impl std::error::Error for ProofError {}
