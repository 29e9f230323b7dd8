//! Verifies a log, offline, with nothing but its directory and its public key.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use audit::{InclusionProof, Reader, verify};

const USAGE: &str = "\
usage: countersign-verify DIR --key VKEY|FILE [--checkpoint FILE] [--json]
       countersign-verify DIR --key VKEY|FILE --proof N [--json]
       countersign-verify --check PROOF --entry FILE --key VKEY|FILE [--json]

Verifies the transparency log in DIR: the checkpoint's signature, every entry
against the signed root, the hash tiles and the entry bundles.

  --key VKEY|FILE    the log's verifier key (name+id+base64), or a file with it
  --checkpoint FILE  a signed checkpoint kept elsewhere: with it, a log that was
                     cut back or rewritten shows
  --proof N          print a proof that the checkpoint covers entry N
                     (c2sp.org/tlog-proof), for somebody without the log
  --check PROOF      check such a proof for the entry in the file given
  --json             one JSON object on standard output

exit: 0 verified, 1 not verified, 2 misuse";

/// The longest file read for a key, a checkpoint or a proof.
const MAX_FILE_BYTES: u64 = 256 * 1024;

#[derive(Default)]
struct Arguments {
    dir: Option<PathBuf>,
    key: Option<String>,
    checkpoint: Option<PathBuf>,
    proof: Option<u64>,
    check: Option<PathBuf>,
    entry: Option<PathBuf>,
    json: bool,
}

/// What went wrong: 1 for a negative answer, 2 for misuse.
struct Failure(u8, String);

fn misuse(why: impl Into<String>) -> Failure {
    Failure(2, why.into())
}

fn main() -> ExitCode {
    match run() {
        Ok(verified) => ExitCode::from(u8::from(!verified)),
        Err(Failure(code, why)) => {
            eprintln!("countersign-verify: {why}");
            ExitCode::from(code)
        }
    }
}

fn run() -> Result<bool, Failure> {
    let Some(arguments) = parse(std::env::args_os().skip(1))? else {
        print(USAGE)?;
        return Ok(true);
    };
    let key = arguments.key.as_deref().ok_or_else(|| misuse(format!("no --key given\n{USAGE}")))?;
    let vkey = key_text(key)?;
    if let Some(proof) = &arguments.check {
        return check(proof, &arguments, &vkey);
    }
    let dir = arguments.dir.as_deref().ok_or_else(|| misuse(format!("no DIR given\n{USAGE}")))?;
    if let Some(index) = arguments.proof {
        return prove(dir, index, &vkey, arguments.json);
    }
    let outside = arguments.checkpoint.as_ref().map(read_file).transpose()?;
    let mut progress = Progress::new();
    let report = verify(dir, &vkey, outside.as_deref(), |checked| progress.tick(checked.index))
        .map_err(|error| misuse(error.to_string()))?;
    progress.clear();
    if arguments.json {
        print(&report.to_json().to_string())?;
    } else {
        print(&report.to_string())?;
    }
    Ok(report.verified())
}

fn parse(mut given: impl Iterator<Item = OsString>) -> Result<Option<Arguments>, Failure> {
    let mut arguments = Arguments::default();
    while let Some(argument) = given.next() {
        let mut value =
            |name: &str| given.next().ok_or_else(|| misuse(format!("{name} needs a value")));
        match argument.to_str() {
            Some("--help" | "-h") => return Ok(None),
            Some("--json") => arguments.json = true,
            Some("--key") => {
                let key = value("--key")?;
                arguments.key =
                    Some(key.into_string().map_err(|_| misuse("the key is not UTF-8"))?);
            }
            Some("--checkpoint") => arguments.checkpoint = Some(value("--checkpoint")?.into()),
            Some("--check") => arguments.check = Some(value("--check")?.into()),
            Some("--entry") => arguments.entry = Some(value("--entry")?.into()),
            Some("--proof") => {
                let index = value("--proof")?;
                let index = index.to_str().and_then(|index| index.parse().ok());
                arguments.proof =
                    Some(index.ok_or_else(|| misuse("--proof needs the number of an entry"))?);
            }
            Some(option) if option.starts_with('-') => {
                return Err(misuse(format!("there is no option `{option}`\n{USAGE}")));
            }
            _ if arguments.dir.is_none() => arguments.dir = Some(argument.into()),
            _ => return Err(misuse(format!("one DIR at a time\n{USAGE}"))),
        }
    }
    Ok(Some(arguments))
}

