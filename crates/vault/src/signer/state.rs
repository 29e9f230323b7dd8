//! The signer's state directory: what `init` and `key add` create. Missing
//! afterwards means spent.

use std::path::Path;

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

/// Creates a key's counters.
pub(crate) fn add_key(state: &Path, name: &str) -> Result<(), StoreError> {
    match Counters::load(state) {
        Found::Counters(mut counters) => {
            counters.add_key(name);
            counters.save().map_err(at(state))
        }
        // The signer finds them missing at its next start, counts everything as
        // spent and begins anew, with this key.
        Found::Missing(_) => Ok(()),
    }
}
