//! What a market quotes in: told by the venue, guessed only until then.

use judge::{AccountEvent, Instrument};
use wire::model::Side;

use crate::common::*;

const ANY: &str = r#"
    [bot.mm]
    account = "main"
    preset = "market-maker"
    markets = ["*"]
    max_order_notional = "1000"
    max_notional_per_hour = "100000"
"#;

fn told(markets: &[(&str, &str, &str)]) -> AccountEvent {
    let instrument = |(symbol, base, quote): &(&str, &str, &str)| Instrument {
        symbol: (*symbol).to_owned(),
        base: (*base).to_owned(),
        quote: (*quote).to_owned(),
    };
    AccountEvent::Instruments(markets.iter().map(instrument).collect())
}

/// A buy of 1 at 500; whether it passes, or with which reasons not.
fn buy(world: &mut World, market: &str) -> Result<(), Vec<&'static str>> {
    world.reference = Some(reference("500", world.now));
    let verdict = world.decide("mm", &place(order(market, Side::Buy, "1", "500")));
    if verdict.is_allowed() { Ok(()) } else { Err(codes(&verdict)) }
}

#[test]
fn a_name_decides_only_until_the_venue_has_told() {
    let mut world = World::new(ANY);
    assert_eq!(buy(&mut world, "ABCBUSD"), Ok(()), "it ends with `USD`");
    world.judge.apply(&told(&[("ABCBUSD", "ABC", "BUSD")]), world.now);
    assert!(buy(&mut world, "ABCBUSD").is_err(), "no price of BUSD");
    world.quote_in_usd = Some(reference("1", world.now));
    assert_eq!(buy(&mut world, "ABCBUSD"), Ok(()));
    // Worth three dollars each, it is over the limit.
    world.quote_in_usd = Some(reference("3", world.now));
    assert_eq!(buy(&mut world, "ABCBUSD"), Err(vec!["max_order_notional"]));
}

#[test]
fn a_market_that_the_venue_does_not_name_has_no_value() {
    let mut world = World::new(ANY);
    world.judge.apply(&told(&[("BTCUSDT", "BTC", "USDT")]), world.now);
    world.quote_in_usd = Some(reference("1", world.now));
    assert_eq!(buy(&mut world, "BTCUSDT"), Ok(()));
    assert!(buy(&mut world, "NEWUSDT").is_err());
    assert!(world.decide("mm", &cancel("NEWUSDT", "resting")).is_allowed(), "cancels pass");
    world.judge.apply(&told(&[("NEWUSDT", "NEW", "USDT")]), world.now);
    assert_eq!(buy(&mut world, "NEWUSDT"), Ok(()));
}

#[test]
fn only_what_is_new_is_news_and_the_table_is_bounded() {
    let mut world = World::new(ANY);
    let AccountEvent::Instruments(first) = told(&[("A", "B", "C"), ("D", "E", "F")]) else {
        unreachable!()
    };
    assert_eq!(world.judge.instrument_news(&first), first);
    world.judge.apply(&AccountEvent::Instruments(first.clone()), world.now);
    assert!(world.judge.instrument_news(&first).is_empty());
    let changed = Instrument { quote: "USDT".to_owned(), ..first[0].clone() };
    assert_eq!(world.judge.instrument_news(std::slice::from_ref(&changed)), [changed]);

    let many = (0..judge::bounds::INSTRUMENTS + 5).map(|number| Instrument {
        symbol: format!("M{number}USDT"),
        base: format!("M{number}"),
        quote: "USDT".to_owned(),
    });
    world.judge.apply(&AccountEvent::Instruments(many.collect()), world.now);
    assert_eq!(world.judge.instruments().count(), judge::bounds::INSTRUMENTS);
    let last = format!("M{}USDT", judge::bounds::INSTRUMENTS + 4);
    assert!(buy(&mut world, &last).is_err(), "beyond the bound nothing is known");
}
