//! What the signer is told when it starts.

use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};

use serde_json::json;

use super::child::Child;
use super::{channel, ground};
use crate::failure::Failure;
use crate::secret::Unsealer;
use crate::settings::Settings;

/// A started signer and the far ends of its connections.
#[derive(Debug)]
pub(crate) struct Started {
    /// The process.
    pub(crate) child: Child,
    /// Ends for those who ask it to sign; the first is not for orders.
    pub(crate) connections: Vec<OwnedFd>,
}

/// Starts the signer with so many connections. It is ready when it says so.
pub(crate) fn start(
    settings: &Settings,
    unsealer: &Unsealer,
    connections: usize,
    allow_missing_sandbox: bool,
) -> Result<Started, Failure> {
    let uid = ground::separate_users().then(|| settings.signer_uid());
    let child = Child::start("signer", uid)?;
    let failed = |error: std::io::Error| {
        Failure::negative(format!("cannot tell the signer what to do: {error}"))
    };
    let mut ours = Vec::with_capacity(connections);
    let mut theirs = Vec::with_capacity(connections);
    for _ in 0..connections {
        let (near, far) = channel::stream_pair().map_err(failed)?;
        ours.push(near);
        theirs.push(far);
    }
    // INVARIANT (key custody): what unseals the vault travels through a pipe
    // that only the signer reads. The pipe holds more than the longest secret,
    // so writing never waits.
    let (reader, writer) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| failed(e.into()))?;
    std::fs::File::from(writer).write_all(unsealer.bytes()).map_err(failed)?;
    let mut passed = vec![reader.as_fd()];
    passed.extend(theirs.iter().map(|end| end.as_fd()));
    let start = json!({
        "kind": "start",
        "vault_dir": settings.data("vault"),
        "state_dir": settings.data("signer-state"),
        "unseal": unsealer.kind(),
        "allow_missing_sandbox": allow_missing_sandbox,
    });
    let Some(socket) = &child.channel else {
        return Err(Failure::negative("the signer left before it was told what to do"));
    };
    socket.send(&start, &passed).map_err(failed)?;
    Ok(Started { child, connections: ours })
}
