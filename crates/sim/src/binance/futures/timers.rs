//! What happens by the clock: funding, the countdown that cancels, orders that
//! are good till a date.

use rust_decimal::Decimal;

use super::order::{Status, TimeInForce};
use super::{Futures, Income, PositionSide};
use crate::binance::money::{add, mul};
use crate::binance::options::PaperOptions;

/// Funding payments made up for at most, when the clock jumped.
const MAX_PAYMENTS: usize = 10;

fn funding_every_ms(options: &PaperOptions) -> i64 {
    i64::try_from(options.futures.funding_every.as_millis()).unwrap_or(i64::MAX).max(1)
}

/// The next funding time after `now`.
pub(super) fn next_funding(options: &PaperOptions, now: i64) -> i64 {
    let every = funding_every_ms(options);
    now.div_euclid(every).saturating_add(1).saturating_mul(every)
}

impl Futures {
    /// The funding rate of a symbol's next payment.
    pub(crate) fn rate(&self, symbol: &str) -> Decimal {
        self.rates.get(symbol).copied().unwrap_or(self.options.futures.funding_rate)
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: i64) {
        let every = funding_every_ms(&self.options);
        for _ in 0..MAX_PAYMENTS {
            if now < self.next_funding_ms {
                break;
            }
            let at = self.next_funding_ms;
            self.pay_funding(at, now);
            self.next_funding_ms = at.saturating_add(every);
        }
        // Beyond the bound, or after a clock that went back: aligned anew.
        if now >= self.next_funding_ms || self.next_funding_ms.saturating_sub(now) > every {
            self.next_funding_ms = next_funding(&self.options, now);
        }
        self.run_countdowns(now);
        self.expire_dated(now);
    }

    fn pay_funding(&mut self, at: i64, now: i64) {
        let keep = self.options.keep.movements;
        for account in 0..self.accounts.len() {
            let Some(state) = self.accounts.get(account) else { continue };
            let open = state.positions.iter().filter(|(_, position)| !position.amount.is_zero());
            let open: Vec<((String, PositionSide), Decimal)> =
                open.map(|(key, position)| (key.clone(), position.amount)).collect();
            for ((symbol, side), amount) in open {
                let Some(market) = self.markets.get(&symbol) else { continue };
                let asset = market.spec.quote.clone();
                let worth = mul(amount, self.mark(&symbol));
                let payment = -mul(worth, self.rate(&symbol)).trunc_with_scale(8);
                let transaction = self.transaction_id();
                let Some(state) = self.accounts.get_mut(account) else { continue };
                let isolated = state.settings.get(&symbol).is_some_and(|s| s.isolated);
                state.credit(&asset, payment, now);
                if isolated && let Some(position) = state.positions.get_mut(&(symbol.clone(), side))
                {
                    position.isolated_wallet = add(position.isolated_wallet, payment);
                }
                let income = Income {
                    symbol: symbol.clone(),
                    kind: "FUNDING_FEE",
                    asset: asset.clone(),
                    amount: payment,
                    transaction,
                    trade: None,
                    at_ms: at,
                };
                state.note_income(income, keep);
                // For a crossed position the balance alone is told.
                let told = [(symbol.as_str(), side)];
                let positions = if isolated { told.as_slice() } else { &[] };
                self.report_account(account, "FUNDING_FEE", &asset, positions, now);
            }
        }
    }

    /// Starts, renews or (with zero) ends the countdown of a symbol.
    pub(crate) fn set_countdown(&mut self, account: usize, symbol: &str, ms: i64, now: i64) {
        let Some(state) = self.accounts.get_mut(account) else { return };
        if ms == 0 {
            state.countdowns.remove(symbol);
        } else {
            state.countdowns.insert(symbol.to_owned(), now.saturating_add(ms));
        }
    }

    fn run_countdowns(&mut self, now: i64) {
        let due: Vec<(usize, String)> = self
            .accounts
            .iter()
            .enumerate()
            .flat_map(|(account, state)| {
                let late = state.countdowns.iter().filter(|(_, until)| **until <= now);
                late.map(move |(symbol, _)| (account, symbol.clone()))
            })
            .collect();
        for (account, symbol) in due {
            self.set_countdown(account, &symbol, 0, now);
            self.cancel_all(account, &symbol, now);
            self.cancel_algos(account, &symbol, now);
        }
    }

    /// Cancels the waiting conditional orders of a symbol.
    pub(crate) fn cancel_algos(&mut self, account: usize, symbol: &str, now: i64) -> usize {
        let Some(state) = self.accounts.get(account) else { return 0 };
        let on = |id: &&u64| self.algos.get(*id).is_some_and(|algo| algo.asked.symbol == symbol);
        let waiting: Vec<u64> = state.algos.iter().filter(on).copied().collect();
        for id in &waiting {
            self.end_algo(*id, "CANCELED", now);
        }
        waiting.len()
    }

    fn expire_dated(&mut self, now: i64) {
        let open = self.accounts.iter().flat_map(|account| account.open.iter().copied());
        let late: Vec<u64> = open
            .filter(|id| {
                self.orders.get(id).is_some_and(|order| {
                    order.asked.time_in_force == TimeInForce::Gtd && order.asked.good_till_ms <= now
                })
            })
            .collect();
        for id in late {
            self.close(id, Status::Expired, now);
        }
    }

    /// Moves an amount between the futures wallet and another one. Whether it
    /// could: what positions and orders need stays.
    pub(crate) fn transfer(
        &mut self,
        account: usize,
        asset: &str,
        amount: Decimal,
        now: i64,
    ) -> bool {
        if amount < Decimal::ZERO && self.margin(account, asset, None).available() < -amount {
            return false;
        }
        let (keep, transaction) = (self.options.keep.movements, self.transaction_id());
        let Some(state) = self.accounts.get_mut(account) else { return false };
        state.credit(asset, amount, now);
        let income = Income {
            symbol: String::new(),
            kind: "TRANSFER",
            asset: asset.to_owned(),
            amount,
            transaction,
            trade: None,
            at_ms: now,
        };
        state.note_income(income, keep);
        let why = if amount < Decimal::ZERO { "WITHDRAW" } else { "DEPOSIT" };
        self.report_account(account, why, asset, &[], now);
        true
    }
}
