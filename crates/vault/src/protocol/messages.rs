//! Asks and answers as bytes.

use wire::limits::SIGNED_TEXT_BYTES;
use wire::model::{Effect, Rights};

use super::codec::{Decoder, Encoder, Malformed, TooLong};
use super::control::Scheme;
use super::{
    Answer, Ask, GrantsSeen, KeyClass, KeyHandle, KeyInfo, RefusalCode, RefusalFault, SignAsk,
    SignRefusal, Signed, SignerStatus, Surface, VERSION,
};
use crate::grant::GrantId;
use crate::limits::{
    ANSWER_FRAME_BYTES, API_KEY_BYTES, APPROVERS, ASK_FRAME_BYTES, DETAIL_BYTES, GRANT_BYTES,
    GRANTS, KEYS, MESSAGES, NAME_BYTES, NOTE_BYTES, ORIGIN_BYTES, PROOF_HASHES, SIGNATURE_BYTES,
    SUMMARY_BYTES,
};

/// Most warnings in a status.
const WARNINGS: usize = 32;
/// Longest signed text, bytes: what was asked plus a receive window.
const ANSWERED_TEXT_BYTES: usize = SIGNED_TEXT_BYTES + 64;

/// Every effect, by its byte.
const EFFECTS: [Effect; 8] = [
    Effect::Read,
    Effect::Cancel,
    Effect::HarmlessSetting,
    Effect::Order,
    Effect::Borrow,
    Effect::Transfer,
    Effect::KeyAdministration,
    Effect::ValueOut,
];

pub(crate) fn put_effect(to: &mut Encoder<'_>, effect: Effect) {
    let byte = EFFECTS.iter().position(|known| *known == effect).unwrap_or(usize::MAX);
    to.u8(u8::try_from(byte).unwrap_or(u8::MAX));
}

pub(crate) fn take_effect(from: &mut Decoder<'_>) -> Result<Effect, Malformed> {
    let malformed = from.malformed("effect");
    EFFECTS.get(usize::from(from.u8("effect")?)).copied().ok_or(malformed)
}

/// One frame with these asks, its length in front, appended to `frame`. On
/// error the frame is as before.
pub fn encode_asks(asks: &[Ask], frame: &mut Vec<u8>) -> Result<(), TooLong> {
    encode_frame(frame, asks, ASK_FRAME_BYTES, put_ask)
}

/// One frame with these answers, its length in front, appended to `frame`. On
/// error the frame is as before.
pub fn encode_answers(answers: &[Answer], frame: &mut Vec<u8>) -> Result<(), TooLong> {
    encode_frame(frame, answers, ANSWER_FRAME_BYTES, put_answer)
}

/// The asks in a frame's content (without its length).
pub fn decode_asks(content: &[u8]) -> Result<Vec<Ask>, Malformed> {
    decode_frame(content, ASK_FRAME_BYTES, take_ask)
}

/// The answers in a frame's content (without its length).
pub fn decode_answers(content: &[u8]) -> Result<Vec<Answer>, Malformed> {
    decode_frame(content, ANSWER_FRAME_BYTES, take_answer)
}

