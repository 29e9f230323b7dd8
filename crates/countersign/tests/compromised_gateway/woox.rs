//! WOO X under attack. Version 1 signs parameters and a time alone, so a text is
//! read here, slowly and by itself, as at every endpoint of that version: whole,
//! and with any parameter's value swallowing those behind it.

use std::collections::BTreeMap;

use vault::ceiling::{Ceiling, Destination, MarketCeiling, ValueOutCeiling};
use vault::memory::Secret;
use vault::protocol::control::Scheme;
use vault::protocol::{KeyClass, RefusalCode};
use vault::store::NewKey;
use wire::model::{Decimal, Effect, Right, Rights};
use wire::venue::woox::Scheme as Signs;
use wire::venue::woox::endpoints::{self, Domain, Endpoint};

use crate::signer::{Gateway, Signer, decimal, market, now_ms};

/// Any base quantity of an hour, in whole.
const WIDE: &str = "1000000000000";

fn key(name: &str, ceiling: Ceiling) -> NewKey {
    NewKey {
        name: name.to_owned(),
        account: "woo".to_owned(),
        venue: "woox".to_owned(),
        api_key: format!("{name}KeyOfTheVenue"),
        scheme: Scheme::HmacSha256,
        rights: Rights::NONE.with(Right::Reading).with(Right::Trading),
        rights_known: true,
        hosts: Vec::new(),
        accept_wide_rights: false,
        ceiling,
        secret: Secret::new(b"secretOfWoox0123456789".to_vec()),
    }
}

fn signer(markets: Vec<MarketCeiling>) -> Signer {
    let trade = Ceiling { markets, ..Ceiling::closed(KeyClass::Trade) };
    let asset = ValueOutCeiling {
        asset: "USDT".to_owned(),
        per_request: decimal("100"),
        per_day: decimal("250"),
        approved: None,
        destinations: vec![Destination {
            network: "ETH".to_owned(),
            address: "0xaa".to_owned(),
            memo: None,
        }],
    };
    let out = Ceiling { value_out: vec![asset], ..Ceiling::closed(KeyClass::ValueOut) };
    Signer::with(vec![
        key("out", out),
        key("read", Ceiling::closed(KeyClass::Read)),
        key("trade", trade),
    ])
}

type Pairs = Vec<(String, String)>;

/// The text as the venue could split it: whole, or with one value that holds
/// some of the parameters behind it.
fn readings(pairs: &Pairs) -> Vec<Pairs> {
    let mut readings = vec![pairs.clone()];
    for from in 0..pairs.len() {
        for to in from + 1..pairs.len() {
            let mut swallowed = pairs[..=from].to_vec();
            for (name, value) in &pairs[from + 1..=to] {
                swallowed[from].1.push_str(&format!("&{name}={value}"));
            }
            swallowed.extend_from_slice(&pairs[to + 1..]);
            readings.push(swallowed);
        }
    }
    readings
}

fn could_take(domain: Domain, value: &str) -> bool {
    match domain {
        Domain::Text => !value.is_empty(),
        Domain::Integer | Domain::Decimal => {
            value.chars().any(|c| c.is_ascii_digit())
                && value.chars().all(|c| c.is_ascii_digit() || "+-._eE".contains(c))
        }
        Domain::OneOf(names) => names.split('|').any(|one| one.eq_ignore_ascii_case(value)),
    }
}

fn effect(row: &Endpoint, pairs: &Pairs) -> Option<Effect> {
    match row.scheme {
        Signs::V3 => return None,
        Signs::Stream => return pairs.is_empty().then_some(row.effect),
        Signs::V1 => {}
    }
    let given = |name: &str| {
        let name = name.to_lowercase();
        pairs.iter().filter(move |(known, _)| known.to_lowercase() == name).map(|(_, value)| value)
    };
    let takes = row.mandatory.as_ref()?.iter().all(|group| {
        group.iter().any(|rule| given(rule.name).any(|value| could_take(rule.domain, value)))
    });
    if !takes {
        return None;
    }
    let raised = row
        .raise
        .filter(|raise| given(raise.name).any(|value| value.starts_with(raise.value)))
        .map(|raise| raise.effect.max(row.effect));
    Some(raised.unwrap_or(row.effect))
}

/// The worst that the venue could do with the text, and whether an order is
/// among it.
fn worst(pairs: &Pairs) -> (Option<Effect>, bool) {
    let (mut worst, mut order) = (None, false);
    for reading in readings(pairs) {
        for row in endpoints::all() {
            let found = effect(row, &reading);
            worst = worst.max(found);
            order |= found.is_some() && row.effect == Effect::Order;
        }
    }
    (worst, order)
}

fn example(domain: Domain, name: &str) -> String {
    match (name, domain) {
        ("symbol", _) => "SPOT_BTC_USDT".to_owned(),
        (_, Domain::OneOf(names)) => names.split('|').next().unwrap().to_owned(),
        (_, Domain::Integer | Domain::Decimal) => "1".to_owned(),
        (_, Domain::Text) => "USDT".to_owned(),
    }
}

