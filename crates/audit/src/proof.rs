//! Proofs that somebody else can check: C2SP tlog-proof, version 1.

use tlog_tiles::Hash;

use crate::checkpoint::{Checkpoint, MAX_CHECKPOINT_BYTES, verify_checkpoint};
use crate::error::{Error, ProofError};
use crate::merkle::{MAX_PROOF_HASHES, leaf_hash, verify_inclusion};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// That a checkpoint covers an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct InclusionProof {
    /// The entry's index.
    pub index: u64,
    /// The hashes from the leaf up (RFC 6962 section 2.1.1).
    pub hashes: Vec<Hash>,
    /// The signed checkpoint.
    pub note: String,
}

impl InclusionProof {
    /// The proof as text (c2sp.org/tlog-proof).
    #[must_use]
    pub fn to_text(&self) -> String {
        let hashes: String = self.hashes.iter().map(|hash| format!("{hash}\n")).collect();
        format!("{FIRST_LINE}\nindex {}\n{hashes}\n{}", self.index, self.note)
    }

    /// Reads the text of a proof; an `extra` line is passed over.
    ///
    /// # Errors
    /// It is malformed.
    pub fn from_text(text: &str) -> Result<Self, ProofError> {
        if text.len() > MAX_CHECKPOINT_BYTES * 2 {
            return Err(ProofError::TooLarge);
        }
        let (front, note) =
            text.split_once("\n\n").ok_or(ProofError::Malformed("it has no checkpoint"))?;
        let mut lines = front.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(ProofError::Malformed("its first line is not `c2sp.org/tlog-proof@v1`"));
        }
        let _ = lines.next_if(|line| line.starts_with("extra "));
        let number = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .ok_or(ProofError::Malformed("it has no index line"))?;
        let index = number
            .parse()
            .ok()
            .filter(|index: &u64| index.to_string() == number)
            .ok_or(ProofError::Malformed("its index is not a number"))?;
        let mut hashes = Vec::new();
        for line in lines {
            if hashes.len() == MAX_PROOF_HASHES {
                return Err(ProofError::TooLarge);
            }
            let hash = Hash::parse_hash(line)
                .map_err(|_| ProofError::Malformed("a line is not a hash"))?;
            hashes.push(hash);
        }
        Ok(Self { index, hashes, note: note.to_owned() })
    }

    /// Checks that the log with the key `vkey` holds `entry` at this index;
    /// the checkpoint that says so.
    ///
    /// # Errors
    /// The checkpoint is not by that key, or does not cover these bytes.
    pub fn verify(&self, entry: &[u8], vkey: &str) -> Result<Checkpoint, Error> {
        let checkpoint = verify_checkpoint(self.note.as_bytes(), vkey)?;
        verify_inclusion(checkpoint.head(), self.index, leaf_hash(entry), &self.hashes)?;
        Ok(checkpoint)
    }
}
