//! Another ceiling for a key that has approvers, by the quorum of the one in
//! force.
//!
//! INVARIANT (second reading): the signatures are verified here, against what
//! is sealed; whoever brings a change only carries it.

use super::control::administration;
use super::core::{Core, unwritable};
use super::counters::Counters;
use super::grants::{Pass, admit_pass};
use super::refuse::operator;
use crate::change::{self, Change};
use crate::protocol::control::ControlAnswer;
use crate::protocol::{RefusalCode, SignRefusal};
use crate::store::VenueKey;

/// The sealed file is not from before a ceiling that was in force later.
///
/// # Errors
/// It is, and what to do.
pub(super) fn newest(sealed: &VenueKey, counters: &mut Counters) -> Result<(), String> {
    let seen = counters.key(&sealed.name).map_or(0, |one| one.generation);
    if sealed.generation >= seen {
        return Ok(());
    }
    Err(format!(
        "the vault's file of this key is an old one: it holds ceiling {}, and {seen} was in force; \
         restore the newer file, or revoke the key and add it again",
        sealed.generation
    ))
}

fn load(core: &mut Core, name: &str) -> Result<VenueKey, SignRefusal> {
    if !core.keys.iter().any(|key| key.info.name == name && !key.removed) {
        return Err(administration(format!("there is no key `{}`", name.escape_debug())));
    }
    let sealed = core.vault.load(name).map_err(administration)?;
    newest(&sealed, &mut core.counters).map_err(administration)?;
    Ok(sealed)
}

/// A key's whole ceiling.
pub(super) fn ceiling(core: &mut Core, name: &str) -> Result<ControlAnswer, SignRefusal> {
    let sealed = load(core, name)?;
    sealed.ceiling().encode().map(ControlAnswer::Ceiling).map_err(administration)
}

/// Replaces a ceiling, for good: sealed and used from now on.
pub(super) fn change(
    core: &mut Core,
    bytes: &[u8],
    signatures: &[String],
) -> Result<ControlAnswer, SignRefusal> {
    let refused = |what: String| operator(RefusalCode::GrantRefused, what);
    let named = Change::decode(bytes).map_err(|error| refused(error.to_string()))?.key;
    let mut sealed = load(core, &named)?;
    let now_ms = core.approvals_time_ms();
    let agreed = change::agree(bytes, signatures, &sealed.in_force(), now_ms)
        .map_err(|error| refused(error.to_string()))?;
    let pass = Pass {
        id: agreed.change().id,
        issued_unix_ms: agreed.change().issued_unix_ms,
        expires_unix_ms: agreed.change().expires_unix_ms,
        delay_ms: agreed.delay_ms(),
    };
    admit_pass(pass, "it can be applied", &mut core.counters, now_ms)?;
    sealed.replace_ceiling(agreed).map_err(|error| refused(error.to_string()))?;
    core.vault.save(&sealed).map_err(administration)?;
    // Behind the file: were it the other way round and this the end, the key
    // would be left with a file that counts as an old one.
    core.counters.raise_generation(&sealed.name, sealed.generation);
    let kept = core.counters.save();
    let key = core.keys.iter_mut().find(|key| key.info.name == named && !key.removed);
    let Some(key) = key else { return Err(administration("the key is gone")) };
    key.take_ceiling(&sealed);
    kept.map_err(|error| unwritable(&error.to_string()))?;
    Ok(ControlAnswer::Key(key.info.clone()))
}
