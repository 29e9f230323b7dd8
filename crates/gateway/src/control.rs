//! The supervisor's control socket: packets of one JSON object each, with file
//! descriptors beside them.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendFlags, recvmsg, sendmsg,
};
use serde::Deserialize;
use serde_json::json;

use crate::config::notify::{Secret, Secrets};
use crate::doors::Door;
use crate::limits;

/// What the supervisor tells.
#[derive(Debug)]
pub enum Told {
    /// A door that the supervisor keeps open; before `go`.
    Door(Door),
    /// How to run. Get ready for it.
    Start(Start),
    /// Where the gateway before leaves what it has.
    TakeOver(OwnedFd),
    /// Nobody else writes the log now: run, with these connections to the
    /// signer.
    Go(SignerSockets),
    /// Cancel what rests in a scope (its two words) and end; nobody else writes
    /// the log now. The connection signs reads and cancels alone.
    CancelAll {
        /// `everything`, `venue` or `account`.
        scope: String,
        /// Of which name; empty for everything.
        name: String,
        /// The connection; there are none for workers.
        signer: SignerSockets,
    },
    /// A new signer runs: its connections. The old ones are dead.
    SignerUp(SignerSockets),
    /// The signer is gone; a new one comes.
    SignerDown,
    /// Stop taking requests, finish what runs, publish the log, end; where
    /// another follows, leave it there what it can go on with.
    Drain(Option<OwnedFd>),
    /// The supervisor is gone.
    Gone,
}

/// How to run.
#[derive(Clone, Debug)]
pub struct Start {
    /// The text of `countersign.toml`.
    pub config_text: String,
    /// Where it was read.
    pub config_path: PathBuf,
    /// The data directory, absolute.
    pub data_dir: PathBuf,
    /// Whether to run although the machine lacks sandbox features.
    pub allow_missing_sandbox: bool,
    /// Secrets of `[notify.*]` that the supervisor could read.
    pub notify_secrets: Secrets,
}

/// The gateway's connections to one signer.
#[derive(Debug)]
pub struct SignerSockets {
    /// Counts the signer's starts.
    pub epoch: u64,
    /// For keys, checkpoints, offset, rights and the gateway's own requests.
    pub housekeeping: UnixStream,
    /// One per worker, for bots' requests.
    pub workers: Vec<UnixStream>,
}

#[derive(Deserialize)]
struct Packet {
    kind: String,
    #[serde(default)]
    config_text: String,
    #[serde(default)]
    config_path: PathBuf,
    #[serde(default)]
    data_dir: PathBuf,
    #[serde(default)]
    allow_missing_sandbox: bool,
    #[serde(default)]
    signer_epoch: u64,
    #[serde(default)]
    field: String,
    #[serde(default)]
    notify_secrets: Vec<(String, String)>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    name: String,
}

/// The gateway's end of the control socket.
#[derive(Debug)]
pub struct Control {
    socket: OwnedFd,
}

impl Control {
    /// Over a `SOCK_SEQPACKET` Unix socket.
    pub const fn new(socket: OwnedFd) -> Self {
        Self { socket }
    }

    /// A second handle, for another thread.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn try_clone(&self) -> std::io::Result<Self> {
        Ok(Self { socket: self.socket.as_fd().try_clone_to_owned()? })
    }

    /// Waits for the supervisor's next word.
    ///
    /// # Errors
    /// What it said cannot be understood, in one line.
    pub fn receive(&self) -> Result<Told, String> {
        let mut bytes = vec![0; limits::CONTROL_PACKET_BYTES];
        let mut space = vec![
            MaybeUninit::uninit();
            rustix::cmsg_space!(ScmRights(limits::CONTROL_DESCRIPTORS))
        ];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            match recvmsg(
                &self.socket,
                &mut [IoSliceMut::new(&mut bytes)],
                &mut beside,
                RecvFlags::CMSG_CLOEXEC,
            ) {
                Ok(received) => break received,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(format!("the control socket failed: {error}")),
            }
        };
        let mut descriptors = Vec::new();
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        if received.bytes == 0 {
            return Ok(Told::Gone);
        }
        if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err("a control packet is over its limit".to_owned());
        }
        understand(bytes.get(..received.bytes).unwrap_or_default(), descriptors)
    }

    /// Tells the supervisor that this process can run as it was told.
    ///
    /// # Errors
    /// The supervisor is gone.
    pub fn prepared(&self) -> std::io::Result<()> {
        self.send(&json!({ "kind": "prepared" }).to_string())
    }

    /// Tells the supervisor that bots are served, and where.
    ///
    /// # Errors
    /// The supervisor is gone.
    pub fn ready(&self, listen: &[String]) -> std::io::Result<()> {
        self.send(&json!({ "kind": "ready", "listen": listen }).to_string())
    }

    /// Tells the supervisor what came of its one job.
    ///
    /// # Errors
    /// The supervisor is gone.
    pub fn done(&self, result: &serde_json::Value) -> std::io::Result<()> {
        self.send(&json!({ "kind": "done", "result": result }).to_string())
    }

    /// Tells the supervisor why this process ends.
    ///
    /// # Errors
    /// The supervisor is gone.
    pub fn failed(&self, error: &str) -> std::io::Result<()> {
        self.send(&json!({ "kind": "failed", "error": error }).to_string())
    }

    fn send(&self, text: &str) -> std::io::Result<()> {
        sendmsg(
            &self.socket,
            &[IoSlice::new(text.as_bytes())],
            &mut SendAncillaryBuffer::default(),
            SendFlags::NOSIGNAL,
        )?;
        Ok(())
    }
}

