use aws_lc_rs::digest::{SHA256, digest};

use super::*;

fn leaf(byte: u8) -> [u8; 32] {
    digest(&SHA256, &[0, byte]).as_ref().try_into().unwrap()
}

fn pair(left: [u8; 32], right: [u8; 32]) -> [u8; 32] {
    digest(&SHA256, &[&[1][..], &left, &right].concat()).as_ref().try_into().unwrap()
}

/// A log of one leaf grows to two: the proof is the second leaf.
fn one() -> Ask {
    Ask::Checkpoint { origin: ORIGIN.into(), size: 1, root: leaf(0), prior_size: 0, proof: vec![] }
}

fn two() -> Ask {
    Ask::Checkpoint {
        origin: ORIGIN.into(),
        size: 2,
        root: pair(leaf(0), leaf(1)),
        prior_size: 1,
        proof: vec![leaf(1)],
    }
}

fn note(answer: Answer) -> String {
    match answer {
        Answer::Checkpoint { note } => note,
        other => panic!("{other:?}"),
    }
}

fn refused(answer: Answer) -> RefusalCode {
    match answer {
        Answer::Error(refusal) => refusal.code,
        other => panic!("{other:?}"),
    }
}

const WITHDRAWAL: &str = "coin=USDT&network=ETH&address=0xaa&amount=100&withdrawOrderId=w1";

#[test]
fn only_what_extends_the_last_one_is_signed() {
    let mut bench = Bench::new();
    bench.sign(TRADE, Effect::Read, "symbol=BTCUSDT").unwrap();
    let first = note(bench.ask(one()));
    assert!(first.starts_with(&format!("{ORIGIN}\n1\n")), "{first}");
    assert!(first.contains("\ncountersign-signer-sequence 1\n\n\u{2014} "), "{first}");
    for wrong in [
        Ask::Checkpoint {
            origin: "other".into(),
            size: 2,
            root: [0; 32],
            prior_size: 1,
            proof: vec![],
        },
        Ask::Checkpoint {
            origin: ORIGIN.into(),
            size: 2,
            root: [9; 32],
            prior_size: 1,
            proof: vec![leaf(1)],
        },
        Ask::Checkpoint {
            origin: ORIGIN.into(),
            size: 2,
            root: pair(leaf(0), leaf(1)),
            prior_size: 0,
            proof: vec![],
        },
        Ask::Checkpoint {
            origin: ORIGIN.into(),
            size: 0,
            root: [0; 32],
            prior_size: 1,
            proof: vec![],
        },
        Ask::Checkpoint {
            origin: ORIGIN.into(),
            size: 1,
            root: leaf(5),
            prior_size: 1,
            proof: vec![],
        },
    ] {
        assert_eq!(refused(bench.ask(wrong)), RefusalCode::CheckpointInconsistent);
    }
    let mut bench = bench.restart();
    assert_eq!(refused(bench.ask(two())), RefusalCode::CheckpointInconsistent, "not shown yet");
    bench.ok(Ask::ShowCheckpoint { note: Some(first) });
    note(bench.ask(two()));
    assert_eq!(bench.status().checkpoint_size, 2);
}

#[test]
fn state_older_than_the_newest_checkpoint_counts_as_spent() {
    let mut bench = Bench::new();
    note(bench.ask(one()));
    std::fs::create_dir(bench.state().join("old")).unwrap();
    for name in ["counters", "signed.log", "checkpoint"] {
        std::fs::copy(bench.state().join(name), bench.state().join("old").join(name)).unwrap();
    }
    bench.sign(OUT, Effect::ValueOut, WITHDRAWAL).unwrap();
    let newest = note(bench.ask(two()));
    // Everything the signer wrote is set back: only the log knows better.
    let mut bench = bench.restart_after(|state| {
        for name in ["counters", "signed.log", "checkpoint"] {
            std::fs::copy(state.join("old").join(name), state.join(name)).unwrap();
        }
    });
    bench.time.pass(10_000);
    assert_eq!(bench.refused(OUT, Effect::ValueOut, WITHDRAWAL), RefusalCode::StateSpent);
    bench.ok(Ask::ShowCheckpoint { note: Some(newest) });
    assert_eq!(bench.refused(OUT, Effect::ValueOut, WITHDRAWAL), RefusalCode::StateSpent);
    assert_eq!(
        bench.refused(TRADE, Effect::Order, &order("BTCUSDT", "0.1")),
        RefusalCode::StateSpent,
        "nor is it known what orders used"
    );
    assert!(bench.status().warnings.iter().any(|line| line.contains("older than the log")));
}

#[test]
fn an_older_or_foreign_checkpoint_shows_nothing() {
    let mut bench = Bench::new();
    let first = note(bench.ask(one()));
    let second = note(bench.ask(two()));
    // The log lost its newest checkpoint: the signer's state is the newer one.
    let mut bench = bench.restart();
    bench.ok(Ask::ShowCheckpoint { note: Some(first) });
    bench.sign(OUT, Effect::ValueOut, WITHDRAWAL).unwrap();
    // What somebody else signed is no checkpoint at all.
    let mut bench = bench.restart();
    let forged = second.replacen("\n2\n", "\n3\n", 1);
    assert_eq!(
        refused(bench.ask(Ask::ShowCheckpoint { note: Some(forged) })),
        RefusalCode::CheckpointInconsistent
    );
    assert_eq!(bench.refused(OUT, Effect::ValueOut, WITHDRAWAL), RefusalCode::StateSpent);
}

#[test]
fn a_missing_checkpoint_where_one_was_signed_counts_as_spent() {
    let mut bench = Bench::new();
    let first = note(bench.ask(one()));
    let mut bench =
        bench.restart_after(|state| std::fs::remove_file(state.join("checkpoint")).unwrap());
    bench.ok(Ask::ShowCheckpoint { note: Some(first) });
    assert_eq!(bench.refused(OUT, Effect::ValueOut, WITHDRAWAL), RefusalCode::StateSpent);
    // It goes on from what it was shown.
    note(bench.ask(two()));
}
