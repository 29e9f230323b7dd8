//! Under random orders of two accounts nothing is made from nothing.

use std::sync::Arc;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::order::{Kind, NewOrder, TimeInForce};
use super::{Futures, PositionSide};
use crate::binance::exchange::{Prevention, Side};
use crate::binance::options::{Account, PaperOptions};

const START: i64 = 1_000_000;

/// Two accounts and nobody else.
fn alone() -> Futures {
    let account = || Account {
        futures: vec![("USDT".to_owned(), Decimal::from(START))],
        ..Account::default()
    };
    let mut options =
        PaperOptions { accounts: vec![account(), account()], ..PaperOptions::default() };
    options.market_maker.levels = 0;
    options.limits.futures_orders_per_10s = u32::MAX;
    options.limits.futures_orders_per_minute = u32::MAX;
    Futures::new(Arc::new(options), 0)
}

#[derive(Debug, Clone)]
enum Step {
    Place { account: usize, buy: bool, market: bool, reduce: bool, price: i64, quantity: i64 },
    Cancel { account: usize, which: usize },
    Amend { account: usize, which: usize, price: i64, quantity: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let place = (0..2_usize, any::<bool>(), any::<bool>(), any::<bool>(), 590..610_i64, 1..500_i64);
    prop_oneof![
        4 => place.prop_map(|(account, buy, market, reduce, price, quantity)| Step::Place {
            account, buy, market, reduce, price, quantity,
        }),
        1 => (0..2_usize, 0..50_usize).prop_map(|(account, which)| Step::Cancel { account, which }),
        1 => (0..2_usize, 0..50_usize, 590..610_i64, 1..500_i64).prop_map(
            |(account, which, price, quantity)| Step::Amend { account, which, price, quantity }
        ),
    ]
}

/// An open order of an account, if it has any.
fn nth_open(futures: &Futures, account: usize, which: usize) -> Option<u64> {
    let open = &futures.accounts[account].open;
    open.iter().copied().nth(which.checked_rem(open.len())?)
}

fn run(futures: &mut Futures, step: &Step, now: i64) {
    let price = |hundreds: i64| Decimal::from(hundreds * 100);
    let quantity = |thousandths: i64| Decimal::new(thousandths, 3);
    match *step {
        Step::Place { account, buy, market, reduce, price: at, quantity: much } => {
            let new = NewOrder {
                account,
                symbol: "BTCUSDT".to_owned(),
                side: if buy { Side::Buy } else { Side::Sell },
                position_side: PositionSide::Both,
                kind: if market { Kind::Market } else { Kind::Limit },
                time_in_force: TimeInForce::Gtc,
                quantity: quantity(much),
                price: if market { Decimal::ZERO } else { price(at) },
                reduce_only: reduce,
                close_position: false,
                client_id: None,
                prevention: Prevention::ExpireMaker,
                good_till_ms: 0,
            };
            let _ = futures.place(new, now);
        }
        Step::Cancel { account, which } => {
            if let Some(id) = nth_open(futures, account, which) {
                futures.cancel(id, now);
            }
        }
        Step::Amend { account, which, price: at, quantity: much } => {
            if let Some(id) = nth_open(futures, account, which) {
                let _ = futures.amend(id, price(at), quantity(much), now);
            }
        }
    }
}

proptest! {
    #[test]
    fn positions_cancel_out_and_the_wallets_pay_for_each_other(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        let mut futures = alone();
        let amount = |futures: &Futures, account: usize| {
            futures.accounts[account].position("BTCUSDT", PositionSide::Both).amount
        };
        for (now, step) in (1_i64..).zip(&steps) {
            let before = [amount(&futures, 0), amount(&futures, 1)];
            run(&mut futures, step, now);
            prop_assert_eq!(amount(&futures, 0), -amount(&futures, 1));
            // What may only reduce made no position larger, and turned none over.
            if let Step::Place { account, reduce: true, .. } = step {
                let (was, is) = (before[*account], amount(&futures, *account));
                prop_assert!(is.abs() <= was.abs() && (is * was >= Decimal::ZERO));
            }
        }
        // Wallets differ from the start by what they say they earned and paid.
        for account in &futures.accounts {
            let income: Decimal = account.income.iter().map(|line| line.amount).sum();
            prop_assert_eq!(account.balance("USDT"), Decimal::from(START) + income);
        }
        // Profit realised and open at one price sums to nothing over both, but
        // for what the wallets' eight decimals cut off at each fill.
        let mark = Decimal::from(60_000);
        let sum: Decimal = futures
            .accounts
            .iter()
            .map(|account| {
                let position = account.position("BTCUSDT", PositionSide::Both);
                position.realized + position.unrealized(mark)
            })
            .sum();
        prop_assert!(sum.abs() < Decimal::new(1, 5), "{}", sum);
        // The book holds open orders only, and every open limit order.
        let market = &futures.markets["BTCUSDT"];
        let resting = [Side::Buy, Side::Sell].into_iter().map(|side| market.book.orders(side).count());
        let resting: usize = resting.sum();
        let open: usize = futures.accounts.iter().map(|account| account.open.len()).sum();
        prop_assert_eq!(resting, open);
    }
}