fn understand(bytes: &[u8], descriptors: Vec<OwnedFd>) -> Result<Told, String> {
    let packet: Packet = serde_json::from_slice(bytes)
        .map_err(|error| format!("a control packet cannot be read: {error}"))?;
    Ok(match packet.kind.as_str() {
        "start" => Told::Start(Start {
            config_text: packet.config_text,
            config_path: packet.config_path,
            data_dir: packet.data_dir,
            allow_missing_sandbox: packet.allow_missing_sandbox,
            notify_secrets: packet
                .notify_secrets
                .into_iter()
                .map(|(field, text)| (field, Secret::new(text)))
                .collect(),
        }),
        "take-over" => {
            let from = descriptors.into_iter().next();
            Told::TakeOver(from.ok_or("there is nothing to take over from".to_owned())?)
        }
        "go" => Told::Go(sockets(packet.signer_epoch, descriptors)?),
        "cancel-all" => Told::CancelAll {
            scope: packet.scope,
            name: packet.name,
            signer: sockets(packet.signer_epoch, descriptors)?,
        },
        "door" => Told::Door(Door { field: packet.field, sockets: descriptors }),
        "signer-up" => Told::SignerUp(sockets(packet.signer_epoch, descriptors)?),
        "signer-down" => Told::SignerDown,
        "drain" => Told::Drain(descriptors.into_iter().next()),
        other => return Err(format!("a control packet of an unknown kind `{other}`")),
    })
}

fn sockets(epoch: u64, descriptors: Vec<OwnedFd>) -> Result<SignerSockets, String> {
    let mut streams = descriptors.into_iter().map(UnixStream::from);
    let housekeeping =
        streams.next().ok_or("the supervisor gave no connection to the signer".to_owned())?;
    Ok(SignerSockets { epoch, housekeeping, workers: streams.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{AddressFamily, SendAncillaryMessage, SocketFlags, SocketType, socketpair};

    fn pair() -> (OwnedFd, Control) {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .unwrap();
        (ours, Control::new(theirs))
    }

    fn send(socket: &OwnedFd, text: &str, descriptors: &[std::os::fd::BorrowedFd<'_>]) {
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            assert!(beside.push(SendAncillaryMessage::ScmRights(descriptors)));
        }
        sendmsg(socket, &[IoSlice::new(text.as_bytes())], &mut beside, SendFlags::empty()).unwrap();
    }

    #[test]
    fn connections_come_beside_the_packet() {
        let (supervisor, control) = pair();
        let (house, _signer) = UnixStream::pair().unwrap();
        let (worker, mut far) = UnixStream::pair().unwrap();
        send(
            &supervisor,
            r#"{"kind":"signer-up","signer_epoch":7}"#,
            &[house.as_fd(), worker.as_fd()],
        );
        let Told::SignerUp(mut sockets) = control.receive().unwrap() else { panic!() };
        assert_eq!((sockets.epoch, sockets.workers.len()), (7, 1));
        std::io::Write::write_all(&mut sockets.workers[0], b"x").unwrap();
        let mut byte = [0];
        std::io::Read::read_exact(&mut far, &mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }

    #[test]
    fn the_supervisors_end_shows() {
        let (supervisor, control) = pair();
        send(&supervisor, r#"{"kind":"drain"}"#, &[]);
        assert!(matches!(control.receive(), Ok(Told::Drain(None))));
        let (successor, _) = pair();
        send(&supervisor, r#"{"kind":"drain"}"#, &[successor.as_fd()]);
        assert!(matches!(control.receive(), Ok(Told::Drain(Some(_)))));
        drop(supervisor);
        assert!(matches!(control.receive(), Ok(Told::Gone)));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for text in
            ["{}", "[]", "x", r#"{"kind":"dance"}"#, r#"{"kind":"go"}"#, r#"{"kind":"take-over"}"#]
        {
            assert!(understand(text.as_bytes(), Vec::new()).is_err(), "{text}");
        }
    }
}
