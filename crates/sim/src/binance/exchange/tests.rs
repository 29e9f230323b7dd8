//! Whatever is asked of the exchange, no value appears or vanishes, and what
//! is locked is what open orders hold.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::binance::options::{Account, ApiKey, MarketMaker, Rights};

const NOW: i64 = 1_700_000_000_000;

fn exchange(levels: u32, fee: Decimal) -> Exchange {
    let mut options = PaperOptions::with_key(ApiKey::hmac("a", "a", Rights::ALL));
    let balances = vec![("USDT".to_owned(), 1_000_000.into()), ("BTC".to_owned(), 20.into())];
    options.accounts =
        (0..3).map(|_| Account { balances: balances.clone(), ..Account::default() }).collect();
    options.market_maker = MarketMaker { levels, ..MarketMaker::default() };
    options.maker_fee_bps = fee;
    options.taker_fee_bps = fee;
    options.limits.orders_per_10s = 100_000;
    options.limits.open_stop_orders = 50;
    Exchange::new(Arc::new(options), NOW)
}

/// One thing to ask.
#[derive(Debug, Clone)]
enum Ask {
    Order { account: usize, kind: u8, buy: bool, quantity: i64, price: i64, stop: i64, tif: u8 },
    Pair { account: usize, buy: bool, quantity: i64, low: i64, high: i64, after: bool },
    Cancel { which: usize },
    Amend { which: usize, percent: i64 },
    Price { price: i64 },
}

fn asks() -> impl Strategy<Value = Ask> {
    let price = 55_000_i64..65_000;
    prop_oneof![
        6 => (0..3_usize, 0..7_u8, any::<bool>(), 1_i64..400, price.clone(), price.clone(), 0..3_u8)
            .prop_map(|(account, kind, buy, quantity, price, stop, tif)| Ask::Order {
                account, kind, buy, quantity, price, stop, tif
            }),
        2 => (0..3_usize, any::<bool>(), 1_i64..200, 50_000_i64..59_000, 61_000_i64..70_000, any::<bool>())
            .prop_map(|(account, buy, quantity, low, high, after)| Ask::Pair {
                account, buy, quantity, low, high, after
            }),
        2 => (0..200_usize).prop_map(|which| Ask::Cancel { which }),
        1 => (0..200_usize, 1_i64..120).prop_map(|(which, percent)| Ask::Amend { which, percent }),
        2 => (48_000_i64..72_000).prop_map(|price| Ask::Price { price }),
    ]
}

fn new_order(account: usize, kind: Kind, side: Side, quantity: i64) -> NewOrder {
    NewOrder {
        account,
        symbol: "BTCUSDT".to_owned(),
        side,
        kind,
        time_in_force: TimeInForce::Gtc,
        quantity: Some(Decimal::new(quantity, 2)),
        quote_quantity: None,
        price: None,
        stop: None,
        iceberg: None,
        client_id: None,
        prevention: Prevention::ExpireMaker,
        strategy_id: None,
        strategy_type: None,
    }
}

