//! The most a key may ever do, sealed with it. In asset units, never in USD.
//!
//! Policy is not the ceiling: policy changes with the configuration and lives
//! in the gateway; the ceiling is sealed and enforced by the signer, whoever
//! asks.

mod approvals;
mod encode;
mod propose;

use wire::limits::{CLOCK_OFFSET_MS, SIGNED_RECEIVE_WINDOW_MS};
use wire::model::{Decimal, Effect};

pub use approvals::{Approvals, Approver};
pub use encode::CeilingError;
pub use propose::{MarketNeed, ValueOutNeed, propose_read, propose_trade, propose_value_out};

use crate::protocol::KeyClass;

/// The most a key may ever do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// What the key is for.
    pub class: KeyClass,
    /// Per market, what orders it may sign; a market that is not listed is not
    /// traded.
    pub markets: Vec<MarketCeiling>,
    /// Per asset, what it may move out and where; an asset that is not listed
    /// does not leave.
    pub value_out: Vec<ValueOutCeiling>,
    /// Endpoints worse than an order that it may sign, by name; every other is
    /// refused.
    pub allowances: Vec<Allowance>,
    /// Who may approve what is over the first tier; nobody where there is none.
    pub approvals: Option<Approvals>,
    /// Widest receive window that is signed, ms.
    pub max_receive_window_ms: u64,
    /// How far the venue's clock may be from the host's, ms.
    pub clock_offset_ms: i64,
}

/// What orders may be signed in one market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketCeiling {
    /// The market in the venue's spelling (`BTCUSDT`).
    pub market: String,
    /// Largest base quantity of one order, asset units.
    pub max_base: Decimal,
    /// Largest sum of base quantities *signed* in an hour, asset units:
    /// cancelled quotes count.
    pub gross_base_per_hour: Decimal,
    /// Orders by quote quantity; without this they are refused.
    pub quote: Option<QuoteCeiling>,
    /// Sign `LIMIT_MAKER` only.
    pub maker_only: bool,
}

/// Orders by quote quantity in one market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteCeiling {
    /// Largest quote quantity of one order, asset units.
    pub max_quote: Decimal,
    /// Largest sum signed in an hour, asset units.
    pub gross_quote_per_hour: Decimal,
}

/// What may leave the venue in one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueOutCeiling {
    /// The asset (`USDT`).
    pub asset: String,
    /// Largest amount of one request, asset units.
    pub per_request: Decimal,
    /// Largest sum signed in 24 h, asset units.
    pub per_day: Decimal,
    /// What may leave with approval; nothing over the first tier without this.
    pub approved: Option<ApprovedCeiling>,
    /// Where to, approved or not.
    pub destinations: Vec<Destination>,
}

/// The second tier of an asset: what may leave with approval. It has a day of
/// its own beside the first tier's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedCeiling {
    /// Largest amount of one approved request, asset units.
    pub per_request: Decimal,
    /// Largest sum of approved requests in 24 h, asset units.
    pub per_day: Decimal,
}

/// Where value may go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    /// The network in the venue's spelling (`ETH`).
    pub network: String,
    /// The address, compared byte for byte.
    pub address: String,
    /// The memo or tag; none means that the text must have none.
    pub memo: Option<String>,
}

/// Most destinations of an asset that [`Ceiling::describe`] writes out.
const DESCRIBED: usize = 16;

/// The count of an allowance that is not counted.
pub const UNCOUNTED: u32 = u32::MAX;

/// Takes a bare `timestamp`: on a key that may trade and withdraw every text
/// could be this, which changes a setting.
pub const FAST_WITHDRAW_SWITCH: &str = "POST /sapi/v1/account/enableFastWithdrawSwitch";

/// One endpoint worse than an order that a key may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The endpoint as the table writes it (`POST /sapi/v1/asset/transfer`).
    pub endpoint: String,
    /// Its effect in the table; a mismatch refuses.
    pub effect: Effect,
    /// Most requests signed in 24 h; [`UNCOUNTED`] where every text of the key
    /// could be one, so that counting would mean nothing.
    pub requests_per_day: u32,
    /// Amounts per asset (parameters `asset` or `coin`, and `amount`); where
    /// empty, the count alone bounds it.
    pub amounts: Vec<AmountCeiling>,
}

