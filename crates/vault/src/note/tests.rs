use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::tlog::{
    Hash, HashReader, prove_tree, record_hash, stored_hash_index, stored_hashes, tree_hash,
};

use super::*;

const ORIGIN: &str = "example.test/log";

fn signer() -> NoteSigner {
    NoteSigner::new(ORIGIN, &[7; 32]).unwrap()
}

fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint { size, root: [3; 32], sequence: 12 }
}

/// All stored hashes of a small log, kept in memory.
struct Stored(Vec<Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::tlog::Error> {
        Ok(indexes.iter().map(|at| self.0[usize::try_from(*at).unwrap()]).collect())
    }
}

fn log(leaves: u64) -> Stored {
    let mut stored = Stored(Vec::new());
    for leaf in 0..leaves {
        let more = stored_hashes(leaf, &leaf.to_be_bytes(), &stored).unwrap();
        stored.0.extend(more);
    }
    assert_eq!(
        stored.0[usize::try_from(stored_hash_index(0, 0)).unwrap()].0,
        record_hash(&0_u64.to_be_bytes()).0
    );
    stored
}

#[test]
fn the_note_opens_with_the_format_crate() {
    let signer = signer();
    let note = signer.sign(&checkpoint(9));
    let verifier = StandardVerifier::new(&signer.vkey()).unwrap();
    let list = VerifierList::new(vec![Box::new(verifier)]);
    let opened = Note::from_bytes(note.as_bytes()).unwrap();
    let (known, unknown) = opened.verify(&list).unwrap();
    assert_eq!((known.len(), unknown.len()), (1, 0));
    let text = tlog_tiles::Checkpoint::from_bytes(opened.text()).unwrap();
    assert_eq!((text.origin(), text.size(), text.hash().0), (ORIGIN, 9, [3; 32]));
    assert_eq!(text.extension(), "countersign-signer-sequence 12\n");
}

#[test]
fn opens_only_what_it_signed() {
    let signer = signer();
    let note = signer.sign(&checkpoint(9));
    assert_eq!(signer.open(&note).unwrap(), checkpoint(9));
    let witnessed = format!("{note}\u{2014} witness.test AAAAAAAA\n");
    assert_eq!(signer.open(&witnessed).unwrap(), checkpoint(9));
    let other = NoteSigner::new(ORIGIN, &[8; 32]).unwrap();
    assert!(other.open(&note).is_none());
    for (from, to) in [("\n9\n", "\n8\n"), ("sequence 12", "sequence 11"), (ORIGIN, "other")] {
        assert!(signer.open(&note.replacen(from, to, 1)).is_none(), "{from}");
    }
    for at in 0..note.len() {
        let cut = note.get(..at).and_then(|cut| signer.open(cut));
        assert!(cut.is_none_or(|opened| opened == checkpoint(9)));
    }
    assert!(signer.open(&"x".repeat(NOTE_BYTES + 1)).is_none());
    // A note of ours that is no checkpoint of this kind.
    assert!(signer.open("").is_none());
}

#[test]
fn consistency_agrees_with_the_log_crate() {
    const MOST: u64 = 40;
    let stored = log(MOST);
    let root = |size: u64| if size == 0 { [0; 32] } else { tree_hash(size, &stored).unwrap().0 };
    for size in 1..=MOST {
        for old in 1..=size {
            let proof: Vec<[u8; 32]> =
                prove_tree(size, old, &stored).unwrap().iter().map(|hash| hash.0).collect();
            assert!(extends(old, &root(old), size, &root(size), &proof), "{old} to {size}");
            if old < size {
                assert!(!extends(old, &root(old), size, &[1; 32], &proof));
                assert!(!extends(old, &[1; 32], size, &root(size), &proof));
                for at in 0..proof.len() {
                    let mut wrong = proof.clone();
                    wrong[at][0] ^= 1;
                    assert!(!extends(old, &root(old), size, &root(size), &wrong));
                }
                let mut longer = proof.clone();
                longer.push([0; 32]);
                assert!(!extends(old, &root(old), size, &root(size), &longer));
                assert!(!extends(old, &root(old), size, &root(size), &proof[1..]));
            }
        }
    }
    assert!(extends(0, &[0; 32], 5, &root(5), &[]));
    assert!(!extends(5, &root(5), 4, &root(4), &[]));
    assert!(!extends(5, &root(5), 5, &root(4), &[]));
}

#[test]
fn a_log_needs_a_plain_name() {
    assert!(check_origin("example.test/log-1").is_ok());
    for bad in ["", "a b", "a+b", "a\nb", "\u{e9}"] {
        assert!(check_origin(bad).is_err(), "{bad}");
    }
}
