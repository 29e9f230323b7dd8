//! What the supervisor (and `key add`) says to the signer, on a socket pair of
//! its own. Same frames as the gateway's, one message each.

use wire::model::Rights;
use wire::venue::binance::endpoints::HostGroup;

use super::codec::{Decoder, Encoder, Malformed, TooLong};
use super::messages::{
    decode_frame, encode_frame, put_key, put_keys, put_refusal, put_status, take_key, take_keys,
    take_refusal, take_status,
};
use super::{KeyClass, KeyInfo, SignRefusal, SignerStatus};
use crate::limits::{
    API_KEY_BYTES, CEILING_BYTES, CHANGE_BYTES, CHANGE_SIGNATURE_BYTES, CONTROL_FRAME_BYTES,
    DETAIL_BYTES, GRANTS, NAME_BYTES, SECRET_BYTES,
};
use crate::store::{host_bits, host_groups};

/// Overhead of a sealed box: an ephemeral public key and a tag, bytes.
const SEALED_BOX_BYTES: usize = 48;

/// What may be signed on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionKind {
    /// Whatever the ceilings allow.
    Gateway,
    /// Only texts whose claimed and worst effect is read or cancel.
    CancelAll,
}

/// How a venue key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Scheme {
    /// HMAC-SHA256, hexadecimal.
    HmacSha256 = 1,
    /// Ed25519, base64.
    Ed25519,
    /// RSA PKCS#1 v1.5 with SHA-256, base64.
    Rsa,
}

impl Scheme {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::HmacSha256, Self::Ed25519, Self::Rsa].into_iter().find(|one| *one as u8 == byte)
    }

    /// The name on the command line and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::Ed25519 => "ed25519",
            Self::Rsa => "rsa",
        }
    }
}

/// A venue key on its way into the vault. The secret is in a sealed box for the
/// signer's own public key ([`ControlAsk::BoxKey`]), so it passes through the
/// supervisor unread.
#[derive(Clone, PartialEq, Eq)]
pub struct BoxedKey {
    /// Its name in the vault: `[a-z0-9-]`, unique.
    pub name: String,
    /// The account it belongs to.
    pub account: String,
    /// The venue ([`crate::venue::Venue::name`]).
    pub venue: String,
    /// The venue's public id of it.
    pub api_key: String,
    /// What it is for.
    pub class: KeyClass,
    /// How it signs.
    pub scheme: Scheme,
    /// The rights that the venue stated, [`Rights::ALL`] where it cannot tell.
    pub rights: Rights,
    /// Whether the venue stated them.
    pub rights_known: bool,
    /// The hosts that know the key; empty means every host of the venue.
    pub hosts: Vec<HostGroup>,
    /// Whether a person accepted that a read or trade key may move value out.
    pub accept_wide_rights: bool,
    /// The ceiling as [`crate::ceiling::Ceiling::encode`] writes it.
    pub ceiling: Vec<u8>,
    /// The secret in a sealed box; empty for the key that was generated under
    /// this name ([`ControlAsk::GenerateKey`]).
    pub sealed_secret: Vec<u8>,
}

impl std::fmt::Debug for BoxedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BoxedKey")
            .field("name", &self.name)
            .field("account", &self.account)
            .field("class", &self.class)
            .field("sealed_secret", &"<redacted>")
            .finish_non_exhaustive()
    }
}

/// What the supervisor asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlAsk {
    /// Whether it lives.
    Ping,
    /// How it is.
    Status,
    /// Its public key for sealed boxes, made afresh at every start.
    BoxKey,
    /// Seal a new key and use it from now on.
    AddKey(BoxedKey),
    /// Which keys there are.
    Keys,
    /// Remove a key's sealed file and forget it.
    RemoveKey {
        /// Its name.
        name: String,
    },
    /// A person accepts the rights last observed for this key.
    AcceptRights {
        /// Its name.
        name: String,
    },
    /// Serve one more connection; its descriptor travels beside the frame
    /// (`SCM_RIGHTS`, [`crate::client::ControlClient::connect`] does it).
    Connect(ConnectionKind),
    /// Write what is to be written and end.
    Shutdown,
    /// Generate an Ed25519 key in the signer, to be added once the venue has
    /// given it an id. Asked again, the same key is told.
    GenerateKey {
        /// Its name.
        name: String,
    },
    /// Remove what was generated under this name: it was added, or is not
    /// wanted any more.
    ForgetGenerated {
        /// Its name.
        name: String,
    },
    /// A key's whole ceiling, for whoever proposes another.
    Ceiling {
        /// Its name.
        name: String,
    },
    /// Put another ceiling in the place of a key's, as the quorum of its
    /// approvers has signed.
    ChangeCeiling {
        /// The change ([`crate::change::Change::encode`]).
        change: Vec<u8>,
        /// Its signatures in PEM.
        signatures: Vec<String>,
    },
}

