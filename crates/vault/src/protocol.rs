//! What gateway and signer say to each other over a Unix stream socket pair.
//!
//! A frame is a `u32` length (little-endian) and that many bytes: one byte of
//! version, a `u16` count, and the messages. The gateway sends a frame of asks;
//! the signer answers with one frame that has exactly one answer per ask, in
//! the same order. What takes long to sign (RSA) is answered with
//! [`Answer::Later`] there, and in a later frame of its own by its id: such
//! frames come in any order, between the answers to other frames. Numbers are
//! little-endian, strings stand behind their length, and every length has a
//! limit in [`crate::limits`].
//!
//! What cannot be decoded closes the connection: there is no resynchronising.

pub(crate) mod codec;
pub mod control;
mod messages;

use wire::model::{Effect, Rights};

use crate::grant::GrantId;

pub use codec::{Malformed, TooLong};
pub use messages::{decode_answers, decode_asks, encode_answers, encode_asks};
pub(crate) use messages::{put_effect, take_effect};

/// The protocol version in every frame.
pub const VERSION: u8 = 4;
/// Bytes of a frame's length field.
pub const LENGTH_BYTES: usize = 4;

/// The length of the frame behind this header, refused over `limit`
/// ([`crate::limits::ANSWER_FRAME_BYTES`] on the gateway's side).
pub fn frame_length(header: [u8; LENGTH_BYTES], limit: usize) -> Result<usize, Malformed> {
    match usize::try_from(u32::from_le_bytes(header)) {
        Ok(length) if length <= limit => Ok(length),
        _ => Err(Malformed { what: "frame length", at: 0 }),
    }
}

/// Names one key on this signer for as long as it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHandle(pub u16);

/// Where a signed text goes. The signer reads it as on every surface that
/// takes it; this says only how the text is spelled. WOO X spells its texts in
/// one way: they are [`Surface::Rest`], the stream's login among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    /// Percent-encoded parameters in query or body.
    Rest,
    /// Sorted, unencoded parameters of the WebSocket API.
    WebSocket,
}

/// One text to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignAsk {
    /// The gateway's own number for this ask, repeated in the answer; no other
    /// ask of the connection that waits for one has it.
    pub id: u64,
    /// Which key.
    pub key: KeyHandle,
    /// The log index of the verdict that allowed it.
    pub entry: u64,
    /// What the gateway takes it for.
    pub claim: Effect,
    /// When the bot's own receive window ends, Unix ms in venue time.
    pub deadline_unix_ms: u64,
    /// How the text is spelled.
    pub surface: Surface,
    /// The canonical text. Binance: parameters in order with `timestamp` among
    /// them, without `signature`. WOO X: `wire::venue::woox::Text::canonical`.
    pub text: Vec<u8>,
    /// The bot that asks; empty for the gateway's own requests. The signer cannot
    /// know it, but what was approved for one bot is signed for that one only.
    pub principal: String,
    /// Grants of an approval ([`crate::grant::Grant::encode`]).
    pub grants: Vec<Vec<u8>>,
}

/// What the gateway asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Sign a text.
    Sign(SignAsk),
    /// The venue's clock minus the host's, as measured, ms.
    Offset {
        /// Venue minus host, ms.
        venue_offset_ms: i64,
    },
    /// Sign a checkpoint of the log.
    Checkpoint {
        /// The log's origin; must be the signer's own.
        origin: String,
        /// Tree size, leaves.
        size: u64,
        /// Tree root.
        root: [u8; 32],
        /// The size that the proof starts at: must be the last one signed.
        prior_size: u64,
        /// Consistency proof from `prior_size` to `size` (RFC 6962 2.1.2).
        proof: Vec<[u8; 32]>,
    },
    /// The newest checkpoint of the log on disk, or that there is none. Asked
    /// once at start, before anything that moves value out.
    ShowCheckpoint {
        /// The signed note as text.
        note: Option<String>,
    },
    /// Which keys there are.
    Keys,
    /// The rights that the venue states for a key now.
    Rights {
        /// Which key.
        key: KeyHandle,
        /// What the venue states.
        observed: Rights,
    },
    /// How the signer is.
    Status,
    /// Whether these grants are good, and how many are missing, before there is
    /// a text. The delay of one person begins here.
    Grants {
        /// The key whose approvers they are.
        key: KeyHandle,
        /// Grants of one approval.
        grants: Vec<Vec<u8>>,
    },
    /// No grant of this approval counts any more.
    RejectApproval {
        /// Its number.
        id: GrantId,
        /// When it expires anyway, Unix ms.
        expires_unix_ms: u64,
    },
}

