//! Asking the venue, through a process that has the network and no secret.

use std::time::Duration;

use serde_json::{Value, json};
use vault::protocol::KeyInfo;
use vault::venue::Venue;
use wire::model::{Decimal, Product};

use super::question;
use super::rights::Stated;
use super::session::Session;
use crate::failure::Failure;
use crate::logging::LogArguments;
use crate::settings::Settings;
use crate::supervisor::child::{Child, THIS_PROGRAM};
use crate::supervisor::ground;

/// Where Binance keeps futures apart from spot.
const LIVE_SPOT: &str = "https://api.binance.com";
const LIVE_FUTURES: &str = "https://fapi.binance.com";
/// WOO X itself.
/// Keys in one page of WOO X's list, and most pages that are asked for: the
/// venue answers ten such questions a minute.
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process that asks the venue.
pub(super) struct Observer {
    child: Child,
    venue: Venue,
    base_url: String,
    /// The addresses that we come from, as this machine sees them.
    pub(super) egress_addresses: Vec<String>,
}

impl Observer {
    /// Starts the process.
    pub(super) fn start(
        settings: &Settings,
        venue: Venue,
        allow_missing_sandbox: bool,
    ) -> Result<Self, Failure> {
        let name = venue.name();
        let table = settings.venue(venue).ok_or_else(|| {
            let title = crate::venue::title(venue);
            Failure::misuse(format!("the configuration does not name {title}"))
                .next(format!("add [venue.{name}] with base_url and path_prefix to it"))
        })?;
        let base_url = table.base_url.clone().ok_or_else(|| {
            Failure::misuse(format!("[venue.{name}] does not say where the venue is"))
                .next(format!("set base_url in [venue.{name}]"))
        })?;
        let roots = table.root_certificates.as_ref();
        let uid = ground::separate_users().then(|| settings.gateway_uid());
        let child = Child::start(
            std::path::Path::new(THIS_PROGRAM),
            "fetch",
            uid,
            LogArguments::default(),
        )?;
        let base = settings.config_path.parent();
        let roots = roots.map(|path| base.map_or_else(|| path.clone(), |base| base.join(path)));
        let egress_addresses: Vec<String> = table.egress.iter().map(ToString::to_string).collect();
        let first = egress_addresses.first().cloned();
        let observer = Self { child, venue, base_url, egress_addresses };
        observer.tell(&json!({
            "kind": "start",
            "root_certificates": roots,
            "egress": first,
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
    fn get(&mut self, target: &str, headers: &[(&str, &str)]) -> Result<(u64, Value), Failure> {
        let headers: serde_json::Map<String, Value> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        self.tell(&json!({ "base_url": self.base_url, "target": target, "headers": headers }))?;
        let unreachable = |why: &str| {
            Failure::negative(format!("`{}` cannot be reached: {why}", self.base_url)).next(
                format!(
                    "check the network and base_url in [venue.{}], then try again",
                    self.venue.name()
                ),
            )
        };
        let channel = self.child.channel.as_ref().ok_or_else(|| unreachable("no process"))?;
        let packet = channel
            .receive_within(PATIENCE)
            .map_err(|error| unreachable(&error.to_string()))?
            .ok_or_else(|| unreachable("the asking process left; see the message above"))?;
        if let Some(error) = packet.text("error") {
            return Err(unreachable(error));
        }
        if self.egress_addresses.is_empty() {
            self.egress_addresses.extend(packet.text("local_address").map(str::to_owned));
        }
        let status = packet.value.get("status").and_then(Value::as_u64).unwrap_or_default();
        Ok((status, packet.value.get("body").cloned().unwrap_or_default()))
    }

    /// What the venue says a key may do.
    pub(super) fn rights(
        &mut self,
        session: &mut Session,
        key: &KeyInfo,
    ) -> Result<Stated, Failure> {
        match self.venue {
            Venue::Binance => self.binance_rights(session, key),
            Venue::Woox => self.woox_rights(session, key),
        }
    }

    fn binance_rights(&mut self, session: &mut Session, key: &KeyInfo) -> Result<Stated, Failure> {
        let signed = session.sign_read(key.handle, question::binance)?;
        let text = String::from_utf8_lossy(&signed.text);
        // Base64 has three characters that mean something else in a URL.
        let signature =
            signed.signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let target = format!("/sapi/v1/account/apiRestrictions?{text}&signature={signature}");
        let (status, body) = self.get(&target, &[("x-mbx-apikey", &key.api_key)])?;
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

    /// The list of the account's keys is asked for, page by page, until this one
    /// is found.
    fn woox_rights(&mut self, session: &mut Session, key: &KeyInfo) -> Result<Stated, Failure> {
        for page in 1..=question::PAGES {
            let path = question::woox_target(page);
            let signed = session.sign_read(key.handle, |now| question::woox(now, &path))?;
            let time = signed.timestamp_ms.to_string();
            let headers = [
                ("x-api-key", key.api_key.as_str()),
                ("x-api-timestamp", time.as_str()),
                ("x-api-signature", &signed.signature),
            ];
            let (status, body) = self.get(&path, &headers)?;
            if body.get("success").and_then(Value::as_bool) != Some(true) {
                return Err(woox_refusal(status, &body));
            }
            let rows = body.pointer("/data/rows").and_then(Value::as_array);
            let rows = rows.map(Vec::as_slice).unwrap_or_default();
            let ours = |row: &&Value| {
                row.get("apiKey").and_then(Value::as_str) == Some(key.api_key.as_str())
            };
            if let Some(row) = rows.iter().find(ours) {
                return Ok(Stated::read_woox(row));
            }
            if rows.len() < question::PAGE_KEYS {
                break;
            }
        }
        // A list without the key that asks for it tells nothing about it.
        Ok(Stated::UNKNOWN)
    }

    /// The last price of a market.
    pub(super) fn price(&mut self, market: &str) -> Result<Decimal, Failure> {
        let (product, symbol) = Product::of(market);
        let futures = self.venue == Venue::Binance && product == Product::UsdFutures;
        let (target, at, example) = match self.venue {
            Venue::Binance if futures => {
                (format!("/fapi/v1/ticker/price?symbol={symbol}"), "/price", "UM/BTCUSDT")
            }
            Venue::Binance => {
                (format!("/api/v3/ticker/price?symbol={market}"), "/price", "BTCUSDT")
            }
            Venue::Woox => (
                // A market may have traded never yet; it has a book.
                format!("/v3/public/orderbook?symbol={market}&maxLevel=1"),
                "/data/asks/0/price",
                "SPOT_BTC_USDT",
            ),
        };
        let spot = self.base_url.clone();
        if futures && spot == LIVE_SPOT {
            LIVE_FUTURES.clone_into(&mut self.base_url);
        }
        let asked = self.get(&target, &[]);
        self.base_url = spot;
        let (_, body) = asked?;
        let price = body.pointer(at).and_then(|price| match price {
            Value::String(text) => text.parse::<Decimal>().ok(),
            // As it is written: never through a float of ours.
            Value::Number(number) => number.to_string().parse().ok(),
            _ => None,
        });
        price.filter(|price| *price > Decimal::ZERO).ok_or_else(|| {
            Failure::negative(format!("the venue has no price for `{market}`"))
                .next(format!("write the market as the venue does, for example {example}"))
        })
    }
}

/// WOO X folds wrong signatures, expired keys and missing rights into one code.
fn woox_refusal(status: u64, body: &Value) -> Failure {
    let code = match body.get("code") {
        Some(Value::String(code)) => code.clone(),
        Some(code) => code.to_string(),
        None => format!("status {status}"),
    };
    let message = body.get("message").and_then(Value::as_str).unwrap_or_default();
    Failure::negative(format!("the venue refuses the key: {code} {message}")).next(
        "check API key and secret, the key's address list at the venue, whether it may read, and \
         the clock of this machine",
    )
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
