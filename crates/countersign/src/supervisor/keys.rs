//! The key socket: `key` commands reach the running signer through the
//! supervisor, never through the gateway.
//!
//! Who asks proves with every frame that it has what unseals the vault, and so
//! does the answer: on a machine where all processes run as one user the
//! gateway could connect, and learns nothing and changes nothing. Frames are
//! the signer's own control protocol, passed on after a look at their kind; a
//! secret in them is in a box that the signer alone opens.

use std::io::ErrorKind;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use rustix::event::{PollFd, PollFlags};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, listen, socket_with,
};
use serde_json::{Value, json};
use vault::client::ControlClient;
use vault::protocol::LENGTH_BYTES;
use vault::protocol::control::{self, ConnectionKind, ControlAnswer, ControlAsk};

use super::channel::{self, Channel};
use super::relief::Relief;
use crate::failure::Failure;
use crate::output::warn;
use crate::secret::Unsealer;

/// Commands connected at once.
const CONNECTIONS: i32 = 4;
/// How long nobody new is served after a proof that was wrong: guessing a
/// passphrase here takes long.
const AFTER_A_GUESS: Duration = Duration::from_secs(1);
/// How long a connection may stay silent.
const SILENCE: Duration = Duration::from_secs(120);
const NONCE_BYTES: usize = 32;

/// Proves that a frame comes from somebody who can unseal the vault.
pub(crate) struct Prover(hmac::Key);

impl std::fmt::Debug for Prover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Which way a frame goes, so that none is taken for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From a command.
    Ask,
    /// To a command.
    Answer,
}

impl Prover {
    pub(crate) fn new(unsealer: &Unsealer) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, unsealer.bytes());
        let derived = hmac::sign(&root, b"countersign key socket 1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    fn message(way: Way, nonce: &[u8], number: u64, frame: &[u8]) -> Vec<u8> {
        let mut message = vec![u8::from(way == Way::Answer)];
        message.extend_from_slice(&(nonce.len() as u64).to_be_bytes());
        message.extend_from_slice(nonce);
        message.extend_from_slice(&number.to_be_bytes());
        message.extend_from_slice(frame);
        message
    }

    pub(crate) fn prove(&self, way: Way, nonce: &[u8], number: u64, frame: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, &Self::message(way, nonce, number, frame)).as_ref().to_vec()
    }

    pub(crate) fn check(
        &self,
        way: Way,
        nonce: &[u8],
        number: u64,
        frame: &[u8],
        proof: &[u8],
    ) -> bool {
        hmac::verify(&self.0, &Self::message(way, nonce, number, frame), proof).is_ok()
    }
}

/// The socket and who is connected.
pub(crate) struct KeyDesk {
    socket: OwnedFd,
    prover: Prover,
    peers: Vec<Peer>,
    closed_until: Option<Instant>,
}

struct Peer {
    channel: Channel,
    nonce: [u8; NONCE_BYTES],
    asked: u64,
    heard: Instant,
}

