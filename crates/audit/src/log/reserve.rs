//! The reserves: space taken ahead for entries that must be possible while
//! the disk is full.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Appended, Log};
use crate::cursor::segment_path;
use crate::error::{Error, at};
use crate::segment::{FIRST_RECORD, Kind};
use crate::sync::{held, reserve_path};

/// Which reserve an entry may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserve {
    /// For private reads.
    Reads,
    /// For cancels.
    Cancels,
}

impl fmt::Display for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reads => "reads",
            Self::Cancels => "cancels",
        })
    }
}

/// What is left of the reserve in use, in bytes; what a fresh one holds.
///
/// INVARIANT (bounded): reads cannot take what is kept for cancels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) reads: u64,
    pub(super) cancels: u64,
    pub(super) full_reads: u64,
    pub(super) full_cancels: u64,
}

impl Budget {
    pub(super) fn refill(&mut self) {
        self.reads = self.full_reads;
        self.cancels = self.full_cancels;
    }

    fn left(&self, reserve: Reserve) -> u64 {
        match reserve {
            Reserve::Reads => self.reads,
            Reserve::Cancels => self.cancels,
        }
    }

    fn take(&mut self, reserve: Reserve, bytes: u64) {
        let left = match reserve {
            Reserve::Reads => &mut self.reads,
            Reserve::Cancels => &mut self.cancels,
        };
        *left = left.saturating_sub(bytes);
    }
}

impl Log {
    /// Appends an entry, in ordinary space where there is some, else in the
    /// reserve of its class. [`crate::SyncHandle::prepare`] fills the reserve
    /// again once there is room.
    ///
    /// # Errors
    /// As [`Log::append`]; [`Error::ReserveUsedUp`] where nothing is left.
    pub fn append_reserved(&mut self, entry: &[u8], reserve: Reserve) -> Result<Appended, Error> {
        let staged = self.stage(entry, Some(reserve))?;
        self.outcome(staged)
    }

    /// Writes the one record that is staged to its reserve, after `ordinary`
    /// space failed it.
    pub(super) fn write_to_reserve(
        &mut self,
        ordinary: Error,
        reserve: Reserve,
    ) -> Result<(), Error> {
        if !ordinary.is_storage() {
            return Err(ordinary);
        }
        self.enter_reserve(reserve)?;
        let bytes = self.stage.staged() as u64;
        if self.reserve.left(reserve) < bytes || !self.fits() {
            return Err(Error::ReserveUsedUp(reserve));
        }
        self.write_staged()?;
        self.reserve.take(reserve, bytes);
        Ok(())
    }

    /// Goes on in the reserve, unless that is where it is.
    fn enter_reserve(&mut self, reserve: Reserve) -> Result<(), Error> {
        if self.current.kind == Kind::Reserve {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let mut ready = held(&shared.ready);
        let Some(file) = ready.reserve.take() else {
            return Err(Error::ReserveUsedUp(reserve));
        };
        let number = self.next_number()?;
        let (from, to) = (reserve_path(&shared), segment_path(&shared.dir, number));
        // A segment made ready under this name, but not usable, gives way.
        ready.next = None;
        if let Err(error) = shared.storage.rename(&from, &to) {
            ready.reserve = Some(file);
            return Err(at("rename", &from)(error));
        }
        let end = FIRST_RECORD + self.reserve.full_reads + self.reserve.full_cancels;
        if let Err(error) = self.begin(number, Kind::Reserve, Arc::clone(&file), end, true) {
            shared.storage.rename(&to, &from).map_err(at("rename", &to))?;
            ready.reserve = Some(file);
            return Err(error);
        }
        self.reserve.refill();
        Ok(())
    }

    /// What is left of the reserves, in bytes: (reads, cancels).
    #[must_use]
    pub fn reserve_left(&self) -> (u64, u64) {
        if self.current.kind == Kind::Reserve {
            (self.reserve.reads, self.reserve.cancels)
        } else if held(&self.shared.ready).reserve.is_some() {
            (self.reserve.full_reads, self.reserve.full_cancels)
        } else {
            (0, 0)
        }
    }

    /// Whether entries go to the reserve: the disk was full at the last append.
    #[must_use]
    pub fn on_reserve(&self) -> bool {
        self.current.kind == Kind::Reserve
    }

    /// The number of the segment being written, for tests and metrics.
    #[must_use]
    pub fn segment(&self) -> u32 {
        self.shared.current.load(Ordering::Relaxed)
    }
}
