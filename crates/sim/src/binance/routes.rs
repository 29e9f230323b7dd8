//! The endpoints: method, path, security, weight, parameters, and the function
//! that answers.

mod table;

use crate::binance::exchange::{AccountState, Exchange};
use crate::binance::futures::Futures;
use crate::binance::options::Rights;
use crate::binance::params::Params;
use crate::binance::reading::Reading;
use crate::binance::reject::{Answer, Reject};
use crate::binance::stream::listen_keys::ListenKeys;
use crate::binance::trading;

pub(crate) use table::{find, paths_known};

/// What a caller must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    /// Nothing.
    Public,
    /// The key header alone.
    KeyOnly,
    /// Key, signature, timestamp, and a right.
    Signed(Right),
}

/// The right an endpoint needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    Read,
    Trade,
    Withdraw,
    UniversalTransfer,
    Futures,
}

impl Right {
    pub(crate) fn held(self, rights: &Rights) -> bool {
        match self {
            Self::Read => rights.read,
            Self::Trade => rights.spot_trade,
            Self::Withdraw => rights.withdraw,
            Self::UniversalTransfer => rights.universal_transfer,
            Self::Futures => rights.futures,
        }
    }
}

/// One endpoint.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) security: Security,
    pub(crate) base_weight: u32,
    /// Weight of a request without a symbol, where it asks for all.
    pub(crate) weight_without_symbol: u32,
    /// Whether its answers carry the order counts.
    pub(crate) counts_orders: bool,
    /// The parameters it reads; others are refused. None: others are ignored.
    pub(crate) params: Option<&'static [&'static str]>,
    pub(crate) run: fn(&mut Call<'_>) -> Answer,
}

impl Route {
    /// The weight of a request.
    pub(crate) fn weight(&self, reading: &Reading) -> u32 {
        if reading.get("symbol").is_some() { self.base_weight } else { self.weight_without_symbol }
    }

    /// Refuses parameters that the endpoint does not read (-1104).
    pub(crate) fn check_params(&self, params: &Params<'_>) -> Result<(), Reject> {
        let Some(known) = self.params else { return Ok(()) };
        let always = ["timestamp", "recvWindow", "signature", "returnRateLimits"];
        let sent = params.names().count();
        let read =
            params.names().filter(|name| known.contains(name) || always.contains(name)).count();
        if read == sent {
            return Ok(());
        }
        let msg = format!(
            "Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
        );
        Err(Reject::new(400, -1104, msg))
    }
}

/// One request, past the checks of its security.
pub(crate) struct Call<'a> {
    pub(crate) exchange: &'a mut Exchange,
    pub(crate) futures: &'a mut Futures,
    pub(crate) listen_keys: &'a mut ListenKeys,
    pub(crate) params: Params<'a>,
    /// The account of the key; out of range for a public request.
    pub(crate) account: usize,
    pub(crate) rights: Rights,
    pub(crate) ip_restrict: bool,
    pub(crate) allowed: &'a [ipnet::IpNet],
    pub(crate) now: i64,
}

const HOUR_MS: i64 = 3_600_000;

impl Call<'_> {
    pub(crate) fn account_state(&self) -> Result<&AccountState, Reject> {
        self.exchange.accounts.get(self.account).ok_or_else(Reject::key_or_rights)
    }

    pub(crate) fn account_state_mut(&mut self) -> Result<&mut AccountState, Reject> {
        self.exchange.accounts.get_mut(self.account).ok_or_else(Reject::key_or_rights)
    }

    /// Maker and taker fee as rates.
    pub(crate) fn fee_rates(&self) -> (String, String) {
        let options = &self.exchange.options;
        (trading::rate(options.maker_fee_bps), trading::rate(options.taker_fee_bps))
    }

    /// Every asset of the venue, and whatever else the account holds.
    pub(crate) fn assets(&self) -> Vec<String> {
        let options = &self.exchange.options;
        let mut assets: Vec<String> = options.coins.iter().map(|c| c.asset.clone()).collect();
        for spec in &options.instruments {
            assets.extend([spec.base.clone(), spec.quote.clone()]);
        }
        if let Ok(state) = self.account_state() {
            assets.extend(state.balances.keys().cloned());
        }
        assets.sort_unstable();
        assets.dedup();
        assets
    }

    /// `startTime` and `endTime`, in milliseconds, at most some hours apart.
    pub(crate) fn period(&self, most_hours: i64) -> Result<(i64, i64), Reject> {
        let time = |name: &str| -> Result<Option<i64>, Reject> {
            Ok(self.params.integer(name)?.map(|time| i64::try_from(time).unwrap_or(i64::MAX)))
        };
        let (start, end) = (time("startTime")?, time("endTime")?);
        if let (Some(start), Some(end)) = (start, end)
            && end.saturating_sub(start) > most_hours.saturating_mul(HOUR_MS)
        {
            let msg = format!("More than {most_hours} hours between startTime and endTime.");
            return Err(Reject::new(400, -1127, msg));
        }
        Ok((start.unwrap_or(0), end.unwrap_or(i64::MAX)))
    }
}