/// How much of an asset an allowance covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmountCeiling {
    /// The asset.
    pub asset: String,
    /// Largest amount of one request, asset units.
    pub per_request: Decimal,
    /// Largest sum signed in 24 h, asset units.
    pub per_day: Decimal,
}

impl Ceiling {
    /// A ceiling of this class under which nothing but reads, cancels and
    /// harmless settings is signed. (No ceiling can leave the harmless settings
    /// out: some take a bare `timestamp`, so every text could be one.)
    pub const fn closed(class: KeyClass) -> Self {
        Self {
            class,
            markets: Vec::new(),
            value_out: Vec::new(),
            allowances: Vec::new(),
            approvals: None,
            max_receive_window_ms: SIGNED_RECEIVE_WINDOW_MS,
            clock_offset_ms: CLOCK_OFFSET_MS,
        }
    }

    /// Allows the one setting that every text of a key with trading and
    /// withdrawal rights could be. A person who accepts such a key accepts it.
    pub(crate) fn allow_fast_withdraw_switch(&mut self) {
        if self.allowance(FAST_WITHDRAW_SWITCH).is_none() {
            self.allowances.push(Allowance {
                endpoint: FAST_WITHDRAW_SWITCH.to_owned(),
                effect: Effect::KeyAdministration,
                requests_per_day: UNCOUNTED,
                amounts: Vec::new(),
            });
        }
    }

    /// The market's ceiling; the list is sorted by market.
    pub fn market(&self, market: &str) -> Option<&MarketCeiling> {
        let at = self.markets.binary_search_by(|one| one.market.as_str().cmp(market)).ok()?;
        self.markets.get(at)
    }

    /// The asset's ceiling.
    pub fn asset(&self, asset: &str) -> Option<&ValueOutCeiling> {
        self.value_out.iter().find(|one| one.asset == asset)
    }

    /// The allowance of an endpoint.
    pub fn allowance(&self, endpoint: &str) -> Option<&Allowance> {
        self.allowances.iter().find(|one| one.endpoint == endpoint)
    }

    /// SHA-256 of the ceiling as it is sealed.
    ///
    /// # Errors
    /// It is no ceiling that can be sealed.
    pub fn digest(&self) -> Result<[u8; 32], CeilingError> {
        Ok(crate::grant::sha256(&self.encode()?))
    }

    /// The ceiling in words, one line a rule, for `key add` and `key list`.
    pub fn describe(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for market in &self.markets {
            let mut line = format!(
                "{}: at most {} base an order, {} base signed an hour",
                market.market, market.max_base, market.gross_base_per_hour
            );
            match &market.quote {
                Some(quote) => line.push_str(&format!(
                    "; by quote at most {} an order, {} an hour",
                    quote.max_quote, quote.gross_quote_per_hour
                )),
                None => line.push_str("; no orders by quote quantity"),
            }
            if market.maker_only {
                line.push_str("; LIMIT_MAKER only");
            }
            lines.push(line);
        }
        for asset in &self.value_out {
            lines.push(format!(
                "{} out: at most {} a request, {} in 24 h, to {} listed destination(s)",
                asset.asset,
                asset.per_request,
                asset.per_day,
                asset.destinations.len()
            ));
            if let Some(approved) = &asset.approved {
                lines.push(format!(
                    "{} out: with approval at most {} a request, {} more in 24 h",
                    asset.asset, approved.per_request, approved.per_day
                ));
            }
            for to in asset.destinations.iter().take(DESCRIBED) {
                let memo = match &to.memo {
                    Some(memo) => format!("memo {memo}"),
                    None => "no memo".to_owned(),
                };
                lines.push(format!(
                    "{} out: to {} on {}, {memo}",
                    asset.asset, to.address, to.network
                ));
            }
            if let Some(more) = asset.destinations.len().checked_sub(DESCRIBED + 1) {
                lines.push(format!("{} out: to {} more", asset.asset, more + 1));
            }
        }
        for allowed in &self.allowances {
            let times = match allowed.requests_per_day {
                UNCOUNTED => "not counted: every text could be it".to_owned(),
                times => format!("at most {times} in 24 h"),
            };
            lines.push(format!("{} ({}): {times}", allowed.endpoint, allowed.effect.name()));
        }
        lines.extend(self.approvals.iter().flat_map(Approvals::describe));
        if lines.is_empty() {
            lines.push("reads and cancels only".to_owned());
        }
        lines
    }
}

#[cfg(test)]
mod tests;