pub(crate) fn encode_frame<M>(
    frame: &mut Vec<u8>,
    messages: &[M],
    limit: usize,
    put: impl Fn(&mut Encoder<'_>, &M) -> Result<(), TooLong>,
) -> Result<(), TooLong> {
    let start = frame.len();
    let result = (|| {
        let mut to = Encoder::new(frame);
        to.u32(0);
        to.u8(VERSION);
        to.count(messages.len(), MESSAGES, "messages in a frame")?;
        for message in messages {
            put(&mut to, message)?;
        }
        let content = frame.len() - start - super::LENGTH_BYTES;
        let too_long = TooLong { what: "frame", limit };
        let length = u32::try_from(content).map_err(|_| too_long)?;
        if content > limit {
            return Err(too_long);
        }
        match frame.get_mut(start..start + super::LENGTH_BYTES) {
            Some(place) => place.copy_from_slice(&length.to_le_bytes()),
            None => return Err(too_long),
        }
        Ok(())
    })();
    if result.is_err() {
        frame.truncate(start);
    }
    result
}

pub(crate) fn decode_frame<M>(
    content: &[u8],
    limit: usize,
    take: impl Fn(&mut Decoder<'_>) -> Result<M, Malformed>,
) -> Result<Vec<M>, Malformed> {
    if content.len() > limit {
        return Err(Malformed { what: "frame length", at: 0 });
    }
    let mut from = Decoder::new(content);
    let malformed = from.malformed("version");
    if from.u8("version")? != VERSION {
        return Err(malformed);
    }
    let count = from.count(MESSAGES, "message count")?;
    let mut messages = Vec::with_capacity(count);
    for _ in 0..count {
        messages.push(take(&mut from)?);
    }
    from.end()?;
    Ok(messages)
}

fn put_ask(to: &mut Encoder<'_>, ask: &Ask) -> Result<(), TooLong> {
    match ask {
        Ask::Sign(ask) => {
            to.u8(1);
            to.u64(ask.id);
            to.u16(ask.key.0);
            to.u64(ask.entry);
            put_effect(to, ask.claim);
            to.u64(ask.deadline_unix_ms);
            to.flag(ask.surface == Surface::WebSocket);
            to.bytes(&ask.text, SIGNED_TEXT_BYTES, "text to sign")?;
            to.string(&ask.principal, NAME_BYTES, "principal")?;
            put_grants(to, &ask.grants)?;
        }
        Ask::Offset { venue_offset_ms } => {
            to.u8(2);
            to.i64(*venue_offset_ms);
        }
        Ask::Checkpoint { origin, size, root, prior_size, proof } => {
            to.u8(3);
            to.string(origin, ORIGIN_BYTES, "origin")?;
            to.u64(*size);
            to.raw(root);
            to.u64(*prior_size);
            to.count(proof.len(), PROOF_HASHES, "proof")?;
            for hash in proof {
                to.raw(hash);
            }
        }
        Ask::ShowCheckpoint { note } => {
            to.u8(4);
            to.flag(note.is_some());
            if let Some(note) = note {
                to.string(note, NOTE_BYTES, "checkpoint")?;
            }
        }
        Ask::Keys => to.u8(5),
        Ask::Rights { key, observed } => {
            to.u8(6);
            to.u16(key.0);
            to.u16(observed.to_bits());
        }
        Ask::Status => to.u8(7),
        Ask::Grants { key, grants } => {
            to.u8(8);
            to.u16(key.0);
            put_grants(to, grants)?;
        }
        Ask::RejectApproval { id, expires_unix_ms } => {
            to.u8(9);
            to.raw(&id.0);
            to.u64(*expires_unix_ms);
        }
    }
    Ok(())
}

fn take_ask(from: &mut Decoder<'_>) -> Result<Ask, Malformed> {
    let malformed = from.malformed("kind of ask");
    Ok(match from.u8("kind of ask")? {
        1 => Ask::Sign(SignAsk {
            id: from.u64("id")?,
            key: KeyHandle(from.u16("key")?),
            entry: from.u64("entry")?,
            claim: take_effect(from)?,
            deadline_unix_ms: from.u64("deadline")?,
            surface: if from.flag("surface")? { Surface::WebSocket } else { Surface::Rest },
            text: from.bytes(SIGNED_TEXT_BYTES, "text to sign")?.to_vec(),
            principal: from.string(NAME_BYTES, "principal")?.to_owned(),
            grants: take_grants(from)?,
        }),
        2 => Ask::Offset { venue_offset_ms: from.i64("offset")? },
        3 => Ask::Checkpoint {
            origin: from.string(ORIGIN_BYTES, "origin")?.to_owned(),
            size: from.u64("size")?,
            root: from.array("root")?,
            prior_size: from.u64("prior size")?,
            proof: (0..from.count(PROOF_HASHES, "proof")?)
                .map(|_| from.array("proof hash"))
                .collect::<Result<_, _>>()?,
        },
        4 => Ask::ShowCheckpoint {
            note: if from.flag("checkpoint")? {
                Some(from.string(NOTE_BYTES, "checkpoint")?.to_owned())
            } else {
                None
            },
        },
        5 => Ask::Keys,
        6 => Ask::Rights {
            key: KeyHandle(from.u16("key")?),
            observed: Rights::from_bits(from.u16("rights")?),
        },
        7 => Ask::Status,
        8 => Ask::Grants { key: KeyHandle(from.u16("key")?), grants: take_grants(from)? },
        9 => Ask::RejectApproval {
            id: GrantId(from.array("approval")?),
            expires_unix_ms: from.u64("expiry")?,
        },
        _ => return Err(malformed),
    })
}

fn put_grants(to: &mut Encoder<'_>, grants: &[Vec<u8>]) -> Result<(), TooLong> {
    to.count(grants.len(), GRANTS, "grants")?;
    grants.iter().try_for_each(|grant| to.bytes(grant, GRANT_BYTES, "grant"))
}

fn take_grants(from: &mut Decoder<'_>) -> Result<Vec<Vec<u8>>, Malformed> {
    (0..from.count(GRANTS, "grants")?)
        .map(|_| from.bytes(GRANT_BYTES, "grant").map(<[u8]>::to_vec))
        .collect()
}

fn put_names(to: &mut Encoder<'_>, names: &[String]) -> Result<(), TooLong> {
    to.count(names.len(), APPROVERS, "approvers")?;
    names.iter().try_for_each(|name| to.string(name, NAME_BYTES, "approver"))
}

fn take_names(from: &mut Decoder<'_>) -> Result<Vec<String>, Malformed> {
    (0..from.count(APPROVERS, "approvers")?)
        .map(|_| from.string(NAME_BYTES, "approver").map(str::to_owned))
        .collect()
}

fn put_answer(to: &mut Encoder<'_>, answer: &Answer) -> Result<(), TooLong> {
    match answer {
        Answer::Signed(signed) => {
            to.u8(1);
            to.u64(signed.id);
            to.bytes(&signed.text, ANSWERED_TEXT_BYTES, "signed text")?;
            to.u64(signed.timestamp_ms);
            to.string(&signed.signature, SIGNATURE_BYTES, "signature")?;
            to.u64(signed.sequence);
            put_effect(to, signed.meaning);
        }
        Answer::Refused { id, refusal } => {
            to.u8(2);
            to.u64(*id);
            put_refusal(to, refusal);
        }
        Answer::Checkpoint { note } => {
            to.u8(3);
            to.string(note, NOTE_BYTES, "checkpoint")?;
        }
        Answer::Keys(keys) => {
            to.u8(4);
            put_keys(to, keys)?;
        }
        Answer::Status(status) => {
            to.u8(5);
            put_status(to, status);
        }
        Answer::Ok => to.u8(6),
        Answer::Error(refusal) => {
            to.u8(7);
            put_refusal(to, refusal);
        }
        Answer::Later { id } => {
            to.u8(8);
            to.u64(*id);
        }
        Answer::Grants(seen) => {
            to.u8(9);
            put_names(to, &seen.persons)?;
            to.flag(seen.enough);
            to.u64(seen.wait_ms);
        }
    }
    Ok(())
}

fn take_answer(from: &mut Decoder<'_>) -> Result<Answer, Malformed> {
    let malformed = from.malformed("kind of answer");
    Ok(match from.u8("kind of answer")? {
        1 => Answer::Signed(Signed {
            id: from.u64("id")?,
            text: from.bytes(ANSWERED_TEXT_BYTES, "signed text")?.to_vec(),
            timestamp_ms: from.u64("time")?,
            signature: from.string(SIGNATURE_BYTES, "signature")?.to_owned(),
            sequence: from.u64("sequence")?,
            meaning: take_effect(from)?,
        }),
        2 => Answer::Refused { id: from.u64("id")?, refusal: take_refusal(from)? },
        3 => Answer::Checkpoint { note: from.string(NOTE_BYTES, "checkpoint")?.to_owned() },
        4 => Answer::Keys(take_keys(from)?),
        5 => Answer::Status(take_status(from)?),
        6 => Answer::Ok,
        7 => Answer::Error(take_refusal(from)?),
        8 => Answer::Later { id: from.u64("id")? },
        9 => Answer::Grants(GrantsSeen {
            persons: take_names(from)?,
            enough: from.flag("enough")?,
            wait_ms: from.u64("wait")?,
        }),
        _ => return Err(malformed),
    })
}

pub(crate) fn put_refusal(to: &mut Encoder<'_>, refusal: &SignRefusal) {
    to.u8(refusal.code as u8);
    to.u8(refusal.fault as u8);
    to.flag(refusal.retry);
    to.detail(&refusal.detail, DETAIL_BYTES);
}

pub(crate) fn take_refusal(from: &mut Decoder<'_>) -> Result<SignRefusal, Malformed> {
    let malformed = from.malformed("refusal");
    let code = RefusalCode::from_byte(from.u8("refusal code")?).ok_or(malformed)?;
    let fault = match from.u8("refusal fault")? {
        1 => RefusalFault::Bot,
        2 => RefusalFault::Gateway,
        3 => RefusalFault::Operator,
        _ => return Err(malformed),
    };
    let retry = from.flag("refusal retry")?;
    let detail = from.string(DETAIL_BYTES, "refusal detail")?.to_owned();
    Ok(SignRefusal { code, detail, fault, retry })
}

pub(crate) fn put_keys(to: &mut Encoder<'_>, keys: &[KeyInfo]) -> Result<(), TooLong> {
    to.count(keys.len(), KEYS, "keys")?;
    keys.iter().try_for_each(|key| put_key(to, key))
}

pub(crate) fn take_keys(from: &mut Decoder<'_>) -> Result<Vec<KeyInfo>, Malformed> {
    (0..from.count(KEYS, "keys")?).map(|_| take_key(from)).collect()
}

pub(crate) fn put_key(to: &mut Encoder<'_>, key: &KeyInfo) -> Result<(), TooLong> {
    to.u16(key.handle.0);
    to.string(&key.name, NAME_BYTES, "key name")?;
    to.string(&key.account, NAME_BYTES, "account name")?;
    to.string(&key.venue, NAME_BYTES, "venue name")?;
    to.string(&key.api_key, API_KEY_BYTES, "api key")?;
    to.u8(key.scheme as u8);
    to.u8(key.class as u8);
    to.u16(key.rights.to_bits());
    to.detail(&key.ceiling, SUMMARY_BYTES);
    to.raw(&key.ceiling_digest);
    to.u64(key.generation);
    put_names(to, &key.approvers)?;
    to.u16(key.quorum);
    to.flag(key.limited.is_some());
    if let Some(limited) = &key.limited {
        to.detail(limited, DETAIL_BYTES);
    }
    Ok(())
}

pub(crate) fn take_key(from: &mut Decoder<'_>) -> Result<KeyInfo, Malformed> {
    let malformed = from.malformed("key");
    Ok(KeyInfo {
        handle: KeyHandle(from.u16("key handle")?),
        name: from.string(NAME_BYTES, "key name")?.to_owned(),
        account: from.string(NAME_BYTES, "account name")?.to_owned(),
        venue: from.string(NAME_BYTES, "venue name")?.to_owned(),
        api_key: from.string(API_KEY_BYTES, "api key")?.to_owned(),
        scheme: Scheme::from_byte(from.u8("key scheme")?).ok_or(malformed)?,
        class: KeyClass::from_byte(from.u8("key class")?).ok_or(malformed)?,
        rights: Rights::from_bits(from.u16("key rights")?),
        ceiling: from.string(SUMMARY_BYTES, "ceiling")?.to_owned(),
        ceiling_digest: from.array("ceiling digest")?,
        generation: from.u64("generation")?,
        approvers: take_names(from)?,
        quorum: from.u16("quorum")?,
        limited: if from.flag("key limited")? {
            Some(from.string(DETAIL_BYTES, "key limited")?.to_owned())
        } else {
            None
        },
    })
}

pub(crate) fn put_status(to: &mut Encoder<'_>, status: &SignerStatus) {
    to.u64(status.sequence);
    to.u64(status.signed);
    to.u64(status.refused);
    to.u64(status.work_ns);
    to.i64(status.offset_ms);
    to.flag(status.checkpoint_shown);
    to.u64(status.checkpoint_size);
    let kept = status.warnings.iter().take(WARNINGS);
    to.u16(u16::try_from(kept.len()).unwrap_or(0));
    kept.for_each(|warning| to.detail(warning, DETAIL_BYTES));
}

pub(crate) fn take_status(from: &mut Decoder<'_>) -> Result<SignerStatus, Malformed> {
    Ok(SignerStatus {
        sequence: from.u64("sequence")?,
        signed: from.u64("signed")?,
        refused: from.u64("refused")?,
        work_ns: from.u64("work")?,
        offset_ms: from.i64("offset")?,
        checkpoint_shown: from.flag("checkpoint shown")?,
        checkpoint_size: from.u64("checkpoint size")?,
        warnings: (0..from.count(WARNINGS, "warnings")?)
            .map(|_| from.string(DETAIL_BYTES, "warning").map(str::to_owned))
            .collect::<Result<_, _>>()?,
    })
}
