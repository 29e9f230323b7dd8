//! What a supervisor leaves to the program that it becomes: everything lies in
//! a socket that is the new program's standard input; nothing else is left open.
//!
//! INVARIANT (key custody): what unseals the vault lies in a pipe beside it,
//! which is memory of the kernel: it is in no argument, no environment and no
//! file.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use gateway::doors::{Asked, Door, Place};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::channel::{Channel, Packet};
use crate::failure::Failure;
use crate::secret::{SECRET_BYTES, Unsealer};

/// The form's version. A program that knows another one is not become.
pub(crate) const VERSION: u64 = 1;
/// How long the socket may take: everything lies in it already.
const WAIT: Duration = Duration::from_secs(1);
/// Most sockets in one packet.
const AT_ONCE: usize = 64;

/// The state, apart from descriptors.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Which upgrade of this process it is.
    pub(crate) number: u64,
    pub(crate) config_path: PathBuf,
    pub(crate) config_text: String,
    /// Where the program was started from.
    pub(crate) program: PathBuf,
    pub(crate) signer_epoch: u64,
    /// Process ids of the signer, the gateway, and the gateway that follows.
    pub(crate) signer: u32,
    pub(crate) gateway: u32,
    pub(crate) successor: u32,
    /// Which walls this process has around it already.
    pub(crate) walls: Option<String>,
}

/// The descriptors, in their order.
#[derive(Debug)]
pub(crate) struct Held<T> {
    pub(crate) lock: T,
    pub(crate) keys: T,
    pub(crate) signer: T,
    pub(crate) control: T,
    pub(crate) gateway: T,
    pub(crate) successor: T,
}

/// What was left.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) state: State,
    pub(crate) held: Held<OwnedFd>,
    pub(crate) doors: Vec<(Asked, Door)>,
    pub(crate) unsealer: Unsealer,
}

/// Puts everything into a socket; the end that becomes standard input.
pub(crate) fn leave(
    state: &State,
    held: &Held<BorrowedFd<'_>>,
    doors: &[(Asked, Door)],
    unsealer: &Unsealer,
) -> std::io::Result<OwnedFd> {
    let (ours, theirs) = Channel::pair()?;
    // Nobody reads yet: what does not fit is an error instead of a wait.
    rustix::io::ioctl_fionbio(ours.as_fd(), true)?;
    let secret = in_pipe(unsealer)?;
    let first = json!({
        "kind": "resume",
        "version": VERSION,
        "number": state.number,
        "config_path": state.config_path,
        "config_text": state.config_text,
        "program": state.program,
        "signer_epoch": state.signer_epoch,
        "signer": state.signer,
        "gateway": state.gateway,
        "successor": state.successor,
        "walls": state.walls,
        "unseal": unsealer.kind(),
    });
    let Held { lock, keys, signer, control, gateway, successor } = held;
    ours.send(&first, &[secret.as_fd(), *lock, *keys, *signer, *control, *gateway, *successor])?;
    for (asked, door) in doors {
        let (kind, place) = match &asked.place {
            Place::Tcp(address) => ("tcp", json!(address)),
            Place::Unix(path) => ("unix", json!(path)),
        };
        for sockets in door.sockets.chunks(AT_ONCE) {
            let passed: Vec<_> = sockets.iter().map(OwnedFd::as_fd).collect();
            let packet = json!({
                "kind": kind, "field": asked.field, "place": place, "count": asked.count,
            });
            ours.send(&packet, &passed)?;
        }
    }
    ours.send(&json!({ "kind": "whole" }), &[])?;
    Ok(theirs)
}

/// Takes everything out of standard input, which is nothing afterwards.
pub(crate) fn take() -> Result<Resumed, Failure> {
    let odd =
        || Failure::misuse("--resumed is for `countersign upgrade` alone").next("leave it out");
    let channel = Channel::from_standard_input().map_err(|_| odd())?;
    let nothing = std::fs::File::open("/dev/null").map_err(Failure::negative)?;
    rustix::stdio::dup2_stdin(&nothing).map_err(Failure::negative)?;
    let receive = || channel.receive_within(WAIT).ok().flatten();
    let first = receive().filter(|packet| packet.kind() == "resume").ok_or_else(odd)?;
    let (state, held, unsealer) = understand(first).ok_or_else(odd)??;
    let mut doors: Vec<(Asked, Door)> = Vec::new();
    loop {
        let packet = receive().ok_or_else(odd)?;
        if packet.kind() == "whole" {
            return Ok(Resumed { state, held, doors, unsealer });
        }
        let (asked, sockets) = door(packet).ok_or_else(odd)?;
        match doors.iter_mut().find(|(open, _)| *open == asked) {
            Some((_, door)) => door.sockets.extend(sockets),
            None => {
                let door = Door { field: asked.field.clone(), sockets };
                doors.push((asked, door));
            }
        }
    }
}

type Understood = Result<(State, Held<OwnedFd>, Unsealer), Failure>;

fn understand(packet: Packet) -> Option<Understood> {
    let Packet { value, descriptors } = packet;
    let number = |name: &str| value.get(name).and_then(Value::as_u64);
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let process = |name: &str| number(name).and_then(|id| u32::try_from(id).ok());
    if number("version") != Some(VERSION) {
        return None;
    }
    let [secret, lock, keys, signer, control, gateway, successor] =
        <[OwnedFd; 7]>::try_from(descriptors).ok()?;
    let state = State {
        number: number("number")?,
        config_path: text("config_path")?.into(),
        config_text: text("config_text")?,
        program: text("program")?.into(),
        signer_epoch: number("signer_epoch")?,
        signer: process("signer")?,
        gateway: process("gateway")?,
        successor: process("successor")?,
        walls: text("walls"),
    };
    let held = Held { lock, keys, signer, control, gateway, successor };
    let kind = text("unseal")?;
    Some(from_pipe(secret, &kind).map(|unsealer| (state, held, unsealer)))
}

fn door(packet: Packet) -> Option<(Asked, Vec<OwnedFd>)> {
    let place = packet.text("place")?;
    let place = match packet.kind() {
        "tcp" => Place::Tcp(place.parse::<SocketAddr>().ok()?),
        "unix" => Place::Unix(place.into()),
        _ => return None,
    };
    let field = packet.text("field")?.to_owned();
    let count = packet.value.get("count").and_then(Value::as_u64)?;
    Some((Asked { field, place, count: usize::try_from(count).ok()? }, packet.descriptors))
}

/// A pipe holds more than the longest secret, so writing never waits.
fn in_pipe(unsealer: &Unsealer) -> std::io::Result<OwnedFd> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    std::fs::File::from(writer).write_all(unsealer.bytes())?;
    Ok(reader)
}

fn from_pipe(pipe: OwnedFd, kind: &str) -> Result<Unsealer, Failure> {
    // Room for all of it at once, so that growing leaves no copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES + 1));
    std::fs::File::from(pipe)
        .take(SECRET_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::negative(format!("what unseals the vault is lost: {error}")))?;
    match kind {
        "passphrase" => Ok(Unsealer::Passphrase(bytes)),
        "key-file" => Ok(Unsealer::KeyFile(bytes)),
        other => Err(Failure::negative(format!("`{other}` unseals no vault"))),
    }
}
