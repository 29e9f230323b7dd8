use proptest::prelude::*;
use wire::model::{Effect, Right, Rights};

use super::control::{self, BoxedKey, ConnectionKind, ControlAnswer, ControlAsk, Scheme};
use super::*;
use crate::limits::{ANSWER_FRAME_BYTES, ASK_FRAME_BYTES, MESSAGES};

fn asks() -> Vec<Ask> {
    vec![
        Ask::Sign(SignAsk {
            id: 7,
            key: KeyHandle(3),
            entry: 99,
            claim: Effect::ValueOut,
            deadline_unix_ms: 1_700_000_000_000,
            surface: Surface::WebSocket,
            text: b"timestamp=1".to_vec(),
            principal: "treasury".into(),
            grants: vec![vec![1, 2], vec![]],
        }),
        Ask::Offset { venue_offset_ms: -12 },
        Ask::Checkpoint {
            origin: "example/log".into(),
            size: 9,
            root: [4; 32],
            prior_size: 8,
            proof: vec![[1; 32], [2; 32]],
        },
        Ask::ShowCheckpoint { note: None },
        Ask::ShowCheckpoint { note: Some("note\n".into()) },
        Ask::Keys,
        Ask::Rights { key: KeyHandle(0), observed: Rights::NONE.with(Right::Withdrawals) },
        Ask::Status,
        Ask::Grants { key: KeyHandle(2), grants: vec![vec![3]] },
        Ask::RejectApproval { id: GrantId([5; 16]), expires_unix_ms: 6 },
    ]
}

fn refusal() -> SignRefusal {
    SignRefusal {
        code: RefusalCode::Administration,
        detail: "no key `x`".into(),
        fault: RefusalFault::Operator,
        retry: true,
    }
}

fn key() -> KeyInfo {
    KeyInfo {
        handle: KeyHandle(1),
        name: "main-trade".into(),
        account: "main".into(),
        venue: "binance".into(),
        api_key: "k".repeat(64),
        scheme: Scheme::Rsa,
        class: KeyClass::Trade,
        rights: Rights::ALL,
        ceiling: "BTCUSDT 1 an order".into(),
        ceiling_digest: [7; 32],
        generation: 3,
        approvers: vec!["alice".into(), "bob".into()],
        quorum: 2,
        limited: Some("rights widened".into()),
    }
}

fn answers() -> Vec<Answer> {
    vec![
        Answer::Signed(Signed {
            id: 1,
            timestamp_ms: 1_700_000_000_123,
            text: b"a=b".to_vec(),
            signature: "00".repeat(32),
            sequence: 3,
            meaning: Effect::Order,
        }),
        Answer::Refused { id: 2, refusal: refusal() },
        Answer::Checkpoint { note: "n".into() },
        Answer::Keys(vec![key()]),
        Answer::Status(SignerStatus { warnings: vec!["w".into()], ..SignerStatus::default() }),
        Answer::Ok,
        Answer::Error(refusal()),
        Answer::Grants(GrantsSeen { persons: vec!["alice".into()], enough: true, wait_ms: 9 }),
    ]
}

fn content(frame: &[u8], limit: usize) -> &[u8] {
    let (header, content) = frame.split_at(LENGTH_BYTES);
    assert_eq!(frame_length(header.try_into().unwrap(), limit).unwrap(), content.len());
    content
}

#[test]
fn everything_arrives_as_it_was_sent() {
    let mut frame = Vec::new();
    encode_asks(&asks(), &mut frame).unwrap();
    assert_eq!(decode_asks(content(&frame, ASK_FRAME_BYTES)).unwrap(), asks());
    frame.clear();
    encode_answers(&answers(), &mut frame).unwrap();
    assert_eq!(decode_answers(content(&frame, ANSWER_FRAME_BYTES)).unwrap(), answers());
}

