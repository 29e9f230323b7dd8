//! Every pair of a served endpoint and another one, whatever its host, for
//! which a text can be built that both take: it is signed only where the worse
//! of what it could mean is within the key's ceiling, and charged as that.

use std::collections::{BTreeMap, HashMap};

use vault::protocol::RefusalCode;
use wire::model::{Class, Decimal, Effect, Right, Rights};
use wire::venue::binance::Security;
use wire::venue::binance::endpoints::{self, Domain, Endpoint, ParameterRule};
use wire::venue::binance::listed;

use crate::oracle::Oracle;
use crate::signer::{
    BESIDE_TRANSFERS, DESTINATION, OUT_RIGHTS, READ_RIGHTS, Signer, TRADE_RIGHTS, decimal, now_ms,
    out_key, read_key, wide_trade_key,
};

/// Where orders are among the meanings, each leg has its id.
pub(crate) const IDS: [&str; 10] = [
    "newClientOrderId",
    "listClientOrderId",
    "limitClientOrderId",
    "stopClientOrderId",
    "aboveClientOrderId",
    "belowClientOrderId",
    "workingClientOrderId",
    "pendingClientOrderId",
    "pendingAboveClientOrderId",
    "pendingBelowClientOrderId",
];

struct Pair {
    asked: &'static Endpoint,
    other: &'static Endpoint,
    text: String,
}

