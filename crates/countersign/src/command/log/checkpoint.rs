//! `log checkpoint`: the newest signed checkpoint.

use std::io::Write as _;
use std::path::PathBuf;

use serde_json::json;

use super::super::admin::Admin;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;

/// Arguments of `log checkpoint`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Write it to this file as well
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Has a running gateway sign a fresh one, and prints what there is.
pub(super) fn run(settings: &Settings, arguments: &Arguments) -> Result<Answer, Failure> {
    let fresh = match Admin::connect(settings) {
        Ok(Some(mut admin)) => {
            let answer = admin.ask(&json!({ "do": "publish" }))?;
            match answer.get("error").and_then(|error| error.as_str()) {
                None => true,
                Some(error) => {
                    return Err(Failure::negative(format!("no fresh checkpoint: {error}")));
                }
            }
        }
        Ok(None) => false,
        Err(failure) => return Err(failure),
    };
    let reader = super::open(settings)?;
    let stored = reader.checkpoint().map_err(Failure::negative)?.ok_or_else(|| {
        Failure::negative("the log has no checkpoint yet")
            .next("one is signed within seconds of the first entry while `countersign serve` runs")
    })?;
    if let Some(path) = &arguments.out {
        let written =
            std::fs::File::create(path).and_then(|mut file| file.write_all(stored.note.as_bytes()));
        written.map_err(|error| Failure::file("write", path, error))?;
    }
    let json = json!({
        "origin": stored.checkpoint.origin,
        "size": stored.checkpoint.size,
        "root": stored.checkpoint.root.to_string(),
        "extensions": stored.checkpoint.extensions,
        "note": stored.note,
        "fresh": fresh,
    });
    Ok(Answer::yes(json, stored.note))
}