/// What the signer answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Signed.
    Signed(Signed),
    /// Not signed, and why.
    Refused {
        /// The number of the ask.
        id: u64,
        /// Why.
        refusal: SignRefusal,
    },
    /// The checkpoint, signed.
    Checkpoint {
        /// The signed note as text.
        note: String,
    },
    /// The keys.
    Keys(Vec<KeyInfo>),
    /// How the signer is.
    Status(SignerStatus),
    /// Done.
    Ok,
    /// Not done, and why (for everything but `Sign`).
    Error(SignRefusal),
    /// Decided, charged and written; its signature takes long and follows in a
    /// frame of its own.
    Later {
        /// The number of the ask.
        id: u64,
    },
    /// What was seen of grants.
    Grants(GrantsSeen),
}

/// What the signer found grants to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantsSeen {
    /// Who gave them, in order of name.
    pub persons: Vec<String>,
    /// Whether that is as many as it takes.
    pub enough: bool,
    /// How long it takes until a text is signed with them, ms: the delay of one
    /// person.
    pub wait_ms: u64,
}

/// A signature, and the text that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The number of the ask.
    pub id: u64,
    /// The text as signed, without `signature`: the asked one with the
    /// signer's time and, at Binance, its `recvWindow`.
    pub text: Vec<u8>,
    /// The time in it, Unix ms: WOO X wants it in a header.
    pub timestamp_ms: u64,
    /// The signature as the venue computes it: 64 lower-case hex digits (HMAC)
    /// or base64 (Ed25519, RSA). In a URL or a form body it still has to be
    /// percent-encoded; in a WebSocket frame or a header it has not.
    pub signature: String,
    /// This signature's number in `signed.log`.
    pub sequence: u64,
    /// The most dangerous thing that the text can mean.
    pub meaning: Effect,
}

/// Why something was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RefusalCode {
    /// The text is not in canonical form, or cannot be read in one way only.
    NotCanonical = 1,
    /// No such key.
    UnknownKey,
    /// No endpoint of the venue takes this text.
    NoMeaning,
    /// The text cannot mean what the gateway claims.
    ClaimMismatch,
    /// Over the key's ceiling for one order or one request.
    Ceiling,
    /// Over the key's ceiling for an hour or a day.
    Window,
    /// An order without a client order id.
    NoClientOrderId,
    /// The text could do something that the ceiling does not allow.
    EffectNotAllowed,
    /// A grant is not valid, or not for this text.
    GrantRefused,
    /// The destination is not listed.
    Destination,
    /// Another withdrawal's receive window has not passed.
    OneAtATime,
    /// The state of the counters is missing, older than the log, or has not
    /// been compared with it: counts as spent.
    StateSpent,
    /// The clock is off, or went back.
    Clock,
    /// The bot's deadline has passed.
    Deadline,
    /// The venue gives this key more rights than a person accepted.
    RightsWidened,
    /// This connection signs reads and cancels only.
    CancelOnly,
    /// The signer cannot write its state.
    StateUnwritable,
    /// A session logon by a key that could trade with it.
    Logon,
    /// The checkpoint does not extend the last one that was signed.
    CheckpointInconsistent,
    /// Something is over its size.
    TooLarge,
    /// The key's scheme cannot sign this.
    Scheme,
    /// The administrative request cannot be done.
    Administration,
    /// Too many texts of this connection wait for their signatures.
    Busy,
    /// Over the first tier and within the second: signed with approval.
    ApprovalNeeded,
    /// Approved by one person, whose delay has not passed.
    ApprovalDelay,
}