/// The parameters of both, in the order in which they come; `None` where no
/// value of a shared parameter suits both.
fn text_of(asked: &Endpoint, other: &Endpoint) -> Option<String> {
    let mut wanted: Vec<(&'static str, Vec<Domain>)> = Vec::new();
    for endpoint in [asked, other] {
        for group in endpoint.mandatory.iter().flatten() {
            let present = |rule: &&ParameterRule| wanted.iter().any(|(name, _)| *name == rule.name);
            let rule = group.iter().find(present).or_else(|| group.first())?;
            match wanted.iter_mut().find(|(name, _)| *name == rule.name) {
                Some((_, domains)) => domains.push(rule.domain),
                None => wanted.push((rule.name, vec![rule.domain])),
            }
        }
    }
    let orders = [asked, other].iter().any(|one| one.effect == Effect::Order);
    if orders && wanted.iter().all(|(name, _)| !name.to_lowercase().ends_with("quantity")) {
        let amends = wanted.iter().any(|(name, _)| *name == "newQty");
        if !amends {
            wanted.push(("quantity", vec![Domain::Decimal]));
        }
    }
    let mut pairs = Vec::new();
    for (name, domains) in wanted {
        pairs.push(format!("{name}={}", value_of(name, &domains)?));
    }
    if asked.class == Class::Withdraw {
        for (name, value) in [("network", "ETH"), ("withdrawOrderId", "w")] {
            if !pairs.iter().any(|pair| pair.split('=').next() == Some(name)) {
                pairs.push(format!("{name}={value}"));
            }
        }
    }
    if orders {
        pairs.extend(IDS.iter().map(|name| format!("{name}=id-x")));
    }
    pairs.push(format!("timestamp={}", now_ms()));
    Some(pairs.join("&"))
}

fn value_of(name: &str, domains: &[Domain]) -> Option<String> {
    let mut value = match name {
        "symbol" => "BTCUSDT",
        "side" | "workingSide" => "BUY",
        "type" => "LIMIT",
        "asset" | "coin" => "USDT",
        "amount" => "1",
        "address" => DESTINATION,
        _ => "A",
    };
    for domain in domains {
        value = match domain {
            Domain::Text => value,
            Domain::Integer | Domain::Decimal if value.parse::<u32>().is_ok() => value,
            Domain::Integer | Domain::Decimal => "7",
            Domain::OneOf(names) if names.split('|').any(|one| one == value) => value,
            Domain::OneOf(names) => names.split('|').next()?,
        };
    }
    // A value that one of them narrowed must still suit the others.
    let suits = domains.iter().all(|domain| match domain {
        Domain::Text => true,
        Domain::Integer | Domain::Decimal => value.parse::<u32>().is_ok(),
        Domain::OneOf(names) => names.split('|').any(|one| one == value),
    });
    suits.then(|| value.to_owned())
}

fn all_pairs() -> (Vec<Pair>, usize) {
    let (mut pairs, mut none) = (Vec::new(), 0);
    // Of the reads whose tables come from the endpoint table a part is paired,
    // with what is worse than an order; all of them in the full run.
    let step = if crate::multiple() > 1 { 1 } else { 8 };
    let by_hand = listed::written().count();
    let derived = listed::all().skip(by_hand).step_by(step).map(|one| (one, true));
    let asked = listed::written().map(|one| (one, false)).chain(derived);
    for (served, derived) in asked.filter(|(one, _)| one.security == Security::Signed) {
        let asked = endpoints::find_rest(served.method, served.path).unwrap();
        let others = endpoints::all().iter().filter(|other| {
            other.is_sourced()
                && other.security == Security::Signed
                && other.name != asked.name
                && (!derived || other.effect > Effect::Order)
        });
        for other in others {
            match text_of(asked, other) {
                Some(text) => pairs.push(Pair { asked, other, text }),
                None => none += 1,
            }
        }
    }
    (pairs, none)
}

pub(crate) fn judged_by_the_worse() {
    let (pairs, none) = all_pairs();
    println!(
        "  {} pairs share a text, {none} have parameters that exclude each other",
        pairs.len()
    );
    assert!(pairs.len() > 20_000);
    let mut signer = Signer::with(vec![read_key(), wide_trade_key(), out_key()]);
    let keys = [
        ("read", READ_RIGHTS),
        ("trade", TRADE_RIGHTS),
        ("out", OUT_RIGHTS.with(Right::UniversalTransfer)),
    ];
    for (name, rights) in keys {
        judge_under(&mut signer, name, rights, &pairs);
    }
}

fn judge_under(signer: &mut Signer, name: &str, rights: Rights, pairs: &[Pair]) {
    let mut gateway = signer.gateway();
    gateway.show_none();
    let key = gateway.handle(name);
    let oracle = Oracle::new(rights);
    let texts: Vec<String> = pairs.iter().map(|pair| pair.text.clone()).collect();
    let verdicts = gateway.sign_many(key, &texts);
    let mut charged: HashMap<u64, (Effect, &Pair)> = HashMap::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut known: HashMap<&str, Option<Effect>> = HashMap::new();
    for (pair, verdict) in pairs.iter().zip(&verdicts) {
        // The timestamp does not matter to what the text means.
        let without_time = pair.text.split("timestamp=").next().unwrap();
        let worst = *known
            .entry(without_time)
            .or_insert_with(|| oracle.worst(&format!("{}&recvWindow=2000", pair.text)));
        let worst = worst.expect("a read takes every text");
        let place =
            || format!("{name}: {} and {}: {}", pair.asked.name, pair.other.name, pair.text);
        match verdict {
            Ok(signed) => {
                assert_eq!(signed.meaning, worst, "{}", place());
                *counts.entry(format!("signed as {}", worst.name())).or_default() += 1;
                charged.insert(signed.sequence, (worst, pair));
                let signed = String::from_utf8(signed.text.clone()).unwrap();
                for (endpoint, effect) in oracle.worse_than_an_order(&signed) {
                    assert!(
                        name == "out" && granted(&endpoint.name, effect),
                        "signed although it could be {}: {}",
                        endpoint.name,
                        place()
                    );
                }
            }
            Err(refusal) => {
                let code = refusal.code;
                *counts.entry(format!("refused: {}", code.name())).or_default() += 1;
                let fits = match worst {
                    Effect::Read | Effect::Cancel | Effect::HarmlessSetting => false,
                    // An order that cannot be counted, or for which this key's
                    // ceiling has no room at all.
                    Effect::Order => code == RefusalCode::Ceiling,
                    _ if name == "out" => !matches!(code, RefusalCode::NoMeaning),
                    _ => code == RefusalCode::EffectNotAllowed,
                };
                assert!(fits, "{refusal}, although its worst is {}: {}", worst.name(), place());
            }
        }
    }
    for (what, count) in &counts {
        println!("  {name:5} {what}: {count}");
    }
    check_charges(signer, &charged);
}

/// What the value-out key's ceiling grants.
fn granted(endpoint: &str, effect: Effect) -> bool {
    BESIDE_TRANSFERS.contains(&(endpoint, effect))
        || matches!(
            (endpoint, effect),
            ("POST /sapi/v1/capital/withdraw/apply", Effect::ValueOut)
                | ("POST /sapi/v1/asset/transfer", Effect::Transfer)
        )
}

/// What was charged for each signature is what the worst reading could place.
fn check_charges(signer: &Signer, signed: &HashMap<u64, (Effect, &Pair)>) {
    let mut seen = 0;
    for line in signer.signed_log() {
        let Some((worst, pair)) = signed.get(&line[0].parse().unwrap()) else { continue };
        seen += 1;
        assert_eq!(line[4], worst.name(), "{}", pair.text);
        let charge = &line[7];
        match worst {
            Effect::Read | Effect::Cancel | Effect::HarmlessSetting => {
                assert_eq!(charge, "-", "{}", pair.text);
            }
            Effect::Order => {
                let least = least_base(&pair.text);
                let base: Decimal = charge
                    .split(';')
                    .map(|word| word.strip_prefix("order:BTCUSDT:").unwrap())
                    .map(|word| decimal(word.split(':').next().unwrap()))
                    .sum();
                assert!(base >= least, "{charge} for {}", pair.text);
                assert!(base > Decimal::ZERO, "{}", pair.text);
            }
            _ => assert!(charge.contains("out:") || charge.contains("use:"), "{}", pair.text),
        }
    }
    assert_eq!(seen, signed.len());
}

/// The base quantity that the text could place, worked out plainly: every
/// quantity as often as the shape with the most legs uses it.
fn least_base(text: &str) -> Decimal {
    let has = |name: &str| text.split('&').any(|pair| pair.split('=').next() == Some(name));
    let of = |name: &str| {
        let values = text.split('&').filter_map(|pair| pair.split_once('='));
        values.filter(|(known, _)| *known == name).map(|(_, value)| decimal(value)).sum::<Decimal>()
    };
    let two = Decimal::TWO;
    let pair = (has("aboveType") && has("belowType")) || (has("price") && has("stopPrice"));
    let single = if pair { of("quantity") * two } else { of("quantity") };
    let below = has("pendingAboveType") && has("pendingBelowType");
    let pending = if below { of("pendingQuantity") * two } else { of("pendingQuantity") };
    single + of("workingQuantity") + pending + of("newQty")
}
