#![doc = include_str!("../FORMAT.md")]

mod checkpoint;
mod cursor;
mod error;
mod fuzz;
mod log;
mod merkle;
mod proof;
mod publish;
mod reader;
mod recent;
mod segment;
mod storage;
mod sync;
mod tail;
mod tiles;
mod verify;

pub use checkpoint::{
    CHECKPOINT_FILE, Checkpoint, MAX_CHECKPOINT_BYTES, checkpoint_body, read_unverified,
    verify_checkpoint,
};
pub use error::{CheckpointError, Damage, Error, ProofError};
pub use fuzz::fuzz_reader;
pub use log::{
    Appended, DEFAULT_CANCELS_RESERVE_BYTES, DEFAULT_READS_RESERVE_BYTES, DEFAULT_SEGMENT_BYTES,
    Log, MAX_OUTCOMES, MAX_SEGMENT_BYTES, MAX_STAGED_BYTES, MIN_SEGMENT_BYTES, Options,
    RECORD_OVERHEAD_BYTES, Recovery, Reserve, SetAside, Staged,
};
pub use merkle::{
    Hash, Head, MAX_ENTRIES, MAX_PROOF_HASHES, leaf_hash, verify_consistency, verify_inclusion,
};
pub use proof::InclusionProof;
pub use publish::{CheckpointRequest, Published, Publisher};
pub use reader::{Entries, Entry, Reader, StoredCheckpoint};
pub use segment::MAX_ENTRY_BYTES;
pub use storage::{Access, Disk, Held, Storage, StorageFile};
pub use sync::SyncHandle;
pub use verify::{Checked, Finding, MAX_FINDINGS, Report, What, verify, verify_on};

#[cfg(test)]
mod tests;
