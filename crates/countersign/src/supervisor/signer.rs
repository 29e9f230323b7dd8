//! What the signer is told when it starts.

use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use vault::client::ControlClient;
use vault::protocol::control::{ControlAnswer, ControlAsk};

use super::child::{Child, THIS_PROGRAM};
use super::{channel, ground};
use crate::failure::Failure;
use crate::logging::LogArguments;
use crate::secret::Unsealer;
use crate::settings::Settings;

/// How long the signer may take from its start to its first answer; unsealing
/// with argon2id takes most of it.
const READY: Duration = Duration::from_secs(60);

/// The supervisor's own line to a signer.
pub(crate) fn control(end: OwnedFd) -> Result<ControlClient, Failure> {
    ControlClient::new(end.into(), READY).map_err(Failure::negative)
}

/// A started signer and the far ends of its connections.
#[derive(Debug)]
pub(crate) struct Started {
    /// The process.
    pub(crate) child: Child,
    /// Its supervisor's own line to it.
    pub(crate) control: ControlClient,
    /// Ends for those who ask it to sign; the first is not for orders.
    pub(crate) connections: Vec<OwnedFd>,
}

/// Starts the signer with so many connections and waits until it answers.
pub(crate) fn start(
    settings: &Settings,
    unsealer: &Unsealer,
    connections: usize,
    allow_missing_sandbox: bool,
    log: LogArguments,
) -> Result<Started, Failure> {
    let uid = ground::separate_users().then(|| settings.signer_uid());
    let child = Child::start(Path::new(THIS_PROGRAM), "signer", uid, log)?;
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
    let (control, control_end) = UnixStream::pair().map_err(failed)?;
    // INVARIANT (key custody): what unseals the vault travels through a pipe
    // that only the signer reads. The pipe holds more than the longest secret,
    // so writing never waits.
    let (reader, writer) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| failed(e.into()))?;
    std::fs::File::from(writer).write_all(unsealer.bytes()).map_err(failed)?;
    let mut passed = vec![reader.as_fd(), control_end.as_fd()];
    passed.extend(theirs.iter().map(|end| end.as_fd()));
    let start = json!({
        "kind": "start",
        "vault_dir": settings.data("vault"),
        "state_dir": settings.data("signer-state"),
        "unseal": unsealer.kind(),
        "wait": settings.signer_wait.name(),
        "allow_missing_sandbox": allow_missing_sandbox,
    });
    let mut started = Started {
        control: ControlClient::new(control, READY).map_err(Failure::negative)?,
        child,
        connections: ours,
    };
    let Some(socket) = &started.child.channel else {
        return Err(Failure::negative("the signer left before it was told what to do"));
    };
    socket.send(&start, &passed).map_err(failed)?;
    // Its ends must be open nowhere else, or its death would not be seen.
    drop((reader, control_end, theirs));
    match started.control.ask(&ControlAsk::Ping) {
        Ok(ControlAnswer::Ok) => Ok(started),
        Ok(_) => Err(Failure::negative("the signer answers another question than it was asked")),
        Err(error) => Err(last_words(&started.child).unwrap_or_else(|| Failure::negative(error))),
    }
}

/// What a signer that left at its start said why.
fn last_words(child: &Child) -> Option<Failure> {
    let socket = child.channel.as_ref()?;
    let packet = socket.receive_within(Duration::from_secs(1)).ok()??;
    let said = packet.text("error").map(str::to_owned)?;
    Some(Failure::negative(said))
}
