//! Funding of perpetual positions, on a schedule.

use rust_decimal::Decimal;

use super::{Audience, Exchange, FundingPaid};
use crate::money::{add, mul, sub};

/// Intervals made up for at once, where the clock jumped.
const MAX_CATCH_UP: i64 = 10;

impl Exchange {
    /// The next time that funding is paid.
    pub(crate) fn next_funding(&self, now: i64) -> i64 {
        let interval = self.options.funding.interval_ms.max(1);
        now.div_euclid(interval).saturating_add(1).saturating_mul(interval)
    }

    /// Pays the funding that has come due.
    pub(super) fn fund(&mut self, now: i64) {
        let interval = self.options.funding.interval_ms.max(1);
        let (last, current) = (self.funded_ms.div_euclid(interval), now.div_euclid(interval));
        let due = current.saturating_sub(last).clamp(0, MAX_CATCH_UP);
        self.funded_ms = now.max(self.funded_ms);
        for round in (0..due).rev() {
            let at = current.saturating_sub(round).saturating_mul(interval);
            self.fund_once(at);
        }
    }

    /// Pays funding on every position, once.
    pub(crate) fn fund_once(&mut self, at: i64) {
        let keep = self.options.keep.movements;
        for symbol in self.symbols() {
            let Some(market) = self.markets.get_mut(&symbol) else { continue };
            if !market.spec.perpetual {
                continue;
            }
            let (mark, rate) = (market.mark(), market.funding_rate);
            market.funded(at, mark, keep);
            for account in 0..self.accounts.len() {
                self.fund_account(account, &symbol, mark, rate, at);
            }
        }
    }

    fn fund_account(
        &mut self,
        account: usize,
        symbol: &str,
        mark: Decimal,
        rate: Decimal,
        at: i64,
    ) {
        let Some(state) = self.accounts.get(account) else { return };
        let held = state.positions.iter().filter(|((other, _), _)| other == symbol);
        let holding = held.fold(Decimal::ZERO, |sum, (_, position)| add(sum, position.holding));
        if holding.is_zero() {
            return;
        }
        let fee = mul(mul(holding, mark), rate);
        let paid = FundingPaid {
            id: self.movement_id(),
            symbol: symbol.to_owned(),
            rate,
            mark,
            fee,
            at_ms: at,
        };
        self.change(account, "USDT", sub(Decimal::ZERO, fee), Decimal::ZERO);
        let keep = self.options.keep.movements;
        if let Some(state) = self.accounts.get_mut(account) {
            crate::woox::wallet::keep(&mut state.movements.funding, paid, keep);
        }
        let data = self.balance_push(account, "USDT");
        self.push(Audience::Account(account), "balance", data, at);
    }
}
