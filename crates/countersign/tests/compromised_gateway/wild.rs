//! Texts made up out of the endpoint table, twisted in every way that could
//! matter: no text that a trade key signs can be read as value out, transfer,
//! borrow or key administration.

use std::collections::BTreeMap;

use wire::model::Effect;
use wire::venue::binance::Security;
use wire::venue::binance::endpoints::{self, Domain, Endpoint};

use crate::oracle::Oracle;
use crate::signer::{READ_RIGHTS, Signer, TRADE_RIGHTS, now_ms, read_key, wide_trade_key};

/// A small generator with a fixed seed: the same texts in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap()
    }

    fn below(&mut self, count: usize) -> usize {
        self.next() % count
    }

    fn one<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let at = self.below(list.len());
        &list[at]
    }
}

const TEXTS: usize = 24_000;

/// A value that the domain takes, plainly or in an odd spelling.
fn value(domain: Domain, plainly: bool, random: &mut Random) -> String {
    let odd = !plainly && random.below(6) == 0;
    let plain = match domain {
        Domain::Text if plainly => *random.one(&["BTCUSDT", "LIMIT", "MARKET", "5"]),
        Domain::Integer | Domain::Decimal if plainly => *random.one(&["7", "12"]),
        Domain::Text => *random.one(&["A", "BTCUSDT", "USDT", "true", "5", "a%40b.c", "MARGIN"]),
        Domain::Integer => *random.one(&["7", "0", "12345", "%2B7", "%D9%A7"]),
        Domain::Decimal => *random.one(&["0.5", "7", "0.001", "1E2", "%EF%BC%97", "7%20"]),
        Domain::OneOf(names) => {
            let all: Vec<&str> = names.split('|').collect();
            *random.one(&all)
        }
    };
    if odd {
        match random.below(4) {
            0 => format!("{plain}x"),
            1 => plain.to_lowercase().replace("%2b", "%2B"),
            2 => format!("{plain}0"),
            _ => format!("x{plain}"),
        }
    } else {
        plain.to_owned()
    }
}

/// A name as it is, or so that a cut or a lenient reader brings it out.
fn name(name: &str, plainly: bool, random: &mut Random) -> String {
    match if plainly { 9 } else { random.below(10) } {
        0 => format!("x{name}"),
        1 => name.to_uppercase(),
        2 => format!("{}{name}", random.one(&["new", "to", "a-", "from", "limit."])),
        3 => name.to_lowercase(),
        _ => name.to_owned(),
    }
}

/// The parameters of one to three endpoints, shuffled and twisted.
fn text(rows: &[&Endpoint], random: &mut Random) -> String {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let plainly = random.below(2) == 0;
    // Half of them start at what a trade key is for.
    let trading: Vec<&&Endpoint> =
        rows.iter().filter(|row| matches!(row.effect, Effect::Order | Effect::Cancel)).collect();
    for at in 0..=random.below(3) {
        let row = if at == 0 && plainly { random.one(&trading) } else { random.one(rows) };
        for group in row.mandatory.iter().flatten() {
            let rule = random.one(group);
            let shown = match rule.name {
                "symbol" if plainly => "BTCUSDT".to_owned(),
                _ => value(rule.domain, plainly, random),
            };
            pairs.push((name(rule.name, plainly, random), shown));
        }
        for optional in &row.optional {
            if random.below(6) == 0 {
                let shown = value(Domain::Text, plainly, random);
                pairs.push((name(optional, plainly, random), shown));
            }
        }
        if let Some(raise) = row.raise
            && let endpoints::RaiseWhen::Is(wanted, given)
            | endpoints::RaiseWhen::IsNot(wanted, given) = raise.when
        {
            let given = *random.one(&[given, "AUTO_BORROW_REPAY", "NO_SIDE_EFFECT", "00"]);
            pairs.push((name(wanted, plainly, random), given.to_owned()));
        }
    }
    if plainly || random.below(3) == 0 {
        pairs.extend(crate::pairs::IDS.map(|id| (id.to_owned(), "id-x".to_owned())));
    }
    if plainly && random.below(2) == 0 {
        pairs.push(("quantity".to_owned(), "0.5".to_owned()));
    }
    // The signer refuses a name that stands twice; that is not the point here.
    let mut seen: Vec<String> = Vec::new();
    pairs.retain(|(name, _)| {
        let lower = name.to_lowercase();
        let new = !seen.contains(&lower);
        seen.push(lower);
        new
    });
    for at in (1..pairs.len()).rev() {
        let other = random.below(at + 1);
        pairs.swap(at, other);
    }
    let at = random.below(pairs.len() + 1);
    pairs.insert(at, ("timestamp".to_owned(), now_ms().to_string()));
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

pub(crate) fn no_signed_text_is_worse() {
    let rows: Vec<&Endpoint> = endpoints::all()
        .iter()
        .filter(|row| row.is_sourced() && row.security == Security::Signed)
        .collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let count = TEXTS * crate::multiple();
    let mut signer = Signer::with(vec![read_key(), wide_trade_key()]);
    let mut gateway = signer.gateway();
    for (key, rights) in [("trade", TRADE_RIGHTS), ("read", READ_RIGHTS)] {
        let handle = gateway.handle(key);
        let oracle = Oracle::new(rights);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut refused, mut could_be_worse) = (0, 0);
        let texts = if key == "trade" { count } else { count / 4 };
        for _ in 0..texts.div_ceil(1_000) {
            let batch: Vec<String> = (0..1_000).map(|_| text(&rows, &mut random)).collect();
            for (asked, verdict) in batch.iter().zip(gateway.sign_many(handle, &batch)) {
                let Ok(signed) = verdict else {
                    *counts.entry("refused").or_default() += 1;
                    refused += 1;
                    if refused % 8 == 0 && oracle.worst(asked) > Some(Effect::Order) {
                        could_be_worse += 8;
                    }
                    continue;
                };
                let given = String::from_utf8(signed.text).unwrap();
                let worst = oracle.worst(&given).expect("something takes it");
                assert!(worst <= Effect::Order, "{key} signed what is {}: {given}", worst.name());
                assert_eq!(signed.meaning, worst, "{given}");
                if oracle.places_orders(&given) {
                    assert_eq!(signed.meaning, Effect::Order, "{given}");
                }
                *counts.entry(worst.name()).or_default() += 1;
            }
        }
        let signed: Vec<String> =
            counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        println!(
            "  {key:5}: {texts} texts: {}; about {could_be_worse} of those refused could be worse than \
             an order",
            signed.join(", ")
        );
        assert!(could_be_worse > texts / 20, "the generator reaches what matters");
        assert!(counts.len() >= if key == "trade" { 3 } else { 2 }, "and what is signed");
    }
}
