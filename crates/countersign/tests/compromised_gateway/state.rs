//! The signer's memory of what it signed: rolled back, missing or cut, it
//! counts as spent.

use vault::protocol::{Answer, Ask, RefusalCode};

use crate::refusals::{order, withdrawal};
use crate::signer::{Gateway, ORIGIN, Signer, copy, market, out_key, trade_key};

fn keys() -> Vec<vault::store::NewKey> {
    vec![out_key(), trade_key(vec![market("BTCUSDT", "0.5", "2")])]
}

/// Signs a checkpoint of a log with one more leaf than `size`: only the first
/// needs no proof.
fn first_checkpoint(gateway: &mut Gateway, size: u64) -> String {
    let ask = Ask::Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root: [3; 32],
        prior_size: 0,
        proof: Vec::new(),
    };
    match gateway.ask(ask) {
        Answer::Checkpoint { note } => note,
        other => panic!("no checkpoint: {other:?}"),
    }
}

#[track_caller]
fn is_spent(signer: &mut Signer, note: Option<&str>, orders: RefusalCode) {
    signer.start();
    let mut gateway = signer.gateway();
    // What the gateway shows may be refused; then nothing was shown.
    if let Some(note) = note {
        gateway.ask(Ask::ShowCheckpoint { note: Some(note.to_owned()) });
    }
    let (out, trade) = (gateway.handle("out"), gateway.handle("trade"));
    assert_eq!(gateway.refused(out, &withdrawal("1", "again")), RefusalCode::StateSpent);
    let now = crate::signer::now_ms();
    let transfer = format!("type=MAIN_FUNDING&asset=USDT&amount=1&timestamp={now}");
    assert_eq!(gateway.refused(out, &transfer), RefusalCode::StateSpent);
    // Where `signed.log` is whole, the hour's orders are still known.
    assert_eq!(gateway.refused(trade, &order("0.1")), orders);
    // What lets risk down still passes.
    let cancel = format!("symbol=BTCUSDT&orderId=1&timestamp={}", crate::signer::now_ms());
    assert!(gateway.sign(trade, &cancel).is_ok());
    drop(gateway);
    signer.stop();
}

pub(crate) fn rolled_back_or_missing() {
    let mut signer = Signer::with(keys());
    let mut gateway = signer.gateway();
    gateway.show_none();
    let (out, trade) = (gateway.handle("out"), gateway.handle("trade"));
    // The state at the beginning, kept by somebody.
    let kept = tempfile::tempdir().unwrap();
    let state = signer.files().state();
    copy(&state, kept.path());
    gateway.sign(out, &withdrawal("100", "first")).unwrap();
    for _ in 0..4 {
        gateway.sign(trade, &order("0.5")).unwrap();
    }
    assert_eq!(gateway.refused(trade, &order("0.1")), RefusalCode::Window);
    let note = first_checkpoint(&mut gateway, 9);
    drop(gateway);
    signer.stop();
    let newest = tempfile::tempdir().unwrap();
    copy(&state, newest.path());
    let restore = |from: &std::path::Path| {
        std::fs::remove_dir_all(&state).unwrap();
        copy(from, &state);
        std::fs::set_permissions(&state, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .unwrap();
    };

    // All of it rolled back, with the newest checkpoint shown: spent.
    restore(kept.path());
    is_spent(&mut signer, Some(&note), RefusalCode::StateSpent);
    // The counters alone.
    restore(newest.path());
    std::fs::copy(kept.path().join("counters"), state.join("counters")).unwrap();
    is_spent(&mut signer, Some(&note), RefusalCode::Window);
    // Files missing, one by one, and cut.
    restore(newest.path());
    std::fs::remove_file(state.join("counters")).unwrap();
    is_spent(&mut signer, Some(&note), RefusalCode::Window);
    restore(newest.path());
    let counters = std::fs::read(state.join("counters")).unwrap();
    std::fs::write(state.join("counters"), &counters[..counters.len() / 2]).unwrap();
    is_spent(&mut signer, Some(&note), RefusalCode::Window);
    restore(newest.path());
    std::fs::remove_file(state.join("checkpoint")).unwrap();
    is_spent(&mut signer, Some(&note), RefusalCode::Window);
    // Everything missing: orders too.
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::create_dir(&state).unwrap();
    std::fs::set_permissions(&state, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    is_spent(&mut signer, Some(&note), RefusalCode::StateSpent);
    // `signed.log` missing: what orders used is unknown.
    restore(newest.path());
    std::fs::remove_file(state.join("signed.log")).unwrap();
    is_spent(&mut signer, Some(&note), RefusalCode::StateSpent);

    // Unharmed, but something forged was shown, or nothing.
    restore(newest.path());
    is_spent(&mut signer, Some(&note.replace("\n9\n", "\n8\n")), RefusalCode::Window);
    restore(newest.path());
    is_spent(&mut signer, None, RefusalCode::Window);
    // Unharmed and shown: the day goes on where it was.
    restore(newest.path());
    signer.start();
    let mut gateway = signer.gateway();
    assert_eq!(gateway.ask(Ask::ShowCheckpoint { note: Some(note) }), Answer::Ok);
    let found = gateway.sign(out, &withdrawal("51", "more"));
    let code = found.map_err(|refusal| refusal.code);
    assert!(matches!(code, Err(RefusalCode::OneAtATime) | Ok(_)), "{code:?}");
    let ask = Ask::Checkpoint {
        origin: ORIGIN.to_owned(),
        size: 9,
        root: [4; 32],
        prior_size: 9,
        proof: Vec::new(),
    };
    let Answer::Error(refusal) = gateway.ask(ask) else { panic!("two histories were signed") };
    assert_eq!(refusal.code, RefusalCode::CheckpointInconsistent);
}
