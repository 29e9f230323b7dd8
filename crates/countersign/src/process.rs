//! What the children do when they start: read one packet from standard input,
//! then become the signer or the gateway.

pub(crate) mod cancel_all;
pub(crate) mod fetch;
pub(crate) mod gateway;
pub(crate) mod signer;

use vault::memory;
use vault::sandbox::{self, Profile, SandboxMode};

use crate::failure::Failure;
use crate::output::warn;

/// No core dump, not traceable: for a process that holds what unseals the
/// vault, before it reads it.
pub(crate) fn harden() -> Result<(), Failure> {
    memory::forbid_dumps().map_err(|error| {
        Failure::negative(format!("cannot forbid core dumps and tracing: {error}"))
    })
}

/// The supervisor's own walls. Its children inherit the limit on locked memory
/// that it raises, and add walls of their own.
///
/// Gives what tells these walls from others: a process that becomes another
/// program has the walls of `around` already.
pub(crate) fn wall_in_supervisor(
    allow_missing_sandbox: bool,
    around: Option<&str>,
) -> Result<Option<String>, Failure> {
    harden()?;
    // INVARIANT (key custody): what unseals the vault is never swapped out.
    if let Err(why) = memory::lock_memory() {
        warn(&format!("warning: {why}"));
    }
    let profile = Profile::supervisor();
    let walls = sandbox::calls_of(&profile);
    if walls.is_some() && walls.as_deref() == around {
        return Ok(walls);
    }
    let mode = if allow_missing_sandbox { SandboxMode::AllowMissing } else { SandboxMode::Enforce };
    let report = sandbox::apply(&profile, None, mode).map_err(|error| {
        Failure::negative(error)
            .next("use a kernel with seccomp, or accept less with --allow-missing-sandbox")
    })?;
    for missing in &report.missing {
        warn(&format!("WARNING: the supervisor's sandbox lacks: {missing}"));
    }
    Ok(report.calls.then_some(walls).flatten())
}
