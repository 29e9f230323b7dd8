//! Who may call: key, address, timestamp, signature, rights; in that order.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::binance::options::{ApiKey, PaperOptions, Rights};
use crate::binance::params::Params;
use crate::binance::reading::Reading;
use crate::binance::reject::Reject;
use crate::binance::routes::Security;
use crate::binance::signature;

/// Longest receive window, in milliseconds.
const MAX_WINDOW_MS: i64 = 60_000;
/// Receive window where none is sent, in milliseconds.
const DEFAULT_WINDOW_MS: i64 = 5000;
/// How far a timestamp may be ahead, in microseconds.
const MAX_AHEAD_US: i64 = 1_000_000;
/// Timestamps from here on are in microseconds.
const MICROSECONDS_FROM: i64 = 100_000_000_000_000;
/// Longest API key read.
const MAX_KEY: usize = 128;

/// Keys held at most.
const MAX_KEYS: usize = 10_000;

/// The keys of the venue, with the account each belongs to.
#[derive(Debug, Default)]
pub(crate) struct KeyRing {
    keys: HashMap<String, (usize, ApiKey)>,
}

impl KeyRing {
    pub(crate) fn new(options: &PaperOptions) -> Self {
        let mut ring = Self::default();
        for (account, state) in options.accounts.iter().enumerate() {
            for key in &state.keys {
                ring.put(account, key.clone());
            }
        }
        ring
    }

    /// Adds a key, or replaces the one with the same text.
    pub(crate) fn put(&mut self, account: usize, key: ApiKey) {
        if self.keys.len() < MAX_KEYS {
            self.keys.insert(key.key.clone(), (account, key));
        }
    }

    /// Removes a key. Whether there was one.
    pub(crate) fn remove(&mut self, key: &str) -> bool {
        self.keys.remove(key).is_some()
    }

    /// A key by its text, and its account.
    pub(crate) fn get(&self, text: &str) -> Option<(usize, &ApiKey)> {
        let (account, key) = self.keys.get(text)?;
        Some((*account, key))
    }

    /// The key of a request, and its account.
    pub(crate) fn find(&self, reading: &Reading) -> Option<(usize, &ApiKey)> {
        self.get(reading.api_key.as_deref()?)
    }
}

/// Who was let in.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub(crate) account: usize,
    pub(crate) text: String,
    pub(crate) rights: Rights,
    pub(crate) ip_restrict: bool,
    pub(crate) allowed: Vec<IpNet>,
}

impl Admitted {
    fn new(account: usize, key: &ApiKey) -> Self {
        Self {
            account,
            text: key.key.clone(),
            rights: key.rights,
            ip_restrict: key.ip_restrict,
            allowed: key.allowed.clone(),
        }
    }
}

/// Refuses a request that its endpoint's security does not let in. A request of
/// a session without a key of its own is let in as the session's key, by its
/// timestamp.
pub(crate) fn admit(
    keys: &KeyRing,
    security: Security,
    path: &str,
    reading: &Reading,
    client: IpAddr,
    now_us: i64,
    session: Option<&str>,
) -> Result<Option<Admitted>, Reject> {
    if !reading.duplicated.is_empty() {
        return Err(Reject::new(400, -1101, "Duplicate values for a parameter detected."));
    }
    if security == Security::Public {
        return Ok(None);
    }
    let own = reading.api_key.as_deref();
    let by_session = session.filter(|_| own.is_none() && reading.signature.is_none());
    let text = own.or(by_session).unwrap_or_default();
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if text.is_empty() || text.len() > MAX_KEY || !text.bytes().all(legal) {
        return Err(Reject::new(401, -2014, "API-key format invalid."));
    }
    let (account, key) = keys.get(text).ok_or_else(Reject::key_or_rights)?;
    if !key.allows(client) {
        return Err(Reject::key_or_rights());
    }
    if let Security::Signed(right) = security {
        if by_session.is_some() {
            check_timely(reading, now_us)?;
        } else {
            check_signed(key, path, reading, now_us)?;
        }
        if !right.held(&key.rights) {
            let wallet = path.starts_with("/sapi");
            return Err(if wallet { Reject::unauthorised() } else { Reject::key_or_rights() });
        }
    }
    Ok(Some(Admitted::new(account, key)))
}

/// Refuses a key that lacks what `security` asks, or a client it does not allow.
pub(crate) fn check_right(
    keys: &KeyRing,
    text: &str,
    security: Security,
    client: IpAddr,
) -> Result<(), Reject> {
    let (_, key) = keys.get(text).ok_or_else(Reject::key_or_rights)?;
    let held = match security {
        Security::Signed(right) => right.held(&key.rights),
        Security::Public | Security::KeyOnly => true,
    };
    if held && key.allows(client) { Ok(()) } else { Err(Reject::key_or_rights()) }
}

fn check_timely(reading: &Reading, now_us: i64) -> Result<(), Reject> {
    let params = Params::new(reading);
    let timestamp = params.integer("timestamp")?.ok_or_else(|| Reject::missing("timestamp"))?;
    let window_us = receive_window_us(&params)?;
    check_time(timestamp, window_us, now_us)
}

fn check_signed(key: &ApiKey, path: &str, reading: &Reading, now_us: i64) -> Result<(), Reject> {
    let given = reading.signature.as_deref().filter(|text| !text.is_empty());
    let given = given.ok_or_else(|| Reject::missing("signature"))?;
    check_timely(reading, now_us)?;
    // The rule that payloads are percent-encoded came to spot and wallet only;
    // client libraries send raw JSON to the futures.
    let unencoded = reading.unencoded && !path.starts_with("/fapi");
    if unencoded || !signature::verify(&key.secret, &reading.payload, given) {
        return Err(Reject::new(400, -1022, "Signature for this request is not valid."));
    }
    Ok(())
}

/// `recvWindow` in microseconds; up to three decimals of a millisecond are read.
fn receive_window_us(params: &Params<'_>) -> Result<i64, Reject> {
    let window = params.decimal("recvWindow")?.unwrap_or(Decimal::from(DEFAULT_WINDOW_MS));
    if window > Decimal::from(MAX_WINDOW_MS) {
        let msg = format!(
            "'recvWindow' contains unexpected value. Cannot be greater than '{MAX_WINDOW_MS}'."
        );
        return Err(Reject::new(400, -1102, msg));
    }
    if window.scale() > 3 {
        return Err(Reject::precision("recvWindow"));
    }
    let us = window.checked_mul(Decimal::ONE_THOUSAND).and_then(|us| us.to_i64());
    us.ok_or_else(|| Reject::missing("recvWindow"))
}

fn check_time(timestamp: u64, window_us: i64, now_us: i64) -> Result<(), Reject> {
    let timestamp = i64::try_from(timestamp).unwrap_or(i64::MAX);
    let sent_us =
        if timestamp >= MICROSECONDS_FROM { timestamp } else { timestamp.saturating_mul(1000) };
    let outside = |msg: &str| Err(Reject::new(400, -1021, msg));
    if sent_us >= now_us.saturating_add(MAX_AHEAD_US) {
        return outside("Timestamp for this request was 1000ms ahead of the server's time.");
    }
    // Times of the wire are in whole milliseconds; the age is measured likewise.
    let age_us = if timestamp >= MICROSECONDS_FROM {
        now_us.saturating_sub(sent_us)
    } else {
        now_us.div_euclid(1000).saturating_mul(1000).saturating_sub(sent_us)
    };
    if age_us > window_us {
        return outside("Timestamp for this request is outside of the recvWindow.");
    }
    Ok(())
}
