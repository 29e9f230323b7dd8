//! What the accounts did that no one of them sees: who sent value where, and
//! trades whose two sides were both the firm's.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use judge::{AccountEvent, Elsewhere, UnixNanos};
use wire::model::{Intent, Operation};

use crate::limits;
use crate::shared::held;

const HOUR_NS: u64 = 3_600_000_000_000;
const DAY_NS: u64 = 24 * HOUR_NS;

/// A destination: asset, network, address and memo.
type Destination = (String, String, String, Option<String>);
/// A market's trade at a venue.
type TradeName = (&'static str, String, u64);

#[derive(Debug, Default)]
struct Seen {
    sends: VecDeque<(u64, String, Destination)>,
    trades: HashMap<TradeName, String>,
    order: VecDeque<TradeName>,
    /// When two accounts were told of one trade: time, both, market.
    own: VecDeque<(u64, [String; 2], String)>,
}

/// What all accounts did lately, bounded.
#[derive(Debug, Default)]
pub(crate) struct AllAccounts(Mutex<Seen>);

fn destination(intent: &Intent) -> Option<Destination> {
    let Operation::Withdraw(out) = &intent.operation else { return None };
    Some((out.asset.clone(), out.network.clone(), out.address.clone(), out.memo.clone()))
}

impl AllAccounts {
    /// What the accounts besides `account` did that bears on a request.
    pub(crate) fn elsewhere(&self, account: &str, intent: &Intent, now: UnixNanos) -> Elsewhere {
        let mut elsewhere = Elsewhere::default();
        if let Some(to) = destination(intent) {
            let seen = held(&self.0);
            let mut others: Vec<&str> = Vec::new();
            for (at, by, sent_to) in &seen.sends {
                let lately = now.0.saturating_sub(*at) < DAY_NS;
                if lately && *sent_to == to && by != account && !others.contains(&by.as_str()) {
                    others.push(by);
                }
            }
            elsewhere.accounts_to_destination = u32::try_from(others.len()).unwrap_or(u32::MAX);
        } else if let Some(market) = intent.symbol() {
            let seen = held(&self.0);
            let ours = seen.own.iter().filter(|(at, accounts, of)| {
                now.0.saturating_sub(*at) < HOUR_NS
                    && of == market
                    && accounts.iter().any(|one| one == account)
            });
            elsewhere.trades_with_own = u32::try_from(ours.count()).unwrap_or(u32::MAX);
        }
        elsewhere
    }

    /// Notes a withdrawal that was allowed.
    pub(crate) fn sends(&self, account: &str, intent: &Intent, now: UnixNanos) {
        let Some(to) = destination(intent) else { return };
        let mut seen = held(&self.0);
        if seen.sends.len() >= limits::SENDS_KEPT {
            seen.sends.pop_front();
        }
        seen.sends.push_back((now.0, account.to_owned(), to));
    }

    /// Notes the trades that an account is told of. Trades have one id at a
    /// venue, so one that two accounts are told of was between them.
    pub(crate) fn told(
        &self,
        account: &str,
        venue: &'static str,
        event: &AccountEvent,
        now: UnixNanos,
    ) {
        let trades = match event {
            AccountEvent::Filled(trade) => std::slice::from_ref(trade),
            AccountEvent::Traded { trades, .. } => trades,
            _ => return,
        };
        let mut seen = held(&self.0);
        for trade in trades {
            let name = (venue, trade.symbol.clone(), trade.trade_id);
            match seen.trades.get(&name).cloned() {
                None => {
                    if seen.order.len() >= limits::TRADES_KEPT
                        && let Some(oldest) = seen.order.pop_front()
                    {
                        seen.trades.remove(&oldest);
                    }
                    seen.order.push_back(name.clone());
                    seen.trades.insert(name, account.to_owned());
                }
                Some(other) if other != account => {
                    if seen.own.len() >= limits::OWN_TRADES_KEPT {
                        seen.own.pop_front();
                    }
                    seen.own.push_back((now.0, [other, account.to_owned()], trade.symbol.clone()));
                    // Said once of each trade.
                    seen.trades.insert(name, account.to_owned());
                }
                Some(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use judge::Trade;
    use rust_decimal::Decimal;
    use wire::model::{Class, Venue, Withdrawal};

    use super::*;

    fn withdrawal(address: &str) -> Intent {
        Intent {
            venue: Venue::Binance,
            endpoint: "POST /sapi/v1/capital/withdraw/apply",
            class: Class::Withdraw,
            operation: Operation::Withdraw(Withdrawal {
                asset: "USDT".into(),
                network: "ETH".into(),
                address: address.into(),
                memo: None,
                amount: Decimal::ONE,
                client_withdrawal_id: None,
            }),
        }
    }

    #[test]
    fn other_accounts_to_one_destination_are_counted_once_each() {
        let all = AllAccounts::default();
        let (a, b) = (withdrawal("0xa"), withdrawal("0xb"));
        let now = UnixNanos(5 * DAY_NS);
        for account in ["one", "one", "two"] {
            all.sends(account, &a, now);
        }
        let count = |account: &str, intent: &Intent, now| {
            all.elsewhere(account, intent, now).accounts_to_destination
        };
        assert_eq!((count("three", &a, now), count("one", &a, now)), (2, 1));
        assert_eq!(count("three", &b, now), 0);
        assert_eq!(count("three", &a, UnixNanos(6 * DAY_NS)), 0);
    }

    #[test]
    fn a_trade_that_two_accounts_are_told_of_is_between_them() {
        let all = AllAccounts::default();
        let now = UnixNanos(DAY_NS);
        let told = |account: &str, trade_id| {
            let trade = Trade {
                symbol: "BTCUSDT".into(),
                trade_id,
                order_id: 1,
                quantity: Decimal::ONE,
                quote: Decimal::ONE,
            };
            all.told(account, "binance", &AccountEvent::Filled(trade), now);
        };
        told("one", 1);
        told("one", 1);
        told("two", 2);
        let order = Intent {
            venue: Venue::Binance,
            endpoint: "GET /api/v3/openOrders",
            class: Class::Read,
            operation: Operation::Read { symbol: Some("BTCUSDT".into()) },
        };
        let count = |account: &str| all.elsewhere(account, &order, now).trades_with_own;
        assert_eq!(count("one"), 0);
        told("two", 1);
        told("two", 1);
        assert_eq!((count("one"), count("two"), count("three")), (1, 1, 0));
    }
}
