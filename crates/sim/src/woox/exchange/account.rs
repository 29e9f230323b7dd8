//! What the exchange holds for one account, and what of it can be used.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rust_decimal::Decimal;

use super::{Exchange, MyTrade, Position, PositionSide};
use crate::money::{add, div, mul, sub};
use crate::woox::options;

/// Holding of one token; what open spot orders need is frozen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Balance {
    pub(crate) holding: Decimal,
    pub(crate) frozen: Decimal,
    /// Rises with every change.
    pub(crate) version: u64,
}

/// A withdrawal as the venue keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Withdrawal {
    pub(crate) id: u64,
    pub(crate) token: String,
    pub(crate) network: String,
    pub(crate) address: String,
    pub(crate) extra: String,
    pub(crate) amount: Decimal,
    pub(crate) fee: Decimal,
    pub(crate) applied_ms: i64,
    pub(crate) tx: String,
    pub(crate) cancelled: bool,
    /// Went to another account of the venue.
    pub(crate) internal: bool,
}

/// A transfer between accounts of one user.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    pub(crate) id: u64,
    pub(crate) token: String,
    pub(crate) amount: Decimal,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) at_ms: i64,
}

/// One funding payment.
#[derive(Debug, Clone)]
pub(crate) struct FundingPaid {
    pub(crate) id: u64,
    pub(crate) symbol: String,
    pub(crate) rate: Decimal,
    pub(crate) mark: Decimal,
    /// Positive where the account paid.
    pub(crate) fee: Decimal,
    pub(crate) at_ms: i64,
}

/// What moved in and out, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Movements {
    pub(crate) withdrawals: VecDeque<Withdrawal>,
    pub(crate) transfers: VecDeque<Transfer>,
    pub(crate) funding: VecDeque<FundingPaid>,
}

/// Leverage of a perpetual that was never set (the venue's default is 10).
const DEFAULT_LEVERAGE: u32 = 10;

/// The state of one account.
#[derive(Debug)]
pub(crate) struct AccountState {
    pub(crate) application_id: String,
    pub(crate) name: String,
    pub(crate) sub_of: Option<usize>,
    pub(crate) margin: bool,
    pub(crate) balances: BTreeMap<String, Balance>,
    pub(crate) positions: BTreeMap<(String, PositionSide), Position>,
    pub(crate) leverage: BTreeMap<String, u32>,
    pub(crate) spot_leverage: u32,
    pub(crate) hedge: bool,
    pub(crate) mode: String,
    pub(crate) open: BTreeSet<u64>,
    pub(crate) open_algos: BTreeSet<u64>,
    pub(crate) trades: VecDeque<MyTrade>,
    pub(crate) movements: Movements,
    /// When cancel-all-after strikes.
    pub(crate) cancel_at: Option<i64>,
    /// The listen key, and when it expires.
    pub(crate) listen_key: Option<(String, i64)>,
}

impl AccountState {
    pub(super) fn new(account: &options::Account) -> Self {
        let balance = |holding: Decimal| Balance { holding, ..Balance::default() };
        Self {
            application_id: account.application_id.clone(),
            name: account.name.clone(),
            sub_of: account.sub_of,
            margin: account.margin,
            balances: account
                .balances
                .iter()
                .map(|(token, holding)| (token.clone(), balance(*holding)))
                .collect(),
            positions: BTreeMap::new(),
            leverage: BTreeMap::new(),
            spot_leverage: 1,
            hedge: false,
            mode: "FUTURES".to_owned(),
            open: BTreeSet::new(),
            open_algos: BTreeSet::new(),
            trades: VecDeque::new(),
            movements: Movements::default(),
            cancel_at: None,
            listen_key: None,
        }
    }

    pub(crate) fn leverage_of(&self, symbol: &str) -> u32 {
        self.leverage.get(symbol).copied().unwrap_or(DEFAULT_LEVERAGE)
    }

    pub(crate) fn balance(&self, token: &str) -> Balance {
        self.balances.get(token).copied().unwrap_or_default()
    }
}

impl Exchange {
    /// What an account could still use as margin: its USDT, with unrealised
    /// profit and loss, less the margin of positions and open orders. Other
    /// tokens are not counted as collateral here.
    pub(crate) fn free_collateral(&self, account: usize) -> Decimal {
        let Some(state) = self.accounts.get(account) else { return Decimal::ZERO };
        let usdt = state.balance("USDT");
        let mut free = sub(usdt.holding, usdt.frozen);
        for ((symbol, _), position) in &state.positions {
            let Some(market) = self.markets.get(symbol) else { continue };
            let value = mul(position.holding.abs(), market.mark());
            free = add(free, position.unrealised(market.mark()));
            free = sub(free, div(value, Decimal::from(state.leverage_of(symbol))));
        }
        for order in state.open.iter().filter_map(|id| self.orders.get(id)) {
            free = sub(free, self.order_margin(order.account, &order.symbol, order.need()));
        }
        free
    }

    /// The margin of an order that adds `notional`; none on spot.
    pub(crate) fn order_margin(&self, account: usize, symbol: &str, notional: Decimal) -> Decimal {
        let perpetual = self.markets.get(symbol).is_some_and(|market| market.spec.perpetual);
        let Some(state) = self.accounts.get(account).filter(|_| perpetual) else {
            return Decimal::ZERO;
        };
        div(notional, Decimal::from(state.leverage_of(symbol)))
    }

    /// What of a token can be spent, withdrawn or transferred.
    pub(crate) fn available(&self, account: usize, token: &str) -> Decimal {
        let Some(state) = self.accounts.get(account) else { return Decimal::ZERO };
        let balance = state.balance(token);
        let plain = sub(balance.holding, balance.frozen);
        let free = if token == "USDT" { plain.min(self.free_collateral(account)) } else { plain };
        free.max(Decimal::ZERO)
    }
}
