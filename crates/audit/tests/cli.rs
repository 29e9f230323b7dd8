//! The standalone verifier, as a third party runs it.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::path::Path;
use std::process::{Command, Output};

use audit::{CheckpointRequest, Log, Options};
use signed_note::{Note, StandardSigner};

const SKEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

fn sign(request: &CheckpointRequest) -> Result<String, String> {
    let body = request.body(&[]).map_err(|error| error.to_string())?;
    let mut note = Note::new(body.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&StandardSigner::new(SKEY).unwrap()]).unwrap();
    Ok(String::from_utf8(note.to_bytes()).unwrap())
}

fn log(dir: &Path, count: u64) {
    let (mut log, _) = Log::open(dir, &Options::new("PeterNeumann")).unwrap();
    for index in 0..count {
        log.append(format!("{{\"n\":{index}}}").as_bytes()).unwrap();
    }
    log.publish(sign).unwrap();
    log.append(b"{\"late\":true}").unwrap();
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_countersign-verify")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn it_verifies_and_says_so_in_words_and_json() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    log(&path, 300);
    let (code, out, err) = run(&[path.to_str().unwrap(), "--key", VKEY]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("entries     301") && out.trim_end().ends_with("VERIFIED"), "{out}");
    assert!(out.contains("entries 300 to 300 are not yet covered"), "{out}");
    // The key may stand in a file.
    let key = dir.path().join("vkey");
    std::fs::write(&key, format!("{VKEY}\n")).unwrap();
    let (code, out, _) = run(&[path.to_str().unwrap(), "--json", "--key", key.to_str().unwrap()]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0);
    assert_eq!(json.get("verified"), Some(&true.into()));
    assert_eq!(json.get("uncovered"), Some(&1.into()));
}

#[test]
fn one_byte_flipped_names_the_entry() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), 300);
    let segment = dir.path().join("segments/0000000000.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    let needle = b"{\"n\":123}";
    let at = bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    if let Some(byte) = bytes.get_mut(at + 6) {
        *byte ^= 1;
    }
    std::fs::write(&segment, bytes).unwrap();
    let (code, out, _) = run(&[dir.path().to_str().unwrap(), "--key", VKEY]);
    assert_eq!(code, 1);
    assert!(out.contains("entry 123") && out.trim_end().ends_with("NOT VERIFIED"), "{out}");
}

#[test]
fn a_checkpoint_kept_elsewhere_is_compared() {
    let dir = tempfile::tempdir().unwrap();
    let (long, short) = (dir.path().join("long"), dir.path().join("short"));
    log(&long, 300);
    log(&short, 200);
    let kept = long.join("checkpoint");
    let arguments =
        [short.to_str().unwrap(), "--key", VKEY, "--checkpoint", kept.to_str().unwrap()];
    let (code, out, _) = run(&arguments);
    assert_eq!(code, 1);
    assert!(out.contains("kept elsewhere covers 300 entries"), "{out}");
}

#[test]
fn a_proof_is_checked_without_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    log(&path, 300);
    let (code, proof, _) = run(&[path.to_str().unwrap(), "--key", VKEY, "--proof", "123"]);
    assert_eq!(code, 0);
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1\nindex 123\n"), "{proof}");
    let (file, entry) = (dir.path().join("proof"), dir.path().join("entry"));
    std::fs::write(&file, proof).unwrap();
    let check = || {
        run(&["--check", file.to_str().unwrap(), "--entry", entry.to_str().unwrap(), "--key", VKEY])
    };
    std::fs::write(&entry, "{\"n\":123}").unwrap();
    let (code, out, err) = check();
    assert!(code == 0 && out.starts_with("VERIFIED: entry 123"), "{out}{err}");
    std::fs::write(&entry, "{\"n\":124}").unwrap();
    let (code, _, err) = check();
    assert!(code == 1 && err.contains("not verified"), "{err}");
    // Not covered yet is a negative answer.
    assert_eq!(run(&[path.to_str().unwrap(), "--key", VKEY, "--proof", "300"]).0, 1);
}

#[test]
fn misuse_is_told_apart_from_a_bad_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    for arguments in [
        &[][..],
        &[path],
        &[path, "--key"],
        &[path, "--key", VKEY],
        &[path, "--key", "PeterNeumann+00000000+AAAA"],
        &[path, "--key", VKEY, "--frobnicate"],
        &[path, path, "--key", VKEY],
        &[path, "--key", VKEY, "--proof", "minus one"],
        &["--check", path, "--key", VKEY],
    ] {
        let (code, out, err) = run(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(err.starts_with("countersign-verify: "), "{err}");
    }
    let (code, out, _) = run(&["--help"]);
    assert!(code == 0 && out.starts_with("usage:"));
}
