//! Against what we did not write: the reference vectors of Certificate
//! Transparency, proofs served by a public log, roots computed by another
//! program, and the tile reader of the `tlog_tiles` crate.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test code"
)]

use std::path::Path;

use audit::{
    CheckpointRequest, Hash, Head, Log, Options, leaf_hash, verify_checkpoint, verify_consistency,
    verify_inclusion,
};
use signed_note::{Note, StandardSigner};
use tlog_tiles::{HashReader, Tile, TileHashReader, TileReader, stored_hash_index};

fn hash(hex: &str) -> Hash {
    let bytes: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()).collect();
    Hash(bytes.try_into().unwrap())
}

fn hashes(hex: &[&str]) -> Vec<Hash> {
    hex.iter().map(|hex| hash(hex)).collect()
}

/// Roots over 1 to 8 leaves of the reference implementation's tests
/// (certificate-transparency merkle_tree_test.cc; trillian and
/// transparency-dev/merkle use the same).
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

fn reference(size: usize) -> Head {
    Head { size: size as u64, root: hash(ROOTS[size - 1]) }
}

const P5F: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const PBC: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const PCA: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const P96: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const P6B: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
const P0E: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";

#[test]
fn reference_inclusion_proofs_hold_and_nothing_else_does() {
    let cases: [(u64, usize, &[&str]); 5] = [
        (0, 1, &[]),
        (0, 8, &[P96, P5F, P6B]),
        (5, 8, &[PBC, PCA, ROOTS[3]]),
        (2, 3, &[ROOTS[1]]),
        (1, 5, &[ROOTS[0], P5F, PBC]),
    ];
    for (index, size, path) in cases {
        let (head, path) = (reference(size), hashes(path));
        let leaf = leaf_hash(LEAVES[index as usize]);
        verify_inclusion(head, index, leaf, &path).unwrap();
        assert!(verify_inclusion(head, index + 1, leaf, &path).is_err());
        assert!(verify_inclusion(head, index, leaf_hash(b"other"), &path).is_err());
        assert!(verify_inclusion(head, u64::MAX, leaf, &path).is_err());
        for at in 0..path.len() {
            let mut bad = path.clone();
            bad[at].0[31] ^= 1;
            assert!(verify_inclusion(head, index, leaf, &bad).is_err());
            assert!(verify_inclusion(head, index, leaf, &path[..at]).is_err());
        }
        let long = [path.clone(), vec![leaf]].concat();
        assert!(verify_inclusion(head, index, leaf, &long).is_err());
        assert!(verify_inclusion(head, index, leaf, &vec![leaf; 1000]).is_err());
    }
}

#[test]
fn reference_consistency_proofs_hold_and_nothing_else_does() {
    let cases: [(usize, usize, &[&str]); 4] =
        [(1, 1, &[]), (1, 8, &[P96, P5F, P6B]), (6, 8, &[P0E, PCA, ROOTS[3]]), (2, 5, &[P5F, PBC])];
    for (old, new, proof) in cases {
        let (old, new, proof) = (reference(old), reference(new), hashes(proof));
        verify_consistency(old, new, &proof).unwrap();
        if old != new {
            assert!(verify_consistency(new, old, &proof).is_err());
        }
        for at in 0..proof.len() {
            let mut bad = proof.clone();
            bad[at].0[0] ^= 0x80;
            assert!(verify_consistency(old, new, &bad).is_err());
            assert!(verify_consistency(old, new, &proof[..at]).is_err());
        }
        let other = Head { root: hash(P0E), ..old };
        assert!(verify_consistency(other, new, &proof).is_err());
        let huge = Head { size: u64::MAX, ..new };
        assert!(verify_consistency(old, huge, &proof).is_err());
    }
    // The empty tree comes before every tree, and only with the empty proof.
    let empty = Head {
        size: 0,
        root: hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    };
    verify_consistency(empty, reference(8), &[]).unwrap();
    assert!(verify_consistency(empty, reference(8), &hashes(&[P5F])).is_err());
    assert!(verify_consistency(Head { size: 0, ..reference(8) }, reference(8), &[]).is_err());
}

/// The answers of Google's Argon 2020 log, as the `tlog_tiles` crate keeps them.
#[test]
fn the_proofs_of_a_public_log_of_a_billion_entries_hold() {
    let read = |text: &str, field: &str| -> Vec<Hash> {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let list = value[field].as_array().unwrap().clone();
        list.iter().map(|hash| Hash::parse_hash(hash.as_str().unwrap()).unwrap()).collect()
    };
    let sth: serde_json::Value =
        serde_json::from_str(include_str!("data/ct-argon2020-sth.json")).unwrap();
    let head = Head {
        size: sth["tree_size"].as_u64().unwrap(),
        root: Hash::parse_hash(sth["sha256_root_hash"].as_str().unwrap()).unwrap(),
    };
    let path = read(include_str!("data/ct-argon2020-proof.json"), "audit_path");
    let leaf = Hash::parse_hash("nCs3mfIydh9x4CKyQ+u2xtmpxmFggA5MLymHwNQSlLg=").unwrap();
    verify_inclusion(head, 10_000, leaf, &path).unwrap();
    assert!(verify_inclusion(head, 10_001, leaf, &path).is_err());
    let proof = read(include_str!("data/ct-argon2020-consistency.json"), "consistency");
    let old = Head {
        size: 3_654_490,
        root: Hash::parse_hash("AuIZ5V6sDUj1vn3Y1K85oOaQ7y+FJJKtyRTl1edIKBQ=").unwrap(),
    };
    verify_consistency(old, head, &proof).unwrap();
    assert!(verify_consistency(Head { size: 3_654_491, ..old }, head, &proof).is_err());
}

