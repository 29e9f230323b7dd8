//! The supervisor's connection: status, keys, new connections, the end.

use std::io::{IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::SignerError;
use super::changing;
use super::core::{Core, unwritable};
use super::keys::Key;
use super::refuse::operator;
use super::serve::Connections;
use crate::ceiling::Ceiling;
use crate::limits::CONTROL_FRAME_BYTES;
use crate::memory::Secret;
use crate::protocol::control::{self, BoxedKey, ConnectionKind, ControlAnswer, ControlAsk};
use crate::protocol::{KeyHandle, LENGTH_BYTES, RefusalCode, SignRefusal, frame_length};
use crate::store::NewKey;

/// Most descriptors that one frame may bring.
const DESCRIPTORS: usize = 4;

/// Serves the supervisor until it says stop or is gone.
pub(super) fn serve(
    end: OwnedFd,
    core: &Mutex<Core>,
    connections: &mut Connections,
) -> Result<(), SignerError> {
    let mut stream = UnixStream::from(end);
    stream.set_nonblocking(false)?;
    let mut reader = Reader { received: Vec::new(), descriptors: Vec::new() };
    while let Some(ask) = reader.next(&stream)? {
        let answer = match ask {
            ControlAsk::Shutdown => {
                send(&mut stream, &ControlAnswer::Ok)?;
                return Ok(());
            }
            ControlAsk::Connect(kind) => connect(reader.descriptors.pop(), kind, connections),
            other => {
                let mut core = core.lock().map_err(|_| SignerError::Poisoned)?;
                answer(&mut core, other)
            }
        };
        reader.descriptors.clear();
        send(&mut stream, &answer)?;
    }
    Ok(())
}

fn send(stream: &mut UnixStream, answer: &ControlAnswer) -> Result<(), SignerError> {
    let mut frame = Vec::new();
    control::encode_answer(answer, &mut frame).map_err(std::io::Error::other)?;
    Ok(stream.write_all(&frame)?)
}

fn connect(
    end: Option<OwnedFd>,
    kind: ConnectionKind,
    connections: &mut Connections,
) -> ControlAnswer {
    let refuse = |what: String| ControlAnswer::Error(operator(RefusalCode::Administration, what));
    match end {
        None => refuse("no descriptor came with the connection".to_owned()),
        Some(end) => match connections.open(end, kind) {
            Ok(()) => ControlAnswer::Ok,
            Err(error) => refuse(format!("no further connection: {error}")),
        },
    }
}

/// Frames with descriptors beside them.
struct Reader {
    received: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

impl Reader {
    fn next(&mut self, stream: &UnixStream) -> Result<Option<ControlAsk>, SignerError> {
        loop {
            if let Some(header) = self.received.first_chunk::<LENGTH_BYTES>() {
                let length =
                    frame_length(*header, CONTROL_FRAME_BYTES).map_err(std::io::Error::other)?;
                let whole = LENGTH_BYTES + length;
                if let Some(content) = self.received.get(LENGTH_BYTES..whole) {
                    let ask = control::decode_ask(content).map_err(std::io::Error::other)?;
                    self.received.drain(..whole);
                    return Ok(Some(ask));
                }
            }
            if !self.receive(stream)? {
                return Ok(None);
            }
        }
    }

    fn receive(&mut self, stream: &UnixStream) -> std::io::Result<bool> {
        let mut bytes = [0; 16 * 1024];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let read = loop {
            match recvmsg(
                stream,
                &mut [IoSliceMut::new(&mut bytes)],
                &mut beside,
                RecvFlags::CMSG_CLOEXEC,
            ) {
                Err(rustix::io::Errno::INTR) => {}
                other => break other?,
            }
        };
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(ends) = message {
                self.descriptors.extend(ends);
            }
        }
        self.descriptors.truncate(DESCRIPTORS);
        let Some(received) = bytes.get(..read.bytes) else { return Ok(false) };
        self.received.extend_from_slice(received);
        Ok(!received.is_empty())
    }
}

pub(super) fn answer(core: &mut Core, ask: ControlAsk) -> ControlAnswer {
    let done = match ask {
        ControlAsk::Ping | ControlAsk::Shutdown | ControlAsk::Connect(_) => Ok(ControlAnswer::Ok),
        ControlAsk::Status => Ok(ControlAnswer::Status(core.status())),
        ControlAsk::BoxKey => Ok(ControlAnswer::BoxKey(*core.box_key.public_key().as_bytes())),
        ControlAsk::AddKey(key) => add_key(core, key),
        ControlAsk::Keys => Ok(ControlAnswer::Keys(
            core.keys.iter().filter(|key| !key.removed).map(|key| key.info.clone()).collect(),
        )),
        ControlAsk::RemoveKey { name } => remove_key(core, &name),
        ControlAsk::AcceptRights { name } => accept_rights(core, &name),
        ControlAsk::GenerateKey { name } => {
            core.vault.generate(&name).map(ControlAnswer::PublicKey).map_err(administration)
        }
        ControlAsk::Ceiling { name } => changing::ceiling(core, &name),
        ControlAsk::ChangeCeiling { change, signatures } => {
            changing::change(core, &change, &signatures)
        }
        ControlAsk::ForgetGenerated { name } => {
            core.vault.forget_generated(&name).map(|()| ControlAnswer::Ok).map_err(administration)
        }
    };
    done.unwrap_or_else(ControlAnswer::Error)
}

pub(super) fn administration(what: impl std::fmt::Display) -> SignRefusal {
    operator(RefusalCode::Administration, what.to_string())
}

fn add_key(core: &mut Core, key: BoxedKey) -> Result<ControlAnswer, SignRefusal> {
    if !core.has_room() {
        return Err(administration("too many keys were added since start; restart the signer"));
    }
    let secret = if key.sealed_secret.is_empty() {
        core.vault.generated(&key.name).map_err(administration)?
    } else {
        core.box_key.unseal(&key.sealed_secret).map(Secret::new).map_err(|_| {
            administration("the secret is not in a box for this signer; ask its box key again")
        })?
    };
    let ceiling = Ceiling::decode(&key.ceiling).map_err(administration)?;
    if ceiling.class != key.class {
        return Err(administration("the ceiling is for another class of key"));
    }
    let generation = core.counters.next_generation(&key.name);
    // The counters first: a key without them would count as spent.
    core.counters.add_key(&key.name);
    core.counters.save().map_err(|error| unwritable(&error.to_string()))?;
    let sealed = core
        .vault
        .seal_new(
            NewKey {
                name: key.name,
                account: key.account,
                venue: key.venue,
                api_key: key.api_key,
                scheme: key.scheme,
                rights: key.rights,
                rights_known: key.rights_known,
                hosts: key.hosts,
                accept_wide_rights: key.accept_wide_rights,
                ceiling,
                secret,
            },
            generation,
        )
        .map_err(administration)?;
    // Behind the file: a lower one is refused, a higher one never is.
    core.counters.raise_generation(&sealed.name, generation);
    let kept = core.counters.save();
    let handle = KeyHandle(u16::try_from(core.keys.len()).unwrap_or(u16::MAX));
    let observed = core.counters.key(&sealed.name).and_then(|one| one.observed);
    let ready = Key::new(&sealed, handle, observed);
    let info = ready.info.clone();
    core.keys.push(ready);
    kept.map_err(|error| unwritable(&error.to_string()))?;
    Ok(ControlAnswer::Key(info))
}

fn remove_key(core: &mut Core, name: &str) -> Result<ControlAnswer, SignRefusal> {
    core.vault.remove(name).map_err(administration)?;
    for key in core.keys.iter_mut().filter(|key| key.info.name == name) {
        key.remove();
    }
    Ok(ControlAnswer::Ok)
}

/// A person accepts the rights last seen: they are sealed with the key.
fn accept_rights(core: &mut Core, name: &str) -> Result<ControlAnswer, SignRefusal> {
    let known = core.keys.iter().position(|key| key.info.name == name && !key.removed);
    let Some(key) = known.and_then(|at| core.keys.get_mut(at)) else {
        return Err(administration(format!("there is no key `{name}`")));
    };
    let mut sealed = core.vault.load(name).map_err(administration)?;
    changing::newest(&sealed, &mut core.counters).map_err(administration)?;
    sealed.accept_rights(key.reach.rights).map_err(administration)?;
    core.vault.save(&sealed).map_err(administration)?;
    key.accept(&sealed);
    if let Some(counters) = core.counters.key(name) {
        counters.observed = None;
    }
    core.counters.save().map_err(|error| unwritable(&error.to_string()))?;
    Ok(ControlAnswer::Key(key.info.clone()))
}