/// The parameters that an endpoint needs; of alternatives the one of that
/// number.
fn needs(row: &Endpoint, choice: usize) -> BTreeMap<String, String> {
    let rules =
        row.mandatory.iter().flatten().filter_map(|group| {
            group.get(choice % group.len()).map(|rule| (rule.name, rule.domain))
        });
    rules.map(|(name, domain)| (name.to_owned(), example(domain, name))).collect()
}

/// Every endpoint of version 1 alone, every two of them, and each with the
/// parameters that make it worse.
fn texts() -> Vec<Pairs> {
    let rows: Vec<&Endpoint> =
        endpoints::all().iter().filter(|row| row.scheme == Signs::V1 && row.is_sourced()).collect();
    let mut texts = std::collections::BTreeSet::new();
    for one in &rows {
        for other in &rows {
            for choice in 0..2 {
                let mut both = needs(one, choice);
                both.extend(needs(other, choice));
                for raise in [one.raise, other.raise].into_iter().flatten() {
                    let mut worse = both.clone();
                    worse.insert(raise.name.to_owned(), raise.value.to_owned());
                    texts.insert(worse);
                }
                let mut named = both.clone();
                named.insert("client_order_id".to_owned(), "7".to_owned());
                texts.insert(named);
                texts.insert(both);
            }
        }
    }
    texts.into_iter().map(|pairs| pairs.into_iter().collect()).collect()
}

fn spelled(pairs: &Pairs) -> String {
    let parts: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}|{}", parts.join("&"), now_ms())
}

/// Over the whole of version 1: what is signed is never worse than what the
/// ceiling grants, and is called what it is.
pub(crate) fn no_text_is_worse_than_it_was_read() {
    let wide = vec![MarketCeiling { quote: None, ..market("SPOT_BTC_USDT", "1000", WIDE) }];
    let mut signer = signer(wide);
    let mut gateway = signer.gateway();
    gateway.show_none();
    let texts = texts();
    let (mut signed_count, mut orders) = (0, 0);
    for name in ["read", "trade", "out"] {
        let handle = gateway.handle(name);
        let spelled: Vec<String> = texts.iter().map(spelled).collect();
        let verdicts = gateway.sign_many(handle, &spelled);
        for ((pairs, text), verdict) in texts.iter().zip(&spelled).zip(verdicts) {
            let Ok(signed) = verdict else { continue };
            signed_count += 1;
            let (worst, order) = worst(pairs);
            assert_eq!(Some(signed.meaning), worst, "{name}: {text}");
            assert!(signed.meaning <= Effect::Order, "{name}: {text}");
            if order {
                orders += 1;
                assert_eq!(name, "trade", "{text}");
                assert!(pairs.iter().any(|(name, _)| name == "client_order_id"), "{text}");
            }
        }
    }
    // Each order left its charge.
    let charged = signer.signed_log();
    let charged = charged.iter().filter(|line| line[7].starts_with("order:SPOT_BTC_USDT:1:0"));
    assert_eq!(charged.count(), orders);
    assert!(orders >= 8 && signed_count >= 150, "{orders} orders, {signed_count} signed");
    println!("  {} texts of version 1: {signed_count} signed, {orders} as orders", texts.len());
}

/// Random parameters of the tables, with values that suit some of them.
pub(crate) fn brute_force() {
    let names: Vec<(&str, Domain)> = endpoints::all()
        .iter()
        .filter(|row| row.scheme == Signs::V1)
        .flat_map(|row| row.mandatory.iter().flatten().flatten())
        .map(|rule| (rule.name, rule.domain))
        .collect();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    let mut signer = signer(vec![market("SPOT_BTC_USDT", "1000", WIDE)]);
    let mut gateway = signer.gateway();
    gateway.show_none();
    let handle = gateway.handle("trade");
    let texts: Vec<Pairs> = (0..4_000 * crate::multiple())
        .map(|_| {
            let mut pairs = BTreeMap::new();
            for _ in 0..random(9) {
                let (name, domain) = names[random(names.len())];
                let value = match random(5) {
                    0 => "0".to_owned(),
                    1 => "USDT".to_owned(),
                    _ => example(domain, name),
                };
                let name = if random(9) == 0 { name.to_uppercase() } else { name.to_owned() };
                pairs.insert(name, value);
            }
            if random(3) == 0 {
                pairs.insert("client_order_id".to_owned(), "7".to_owned());
            }
            pairs.into_iter().collect()
        })
        .collect();
    let spelled: Vec<String> = texts.iter().map(spelled).collect();
    let mut signed_count = 0;
    for ((pairs, text), verdict) in
        texts.iter().zip(&spelled).zip(gateway.sign_many(handle, &spelled))
    {
        let Ok(signed) = verdict else { continue };
        signed_count += 1;
        let (worst, order) = worst(pairs);
        assert!(signed.meaning <= Effect::Order, "{text}");
        assert_eq!(Some(signed.meaning), worst, "{text}");
        assert_eq!(order, signed.meaning == Effect::Order, "{text}");
    }
    assert!(signed_count > 100, "{signed_count}");
    println!("  {} random texts, {signed_count} signed", texts.len());
}

