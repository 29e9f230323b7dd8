//! The book as a file: a JSON object a line.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vault::grant::{Approval, Grant};

use super::{Asked, Standing};
use crate::limits;

#[derive(Serialize, Deserialize)]
struct Line {
    approval: String,
    key: String,
    why: String,
    standing: Standing,
    persons: Vec<String>,
    signatures: Vec<String>,
    not_before_ms: u64,
    text: String,
    client_id: Option<String>,
}

/// What a file holds; nothing where there is none.
pub(super) fn read(path: &Path) -> Result<Vec<Asked>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.to_string()),
    };
    text.lines().take(limits::APPROVALS).map(line).collect()
}

fn line(text: &str) -> Result<Asked, String> {
    let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let bytes = line.approval.into_bytes();
    let approval = Approval::decode(&bytes).map_err(|error| error.to_string())?;
    let mut asked = Asked::new(approval, &line.key, &line.why)?;
    let grants = line.signatures.into_iter();
    asked.grants = grants.map(|signature| Grant { approval: bytes.clone(), signature }).collect();
    (asked.standing, asked.persons) = (line.standing, line.persons);
    asked.not_before_ms = line.not_before_ms;
    (asked.text, asked.client_id) = (line.text.into_bytes(), line.client_id);
    Ok(asked)
}

/// Replaces the file.
pub(super) fn write(path: &Path, asked: &[Asked]) -> std::io::Result<()> {
    let mut text = String::new();
    for one in asked {
        let line = Line {
            approval: String::from_utf8_lossy(&one.bytes).into_owned(),
            key: one.key.clone(),
            why: one.why.clone(),
            standing: one.standing.clone(),
            persons: one.persons.clone(),
            signatures: one.grants.iter().map(|grant| grant.signature.clone()).collect(),
            not_before_ms: one.not_before_ms,
            text: String::from_utf8_lossy(&one.text).into_owned(),
            client_id: one.client_id.clone(),
        };
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    let beside = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    std::fs::rename(&beside, path)
}
