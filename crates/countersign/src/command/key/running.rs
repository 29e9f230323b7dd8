//! The signer that runs, reached through the supervisor's key socket.

use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect as connect_to, socket_with,
};
use serde_json::json;
use vault::client::SignerClient;
use vault::protocol::LENGTH_BYTES;
use vault::protocol::control::{self, ConnectionKind, ControlAnswer, ControlAsk};

use super::session::{PATIENCE, odd};
use crate::failure::Failure;
use crate::secret::Unsealer;
use crate::supervisor::channel::{Channel, Packet};
use crate::supervisor::keys::{Prover, Way};

/// A line to the signer that runs.
pub(super) struct Running {
    channel: Channel,
    prover: Prover,
    nonce: Vec<u8>,
    asked: u64,
}

/// Connects to the supervisor; none where nothing serves.
pub(crate) fn connect(path: &Path) -> Result<Option<Channel>, Failure> {
    let connected = || -> rustix::io::Result<OwnedFd> {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
        connect_to(&socket, &SocketAddrUnix::new(path)?)?;
        Ok(socket)
    };
    match connected() {
        Ok(socket) => Ok(Some(Channel::over(socket))),
        Err(Errno::NOENT | Errno::CONNREFUSED) => Ok(None),
        Err(error) => Err(Failure::file("connect to", path, error)
            .next("run this as the user that runs `countersign serve`")),
    }
}

impl Running {
    /// Hears the supervisor's greeting.
    pub(super) fn begin(channel: Channel, unsealer: &Unsealer) -> Result<Self, Failure> {
        let mut running =
            Self { channel, prover: Prover::new(unsealer), nonce: Vec::new(), asked: 0 };
        let hello = running.receive()?;
        let nonce = hello.text("nonce").and_then(|text| hex::decode(text).ok());
        running.nonce = nonce.filter(|nonce| nonce.len() >= 32).ok_or_else(odd)?;
        Ok(running)
    }

    /// Asks one thing; what came with the answer.
    pub(super) fn ask(
        &mut self,
        ask: &ControlAsk,
    ) -> Result<(ControlAnswer, Vec<OwnedFd>), Failure> {
        let mut frame = Vec::new();
        control::encode_ask(ask, &mut frame).map_err(Failure::negative)?;
        let number = self.asked;
        self.asked += 1;
        let proof = self.prover.prove(Way::Ask, &self.nonce, number, &frame);
        let packet = json!({
            "kind": "ask",
            "frame": hex::encode(&frame),
            "proof": hex::encode(proof),
        });
        self.channel.send(&packet, &[]).map_err(|error| gone(&error))?;
        let answer = self.receive()?;
        if answer.kind() == "refused" {
            let why = answer.text("error").unwrap_or("it does not say why");
            return Err(Failure::negative(format!("the running supervisor refused: {why}")).next(
                "give the passphrase or key file that `countersign serve` was started with",
            ));
        }
        let bytes = |name: &str| answer.text(name).and_then(|text| hex::decode(text).ok());
        let (Some(frame), Some(proof)) = (bytes("frame"), bytes("proof")) else {
            return Err(odd());
        };
        // Whoever answers must be who unsealed the vault: the key that secrets
        // are boxed for comes from here.
        if !self.prover.check(Way::Answer, &self.nonce, number, &frame, &proof) {
            return Err(Failure::negative(
                "whoever answers on the key socket is not the supervisor of this vault",
            )
            .next("find out who made it before giving any key away"));
        }
        let content = frame.get(LENGTH_BYTES..).unwrap_or_default();
        let told = control::decode_answer(content).map_err(Failure::negative)?;
        Ok((told, answer.descriptors))
    }

    /// A connection on which only reads and cancels are signed.
    pub(super) fn client(&mut self) -> Result<SignerClient, Failure> {
        let connect = ControlAsk::Connect(ConnectionKind::CancelAll);
        let (answer, mut ends) = self.ask(&connect)?;
        match (answer, ends.pop()) {
            (ControlAnswer::Ok, Some(end)) => {
                SignerClient::new(UnixStream::from(end), PATIENCE).map_err(Failure::negative)
            }
            (ControlAnswer::Error(refusal), _) => Err(Failure::negative(refusal.detail)),
            _ => Err(odd()),
        }
    }

    fn receive(&self) -> Result<Packet, Failure> {
        match self.channel.receive_within(PATIENCE) {
            Ok(Some(packet)) => Ok(packet),
            Ok(None) => Err(gone(&"it closed the connection")),
            Err(error) if error.kind() == ErrorKind::TimedOut => Err(gone(&"no answer in time")),
            Err(error) => Err(gone(&error)),
        }
    }
}

fn gone(why: &dyn std::fmt::Display) -> Failure {
    Failure::negative(format!("the running supervisor does not answer: {why}"))
        .next("see what `countersign serve` says; asking again is safe")
}
