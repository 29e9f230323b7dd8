//! A compromised gateway keeps every signature and sends it again while it
//! lives. What the venue executes stays within what the ceiling, the life of a
//! signature and the venue's own order limit allow together.
//!
//! A signature lives for the venue's default receive window, not for the
//! shorter one that the signer wrote: a cut inside the name `recvWindow` takes
//! it out of the text. And it may be dated ahead by the sealed offset bound, of a
//! venue whose clock is behind by as much.

use std::time::{Duration, Instant};

use sim::binance::PaperVenue;
use vault::protocol::{Ask, RefusalCode, Signed};
use wire::limits::{BOT_RECEIVE_WINDOW_DEFAULT_MS, CLOCK_OFFSET_MS};
use wire::model::{Decimal, Effect};

use crate::refusals::withdrawal;
use crate::signer::{DESTINATION, Gateway, Signer, decimal, market, now_ms, out_key, trade_key};
use crate::venue::{self, Client};

/// How long a signature can be used at the venue, ms.
const LIFE_MS: u64 = BOT_RECEIVE_WINDOW_DEFAULT_MS + 2 * CLOCK_OFFSET_MS.unsigned_abs();
const MAX_BASE: &str = "0.02";
const GROSS: &str = "0.2";
const RESENT: usize = 100;
/// New orders in ten seconds, at the venue.
const ORDERS_PER_10S: u32 = 50;

fn signer() -> Signer {
    Signer::with(vec![trade_key(vec![market("BTCUSDT", MAX_BASE, GROSS)])])
}