/// What the signer answers the supervisor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlAnswer {
    /// Done.
    Ok,
    /// How it is.
    Status(SignerStatus),
    /// The public key for sealed boxes (X25519).
    BoxKey([u8; 32]),
    /// The key that was added.
    Key(KeyInfo),
    /// The keys.
    Keys(Vec<KeyInfo>),
    /// Not done, and why.
    Error(SignRefusal),
    /// The public key in PEM, to be registered at the venue.
    PublicKey(String),
    /// The ceiling ([`crate::ceiling::Ceiling::encode`]).
    Ceiling(Vec<u8>),
}

/// One frame with this ask, its length in front, appended to `frame`.
pub fn encode_ask(ask: &ControlAsk, frame: &mut Vec<u8>) -> Result<(), TooLong> {
    encode_frame(frame, std::slice::from_ref(ask), CONTROL_FRAME_BYTES, put_ask)
}

/// The ask in a frame's content.
pub fn decode_ask(content: &[u8]) -> Result<ControlAsk, Malformed> {
    only(decode_frame(content, CONTROL_FRAME_BYTES, take_ask)?)
}

/// One frame with this answer, its length in front, appended to `frame`.
pub fn encode_answer(answer: &ControlAnswer, frame: &mut Vec<u8>) -> Result<(), TooLong> {
    encode_frame(frame, std::slice::from_ref(answer), crate::limits::ANSWER_FRAME_BYTES, put_answer)
}

/// The answer in a frame's content.
pub fn decode_answer(content: &[u8]) -> Result<ControlAnswer, Malformed> {
    only(decode_frame(content, crate::limits::ANSWER_FRAME_BYTES, take_answer)?)
}

fn only<M>(mut messages: Vec<M>) -> Result<M, Malformed> {
    match (messages.pop(), messages.is_empty()) {
        (Some(message), true) => Ok(message),
        _ => Err(Malformed { what: "message count", at: 1 }),
    }
}

fn put_ask(to: &mut Encoder<'_>, ask: &ControlAsk) -> Result<(), TooLong> {
    match ask {
        ControlAsk::Ping => to.u8(1),
        ControlAsk::Status => to.u8(2),
        ControlAsk::BoxKey => to.u8(3),
        ControlAsk::AddKey(key) => {
            to.u8(4);
            to.string(&key.name, NAME_BYTES, "key name")?;
            to.string(&key.account, NAME_BYTES, "account name")?;
            to.string(&key.venue, NAME_BYTES, "venue name")?;
            to.string(&key.api_key, API_KEY_BYTES, "api key")?;
            to.u8(key.class as u8);
            to.u8(key.scheme as u8);
            to.u16(key.rights.to_bits());
            to.flag(key.rights_known);
            to.u16(host_bits(&key.hosts));
            to.flag(key.accept_wide_rights);
            to.bytes(&key.ceiling, CEILING_BYTES, "ceiling")?;
            to.bytes(&key.sealed_secret, SECRET_BYTES + SEALED_BOX_BYTES, "sealed secret")?;
        }
        ControlAsk::Keys => to.u8(5),
        ControlAsk::RemoveKey { name } => {
            to.u8(6);
            to.string(name, NAME_BYTES, "key name")?;
        }
        ControlAsk::AcceptRights { name } => {
            to.u8(7);
            to.string(name, NAME_BYTES, "key name")?;
        }
        ControlAsk::Connect(kind) => {
            to.u8(8);
            to.flag(*kind == ConnectionKind::CancelAll);
        }
        ControlAsk::Shutdown => to.u8(9),
        ControlAsk::GenerateKey { name } => {
            to.u8(10);
            to.string(name, NAME_BYTES, "key name")?;
        }
        ControlAsk::ForgetGenerated { name } => {
            to.u8(11);
            to.string(name, NAME_BYTES, "key name")?;
        }
        ControlAsk::Ceiling { name } => {
            to.u8(12);
            to.string(name, NAME_BYTES, "key name")?;
        }
        ControlAsk::ChangeCeiling { change, signatures } => {
            to.u8(13);
            to.bytes(change, CHANGE_BYTES, "change")?;
            to.count(signatures.len(), GRANTS, "signatures")?;
            for signature in signatures {
                to.string(signature, CHANGE_SIGNATURE_BYTES, "signature")?;
            }
        }
    }
    Ok(())
}