/// The note in the documentation of golang.org/x/mod/sumdb/note is by the key
/// there; it is no checkpoint.
#[test]
fn notes_that_are_no_checkpoints_are_refused() {
    let note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    assert!(verify_checkpoint(note.as_bytes(), VKEY).is_err());
    for bad in ["", "\n\n", "a\n1\nb\n", "PeterNeumann\n1\nAAAA\n\n— PeterNeumann AAAAAAAA\n"] {
        assert!(verify_checkpoint(bad.as_bytes(), VKEY).is_err());
    }
    for key in
        ["", "PeterNeumann", "PeterNeumann+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
    {
        assert!(verify_checkpoint(note.as_bytes(), key).is_err());
    }
}

const SKEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

fn sign(request: &CheckpointRequest) -> Result<String, String> {
    let body = request.body(&[]).map_err(|error| error.to_string())?;
    let mut note = Note::new(body.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&StandardSigner::new(SKEY).unwrap()]).unwrap();
    Ok(String::from_utf8(note.to_bytes()).unwrap())
}

/// Roots over the entries `leaf 0`, `leaf 1`, … computed by a recursive
/// transcription of RFC 6962 section 2.1 into Python with `hashlib`.
const LEAF_ROOTS: [(u64, &str); 14] = [
    (1, "1bb97dcc21635d47e2663efdfd0a174686d98dd701352dd2cd06e8b43fd3d305"),
    (2, "fc5f6b88ff8554f75bb2f9e6f39c31b1936d44b69276edf7b1205a955b9761e3"),
    (3, "d4f92c8fbb89720eb3b55677c7d7efaddfeb10d11a1a84a0ba8f1a23337faa95"),
    (7, "5a61fc2b54f9cfa71774f2432143dd40c6cb2b11947faf65a7d3da5cb65199c8"),
    (8, "c5c2c820ed342fdda8ce896b6b9cf5b8c00a21cc4b20714cc6e5d3c05c35240b"),
    (100, "13f88915c560dc911a1da0fb209d84a20971051f294ebeb428fb3fc293af2743"),
    (255, "d71592a219d4067663eede247f9b54c3f9e0290682d55de09b495b07f1de41c9"),
    (256, "cf5effdb11d0927a2edf53b0e73c7837f659414e00537da5d90eb5c4c49ff274"),
    (257, "855b936aa00cb98b5114484249ad39d78a6be93623e26c01e8e487dc02184a5a"),
    (1000, "2ff33fb9d8f14f89ca306289633336a168ff3f4532e8f741a0019dcb4c1d60a1"),
    (65_535, "b592480df20f0dd456e39db9cdb0a1fa85f3617ec2d30cffc52760c38776f393"),
    (65_536, "e100ba54d69a91012fc13b7890feac78d6996a097268b6f735d17311c7402a60"),
    (65_537, "689b22742cab2adeb36ba622ff2736336464858f5de4a2c02f33bf163e7dca5f"),
    (70_000, "da0532ff7b2ee56f4067110fc964e9f27b5959f9527bfff3fa501aa7584deaf3"),
];

#[test]
fn the_log_and_its_tiles_are_what_others_compute_and_read() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = Log::open(dir.path(), &Options::new("PeterNeumann")).unwrap();
    for (size, root) in LEAF_ROOTS {
        while log.count() < size {
            log.append(format!("leaf {}", log.count()).as_bytes()).unwrap();
        }
        assert_eq!(log.head(), Head { size, root: hash(root) });
        log.publish(sign).unwrap();
        read_with_tlog_tiles(dir.path(), log.head());
    }
}

/// Authenticates tiles as a client of a tile log does, and reads entries.
fn read_with_tlog_tiles(dir: &Path, head: Head) {
    struct Published<'a>(&'a Path);
    impl TileReader for Published<'_> {
        fn height(&self) -> u8 {
            8
        }
        fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
            // C2SP paths are those of Go's checksum database without the height.
            let read = |tile: &Tile| {
                let path = tile.path().replacen("tile/8/", "tile/", 1);
                std::fs::read(self.0.join(path)).unwrap()
            };
            Ok(tiles.iter().map(read).collect())
        }
        fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
    }
    let published = Published(dir);
    let tiles = TileHashReader::new(head.size, head.root, &published);
    for index in [0, head.size / 3, head.size / 2, head.size - 1] {
        let leaf = leaf_hash(format!("leaf {index}").as_bytes());
        let read = tiles.read_hashes(&[stored_hash_index(0, index)]).unwrap();
        assert_eq!(read, [leaf]);
        let path = tlog_tiles::prove_record(head.size, index, &tiles).unwrap();
        verify_inclusion(head, index, leaf, &path).unwrap();
        // Its bundle: entries behind their lengths, big end first.
        let mut tile =
            Tile::from_index(8, stored_hash_index(0, index)).parent(0, head.size).unwrap();
        tile.set_is_data();
        let path = tile.path().replacen("tile/8/data/", "tile/entries/", 1);
        let bundle = std::fs::read(dir.join(path)).unwrap();
        let mut rest = bundle.as_slice();
        for at in index / 256 * 256..=index {
            let length = usize::from(rest[0]) << 8 | usize::from(rest[1]);
            assert_eq!(&rest[2..2 + length], format!("leaf {at}").as_bytes());
            rest = &rest[2 + length..];
        }
    }
}