/// As many orders as the ceiling allows, in several shapes.
fn sign_until_refused(gateway: &mut Gateway) -> (Vec<(&'static str, Signed)>, Decimal) {
    let trade = gateway.handle("trade");
    let shapes = [
        ("POST /api/v3/order", "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.02&price=61000"),
        ("POST /api/v3/order", "side=BUY&type=MARKET&quantity=0.02"),
        ("POST /api/v3/order", "side=SELL&type=LIMIT&timeInForce=IOC&quantity=0.02&price=59000"),
        (
            "POST /api/v3/order/cancelReplace",
            "side=BUY&type=MARKET&quantity=0.02&cancelReplaceMode=ALLOW_FAILURE&cancelOrderId=1",
        ),
        // Rests below the market, and is filled by nobody.
        ("POST /api/v3/order", "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.02&price=50000"),
    ];
    let (mut signed, mut base) = (Vec::new(), Decimal::ZERO);
    for at in 0.. {
        let (endpoint, rest) = shapes[at % shapes.len()];
        let text =
            format!("symbol=BTCUSDT&{rest}&newClientOrderId=again-{at}&timestamp={}", now_ms());
        match gateway.sign(trade, &text) {
            Ok(one) => {
                assert_eq!(one.meaning, Effect::Order);
                base += decimal(MAX_BASE);
                signed.push((endpoint, one));
            }
            Err(refusal) => {
                assert_eq!(refusal.code, RefusalCode::Window, "{refusal}");
                break;
            }
        }
    }
    assert_eq!(base, decimal(GROSS));
    (signed, base)
}

/// Sends it as it is, or cut in the place that is named.
fn send(client: &mut Client, endpoint: &str, one: &Signed, cut: Option<&str>) -> i64 {
    let text = std::str::from_utf8(&one.text).unwrap();
    let (method, path) = endpoint.split_once(' ').unwrap();
    let at = cut.map_or(0, |cut| text.find(cut).unwrap() + cut.len());
    let (query, body) = text.split_at(at);
    let signature = format!("signature={}", one.signature);
    let query = if query.is_empty() { signature } else { format!("{query}&{signature}") };
    let response = client.send(method, path, venue::TRADE.0, &query, body);
    if response.status == 200 { 0 } else { response.code() }
}

fn executed(paper: &PaperVenue) -> Decimal {
    paper.orders(0).iter().map(|order| order.executed).sum()
}

pub(crate) fn stay_in_bounds() {
    for fills_release_count in [false, true] {
        replayed_at(fills_release_count);
    }
    the_receive_window_can_be_cut_out();
}

fn replayed_at(fills_release_count: bool) {
    let paper = venue::start(|options| {
        options.limits.orders_per_10s = ORDERS_PER_10S;
        options.limits.fills_release_count = fills_release_count;
        options.limits.refusals_until_ban = 1_000_000;
    });
    let mut signer = signer();
    let mut gateway = signer.gateway();
    let mut client = Client::new(&paper);
    // Dated ahead as far as a lying gateway can bring it.
    gateway.ask(Ask::Offset { venue_offset_ms: CLOCK_OFFSET_MS - 1 });
    let (signed, gross) = sign_until_refused(&mut gateway);
    let start = Instant::now();
    let mut first_round = 0_u64;
    for round in 0..RESENT {
        for (endpoint, one) in &signed {
            // Every other time the order loses its id by a cut.
            let cut = (round % 2 == 1).then_some("newClient");
            let accepted = send(&mut client, endpoint, one, cut) == 0;
            first_round += u64::from(accepted && round == 0);
        }
    }
    let took = start.elapsed();
    assert!(first_round > 0, "the signatures are good");
    // Order windows and weight windows that the sending touched.
    let limits = sim::binance::PaperOptions::default().limits;
    let life = Duration::from_millis(LIFE_MS);
    let touched = |width: u64| life.as_secs().div_ceil(width) + 1;
    let by_orders = u64::from(ORDERS_PER_10S) * touched(10);
    let by_weight = u64::from(limits.weight_per_minute) * touched(60);
    let most = if fills_release_count { by_weight } else { by_orders };
    let bound = gross + Decimal::from(most) * decimal(MAX_BASE);
    let found = executed(&paper);
    let accepted = paper.orders(0).len() as u64;
    println!(
        "  {} signatures of {gross} BTC together, each sent {RESENT} times in {:.1} s, fills {}: \
         {accepted} orders accepted, {found} BTC executed; bound {bound} BTC = ceiling {gross} + {most} \
         orders in {} s by the venue's {} x {MAX_BASE}",
        signed.len(),
        took.as_secs_f32(),
        if fills_release_count { "give the count back" } else { "stay counted" },
        LIFE_MS / 1000,
        if fills_release_count { "request weight" } else { "order limit" },
    );
    assert!(found > gross, "sending again does execute again: the bound is not idle");
    assert!(found <= bound, "{found} over {bound}");
    assert!(accepted <= most);

    // When the life is over every one of them is worthless.
    paper.set_skew_ms(i64::try_from(LIFE_MS).unwrap() + 1_000);
    let before = executed(&paper);
    for (endpoint, one) in &signed {
        for cut in [None, Some("newClient"), Some("recv")] {
            assert_eq!(send(&mut client, endpoint, one, cut), -1021, "outlived its window");
        }
    }
    assert_eq!(executed(&paper), before);
}

/// Why the bound counts with the venue's default window.
fn the_receive_window_can_be_cut_out() {
    let paper = venue::start(|_| {});
    let mut signer = signer();
    let mut gateway = signer.gateway();
    let mut client = Client::new(&paper);
    let (signed, _) = sign_until_refused(&mut gateway);
    let (endpoint, one) = &signed[1];
    paper.set_skew_ms(3_000);
    assert_eq!(send(&mut client, endpoint, one, None), -1021, "2 s, as it is written");
    let cut = send(&mut client, endpoint, one, Some("recv"));
    println!(
        "  3 s after, with `recvWindow` cut in two, the paper venue answers {cut} to an order"
    );
    // It went past the check of the time, and was then refused for the stray
    // `recv`: other endpoints might not look.
    assert_eq!(cut, -1104, "the default window counts then");
    let trade = gateway.handle("trade");
    paper.set_skew_ms(0);
    let read = gateway.sign(trade, &format!("symbol=BTCUSDT&timestamp={}", now_ms())).unwrap();
    paper.set_skew_ms(3_000);
    assert_eq!(send(&mut client, "DELETE /api/v3/openOrders", &read, None), -1021);
    assert_ne!(send(&mut client, "DELETE /api/v3/openOrders", &read, Some("recv")), -1021);
    paper.set_skew_ms(i64::try_from(BOT_RECEIVE_WINDOW_DEFAULT_MS).unwrap() + 1_500);
    assert_eq!(send(&mut client, endpoint, one, Some("recv")), -1021);
}

/// INVARIANT (second reading): the next withdrawal is not signed while the last one could
/// still be used, in whatever cut.
pub(crate) fn withdrawals_one_at_a_time() {
    let mut signer = Signer::with(vec![out_key()]);
    let mut gateway = signer.gateway();
    gateway.show_none();
    gateway.ask(Ask::Offset { venue_offset_ms: CLOCK_OFFSET_MS });
    let out = gateway.handle("out");
    let first = Instant::now();
    gateway.sign(out, &withdrawal("100", "one")).unwrap();
    let waited = loop {
        match gateway.sign(out, &withdrawal("100", "two")) {
            Ok(_) => break first.elapsed(),
            Err(refusal) => assert_eq!(refusal.code, RefusalCode::OneAtATime, "{refusal}"),
        }
        assert!(first.elapsed() < Duration::from_secs(30), "never signed again");
        std::thread::sleep(Duration::from_millis(20));
    };
    println!("  the next withdrawal was signed after {:.1} s", waited.as_secs_f32());
    assert!(waited >= Duration::from_millis(LIFE_MS), "the first could still be sent: {waited:?}");
    assert_eq!(gateway.refused(out, &withdrawal("51", "three")), RefusalCode::OneAtATime);
}

/// A signed withdrawal, sent a hundred times: it leaves once, since the venue
/// knows its `withdrawOrderId`. Cut inside that parameter it is another one to a
/// venue that ignores stray parameters, as the paper venue's wallet does:
/// then each cut leaves once (without any id, each time it is sent), always to
/// the listed destination. No signature can prevent that; it ends with the
/// signature's life.
pub(crate) fn a_withdrawal_sent_again() {
    let paper = venue::start(|options| options.limits.refusals_until_ban = 1_000_000);
    let mut signer = Signer::with(vec![out_key()]);
    let mut gateway = signer.gateway();
    gateway.show_none();
    let out = gateway.handle("out");
    let signed = gateway.sign(out, &withdrawal("100", "once")).unwrap();
    let text = std::str::from_utf8(&signed.text).unwrap();
    let mut client = Client::new(&paper);
    let path = "/sapi/v1/capital/withdraw/apply";
    for _ in 0..RESENT {
        let query = format!("{text}&signature={}", signed.signature);
        client.send("POST", path, venue::OUT.0, &query, "");
    }
    assert_eq!(paper.withdrawals(0).len(), 1, "sent again as it is");
    for at in 0..=text.len() {
        let (query, body) = text.split_at(at);
        let query = format!("{query}&signature={}", signed.signature);
        paper.forget_weights();
        client.send("POST", path, venue::OUT.0, &query, body);
    }
    let left = paper.withdrawals(0);
    println!(
        "  sent {RESENT} times as it is: executed once; sent in {} cuts: executed {} times more",
        text.len() + 1,
        left.len() - 1
    );
    assert!(left.iter().all(|(coin, to, _)| coin == "USDT" && to == DESTINATION), "{left:?}");
    assert!(left.iter().all(|(_, _, amount)| *amount <= decimal("100")), "{left:?}");
    let id = "withdrawOrderId=once";
    assert!(left.len() <= 1 + id.len(), "only a cut inside `{id}` makes it another: {left:?}");
    paper.set_skew_ms(i64::try_from(LIFE_MS).unwrap() + 1_000);
    for at in [0, text.find("OrderId").unwrap(), text.find("Window").unwrap()] {
        let (query, body) = text.split_at(at);
        let query = format!("{query}&signature={}", signed.signature);
        assert_eq!(client.send("POST", path, venue::OUT.0, &query, body).code(), -1021);
    }
}
