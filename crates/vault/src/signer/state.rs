//! The signer's state directory: what `init` and `key add` create. Missing
//! afterwards means spent.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::counters::{Counters, Found};
use super::signed_log::SignedLog;
use crate::files;
use crate::store::{StoreError, at};

/// Creates an empty state; what is there stays.
pub(crate) fn create(state: &Path) -> Result<(), StoreError> {
    files::private_directory(state).map_err(at(state))?;
    SignedLog::create(state).map_err(at(state))?;
    if !state.join("counters").exists() {
        Counters::fresh(state).save().map_err(at(state))?;
    }
    Ok(())
}

/// Takes the state for this process alone, until the file is dropped.
pub(crate) fn lock(state: &Path) -> Result<File, StoreError> {
    let path = state.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(at(&path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::Refused(format!(
            "a signer is using `{}`; stop it, or let it do this",
            state.display()
        ))),
        Err(error) => Err(at(&path)(error.into())),
    }
}

/// Creates a key's counters, for a ceiling of that generation.
pub(crate) fn add_key(state: &Path, name: &str, generation: u64) -> Result<(), StoreError> {
    match Counters::load(state) {
        Found::Counters(mut counters) => {
            counters.add_key(name);
            counters.raise_generation(name, generation);
            counters.save().map_err(at(state))
        }
        // The signer finds them missing at its next start, counts everything as
        // spent and begins anew, with this key.
        Found::Missing(_) => Ok(()),
    }
}

/// The generation of the next ceiling of a key of this name.
pub(crate) fn next_generation(state: &Path, name: &str) -> u64 {
    match Counters::load(state) {
        Found::Counters(counters) => counters.next_generation(name),
        Found::Missing(_) => 0,
    }
}
