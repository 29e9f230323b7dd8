//! `log verify`: the log by itself, against a checkpoint kept elsewhere, and
//! against what the signer says it signed.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::reconcile::Reconciliation;
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::{Answer, warn};
use crate::settings::Settings;

/// Entries between two lines of progress.
const PROGRESS: u64 = 1_000_000;
/// Longest checkpoint or key file, bytes.
const FILE_BYTES: u64 = 64 * 1024;

/// Arguments of `log verify`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// A signed checkpoint kept elsewhere: with it, truncation and rewriting show
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// The log's verifier key, or a file with it (default: the one in the data directory)
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
    /// A log directory other than this configuration's
    #[arg(long, value_name = "DIRECTORY")]
    log: Option<PathBuf>,
}

/// Verifies; the answer is negative where anything is wrong.
pub(super) fn run(
    context: &Context,
    settings: &Settings,
    arguments: &Arguments,
) -> Result<Answer, Failure> {
    let log = arguments.log.clone().unwrap_or_else(|| settings.data("log"));
    let vkey = key(arguments.key.as_deref(), &settings.data("log").join("vkey"))?;
    let outside = arguments.checkpoint.as_deref().map(read).transpose()?;
    let signed = settings.data("signer-state");
    let (report, reconciled) = verify(&log, &vkey, outside.as_deref(), &signed)?;
    let good = report.verified() && reconciled.agrees();
    let mut json = report.to_json();
    if let Some(object) = json.as_object_mut() {
        object.insert("verified".to_owned(), Value::Bool(good));
        object.insert("signer".to_owned(), reconciled.to_json());
    }
    let verdict =
        if good { context.output.good("VERIFIED") } else { context.output.bad("NOT VERIFIED") };
    let text = report.to_string();
    let body = text.rsplit_once('\n').map_or("", |(body, _)| body);
    Ok(Answer::verdict(good, json, format!("{body}\n{reconciled}\n{verdict}")))
}

/// Verifies a log directory and compares it with the signer's record.
pub(crate) fn verify(
    log: &Path,
    vkey: &str,
    outside: Option<&[u8]>,
    signed: &Path,
) -> Result<(audit::Report, Reconciliation), Failure> {
    let mut reconciliation = Reconciliation::read(signed)?;
    let report = audit::verify(log, vkey, outside, |checked| {
        if checked.index > 0 && checked.index.is_multiple_of(PROGRESS) {
            warn(&format!("verified {} entries ...", checked.index));
        }
        reconciliation.entry(checked.index, checked.bytes);
    })
    .map_err(|error| {
        Failure::misuse(error).next("see that the directory and the key belong together")
    })?;
    reconciliation.finish(signed)?;
    Ok((report, reconciliation))
}

/// The verifier key as given, or from a file.
fn key(given: Option<&str>, default: &Path) -> Result<String, Failure> {
    let from_file = |path: &Path| {
        String::from_utf8(read(path)?)
            .map(|text| text.trim().to_owned())
            .map_err(|_| Failure::misuse(format!("`{}` is not a key", path.display())))
    };
    match given {
        None => from_file(default),
        Some(key) if key.contains('+') && !Path::new(key).exists() => Ok(key.to_owned()),
        Some(path) => from_file(Path::new(path)),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = std::fs::metadata(path)
        .and_then(|found| {
            if found.len() > FILE_BYTES {
                return Err(std::io::Error::other("too long to be what is expected"));
            }
            std::fs::read(path)
        })
        .map_err(|error| Failure::file("read", path, error))?;
    Ok(bytes)
}
