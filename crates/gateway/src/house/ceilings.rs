//! Ceilings in the log: a change that is handed in, with its signatures, and
//! which ceiling is in force.
//!
//! The gateway decides nothing about a ceiling and cannot: the signer holds a
//! change against the approvers that are sealed with the key.

use serde_json::{Value, json};
use vault::change::Change;
use vault::limits::{CHANGE_SIGNATURE_BYTES, GRANTS};
use vault::protocol::{KeyClass, KeyInfo};

use crate::clock::host_nanos;
use crate::entry;
use crate::gateway::Gateway;
use crate::record::Purpose;

/// The ceilings of value-out keys as they were written down last.
#[derive(Debug, Default)]
pub(crate) struct Ceilings(Vec<(String, u64, [u8; 32])>);

impl Ceilings {
    /// Writes down the ceilings that are not those written down before: all of
    /// them at a start, later what was changed, by whatever way.
    pub(crate) fn write(&mut self, gateway: &Gateway, keys: &[KeyInfo]) {
        let known = std::mem::take(&mut self.0);
        for key in keys.iter().filter(|key| key.class == KeyClass::ValueOut) {
            let is = (key.name.clone(), key.generation, key.ceiling_digest);
            if known.contains(&is) {
                self.0.push(is);
                continue;
            }
            if known.iter().any(|(name, ..)| *name == key.name) {
                gateway.approvals.forget_grants(&key.name);
            }
            let entry = entry::plain("ceiling", host_nanos(), |json| {
                json.text("key", &key.name);
                json.text("venue", &key.venue);
                json.text("account", &key.account);
                json.number("generation", key.generation);
                json.hex("ceiling_sha256", &key.ceiling_digest);
                json.texts("approvers", &key.approvers);
                json.number("quorum", u64::from(key.quorum));
            });
            match gateway.log.append(&entry, Purpose::Ordinary) {
                Ok(_) => self.0.push(is),
                Err(error) => {
                    gateway.note(format!("the log takes no entry about a ceiling: {error}"));
                }
            }
        }
    }
}

/// Takes a change that is about to be given to the signer: into the log, with
/// its signatures, and on disk.
///
/// # Errors
/// It is no change, or not on disk, in one line; the signer is not to be asked.
pub(crate) fn hand_in(
    gateway: &Gateway,
    change: &str,
    signatures: &[String],
) -> Result<Value, String> {
    let read = Change::decode(change.as_bytes()).map_err(|error| error.to_string())?;
    let digest = read.digest().map_err(|error| error.to_string())?;
    // INVARIANT (bounded).
    if signatures.len() > GRANTS || signatures.iter().any(|one| one.len() > CHANGE_SIGNATURE_BYTES)
    {
        return Err(format!("a change has at most {GRANTS} signatures of ssh-keygen"));
    }
    let id = read.id.to_string();
    let told = entry::plain("ceiling-change", host_nanos(), |json| {
        json.text("change", &id);
        json.hex("change_sha256", &digest);
        json.text("key", &read.key);
        json.text("venue", &read.venue);
        json.text("account", &read.account);
        json.number("generation", read.generation);
        json.text("text", change);
    });
    let append = |entry: &[u8]| {
        gateway.log.append(entry, Purpose::Ordinary).map_err(|error| error.to_string())
    };
    let mut last = append(&told)?;
    for signature in signatures {
        last = append(&entry::plain("ceiling-grant", host_nanos(), |json| {
            json.text("change", &id);
            json.hex("change_sha256", &digest);
            json.text("signature", signature);
        }))?;
    }
    gateway.log.sync_handle().sync_through(last).map_err(|error| error.to_string())?;
    Ok(json!({ "ok": true, "change": id, "entry": last }))
}