fn take_ask(from: &mut Decoder<'_>) -> Result<ControlAsk, Malformed> {
    let malformed = from.malformed("kind of control ask");
    Ok(match from.u8("kind of control ask")? {
        1 => ControlAsk::Ping,
        2 => ControlAsk::Status,
        3 => ControlAsk::BoxKey,
        4 => ControlAsk::AddKey(BoxedKey {
            name: from.string(NAME_BYTES, "key name")?.to_owned(),
            account: from.string(NAME_BYTES, "account name")?.to_owned(),
            venue: from.string(NAME_BYTES, "venue name")?.to_owned(),
            api_key: from.string(API_KEY_BYTES, "api key")?.to_owned(),
            class: KeyClass::from_byte(from.u8("key class")?).ok_or(malformed)?,
            scheme: Scheme::from_byte(from.u8("key scheme")?).ok_or(malformed)?,
            rights: Rights::from_bits(from.u16("key rights")?),
            rights_known: from.flag("rights known")?,
            hosts: take_hosts(from)?,
            accept_wide_rights: from.flag("accept wide rights")?,
            ceiling: from.bytes(CEILING_BYTES, "ceiling")?.to_vec(),
            sealed_secret: from.bytes(SECRET_BYTES + SEALED_BOX_BYTES, "sealed secret")?.to_vec(),
        }),
        5 => ControlAsk::Keys,
        6 => ControlAsk::RemoveKey { name: from.string(NAME_BYTES, "key name")?.to_owned() },
        7 => ControlAsk::AcceptRights { name: from.string(NAME_BYTES, "key name")?.to_owned() },
        8 => ControlAsk::Connect(if from.flag("connection kind")? {
            ConnectionKind::CancelAll
        } else {
            ConnectionKind::Gateway
        }),
        9 => ControlAsk::Shutdown,
        10 => ControlAsk::GenerateKey { name: from.string(NAME_BYTES, "key name")?.to_owned() },
        11 => ControlAsk::ForgetGenerated { name: from.string(NAME_BYTES, "key name")?.to_owned() },
        12 => ControlAsk::Ceiling { name: from.string(NAME_BYTES, "key name")?.to_owned() },
        13 => ControlAsk::ChangeCeiling {
            change: from.bytes(CHANGE_BYTES, "change")?.to_vec(),
            signatures: (0..from.count(GRANTS, "signatures")?)
                .map(|_| from.string(CHANGE_SIGNATURE_BYTES, "signature").map(str::to_owned))
                .collect::<Result<_, _>>()?,
        },
        _ => return Err(malformed),
    })
}

fn take_hosts(from: &mut Decoder<'_>) -> Result<Vec<HostGroup>, Malformed> {
    let malformed = from.malformed("hosts");
    let bits = from.u16("hosts")?;
    let groups = host_groups(bits);
    if host_bits(&groups) == bits { Ok(groups) } else { Err(malformed) }
}

fn put_answer(to: &mut Encoder<'_>, answer: &ControlAnswer) -> Result<(), TooLong> {
    match answer {
        ControlAnswer::Ok => to.u8(1),
        ControlAnswer::Status(status) => {
            to.u8(2);
            put_status(to, status);
        }
        ControlAnswer::BoxKey(key) => {
            to.u8(3);
            to.raw(key);
        }
        ControlAnswer::Key(key) => {
            to.u8(4);
            put_key(to, key)?;
        }
        ControlAnswer::Keys(keys) => {
            to.u8(5);
            put_keys(to, keys)?;
        }
        ControlAnswer::Error(refusal) => {
            to.u8(6);
            put_refusal(to, refusal);
        }
        ControlAnswer::PublicKey(pem) => {
            to.u8(7);
            to.string(pem, DETAIL_BYTES, "public key")?;
        }
        ControlAnswer::Ceiling(ceiling) => {
            to.u8(8);
            to.bytes(ceiling, CEILING_BYTES, "ceiling")?;
        }
    }
    Ok(())
}

fn take_answer(from: &mut Decoder<'_>) -> Result<ControlAnswer, Malformed> {
    let malformed = from.malformed("kind of control answer");
    Ok(match from.u8("kind of control answer")? {
        1 => ControlAnswer::Ok,
        2 => ControlAnswer::Status(take_status(from)?),
        3 => ControlAnswer::BoxKey(from.array("box key")?),
        4 => ControlAnswer::Key(take_key(from)?),
        5 => ControlAnswer::Keys(take_keys(from)?),
        6 => ControlAnswer::Error(take_refusal(from)?),
        7 => ControlAnswer::PublicKey(from.string(DETAIL_BYTES, "public key")?.to_owned()),
        8 => ControlAnswer::Ceiling(from.bytes(CEILING_BYTES, "ceiling")?.to_vec()),
        _ => return Err(malformed),
    })
}