/// A key as it was given, or from the file of that name.
fn key_text(key: &str) -> Result<String, Failure> {
    if key.contains('+') && !std::path::Path::new(key).exists() {
        return Ok(key.to_owned());
    }
    let text = String::from_utf8(read_file(&PathBuf::from(key))?);
    Ok(text.map_err(|_| misuse("the key file is not UTF-8"))?.trim().to_owned())
}

fn read_file(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    let read = || -> std::io::Result<Vec<u8>> {
        if std::fs::metadata(path)?.len() > MAX_FILE_BYTES {
            return Err(std::io::Error::other("the file is too long to be what is expected"));
        }
        std::fs::read(path)
    };
    read().map_err(|error| misuse(format!("cannot read `{}`: {error}", path.display())))
}

fn prove(dir: &std::path::Path, index: u64, vkey: &str, json: bool) -> Result<bool, Failure> {
    let reader = Reader::open(dir).map_err(|error| misuse(error.to_string()))?;
    let proven = || -> Result<_, audit::Error> {
        let entry = reader.entry(index)?;
        let proof = reader.prove(index)?;
        let checkpoint = proof.verify(&entry.bytes, vkey)?;
        Ok((entry, proof, checkpoint))
    };
    let (entry, proof, checkpoint) = proven().map_err(|error| Failure(1, error.to_string()))?;
    if json {
        let object = serde_json::json!({
            "index": index,
            "size": checkpoint.size,
            "entry": String::from_utf8_lossy(&entry.bytes),
            "leaf_hash": entry.leaf_hash.to_string(),
            "proof": proof.to_text(),
        });
        print(&object.to_string())?;
    } else {
        print(proof.to_text().trim_end_matches('\n'))?;
    }
    Ok(true)
}

fn check(proof: &PathBuf, arguments: &Arguments, vkey: &str) -> Result<bool, Failure> {
    let entry = arguments.entry.as_ref().ok_or_else(|| misuse("--check needs --entry FILE"))?;
    let text =
        String::from_utf8(read_file(proof)?).map_err(|_| misuse("the proof is not UTF-8"))?;
    let entry = read_file(entry)?;
    let checked = InclusionProof::from_text(&text)
        .map_err(audit::Error::from)
        .and_then(|proof| proof.verify(&entry, vkey).map(|checkpoint| (proof.index, checkpoint)));
    match checked {
        Ok((index, checkpoint)) if arguments.json => {
            let object = serde_json::json!({
                "verified": true, "index": index, "origin": checkpoint.origin, "size": checkpoint.size,
            });
            print(&object.to_string())?;
            Ok(true)
        }
        Ok((index, checkpoint)) => {
            print(&format!(
                "VERIFIED: entry {index} of `{}`, covered by its checkpoint of {} entries",
                checkpoint.origin, checkpoint.size
            ))?;
            Ok(true)
        }
        Err(error) if arguments.json => {
            print(
                &serde_json::json!({"verified": false, "message": error.to_string()}).to_string(),
            )?;
            Ok(false)
        }
        Err(error) => Err(Failure(1, format!("not verified: {error}"))),
    }
}

fn print(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}").map_err(|error| misuse(format!("cannot print: {error}")))
}

/// A line on the terminal while a long log is read.
struct Progress {
    begun: Instant,
    shown: Instant,
    on: bool,
    visible: bool,
}

impl Progress {
    fn new() -> Self {
        let now = Instant::now();
        Self { begun: now, shown: now, on: std::io::stderr().is_terminal(), visible: false }
    }

    fn tick(&mut self, index: u64) {
        if !self.on
            || !index.is_multiple_of(4096)
            || self.shown.elapsed() < Duration::from_millis(200)
        {
            return;
        }
        self.shown = Instant::now();
        self.visible = true;
        eprint!("\r{index} entries, {} s ", self.begun.elapsed().as_secs());
    }

    fn clear(&self) {
        if self.visible {
            eprint!("\r\x1b[K");
        }
    }
}
