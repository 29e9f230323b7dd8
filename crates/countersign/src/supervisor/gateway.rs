//! What the gateway is told when it starts, and when the signer comes and
//! goes.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use serde_json::{Value, json};

use super::child::Child;
use super::doors::Doors;
use super::ground;
use crate::failure::Failure;
use crate::logging::LogArguments;
use crate::settings::Settings;

/// Starts a gateway, which gets ready and waits for its turn.
pub(crate) fn start(
    program: &Path,
    settings: &Settings,
    allow_missing_sandbox: bool,
    log: LogArguments,
) -> Result<Child, Failure> {
    let uid = ground::separate_users().then(|| settings.gateway_uid());
    let child = Child::start(program, "gateway", uid, log)?;
    // The gateway may not read what is root's, such as systemd's credentials.
    let secrets = settings.notify_secrets();
    tell(&child, &start_packet(settings, allow_missing_sandbox, &secrets), &[])?;
    Ok(child)
}

/// What a process with the gateway's code is told first.
pub(super) fn start_packet(
    settings: &Settings,
    allow_missing_sandbox: bool,
    notify_secrets: &[(String, String)],
) -> Value {
    json!({
        "kind": "start",
        "config_text": settings.text,
        "config_path": settings.config_path,
        "data_dir": settings.data_dir,
        "allow_missing_sandbox": allow_missing_sandbox,
        "notify_secrets": notify_secrets,
    })
}

/// It is a gateway's turn: here are the doors, and connections to a signer that
/// is ready.
pub(crate) fn go(
    child: &Child,
    settings: &Settings,
    doors: &Doors,
    connections: &[OwnedFd],
    signer_epoch: u64,
) -> Result<(), Failure> {
    let channel = child.channel.as_ref().ok_or_else(gone)?;
    doors.give(settings, channel).map_err(|error| {
        Failure::negative(format!("cannot give the gateway its doors: {error}"))
    })?;
    tell(child, &json!({ "kind": "go", "signer_epoch": signer_epoch }), connections)
}

/// The signer was started again: here are connections to it.
pub(crate) fn signer_up(
    child: &Child,
    connections: &[OwnedFd],
    signer_epoch: u64,
) -> Result<(), Failure> {
    tell(child, &json!({ "kind": "signer-up", "signer_epoch": signer_epoch }), connections)
}

/// The signer is gone.
pub(crate) fn signer_down(child: &Child, signer_epoch: u64) -> Result<(), Failure> {
    tell(child, &json!({ "kind": "signer-down", "signer_epoch": signer_epoch }), &[])
}

/// Take no more requests, finish what runs, leave.
pub(crate) fn drain(child: &Child) -> Result<(), Failure> {
    tell(child, &json!({ "kind": "drain" }), &[])
}

/// The same, and leave what another gateway can go on with there.
pub(crate) fn drain_to(child: &Child, to: &OwnedFd) -> Result<(), Failure> {
    tell(child, &json!({ "kind": "drain" }), std::slice::from_ref(to))
}

/// The gateway before leaves there what it has.
pub(crate) fn take_over(child: &Child, from: &OwnedFd) -> Result<(), Failure> {
    tell(child, &json!({ "kind": "take-over" }), std::slice::from_ref(from))
}

fn gone() -> Failure {
    Failure::negative("the gateway left before it was told what to do")
}

fn tell(child: &Child, what: &Value, passed: &[OwnedFd]) -> Result<(), Failure> {
    let passed: Vec<_> = passed.iter().map(|end| end.as_fd()).collect();
    let channel = child.channel.as_ref().ok_or_else(gone)?;
    channel
        .send(what, &passed)
        .map_err(|error| Failure::negative(format!("cannot tell the gateway: {error}")))
}
