//! Small blocking clients of the signer, for the command line, the supervisor
//! and tests. The gateway does its own asynchronous input and output with
//! [`crate::protocol`].

use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::limits::ANSWER_FRAME_BYTES;
use crate::memory::Secret;
use crate::protocol::control::{self, ConnectionKind, ControlAnswer, ControlAsk};
use crate::protocol::{
    Answer, Ask, LENGTH_BYTES, Malformed, Signed, TooLong, decode_answers, encode_asks,
    frame_length,
};
use crypto_box::PublicKey;
use crypto_box::aead::OsRng;

/// Why a question to the signer has no answer.
#[derive(Debug)]
pub enum ClientError {
    /// The socket broke: the signer is gone or hung. Whether it acted on the
    /// last frame is unknown; a new connection is safe.
    Broken(std::io::Error),
    /// The signer sent what is not an answer. Close the connection.
    Malformed(Malformed),
    /// The question is over a limit; it was not sent.
    TooLong(TooLong),
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken(error) => {
                write!(f, "the signer does not answer ({error}); see whether its process runs")
            }
            Self::Malformed(error) => write!(f, "the signer's answer cannot be read: {error}"),
            Self::TooLong(error) => write!(f, "not asked: {error}"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<std::io::Error> for ClientError {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<Malformed> for ClientError {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl From<TooLong> for ClientError {
    fn from(error: TooLong) -> Self {
        Self::TooLong(error)
    }
}

/// One frame's content from a blocking stream; none at its orderly end.
pub(crate) fn read_frame(
    stream: &mut impl Read,
    limit: usize,
    content: &mut Vec<u8>,
) -> Result<bool, ClientError> {
    let mut header = [0; LENGTH_BYTES];
    let mut have = 0;
    while let Some(space) = header.get_mut(have..).filter(|space| !space.is_empty()) {
        match stream.read(space) {
            Ok(0) if have == 0 => return Ok(false),
            Ok(0) => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
            Ok(count) => have += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let length = frame_length(header, limit)?;
    content.clear();
    content.resize(length, 0);
    stream.read_exact(content)?;
    Ok(true)
}

fn read_answer(stream: &mut UnixStream) -> Result<Vec<u8>, ClientError> {
    let mut content = Vec::new();
    if read_frame(stream, ANSWER_FRAME_BYTES, &mut content)? {
        Ok(content)
    } else {
        Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into())
    }
}

/// Asks the signer as the gateway does, one frame at a time.
#[derive(Debug)]
pub struct SignerClient {
    stream: UnixStream,
}

impl SignerClient {
    /// Over the gateway's end of a connection. `patience` bounds every answer.
    pub fn new(stream: UnixStream, patience: Duration) -> Result<Self, ClientError> {
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Self { stream })
    }

    /// Asks a batch and waits for its answers: as many, in the same order, those
    /// that came later among them.
    pub fn ask(&mut self, asks: &[Ask]) -> Result<Vec<Answer>, ClientError> {
        let mut frame = Vec::new();
        encode_asks(asks, &mut frame)?;
        self.stream.write_all(&frame)?;
        let mut answers = decode_answers(&read_answer(&mut self.stream)?)?;
        if answers.len() != asks.len() {
            return Err(Malformed { what: "answer count", at: 1 }.into());
        }
        let mut left = answers.iter().filter(|one| matches!(one, Answer::Later { .. })).count();
        while left > 0 {
            for late in decode_answers(&read_answer(&mut self.stream)?)? {
                let (Answer::Signed(Signed { id: done, .. }) | Answer::Refused { id: done, .. }) =
                    &late
                else {
                    return Err(Malformed { what: "late answer", at: 0 }.into());
                };
                let place = answers
                    .iter_mut()
                    .find(|answer| matches!(answer, Answer::Later { id } if id == done))
                    .ok_or(Malformed { what: "late answer", at: 0 })?;
                *place = late;
                left -= 1;
            }
        }
        Ok(answers)
    }

    /// Asks one thing.
    pub fn ask_one(&mut self, ask: Ask) -> Result<Answer, ClientError> {
        let mut answers = self.ask(&[ask])?;
        answers.pop().ok_or(Malformed { what: "answer count", at: 1 }.into())
    }
}

/// Asks the signer as the supervisor does.
#[derive(Debug)]
pub struct ControlClient {
    stream: UnixStream,
}

impl AsFd for ControlClient {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl ControlClient {
    /// Over the supervisor's end of the control connection. `patience` bounds
    /// every answer.
    pub fn new(stream: UnixStream, patience: Duration) -> Result<Self, ClientError> {
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Self { stream })
    }

    /// Whether the signer answers within so long. Other questions keep the
    /// patience that they had.
    ///
    /// # Errors
    /// It does not, or the connection is broken: it carries nothing more.
    pub fn ping(&mut self, within: Duration) -> Result<(), ClientError> {
        let usual = self.stream.read_timeout()?;
        self.stream.set_read_timeout(Some(within))?;
        self.ask(&ControlAsk::Ping)?;
        self.stream.set_read_timeout(usual)?;
        Ok(())
    }

    /// Asks one thing and waits for its answer.
    pub fn ask(&mut self, ask: &ControlAsk) -> Result<ControlAnswer, ClientError> {
        let mut frame = Vec::new();
        control::encode_ask(ask, &mut frame)?;
        self.stream.write_all(&frame)?;
        Ok(control::decode_answer(&read_answer(&mut self.stream)?)?)
    }

    /// Gives the signer its end of one more connection; keep the other end for
    /// the process that will ask on it.
    pub fn connect(
        &mut self,
        kind: ConnectionKind,
        signer_end: BorrowedFd<'_>,
    ) -> Result<ControlAnswer, ClientError> {
        let mut frame = Vec::new();
        control::encode_ask(&ControlAsk::Connect(kind), &mut frame)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        let ends = [signer_end];
        if !beside.push(SendAncillaryMessage::ScmRights(&ends)) {
            return Err(TooLong { what: "descriptors", limit: 1 }.into());
        }
        // The descriptor travels with the first byte of the frame.
        let sent = sendmsg(&self.stream, &[IoSlice::new(&frame)], &mut beside, SendFlags::NOSIGNAL)
            .map_err(std::io::Error::from)?;
        self.stream.write_all(frame.get(sent..).unwrap_or_default())?;
        Ok(control::decode_answer(&read_answer(&mut self.stream)?)?)
    }
}

/// Puts a secret into a box that only the signer with this key
/// ([`ControlAnswer::BoxKey`]) can open. None where the box cannot be made.
pub fn seal_secret(box_key: [u8; 32], secret: &Secret) -> Option<Vec<u8>> {
    PublicKey::from(box_key).seal(&mut OsRng, secret.expose()).ok()
}
