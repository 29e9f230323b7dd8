//! What a test can ask and do of the futures, beside the wire.

use rust_decimal::Decimal;

use super::{BalanceNow, OrderNow, PaperVenue, PositionNow};

impl PaperVenue {
    /// Moves a contract's mid price, and with it the mark price where that was
    /// not set apart; resting orders that it crosses are filled, conditional
    /// ones that it reaches are set off. False for an unknown symbol.
    pub fn set_futures_price(&self, symbol: &str, price: Decimal) -> bool {
        self.desk.change(|state, now| state.futures.set_price(symbol, price, now))
    }

    /// Sets a contract's mark price apart from its mid price; none joins them again.
    pub fn set_mark_price(&self, symbol: &str, mark: Option<Decimal>) {
        self.desk.change(|state, now| state.futures.set_mark(symbol, mark, now));
    }

    /// Sets the rate of the next funding payments of a contract.
    pub fn set_funding_rate(&self, symbol: &str, rate: Decimal) {
        self.desk.state().futures.rates.insert(symbol.to_owned(), rate);
    }

    /// When funding is paid next, venue time in milliseconds since the epoch.
    #[must_use]
    pub fn next_funding_ms(&self) -> i64 {
        self.desk.state().futures.next_funding_ms
    }

    /// Trades against a resting futures order, as maker, up to `quantity`.
    pub fn fill_resting_futures(&self, order: u64, quantity: Decimal) -> bool {
        self.desk.change(|state, now| {
            let filled =
                quantity > Decimal::ZERO && state.futures.fill_resting(order, Some(quantity), now);
            state.futures.settle(now);
            filled
        })
    }

    /// Wallet balances of an account's futures: `free` is what new orders could
    /// use, `locked` the rest of the wallet.
    #[must_use]
    pub fn futures_balances(&self, account: usize) -> Vec<BalanceNow> {
        let state = self.desk.state();
        let Some(held) = state.futures.accounts.get(account) else { return Vec::new() };
        held.wallet
            .iter()
            .map(|(asset, wallet)| {
                let free = state.futures.margin(account, asset, None).available().min(*wallet);
                let locked = wallet.saturating_sub(free);
                BalanceNow { asset: asset.clone(), free, locked }
            })
            .collect()
    }

    /// The open positions of an account.
    #[must_use]
    pub fn positions(&self, account: usize) -> Vec<PositionNow> {
        let state = self.desk.state();
        let held = state.futures.accounts.get(account);
        let positions = held.into_iter().flat_map(|account| account.positions.iter());
        positions
            .filter(|(_, position)| !position.amount.is_zero())
            .map(|((symbol, side), position)| PositionNow {
                symbol: symbol.clone(),
                side: side.word(),
                amount: position.amount,
                entry: position.entry,
                isolated_wallet: position.isolated_wallet,
            })
            .collect()
    }

    /// The futures orders of an account that the venue remembers, oldest first;
    /// conditional ones that have not been set off are not among them.
    #[must_use]
    pub fn futures_orders(&self, account: usize) -> Vec<OrderNow> {
        let state = self.desk.state();
        let mine = state.futures.orders.values().filter(|order| order.asked.account == account);
        let mut orders: Vec<OrderNow> = mine
            .map(|order| OrderNow {
                id: order.id,
                client_id: order.client_id.clone(),
                symbol: order.asked.symbol.clone(),
                side: order.asked.side.word(),
                price: order.price,
                quantity: order.quantity,
                executed: order.executed,
                executed_quote: order.quote_executed,
                status: order.status.word(),
            })
            .collect();
        orders.sort_unstable_by_key(|order| order.id);
        orders
    }
}