impl KeyDesk {
    /// Listens at `path`, where only the user who runs this may connect.
    pub(crate) fn open(path: &Path, unsealer: &Unsealer) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::file("listen on", path, error);
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let opened = || -> std::io::Result<OwnedFd> {
            let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
            bind(&socket, &SocketAddrUnix::new(path)?)?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
            listen(&socket, CONNECTIONS)?;
            Ok(socket)
        };
        Ok(Self::resume(opened().map_err(failed)?, unsealer))
    }

    /// With a socket that listens already.
    pub(crate) fn resume(socket: OwnedFd, unsealer: &Unsealer) -> Self {
        Self { socket, prover: Prover::new(unsealer), peers: Vec::new(), closed_until: None }
    }

    /// What listens.
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether a `key` command is under way.
    pub(crate) fn is_asked(&self) -> bool {
        self.peers.iter().any(|peer| peer.asked > 0)
    }

    /// What the supervisor's poll watches for it.
    pub(crate) fn watched(&self) -> impl Iterator<Item = PollFd<'_>> {
        let open = self.closed_until.is_none_or(|until| Instant::now() >= until)
            && self.peers.len() < usize::try_from(CONNECTIONS).unwrap_or(0);
        let listener = open.then(|| PollFd::new(&self.socket, PollFlags::IN));
        let peers = self.peers.iter().map(|peer| &peer.channel);
        listener
            .into_iter()
            .chain(peers.map(|channel| PollFd::from_borrowed_fd(channel.as_fd(), PollFlags::IN)))
    }

    /// When it is to be looked at again, whatever comes.
    pub(crate) fn due(&self) -> Option<Duration> {
        let now = Instant::now();
        let silent = self.peers.iter().map(|peer| peer.heard + SILENCE);
        silent.chain(self.closed_until).min().map(|at| at.saturating_duration_since(now))
    }

    /// Serves whoever has asked. How the last upgrade went is told to anybody
    /// who may connect.
    /// Whoever may connect may also have what rests cancelled while no gateway
    /// serves.
    pub(crate) fn serve(
        &mut self,
        signer: &mut Option<ControlClient>,
        upgrade: &Value,
        relief: &mut Relief,
    ) {
        if self.closed_until.is_some_and(|until| Instant::now() >= until) {
            self.closed_until = None;
        }
        if self.closed_until.is_none() {
            self.accept();
        }
        let mut peers = std::mem::take(&mut self.peers);
        peers.retain_mut(|peer| {
            // One frame each a turn: nobody keeps the others waiting.
            match peer.channel.receive_within(Duration::ZERO) {
                Ok(Some(packet)) => {
                    peer.heard = Instant::now();
                    if packet.kind() == "upgrade" {
                        return peer.channel.send(upgrade, &[]).is_ok();
                    }
                    let word = |name: &str| packet.text(name).unwrap_or_default();
                    match packet.kind() {
                        "cancel-all" => {
                            let told = relief.ask(word("scope"), word("name"));
                            return peer.channel.send(&told, &[]).is_ok();
                        }
                        "cancel-all-outcome" => {
                            return peer.channel.send(&relief.tell(), &[]).is_ok();
                        }
                        _ => {}
                    }
                    self.answer(peer, &packet.value, signer)
                }
                Err(error) if error.kind() == ErrorKind::TimedOut => peer.heard.elapsed() < SILENCE,
                Ok(None) | Err(_) => false,
            }
        });
        self.peers = peers;
    }

    fn accept(&mut self) {
        // INVARIANT (bounded).
        if self.peers.len() >= usize::try_from(CONNECTIONS).unwrap_or(0) {
            return;
        }
        let Ok(end) = accept_with(&self.socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)
        else {
            return;
        };
        let channel = Channel::over(end);
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let hello = json!({ "kind": "hello", "nonce": hex::encode(nonce) });
        if channel.send(&hello, &[]).is_ok() {
            self.peers.push(Peer { channel, nonce, asked: 0, heard: Instant::now() });
        }
    }

    /// Answers one frame; whether the connection stays.
    fn answer(
        &mut self,
        peer: &mut Peer,
        packet: &Value,
        signer: &mut Option<ControlClient>,
    ) -> bool {
        let bytes = |name: &str| {
            packet.get(name).and_then(Value::as_str).and_then(|text| hex::decode(text).ok())
        };
        let (Some(frame), Some(proof)) = (bytes("frame"), bytes("proof")) else { return false };
        let number = peer.asked;
        peer.asked += 1;
        if !self.prover.check(Way::Ask, &peer.nonce, number, &frame, &proof) {
            warn("a key command does not have what unseals the vault; it is not served");
            self.closed_until = Some(Instant::now() + AFTER_A_GUESS);
            let _ = peer.channel.send(
                &json!({ "kind": "refused", "error": "that does not unseal the vault" }),
                &[],
            );
            return false;
        }
        let (answer, passed) = match asked(&frame, signer) {
            Ok(answered) => answered,
            Err(why) => {
                return peer.channel.send(&json!({ "kind": "refused", "error": why }), &[]).is_ok();
            }
        };
        let mut frame = Vec::new();
        if control::encode_answer(&answer, &mut frame).is_err() {
            return false;
        }
        let proof = self.prover.prove(Way::Answer, &peer.nonce, number, &frame);
        let told = json!({
            "kind": "answer",
            "frame": hex::encode(&frame),
            "proof": hex::encode(proof),
        });
        let passed: Vec<_> = passed.iter().map(|end| end.as_fd()).collect();
        match peer.channel.send(&told, &passed) {
            Ok(()) => true,
            // Nothing of it has left.
            Err(error) => {
                let why = format!("the answer cannot be told: {error}");
                peer.channel.send(&json!({ "kind": "refused", "error": why }), &[]).is_ok()
            }
        }
    }
}

