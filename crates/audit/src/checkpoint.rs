//! Checkpoints: a tree head as a signed note (C2SP tlog-checkpoint and
//! signed-note). Pure functions, for a signer and for who verifies.

use signed_note::{Note, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::{Checkpoint as Body, Hash};

use crate::error::CheckpointError;
use crate::merkle::{Head, MAX_ENTRIES};

/// The file in the log directory.
pub const CHECKPOINT_FILE: &str = "checkpoint";
/// The longest signed checkpoint that is read.
pub const MAX_CHECKPOINT_BYTES: usize = 64 * 1024;

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many entries it covers.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// Its extension lines, without line ends.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// Size and root.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { size: self.size, root: self.root }
    }

    /// The rest of the extension line that starts with `name` and a space.
    #[must_use]
    pub fn extension(&self, name: &str) -> Option<&str> {
        self.extensions.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
    }
}

/// The text to sign: origin, size, root, then `extensions`, a line each.
///
/// # Errors
/// A line is empty or has a line end in it, or the origin is empty.
pub fn checkpoint_body(
    origin: &str,
    head: Head,
    extensions: &[&str],
) -> Result<String, CheckpointError> {
    if origin.contains('\n') || extensions.iter().any(|line| line.contains('\n')) {
        return Err(CheckpointError::Malformed("a line end inside a line"));
    }
    let lines: String = extensions.iter().map(|line| format!("{line}\n")).collect();
    let body = Body::new(origin, head.size, head.root, &lines)
        .map_err(|_| CheckpointError::Malformed("an empty line"))?;
    String::from_utf8(body.to_bytes()).map_err(|_| CheckpointError::Malformed("not UTF-8"))
}

/// Checks that `note` is a checkpoint signed by the key `vkey`
/// (`name+id+base64`), of the log that the key is named after.
///
/// # Errors
/// [`CheckpointError`] says what is wrong with the note or with the key.
pub fn verify_checkpoint(note: &[u8], vkey: &str) -> Result<Checkpoint, CheckpointError> {
    let verifier = StandardVerifier::new(vkey.trim())
        .map_err(|error| CheckpointError::Key(error.to_string()))?;
    let name = verifier.name().to_owned();
    let parsed = parse_note(note)?;
    parsed
        .verify(&VerifierList::new(vec![Box::new(verifier)]))
        .map_err(|error| CheckpointError::Signature(error.to_string()))?;
    let checkpoint = body_of(&parsed)?;
    if checkpoint.origin != name {
        return Err(CheckpointError::Origin { expected: name, found: checkpoint.origin });
    }
    Ok(checkpoint)
}

/// Reads a checkpoint without checking who signed it.
///
/// # Errors
/// It is malformed.
pub fn read_unverified(note: &[u8]) -> Result<Checkpoint, CheckpointError> {
    body_of(&parse_note(note)?)
}

fn parse_note(note: &[u8]) -> Result<Note, CheckpointError> {
    if note.len() > MAX_CHECKPOINT_BYTES {
        return Err(CheckpointError::Malformed("it is too long"));
    }
    Note::from_bytes(note).map_err(|_| CheckpointError::Malformed("it is not a signed note"))
}

fn body_of(note: &Note) -> Result<Checkpoint, CheckpointError> {
    let body = Body::from_bytes(note.text())
        .map_err(|_| CheckpointError::Malformed("its text is not a checkpoint"))?;
    if body.size() > MAX_ENTRIES {
        return Err(CheckpointError::Malformed("its size is larger than any log may be"));
    }
    Ok(Checkpoint {
        origin: body.origin().to_owned(),
        size: body.size(),
        root: *body.hash(),
        extensions: body.extension().lines().map(str::to_owned).collect(),
    })
}
