//! The short-lived process that cancels what rests while no gateway runs: the
//! gateway's upstream code in the gateway's sandbox, with the log's writer lock
//! and a signer connection on which only reads and cancels are signed.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::prepared::Prepared;
use super::{GatewayError, config_of, mode_of, sandbox, start_sync, system};
use crate::clock;
use crate::control::{Control, Told};
use crate::entry;
use crate::halts::Scope;
use crate::house::House;
use crate::house::signer::HouseSigner;
use crate::record::Purpose;

/// Cancels as the supervisor says, tells it what came of it, and ends.
///
/// # Errors
/// Nothing was cancelled; the supervisor has been told why.
pub fn cancel_all_child(control: OwnedFd) -> Result<(), GatewayError> {
    let control = Control::new(control);
    match run(&control) {
        Ok(result) => control.done(&result).map_err(system),
        Err(error) => {
            let _ = control.failed(&error.to_string());
            Err(error)
        }
    }
}

fn run(control: &Control) -> Result<Value, GatewayError> {
    let Told::Start(start) = control.receive().map_err(system)? else {
        return Err(system("the supervisor began with another packet than `start`"));
    };
    let mode = mode_of(&start);
    let (mut config, path) = config_of(start)?;
    // Nobody is told from here: no secret of a target is read, no port opened.
    config.notify.clear();
    let prepared = Prepared::new(config, path)?;
    let Told::CancelAll { scope, name, signer } = control.receive().map_err(system)? else {
        return Err(system("the supervisor told something else than what to cancel"));
    };
    let scope = Scope::of(&scope, &name)
        .filter(|scope| !matches!(scope, Scope::Team(_) | Scope::Bot(_)))
        .ok_or_else(|| {
            system("without a gateway the scope is everything, a venue or an account")
        })?;
    // The writer lock: no gateway serves on this log meanwhile.
    let (gateway, _) = prepared.open(None)?;
    let report = sandbox::apply(&gateway, mode).map_err(GatewayError::Sandbox)?;
    for missing in report.missing {
        tracing::warn!(missing, "the sandbox lacks a feature");
    }
    let known = match &scope {
        Scope::Venue(name) => gateway.accounts.values().any(|one| one.venue.name() == name),
        Scope::Account(name) => gateway.accounts.contains_key(name),
        _ => true,
    };
    if !known {
        return Err(system(format!("there is no {scope} here")));
    }
    let ended = Arc::new(AtomicBool::new(false));
    let sync = start_sync(&gateway, &ended)?;
    // INVARIANT (record first): what this process is for precedes what it does.
    let tell = |kind: &'static str, outcome: Option<&Value>| {
        let entry = entry::plain(kind, clock::host_nanos(), |json| {
            let (scope, name) = scope.words();
            json.text("scope", scope);
            json.text("name", name);
            if let Some(outcome) = outcome {
                json.text("result", &outcome.to_string());
            }
        });
        gateway.log.append(&entry, Purpose::Cancel)
    };
    tell("cancel-all-begin", None).map_err(system)?;
    let house_signer = Arc::new(HouseSigner::default());
    house_signer.connect(signer.epoch, signer.housekeeping).map_err(system)?;
    house_signer.learn_keys(&gateway).map_err(system)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system)?;
    let house = House::new(Arc::clone(&gateway), house_signer);
    let result = tokio::task::LocalSet::new().block_on(&runtime, async {
        if let Err(error) = house.learn_clock().await {
            tracing::warn!(error, "the venue's clock is not known; the host's is used");
        }
        house.clear_venues(&scope).await
    });
    let told = tell("cancel-all-end", Some(&result));
    ended.store(true, Ordering::Release);
    let _ = sync.join();
    // What was cancelled is cancelled; a log without the summary has each cancel.
    if let Err(error) = told {
        tracing::error!(%error, "the log takes no summary");
    }
    Ok(result)
}
