//! Bots and keys read again without a restart: the bots' tables and virtual
//! keys, and which real key each account uses.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use judge::{BotPolicy, PolicySet};

use super::signer::HouseSigner;
use crate::clock;
use crate::config::Config;
use crate::entry::{self, Since};
use crate::gateway::Gateway;
use crate::record::Purpose;
use crate::shared::held;
use crate::virtual_key::Identities;

/// Every bot's number so far: it stays over reloads, because the replay cache
/// knows bots by it.
#[derive(Debug, Default)]
pub(crate) struct Numbers(pub(crate) Mutex<HashMap<String, u32>>);

/// The policy set of a configuration.
///
/// # Errors
/// Which table is wrong, in one line.
pub(crate) fn policies(config: &Config) -> Result<Arc<PolicySet>, String> {
    let bots: Vec<BotPolicy> = config.bots.values().map(|bot| bot.policy.clone()).collect();
    let policies = PolicySet::compile(&bots, &config.extra_policy);
    let policies = policies.map_err(|error| error.to_string())?;
    Ok(Arc::new(policies.with_detection(config.detection.clone())))
}

/// Reads every bot's virtual key.
///
/// # Errors
/// Which file is wrong, in one line.
pub(crate) fn identities(
    config: &Config,
    data_dir: &Path,
    numbers: &Numbers,
) -> Result<Identities, String> {
    Identities::read(&data_dir.join("bots"), &config.bots, &mut held(&numbers.0))
}

/// Reads the configuration's bots again and judges by them from now on. All or
/// nothing: where anything is wrong, everything stays as it was.
///
/// The sandbox lets this process read the very file that it started with; one
/// that was replaced since comes as `text` from whoever replaced it.
///
/// # Errors
/// What is wrong, in one line.
pub(crate) fn reload(gateway: &Gateway, text: Option<String>) -> Result<usize, String> {
    let (text, config) = read(gateway, text)?;
    let policies = policies(&config)?;
    let identities = identities(&config, &gateway.config.data_dir, &gateway.numbers)?;
    let count = identities.len();
    // Nothing is judged while keys and policies change: a request is judged by
    // those of one configuration. Nobody else holds two judges at once.
    let mut judges: Vec<_> = gateway.accounts.values().map(|group| held(&group.judge)).collect();
    for judge in &mut judges {
        judge.set_policies(Arc::clone(&policies));
    }
    gateway.identities.store(Arc::new(identities));
    gateway.detection.store(Arc::new(policies.detection().clone()));
    gateway.reloads.fetch_add(1, Ordering::AcqRel);
    // INVARIANT (pure judge): where in the log other policies begin is written
    // before anything is judged by them.
    gateway.tell_policies(Since::Reload, &config);
    drop(judges);
    let entry = entry::plain("bots-reloaded", clock::host_nanos(), |json| {
        json.number("bots", count as u64);
        json.hex("config_sha256", &crate::pipeline::judging::sha256(text.as_bytes()));
    });
    let _ = gateway.log.append(&entry, Purpose::Ordinary);
    Ok(count)
}

/// Learns which key each account uses now, and which keys the signer has. The
/// accounts that this process does not know: they take a restart.
///
/// # Errors
/// What is wrong, in one line; everything stays as it was.
pub(crate) fn reload_keys(
    gateway: &Gateway,
    signer: &HouseSigner,
    text: Option<String>,
) -> Result<Vec<String>, String> {
    let (text, config) = read(gateway, text)?;
    let (known, unknown): (BTreeMap<_, _>, BTreeMap<_, _>) =
        config.accounts.into_iter().partition(|(name, _)| gateway.accounts.contains_key(name));
    let before = gateway.account_keys.swap(Arc::new(known));
    if let Err(error) = signer.learn_keys(gateway) {
        gateway.account_keys.store(before);
        return Err(error);
    }
    let entry = entry::plain("keys-reloaded", clock::host_nanos(), |json| {
        json.number("signer_epoch", gateway.keys.load().epoch);
        json.hex("config_sha256", &crate::pipeline::judging::sha256(text.as_bytes()));
    });
    let _ = gateway.log.append(&entry, Purpose::Ordinary);
    Ok(unknown.into_keys().collect())
}

/// The configuration as text and read.
fn read(gateway: &Gateway, text: Option<String>) -> Result<(String, Config), String> {
    let path = &gateway.config_path;
    let text = match text {
        Some(text) => text,
        None => std::fs::read_to_string(path)
            .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?,
    };
    let base = path.parent().unwrap_or_else(|| Path::new("/"));
    let config = Config::parse(&text, base).map_err(|error| error.to_string())?;
    Ok((text, config))
}
