//! Asking the venue, through a process that has the network and no secret.

use std::time::Duration;

use serde_json::{Value, json};
use vault::protocol::KeyInfo;
use wire::model::{Decimal, Product};

use super::rights::Stated;
use super::session::Session;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::supervisor::child::Child;
use crate::supervisor::ground;

/// Where Binance keeps futures apart from spot.
const LIVE_SPOT: &str = "https://api.binance.com";
const LIVE_FUTURES: &str = "https://fapi.binance.com";
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process that asks the venue.
pub(super) struct Observer {
    child: Child,
    base_url: String,
    /// The address that we come from, as this machine sees it.
    pub(super) local_address: Option<String>,
}

impl Observer {
    /// Starts the process.
    pub(super) fn start(settings: &Settings, allow_missing_sandbox: bool) -> Result<Self, Failure> {
        let base_url = settings.binance.base_url.clone().ok_or_else(|| {
            Failure::misuse("the configuration does not say where Binance is")
                .next("set base_url in [venue.binance]")
        })?;
        let uid = ground::separate_users().then(|| settings.gateway_uid());
        let child = Child::start("fetch", uid)?;
        let base = settings.config_path.parent();
        let roots = settings.binance.root_certificates.as_ref();
        let roots = roots.map(|path| base.map_or_else(|| path.clone(), |base| base.join(path)));
        let observer = Self { child, base_url, local_address: None };
        observer.tell(&json!({
            "kind": "start",
            "root_certificates": roots,
            "allow_missing_sandbox": allow_missing_sandbox,
        }))?;
        Ok(observer)
    }

    fn tell(&self, what: &Value) -> Result<(), Failure> {
        let gone = |error: &dyn std::fmt::Display| {
            Failure::negative(format!("cannot ask the venue: {error}"))
        };
        let channel = self.child.channel.as_ref().ok_or_else(|| gone(&"the process left"))?;
        channel.send(what, &[]).map_err(|error| gone(&error))
    }

    /// One GET at the venue: status and body.
    fn get(&mut self, target: &str, api_key: Option<&str>) -> Result<(u64, Value), Failure> {
        self.tell(&json!({ "base_url": self.base_url, "target": target, "api_key": api_key }))?;
        let unreachable = |why: &str| {
            Failure::negative(format!("`{}` cannot be reached: {why}", self.base_url))
                .next("check the network and base_url in [venue.binance], then try again")
        };
        let channel = self.child.channel.as_ref().ok_or_else(|| unreachable("no process"))?;
        let packet = channel
            .receive_within(PATIENCE)
            .map_err(|error| unreachable(&error.to_string()))?
            .ok_or_else(|| unreachable("the asking process left; see the message above"))?;
        if let Some(error) = packet.text("error") {
            return Err(unreachable(error));
        }
        self.local_address = packet.text("local_address").map(str::to_owned);
        let status = packet.value.get("status").and_then(Value::as_u64).unwrap_or_default();
        Ok((status, packet.value.get("body").cloned().unwrap_or_default()))
    }

    /// What the venue says a key may do.
    pub(super) fn rights(
        &mut self,
        session: &mut Session,
        key: &KeyInfo,
    ) -> Result<Stated, Failure> {
        let signed = session.sign_read(key.handle)?;
        let text = String::from_utf8_lossy(&signed.text);
        let target =
            format!("/sapi/v1/account/apiRestrictions?{text}&signature={}", signed.signature);
        let (status, body) = self.get(&target, Some(&key.api_key))?;
        if let Some(stated) = Stated::read(&body) {
            return Ok(stated);
        }
        match (status, body.get("code").and_then(Value::as_i64)) {
            // No such service: a test network.
            (404, _) => Ok(Stated::UNKNOWN),
            (_, Some(code)) => {
                let message = body.get("msg").and_then(Value::as_str).unwrap_or_default();
                Err(Failure::negative(format!("the venue refuses the key: {code} {message}")).next(
                    match code {
                        -2014 | -2015 => {
                            "check the API key, its address list at the venue, and whether it may read"
                        }
                        -1021 => "fix time synchronisation on this machine",
                        -1022 => "check the secret: its signature is wrong",
                        _ => "look the code up in the venue's documentation",
                    },
                ))
            }
            _ => Err(Failure::negative(format!("the venue answered with status {status}"))
                .next("check base_url in [venue.binance]")),
        }
    }

    /// The last price of a market.
    pub(super) fn price(&mut self, market: &str) -> Result<Decimal, Failure> {
        let (product, symbol) = Product::of(market);
        let path = match product {
            Product::UsdFutures => "/fapi/v1/ticker/price",
            _ => "/api/v3/ticker/price",
        };
        let spot = self.base_url.clone();
        if product == Product::UsdFutures && spot == LIVE_SPOT {
            LIVE_FUTURES.clone_into(&mut self.base_url);
        }
        let asked = self.get(&format!("{path}?symbol={symbol}"), None);
        self.base_url = spot;
        let (_, body) = asked?;
        body.get("price")
            .and_then(Value::as_str)
            .and_then(|price| price.parse::<Decimal>().ok())
            .filter(|price| *price > Decimal::ZERO)
            .ok_or_else(|| {
                Failure::negative(format!("the venue has no price for `{market}`"))
                    .next("write the market as the venue does: BTCUSDT, or UM/BTCUSDT for futures")
            })
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