#[test]
fn control_messages_arrive_as_they_were_sent() {
    let boxed = BoxedKey {
        name: "a".into(),
        account: "b".into(),
        venue: "binance".into(),
        api_key: "c".into(),
        class: KeyClass::Read,
        scheme: Scheme::HmacSha256,
        rights: Rights::ALL,
        rights_known: false,
        hosts: vec![wire::venue::binance::endpoints::HostGroup::Api],
        accept_wide_rights: true,
        ceiling: vec![1],
        sealed_secret: vec![2],
    };
    assert!(format!("{boxed:?}").contains("<redacted>"));
    for ask in [
        ControlAsk::Ping,
        ControlAsk::Status,
        ControlAsk::BoxKey,
        ControlAsk::AddKey(boxed),
        ControlAsk::Keys,
        ControlAsk::RemoveKey { name: "a".into() },
        ControlAsk::AcceptRights { name: "a".into() },
        ControlAsk::Connect(ConnectionKind::CancelAll),
        ControlAsk::Connect(ConnectionKind::Gateway),
        ControlAsk::Shutdown,
        ControlAsk::GenerateKey { name: "a".into() },
        ControlAsk::ForgetGenerated { name: "a".into() },
        ControlAsk::Ceiling { name: "a".into() },
        ControlAsk::ChangeCeiling { change: vec![1], signatures: vec!["x".into(), "y".into()] },
    ] {
        let mut frame = Vec::new();
        control::encode_ask(&ask, &mut frame).unwrap();
        assert_eq!(control::decode_ask(content(&frame, ASK_FRAME_BYTES)).unwrap(), ask);
    }
    for answer in [
        ControlAnswer::Ok,
        ControlAnswer::Status(SignerStatus::default()),
        ControlAnswer::BoxKey([9; 32]),
        ControlAnswer::Key(key()),
        ControlAnswer::Keys(vec![key(), key()]),
        ControlAnswer::Error(refusal()),
        ControlAnswer::PublicKey("pem".into()),
        ControlAnswer::Ceiling(vec![3; 9]),
    ] {
        let mut frame = Vec::new();
        control::encode_answer(&answer, &mut frame).unwrap();
        assert_eq!(control::decode_answer(content(&frame, ANSWER_FRAME_BYTES)).unwrap(), answer);
    }
}

#[test]
fn every_truncation_is_refused() {
    let mut frame = Vec::new();
    encode_asks(&asks(), &mut frame).unwrap();
    let content = content(&frame, ASK_FRAME_BYTES);
    for cut in 0..content.len() {
        assert!(decode_asks(&content[..cut]).is_err(), "cut at {cut}");
    }
    let mut longer = content.to_vec();
    longer.push(0);
    assert!(decode_asks(&longer).is_err());
}

// INVARIANT (bounded): a length over its limit is refused before it is taken.
#[test]
fn over_a_limit_is_refused_both_ways() {
    assert!(frame_length(u32::MAX.to_le_bytes(), ASK_FRAME_BYTES).is_err());
    let mut frame = vec![1, 2, 3];
    let many = vec![Ask::Keys; MESSAGES + 1];
    assert!(encode_asks(&many, &mut frame).is_err());
    assert_eq!(frame, [1, 2, 3], "a failed frame leaves nothing behind");
    assert!(decode_asks(&vec![0; ASK_FRAME_BYTES + 1]).is_err());
    // A text length of 4 GiB in a short frame.
    let mut huge = vec![VERSION, 1, 0, 1];
    huge.extend([0; 8 + 2 + 8 + 1 + 8 + 1]);
    huge.extend(u32::MAX.to_le_bytes());
    assert_eq!(decode_asks(&huge).unwrap_err().what, "text to sign");
}

#[test]
fn a_long_detail_is_cut_at_a_character() {
    let mut long = refusal();
    long.detail = "é".repeat(crate::limits::DETAIL_BYTES);
    let mut frame = Vec::new();
    encode_answers(&[Answer::Error(long)], &mut frame).unwrap();
    let decoded = decode_answers(content(&frame, ANSWER_FRAME_BYTES)).unwrap();
    assert!(matches!(&decoded[..], [Answer::Error(cut)] if cut.detail.len() <= 1024));
}

proptest! {
    #[test]
    fn garbage_never_panics_and_has_one_spelling(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let mut guided = vec![VERSION, 1, 0];
        guided.extend(&bytes);
        for content in [&bytes, &guided] {
            if let Ok(asks) = decode_asks(content) {
                let mut frame = Vec::new();
                encode_asks(&asks, &mut frame).unwrap();
                prop_assert_eq!(&frame[LENGTH_BYTES..], &content[..]);
            }
            let _ = decode_answers(content);
            let _ = control::decode_ask(content);
            let _ = control::decode_answer(content);
        }
    }
}
