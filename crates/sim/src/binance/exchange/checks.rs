//! The filters of a symbol, in the venue's order and words.

use rust_decimal::Decimal;

use super::{Exchange, Kind, Market, NewOrder, Side};
use crate::binance::money::{div, mul, on_grid};
use crate::binance::reject::Reject;

/// Whether a stop price has been reached by the last price.
pub(super) fn reached(kind: Kind, side: Side, stop: Decimal, last: Decimal) -> bool {
    let stop_loss = matches!(kind, Kind::StopLoss | Kind::StopLossLimit);
    match (stop_loss, side) {
        (true, Side::Buy) | (false, Side::Sell) => last >= stop,
        (true, Side::Sell) | (false, Side::Buy) => last <= stop,
    }
}

/// Parts of an iceberg order (`ICEBERG_PARTS`).
pub(crate) const MAX_ICEBERG_PARTS: i64 = 100;
/// How far a price may be from the last one, as a factor (`PERCENT_PRICE_BY_SIDE`).
pub(crate) const PRICE_FACTOR: i64 = 5;

impl Exchange {
    /// Refuses what a filter refuses. `quantity` is what would be traded.
    pub(super) fn check_filters(&self, new: &NewOrder, quantity: Decimal) -> Result<(), Reject> {
        let market = self.market(&new.symbol)?;
        for price in [new.price, new.stop].into_iter().flatten() {
            check_price(market, price)?;
        }
        check_quantity(market, new, quantity)?;
        check_notional(market, new, quantity)?;
        self.check_open_orders(new)
    }

    fn check_open_orders(&self, new: &NewOrder) -> Result<(), Reject> {
        let Some(state) = self.accounts.get(new.account) else {
            return Err(Reject::key_or_rights());
        };
        let on_symbol = || {
            state
                .open
                .iter()
                .filter_map(|id| self.orders.get(id))
                .filter(|order| order.symbol == new.symbol)
        };
        let limits = &self.options.limits;
        if on_symbol().count() >= limits.open_orders {
            return Err(Reject::filter("MAX_NUM_ORDERS"));
        }
        let waiting = on_symbol().filter(|order| order.kind.waits()).count();
        if new.kind.waits() && waiting >= limits.open_stop_orders {
            return Err(Reject::filter("MAX_NUM_ALGO_ORDERS"));
        }
        Ok(())
    }

    /// Refuses a client id that an open order of the account and symbol has.
    pub(super) fn check_client_id(&self, new: &NewOrder) -> Result<(), Reject> {
        let Some(client_id) = &new.client_id else { return Ok(()) };
        if self.open_by_client_id(new.account, &new.symbol, client_id).is_some() {
            return Err(Reject::order("Duplicate order sent."));
        }
        Ok(())
    }

    /// An open order by its client id.
    pub(crate) fn open_by_client_id(&self, account: usize, symbol: &str, id: &str) -> Option<u64> {
        let state = self.accounts.get(account)?;
        state.open.iter().copied().find(|open| {
            self.orders
                .get(open)
                .is_some_and(|order| order.client_id == id && order.symbol == symbol)
        })
    }

    /// Refuses a maker-only order that would take, and a stop that is reached already.
    pub(super) fn check_position(&self, new: &NewOrder) -> Result<(), Reject> {
        let market = self.market(&new.symbol)?;
        if let (Kind::LimitMaker, Some(price)) = (new.kind, new.price) {
            let crosses =
                market.book.best_price(new.side.opposite()).is_some_and(|best| match new.side {
                    Side::Buy => price >= best,
                    Side::Sell => price <= best,
                });
            if crosses {
                return Err(Reject::order("Order would immediately match and take."));
            }
        }
        if let Some(stop) = new.stop.filter(|_| new.kind.waits())
            && reached(new.kind, new.side, stop, market.last)
        {
            return Err(Reject::order("Stop price would trigger immediately."));
        }
        Ok(())
    }
}

fn check_price(market: &Market, price: Decimal) -> Result<(), Reject> {
    if price < market.spec.tick || !on_grid(price, market.spec.tick) {
        return Err(Reject::filter("PRICE_FILTER"));
    }
    let factor = Decimal::from(PRICE_FACTOR);
    if price > mul(market.last, factor) || mul(price, factor) < market.last {
        return Err(Reject::filter("PERCENT_PRICE_BY_SIDE"));
    }
    Ok(())
}

fn check_quantity(market: &Market, new: &NewOrder, quantity: Decimal) -> Result<(), Reject> {
    let spec = &market.spec;
    let outside = quantity < spec.min_qty || quantity > spec.max_qty;
    if outside || !on_grid(quantity, spec.step) {
        return Err(Reject::filter("LOT_SIZE"));
    }
    let parts = |shown: Decimal| div(quantity, shown) > Decimal::from(MAX_ICEBERG_PARTS);
    let wrong = |shown: Decimal| shown > quantity || !on_grid(shown, spec.step) || parts(shown);
    if new.iceberg.is_some_and(wrong) {
        return Err(Reject::filter("ICEBERG_PARTS"));
    }
    Ok(())
}

fn check_notional(market: &Market, new: &NewOrder, quantity: Decimal) -> Result<(), Reject> {
    let price = new.price.or(new.stop).unwrap_or(market.last);
    let notional = mul(price, quantity);
    let spec = &market.spec;
    // The largest notional does not bind market orders (applyMaxToMarket false).
    let too_large = new.kind != Kind::Market && notional > spec.max_notional;
    if notional < spec.min_notional || too_large {
        return Err(Reject::filter("NOTIONAL"));
    }
    Ok(())
}