/// Asks the signer what a command may ask; for a connection, with its end.
fn asked(
    frame: &[u8],
    signer: &mut Option<ControlClient>,
) -> Result<(ControlAnswer, Option<OwnedFd>), String> {
    let content = frame.get(LENGTH_BYTES..).unwrap_or_default();
    let ask = control::decode_ask(content).map_err(|error| error.to_string())?;
    let control = signer.as_mut().ok_or("the signer is being started; try again in a moment")?;
    let gone = |error: &dyn std::fmt::Display| format!("the signer does not answer: {error}");
    match ask {
        ControlAsk::Connect(ConnectionKind::CancelAll) => {
            let (near, far) = channel::stream_pair().map_err(|error| gone(&error))?;
            let kind = ConnectionKind::CancelAll;
            let answer = control.connect(kind, far.as_fd()).map_err(|error| gone(&error))?;
            Ok((answer, Some(near)))
        }
        // A connection that may sign orders is the gateway's alone, and only
        // the supervisor ends the signer.
        ControlAsk::Connect(ConnectionKind::Gateway) | ControlAsk::Shutdown => {
            Err("a key command may not ask that".to_owned())
        }
        ControlAsk::Ping
        | ControlAsk::Status
        | ControlAsk::BoxKey
        | ControlAsk::AddKey(_)
        | ControlAsk::Keys
        | ControlAsk::RemoveKey { .. }
        | ControlAsk::AcceptRights { .. }
        | ControlAsk::GenerateKey { .. }
        | ControlAsk::Ceiling { .. }
        | ControlAsk::ChangeCeiling { .. }
        | ControlAsk::ForgetGenerated { .. } => {
            Ok((control.ask(&ask).map_err(|error| gone(&error))?, None))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn unsealer(text: &str) -> Unsealer {
        Unsealer::Passphrase(Zeroizing::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn a_proof_is_of_one_frame_one_way_once() {
        let prover = Prover::new(&unsealer("one"));
        let proof = prover.prove(Way::Ask, b"nonce", 0, b"frame");
        let checks = |way, nonce: &[u8], number, frame: &[u8]| {
            prover.check(way, nonce, number, frame, &proof)
        };
        assert!(checks(Way::Ask, b"nonce", 0, b"frame"));
        assert!(!checks(Way::Answer, b"nonce", 0, b"frame"));
        assert!(!checks(Way::Ask, b"nonc", 0, b"frame"));
        assert!(!checks(Way::Ask, b"nonce", 1, b"frame"));
        assert!(!checks(Way::Ask, b"nonce", 0, b"other"));
        let other = Prover::new(&unsealer("two"));
        assert!(!other.check(Way::Ask, b"nonce", 0, b"frame", &proof));
        assert_eq!(format!("{prover:?}"), "<redacted>");
    }

    #[test]
    fn a_command_gets_no_connection_that_signs_orders() {
        for ask in [ControlAsk::Connect(ConnectionKind::Gateway), ControlAsk::Shutdown] {
            let (near, _far) = std::os::unix::net::UnixStream::pair().unwrap();
            let control = ControlClient::new(near, Duration::from_millis(10)).unwrap();
            let mut frame = Vec::new();
            control::encode_ask(&ask, &mut frame).unwrap();
            let refused = asked(&frame, &mut Some(control)).unwrap_err();
            assert!(refused.contains("may not ask"), "{refused}");
        }
        assert!(asked(b"nonsense", &mut None).is_err());
    }
}