impl RefusalCode {
    const ALL: [Self; 25] = [
        Self::NotCanonical,
        Self::UnknownKey,
        Self::NoMeaning,
        Self::ClaimMismatch,
        Self::Ceiling,
        Self::Window,
        Self::NoClientOrderId,
        Self::EffectNotAllowed,
        Self::GrantRefused,
        Self::Destination,
        Self::OneAtATime,
        Self::StateSpent,
        Self::Clock,
        Self::Deadline,
        Self::RightsWidened,
        Self::CancelOnly,
        Self::StateUnwritable,
        Self::Logon,
        Self::CheckpointInconsistent,
        Self::TooLarge,
        Self::Scheme,
        Self::Administration,
        Self::Busy,
        Self::ApprovalNeeded,
        Self::ApprovalDelay,
    ];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|code| *code as u8 == byte)
    }

    /// The name that log and messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotCanonical => "not-canonical",
            Self::UnknownKey => "unknown-key",
            Self::NoMeaning => "no-meaning",
            Self::ClaimMismatch => "claim-mismatch",
            Self::Ceiling => "ceiling",
            Self::Window => "ceiling-window",
            Self::NoClientOrderId => "no-client-order-id",
            Self::EffectNotAllowed => "effect-not-allowed",
            Self::GrantRefused => "grant-refused",
            Self::Destination => "destination",
            Self::OneAtATime => "one-at-a-time",
            Self::StateSpent => "state-spent",
            Self::Clock => "clock",
            Self::Deadline => "deadline",
            Self::RightsWidened => "rights-widened",
            Self::CancelOnly => "cancel-only",
            Self::StateUnwritable => "state-unwritable",
            Self::Logon => "logon",
            Self::CheckpointInconsistent => "checkpoint-inconsistent",
            Self::TooLarge => "too-large",
            Self::Scheme => "scheme",
            Self::Administration => "administration",
            Self::Busy => "busy",
            Self::ApprovalNeeded => "approval-needed",
            Self::ApprovalDelay => "approval-delay",
        }
    }
}

/// Who has to do something about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RefusalFault {
    /// The bot that asked for it.
    Bot = 1,
    /// The gateway: it asked for what it should have refused itself.
    Gateway,
    /// The person who runs this: a clock, a disk, a right, a ceiling.
    Operator,
}

/// Why something was not signed, for a person and for the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignRefusal {
    /// Which rule.
    pub code: RefusalCode,
    /// One line: what was wrong and what to do next. Never a secret.
    pub detail: String,
    /// Who has to act.
    pub fault: RefusalFault,
    /// Whether the same ask may succeed later without anybody acting.
    pub retry: bool,
}

impl std::fmt::Display for SignRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "signer refused ({}): {}", self.code.name(), self.detail)
    }
}

impl std::error::Error for SignRefusal {}

/// What a key is for: one real key per class is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum KeyClass {
    /// Reads and cancels.
    Read = 1,
    /// Orders.
    Trade,
    /// Moves value out.
    ValueOut,
}

impl KeyClass {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Read, Self::Trade, Self::ValueOut].into_iter().find(|class| *class as u8 == byte)
    }

    /// The name on the command line, in log and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Trade => "trade",
            Self::ValueOut => "value-out",
        }
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Read, Self::Trade, Self::ValueOut].into_iter().find(|class| class.name() == name)
    }
}

/// What anybody may know about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its number on this signer.
    pub handle: KeyHandle,
    /// Its name in the vault.
    pub name: String,
    /// The account it belongs to.
    pub account: String,
    /// The venue ([`crate::venue::Venue::name`]).
    pub venue: String,
    /// The venue's public id of it (`X-MBX-APIKEY`, `x-api-key`).
    pub api_key: String,
    /// How it signs.
    pub scheme: control::Scheme,
    /// What it is for.
    pub class: KeyClass,
    /// The rights that texts are read under now.
    pub rights: Rights,
    /// The ceiling in words.
    pub ceiling: String,
    /// SHA-256 of it ([`crate::ceiling::Ceiling::digest`]).
    pub ceiling_digest: [u8; 32],
    /// How many ceilings keys of this name have had before it.
    pub generation: u64,
    /// Who may approve what is over its first tier, each once.
    pub approvers: Vec<String>,
    /// How many of them it takes; of one person alone, two devices.
    pub quorum: u16,
    /// Why it signs reads and cancels only, where it does.
    pub limited: Option<String>,
}

/// How the signer is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SignerStatus {
    /// Texts signed since the state began: the number of the last one.
    pub sequence: u64,
    /// Texts signed by this process.
    pub signed: u64,
    /// Texts refused by this process.
    pub refused: u64,
    /// Time that this process has spent on deciding, writing and signing, ns;
    /// without reading and writing sockets.
    pub work_ns: u64,
    /// The venue offset in use, ms.
    pub offset_ms: i64,
    /// Whether the newest checkpoint has been shown.
    pub checkpoint_shown: bool,
    /// Tree size of the last checkpoint signed, leaves.
    pub checkpoint_size: u64,
    /// What a person should know: a spent state, a frozen clock, widened
    /// rights, a missing sandbox feature. One line each.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests;
