//! Policy cases, the schema against our context table, and the fast path
//! against full evaluation.

use std::sync::Arc;

use judge::policy::cache::Cache;
use judge::policy::context::{Attribute, Kind, Shape};
use judge::policy::{cases, compile};
use judge::{Context, PolicySet};
use wire::model::Class;

use crate::common::*;

const CASES: [(&str, &str); 3] = [
    ("market-maker", include_str!("../../../../policies/cases/market-maker.toml")),
    ("taker", include_str!("../../../../policies/cases/taker.toml")),
    ("treasury", include_str!("../../../../policies/cases/treasury.toml")),
];

#[test]
fn every_policy_case_holds() {
    let mut failed = Vec::new();
    for (file, text) in CASES {
        for case in cases::run(text, &[], "").unwrap() {
            if !case.passed {
                failed.push(format!(
                    "{file}: {}: expected {}, got {}",
                    case.name, case.expected, case.got
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn a_case_that_is_wrong_says_so() {
    let table = "[bot.t]\naccount = \"main\"\npreset = \"taker\"\nmarkets = [\"*\"]\n[[case]]\n";
    for (case, said) in [
        ("name = \"a\"\nbot = \"x\"\nclass = \"read\"\nexpect = \"allow\"", "no bot `x`"),
        ("name = \"a\"\nbot = \"t\"\nexpect = \"allow\"", "exactly one"),
        ("name = \"a\"\nbot = \"t\"\nclass = \"reed\"\nexpect = \"allow\"", "no class"),
        ("name = \"a\"\nbot = \"t\"\nclass = \"read\"\nexpect = \"maybe\"", "maybe"),
        ("name = \"a\"\nbot = \"t\"\nclass = \"read\"\nexpects = \"allow\"", "expects"),
    ] {
        let error = cases::run(&format!("{table}{case}"), &[], "").unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn the_schema_knows_every_class_as_we_shape_it() {
    let policies = PolicySet::compile(&bots(MARKET_MAKER), "").unwrap();
    for class in Class::ALL {
        let context = Context::new(Shape::of(class));
        policies.conforms(0, class, "BTCUSDT", &context).unwrap();
        // A context of another shape is refused, so the check does check.
        let other = if Shape::of(class) == Shape::Order { Shape::Plain } else { Shape::Order };
        assert!(policies.conforms(0, class, "BTCUSDT", &Context::new(other)).is_err());
    }
}

/// Policies of every kind that the cache must see through: cells, equality,
/// literals on the left, texts, bools, arithmetic, attribute against
/// attribute, errors, negative literals, entities in sets and in conditions.
const EXTRAS: [&str; 6] = [
    "",
    r#"
    forbid (principal, action in Action::"ordering", resource)
    when { 500 < context.order_micro_usd && context.order_micro_usd <= 600 && context.side == "sell" };
    forbid (principal, action in Action::"ordering", resource)
    when { context.open_orders == 7 || context.open_orders != 8 && context.kind like "STOP*" };
    "#,
    r#"
    forbid (principal, action in Action::"ordering", resource)
    when { context.order_micro_usd * 2 > context.hour_micro_usd };
    "#,
    r#"
    forbid (principal, action in Action::"ordering", resource)
    when { [Market::"SOLUSDT", Market::"ADAUSDT"].contains(resource) && context has order_micro_usd };
    forbid (principal == Bot::"mm", action == Action::"place", resource == Market::"ETHBTC")
    unless { context.minute_of_day >= -5 && !context.any_price };
    "#,
    r#"
    @reason("sums overflow here on purpose")
    forbid (principal in Account::"main", action == Action::"place", resource)
    when { context.day_micro_usd + 9000000000000000000 > 100 };
    "#,
    r#"
    permit (principal, action == Action::"withdraw", resource)
    when { if context.listed then context.amount_millionths < 10 else false };
    forbid (principal, action in [Action::"cancel", Action::"place"], resource)
    when { {limit: context.minute_of_day}.limit > 700 };
    "#,
];

/// xorshift64*: a fixed stream of numbers.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

/// Values at, beside and far from every threshold in use.
const NEAR: [i64; 16] = [
    0,
    7,
    8,
    10,
    20,
    100,
    200,
    500,
    600,
    700,
    605,
    5_000,
    1_000_000_000,
    5_000_000_000,
    20_000_000_000,
    i64::MAX - 2,
];

fn random_context(numbers: &mut Numbers, class: Class) -> Context {
    let shape = Shape::of(class);
    let mut context = Context::new(shape);
    for attribute in shape.attributes() {
        let value = match attribute.kind() {
            Kind::Bool => i64::try_from(numbers.below(2)).unwrap(),
            Kind::Text(texts) => i64::try_from(numbers.below(texts.len() as u64)).unwrap(),
            Kind::Long if *attribute == Attribute::MinuteOfDay => {
                i64::try_from(numbers.below(1440)).unwrap()
            }
            Kind::Long => match numbers.below(8) {
                0 => i64::MAX,
                1 => i64::try_from(numbers.next() >> 1).unwrap(),
                2 => i64::try_from(numbers.below(30_000_000_000)).unwrap(),
                _ => numbers.pick(&NEAR) - 1 + i64::try_from(numbers.below(3)).unwrap(),
            },
        };
        context.set(*attribute, value);
    }
    context
}

/// INVARIANT (pure judge): what the cache answers is what full evaluation
/// answers, with the same determining policies and the same errors.
/// 100,000 requests here; `COUNTERSIGN_FULL=1` makes it 1,200,000.
#[test]
fn the_fast_path_equals_full_evaluation() {
    #[expect(clippy::disallowed_methods, reason = "a test chooses its size")]
    let full = std::env::var("COUNTERSIGN_FULL").is_ok_and(|value| value == "1");
    let rounds = if full { 200_000 } else { 17_000 };
    let tables = format!(
        "{MARKET_MAKER}{TREASURY}\n[bot.r]\naccount = \"main\"\npreset = \"read-only\"\n[bot.night]\naccount = \"main\"\npreset = \"taker\"\nmarkets = [\"*\"]\nhours = \"22:00-06:00\"\nmax_order_notional = \"5000\""
    );
    let resources =
        ["BTCUSDT", "ETHBTC", "SOLUSDT", "ADAUSDT", "DOGEUSDT", "main", "USDT/ETH/0xabc", ""];
    let mut numbers = Numbers(0x0C0F_FEE0_0000_0001);
    let (mut allowed, mut errors) = (0u64, 0u64);
    for extra in EXTRAS {
        let policies = PolicySet::compile(&bots(&tables), extra).unwrap();
        let mut cache = Cache::default();
        for _ in 0..rounds {
            let class = *numbers.pick(&Class::ALL);
            let class = if numbers.below(2) == 0 { Class::Place } else { class };
            let context = random_context(&mut numbers, class);
            let bot = u32::try_from(numbers.below(4)).unwrap();
            let resource = *numbers.pick(&resources);
            let fast = cache.rule(&policies, bot, class, resource, &context);
            let whole = policies.evaluate(bot, class, resource, &context);
            assert_eq!(*fast, whole, "{class:?} {resource} {context:?}");
            allowed += u64::from(whole.allowed);
            errors += u64::from(!whole.errors.is_empty());
        }
        println!("{} from the cache, {} evaluated", cache.hits, cache.misses);
    }
    // The requests are not all of one kind.
    assert!(allowed > u64::from(full) * 1000 + 1000, "{allowed}");
    assert!(errors > 1000, "{errors}");
}

/// And on every policy case, under every additional policy.
#[test]
fn the_fast_path_equals_full_evaluation_on_every_case() {
    for (_, text) in CASES {
        for extra in EXTRAS {
            let results = cases::run(text, &[], extra).unwrap();
            #[derive(serde::Deserialize)]
            struct File {
                bot: judge::policy::config::BotTables,
            }
            let file: File = toml::from_str(text).unwrap();
            let tables = judge::policy::config::named(file.bot);
            let policies = PolicySet::compile(&tables, extra).unwrap();
            let mut cache = Cache::default();
            for case in results.iter().chain(&results) {
                let bot = policies.bot_number(&case.asked.bot).unwrap();
                let asked = &case.asked;
                let fast = cache.rule(&policies, bot, asked.class, &asked.resource, &asked.context);
                let whole = policies.evaluate(bot, asked.class, &asked.resource, &asked.context);
                assert_eq!(*fast, whole, "{}", case.name);
            }
        }
    }
}

#[test]
fn what_presets_compare_is_kept() {
    let policies = Arc::new(PolicySet::compile(&bots(MARKET_MAKER), "").unwrap());
    let mut cache = Cache::default();
    let mut context = Context::new(Shape::Order);
    for value in 0..1000 {
        context.set(Attribute::OrderMicroUsd, value);
        context.set(Attribute::HourMicroUsd, value * 3);
        cache.rule(&policies, 0, Class::Place, "BTCUSDT", &context);
    }
    assert_eq!((cache.hits, cache.misses), (999, 1));
}

#[test]
fn the_policy_text_is_what_is_judged() {
    let policies = PolicySet::compile(&bots(MARKET_MAKER), "").unwrap();
    let text = policies.cedar_text("mm").unwrap();
    assert!(text.contains("context.order_micro_usd > 1000000000"), "{text}");
    assert!(text.contains(r#"resource in [Market::"BTCUSDT", Market::"ETHBTC"]"#), "{text}");
    assert!(!text.contains("{{") && !text.contains("//?"), "{text}");
    assert!(policies.policy_text("mm", "mm/collar_bps").unwrap().contains("200"));
    assert!(compile::SCHEMA.contains("order_micro_usd"));
}

#[test]
fn tables_that_make_no_sense_are_refused() {
    let table = |rest: &str| format!("[bot.b]\naccount = \"main\"\n{rest}");
    for (rest, said) in [
        ("preset = \"taker\"", "needs `markets`"),
        ("preset = \"taker\"\nmarkets = [\"BTC\\\"USDT\"]", "no market"),
        ("preset = \"taker\"\nmarkets = [\"*\"]\nsell_down = [\"BTCUSDT\"]", "collar_bps"),
        ("preset = \"taker\"\nmarkets = [\"*\"]\ncollar_bps = 10000", "no collar"),
        (
            "preset = \"taker\"\nmarkets = [\"*\"]\nmax_order_notional = \"9223372036855\"",
            "too large",
        ),
        (
            "preset = \"taker\"\nmarkets = [\"*\"]\n[[bot.b.withdraw]]\nasset = \"USDT\"\nnetwork = \"ETH\"\naddress = \"0x\"\nmax_per_request = \"1\"\nmax_per_day = \"1\"",
            "treasury",
        ),
        (
            "preset = \"treasury\"\n[[bot.b.withdraw]]\nasset = \"USDT\"\nnetwork = \"ETH\"\naddress = \"a b\"\nmax_per_request = \"1\"\nmax_per_day = \"1\"",
            "without spaces",
        ),
    ] {
        let error = PolicySet::compile(&bots(&table(rest)), "").unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let mut two = bots(MARKET_MAKER);
    two.push(two[0].clone());
    assert!(PolicySet::compile(&two, "").unwrap_err().to_string().contains("two bots"));
}

#[test]
fn oversights_are_pointed_out() {
    let set = |table: &str, extra: &str| PolicySet::compile(&bots(table), extra).unwrap();
    assert_eq!(set(MARKET_MAKER, "").warnings(), []);
    assert_eq!(set(TREASURY, "").warnings(), []);
    let loose =
        "[bot.l]\naccount = \"main\"\npreset = \"taker\"\nmode = \"observe\"\nmarkets = [\"*\"]";
    assert_eq!(set(loose, "").warnings().len(), 5);
    let slow = set(MARKET_MAKER, EXTRAS[2]).warnings();
    assert!(slow[0].1.contains("evaluated in full"), "{slow:?}");
}

#[test]
fn an_early_denial_claims_no_numbers() {
    let mut world = World::new(MARKET_MAKER);
    world.halt = judge::HaltLevel::Full;
    let verdict = world.decide("mm", &limit(wire::model::Side::Buy, "1", "50000"));
    assert_eq!(verdict.inputs.iter().count(), 0);
}

#[test]
fn an_explanation_shows_the_policy_and_the_numbers() {
    let mut world = World::new(MARKET_MAKER);
    let intent = limit(wire::model::Side::Buy, "1", "50000");
    let explanation = world.explain("mm", &intent);
    assert!(!explanation.allowed);
    let text = explanation.to_string();
    for part in [
        "max_order_notional",
        "context.order_micro_usd > 1000000000",
        "order_micro_usd = 50000000000",
        "the limit is 1000 USD",
    ] {
        assert!(text.contains(part), "{text}");
    }
    // Explaining counts nothing.
    let before = world.judge.state_digest();
    world.explain("mm", &limit(wire::model::Side::Buy, "0.001", "50000"));
    assert_eq!(world.judge.state_digest(), before);
}