fn ask(exchange: &mut Exchange, what: Ask, now: i64) {
    let side = |buy: bool| if buy { Side::Buy } else { Side::Sell };
    match what {
        Ask::Order { account, kind, buy, quantity, price, stop, tif } => {
            let kinds = [
                Kind::Limit,
                Kind::Market,
                Kind::LimitMaker,
                Kind::StopLoss,
                Kind::StopLossLimit,
                Kind::TakeProfit,
                Kind::TakeProfitLimit,
            ];
            let kind = kinds[usize::from(kind)];
            let mut new = new_order(account, kind, side(buy), quantity);
            new.price = kind.limited().then(|| price.into());
            new.stop = kind.waits().then(|| stop.into());
            if kind.limited() && kind != Kind::LimitMaker {
                new.time_in_force =
                    [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok][usize::from(tif)];
            }
            if kind == Kind::Market && tif == 0 {
                new.quantity = None;
                new.quote_quantity = Some(Decimal::from(quantity * 100));
            }
            if tif == 1 {
                new.prevention = Prevention::ExpireBoth;
            }
            let _ = exchange.place(new, now);
        }
        Ask::Pair { account, buy, quantity, low, high, after } => {
            let limit_price = if buy { low } else { high };
            let stop_price = if buy { high } else { low };
            let mut limit = new_order(account, Kind::LimitMaker, side(buy), quantity);
            limit.price = Some(limit_price.into());
            let mut stop = new_order(account, Kind::StopLoss, side(buy), quantity);
            stop.stop = Some(stop_price.into());
            let mut first = new_order(account, Kind::Limit, side(!buy), quantity);
            first.price = Some(60_000.into());
            let (kind, orders) = if after {
                (ListKind::Otoco, vec![first, limit, stop])
            } else {
                (ListKind::Oco, vec![limit, stop])
            };
            let _ = exchange.place_list(NewList { kind, client_id: None, orders }, now);
        }
        Ask::Cancel { which } => {
            let open: Vec<u64> =
                exchange.accounts.iter().flat_map(|account| account.open.clone()).collect();
            if !open.is_empty() {
                exchange.cancel(open[which % open.len()], None, now);
            }
        }
        Ask::Amend { which, percent } => {
            let open: Vec<u64> =
                exchange.accounts.iter().flat_map(|account| account.open.clone()).collect();
            if !open.is_empty() {
                let id = open[which % open.len()];
                let old = exchange.orders[&id].quantity;
                let new = crate::binance::money::floor_to(
                    old * Decimal::from(percent) / Decimal::ONE_HUNDRED,
                    Decimal::new(1, 5),
                );
                let _ = exchange.amend(id, new, None, now);
            }
        }
        Ask::Price { price } => {
            exchange.set_price("BTCUSDT", price.into(), now);
        }
    }
}

/// Every asset's sum over all accounts.
fn totals(exchange: &Exchange) -> BTreeMap<String, Decimal> {
    let mut totals = BTreeMap::new();
    for account in &exchange.accounts {
        for (asset, balance) in &account.balances {
            *totals.entry(asset.clone()).or_insert(Decimal::ZERO) += balance.free + balance.locked;
        }
    }
    totals
}

fn check_locks(exchange: &Exchange) {
    for (index, account) in exchange.accounts.iter().enumerate() {
        let mut held: BTreeMap<&str, Decimal> = BTreeMap::new();
        for order in exchange.orders.values().filter(|order| order.account == index) {
            if !order.status.open() {
                assert!(order.locked.is_zero(), "{order:?}");
            }
            assert!(order.locked >= Decimal::ZERO, "{order:?}");
            let asset = if order.side == Side::Buy { "USDT" } else { "BTC" };
            *held.entry(asset).or_default() += order.locked;
        }
        for list in exchange.lists.values().filter(|list| list.account == index) {
            let leg = list.orders.last().and_then(|id| exchange.orders.get(id)).unwrap();
            let asset = if leg.side == Side::Buy { "USDT" } else { "BTC" };
            *held.entry(asset).or_default() += list.held();
        }
        for (asset, balance) in &account.balances {
            assert!(balance.free >= Decimal::ZERO, "{asset} {balance:?}");
            let expected = held.get(asset.as_str()).copied().unwrap_or_default();
            assert_eq!(balance.locked, expected, "{asset} of {index}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn value_is_conserved_and_locks_add_up(asked in prop::collection::vec(asks(), 1..60)) {
        let mut exchange = exchange(0, Decimal::ZERO);
        let before = totals(&exchange);
        for (index, what) in asked.into_iter().enumerate() {
            ask(&mut exchange, what, NOW + i64::try_from(index).unwrap());
            check_locks(&exchange);
            prop_assert_eq!(&totals(&exchange), &before);
        }
    }

    #[test]
    fn locks_add_up_with_liquidity_and_fees(asked in prop::collection::vec(asks(), 1..60)) {
        let mut exchange = exchange(5, Decimal::TEN);
        for (index, what) in asked.into_iter().enumerate() {
            ask(&mut exchange, what, NOW + i64::try_from(index).unwrap());
            check_locks(&exchange);
            let market = &exchange.markets["BTCUSDT"];
            if let (Some(bid), Some(ask)) = (market.book.best_price(Side::Buy), market.book.best_price(Side::Sell)) {
                prop_assert!(bid < ask, "crossed book {} {}", bid, ask);
            }
        }
    }
}
