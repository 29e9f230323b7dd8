//! What the children do when they start: read one packet from standard input,
//! then become the signer or the gateway.

pub(crate) mod fetch;
pub(crate) mod gateway;
pub(crate) mod signer;

use rustix::process::{DumpableBehavior, Resource, Rlimit};

use crate::failure::Failure;

/// No core dump, not traceable: for a process that holds what unseals the
/// vault, before it reads it.
pub(crate) fn harden() -> Result<(), Failure> {
    let failed = |error: rustix::io::Errno| {
        Failure::negative(format!("cannot forbid core dumps and tracing: {error}"))
    };
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .map_err(failed)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(failed)
}