/// Both versions draw on one ceiling; nothing that the gateway says changes it.
pub(crate) fn orders_stay_under_the_ceiling() {
    let mut signer =
        signer(vec![market("PERP_ETH_USDT", "2", "7"), market("SPOT_BTC_USDT", "1", "5")]);
    let mut gateway = signer.gateway();
    gateway.show_none();
    let handle = gateway.handle("trade");
    let v1 = |now: u64, size: &str| {
        format!(
            "client_order_id=7&order_quantity={size}&order_type=MARKET&side=SELL&\
             symbol=SPOT_BTC_USDT|{now}"
        )
    };
    let v3 = |now: u64, size: &str| {
        format!(
            "{now}POST/v3/trade/order{{\"clientOrderId\":\"7\",\"quantity\":\"{size}\",\"side\":\
             \"SELL\",\"symbol\":\"SPOT_BTC_USDT\",\"type\":\"MARKET\"}}"
        )
    };
    let change = |now: u64, size: &str| {
        format!("{now}PUT/v3/trade/order{{\"orderId\":\"7\",\"quantity\":\"{size}\"}}")
    };
    let mut total = Decimal::ZERO;
    let mut refused = 0;
    for round in 0..40 {
        let size = ["0.4", "1", "1.01", "0.3"][round % 4];
        let now = now_ms();
        let text = match round % 3 {
            0 => v1(now, size),
            1 => v3(now, size),
            _ => change(now, size),
        };
        match gateway.sign(handle, &text) {
            Ok(_) => total += decimal(size),
            Err(refusal) => {
                refused += 1;
                let codes = [RefusalCode::Ceiling, RefusalCode::Window];
                assert!(codes.contains(&refusal.code), "{text}: {refusal}");
            }
        }
        assert!(total <= decimal("5"), "{total}");
    }
    assert!(total > decimal("4") && refused > 20, "{total}, {refused}");
    // A crash forgets nothing.
    signer.kill();
    signer.start();
    let mut gateway = signer.gateway();
    gateway.show_none();
    let handle = gateway.handle("trade");
    assert_eq!(over(&mut gateway, handle, &v1(now_ms(), "1")), RefusalCode::Window);
}

fn over(gateway: &mut Gateway, key: vault::protocol::KeyHandle, text: &str) -> RefusalCode {
    gateway.refused(key, text)
}

/// Whatever the gateway tries with the key that may withdraw.
pub(crate) fn value_goes_to_the_listed_destination_only() {
    let mut signer = signer(Vec::new());
    let mut gateway = signer.gateway();
    gateway.show_none();
    let out = gateway.handle("out");
    let withdraw = |fields: &str| format!("{}POST/v3/asset/wallet/withdraw{{{fields}}}", now_ms());
    let good = "\"address\":\"0xaa\",\"amount\":\"60\",\"network\":\"ETH\",\"token\":\"USDT\"";
    for fields in [
        good.replace("0xaa", "0xab"),
        good.replace("0xaa", "0xAA"),
        good.replace("\"ETH\"", "\"TRX\""),
        good.replace("\"network\":\"ETH\",", ""),
        good.replace("\"60\"", "\"101\""),
        good.replace("\"60\"", "\"-1\""),
        good.replace("\"60\"", "\"1e2\""),
        good.replace("\"60\"", "\"0x10\""),
        good.replace("USDT", "BTC"),
        good.replace(",\"network\"", ",\"extra\":\"1\",\"network\""),
        good.replace(",\"network\"", ",\"chain\":\"TRX\",\"network\""),
        good.replace("\"0xaa\"", "[\"0xaa\"]"),
    ] {
        assert!(gateway.sign(out, &withdraw(&fields)).is_err(), "{fields}");
    }
    for v1 in [
        "address=0xaa&amount=1&network=ETH&token=USDT",
        "amount=1&balance_token=USDT&target_user_id=9",
        "amount=1&from_application_id=a&to_application_id=b&token=USDT",
    ] {
        let told = gateway.sign(out, &format!("{v1}|{}", now_ms()));
        let harmless = told.as_ref().is_ok_and(|signed| signed.meaning <= Effect::HarmlessSetting);
        assert!(told.is_err() || harmless, "{v1}");
    }
    // One of a batch, then none while the venue may still take it.
    let texts: Vec<String> = (0..5).map(|_| withdraw(good)).collect();
    let signed = gateway.sign_many(out, &texts).iter().filter(|one| one.is_ok()).count();
    assert_eq!(signed, 1);
    for name in ["read", "trade"] {
        let key = gateway.handle(name);
        assert_eq!(gateway.refused(key, &withdraw(good)), RefusalCode::EffectNotAllowed);
    }
}
