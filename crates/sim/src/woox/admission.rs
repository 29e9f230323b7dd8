//! Who may call: key, timestamp, signature, address, permission; in that order.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::woox::options::{ApiKey, PaperOptions};
use crate::woox::reading::Reading;
use crate::woox::reject::Reject;
use crate::woox::routes::{Right, Route};
use crate::woox::signature;

/// Longest API key read.
const MAX_KEY: usize = 128;
/// Keys held at most.
const MAX_KEYS: usize = 10_000;
/// Digits of a timestamp in milliseconds.
const TIMESTAMP_DIGITS: usize = 13;

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

    pub(crate) fn find(&self, key: Option<&str>) -> Option<(usize, &ApiKey)> {
        let (account, key) = self.keys.get(key?)?;
        Some((*account, key))
    }

    /// The keys of an account, in order of their texts.
    pub(crate) fn of(&self, account: usize) -> Vec<ApiKey> {
        let mut keys: Vec<ApiKey> = self
            .keys
            .values()
            .filter(|(owner, _)| *owner == account)
            .map(|(_, key)| key.clone())
            .collect();
        keys.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        keys
    }

    /// Who signed the text on a socket's `auth` event.
    pub(crate) fn on_socket(
        &self,
        key: &str,
        timestamp: &str,
        signed: &str,
        client: IpAddr,
        clock: &Window,
    ) -> Result<usize, Reject> {
        let (account, key) = self.find(Some(key)).ok_or_else(Reject::unauthorised)?;
        clock.check(timestamp)?;
        let text = format!("|{timestamp}");
        if !signature::verify(&key.secret, text.as_bytes(), signed) || !key.allows(client) {
            return Err(Reject::unauthorised());
        }
        if !key.permissions.read {
            return Err(Reject::unauthorised());
        }
        Ok(account)
    }
}

/// The venue's time, and how far a request's may be from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) now: i64,
    pub(crate) window_ms: i64,
}

impl Window {
    /// Refuses a timestamp that is malformed or too far from the venue's.
    pub(crate) fn check(&self, timestamp: &str) -> Result<(), Reject> {
        let digits = timestamp.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || timestamp.len() != TIMESTAMP_DIGITS {
            return Err(Reject::format());
        }
        let sent: i64 = timestamp.parse().map_err(|_| Reject::format())?;
        if self.now.saturating_sub(sent).saturating_abs() > self.window_ms {
            return Err(Reject::unauthorised());
        }
        Ok(())
    }
}

/// Refuses a request that its endpoint does not let in.
pub(crate) fn admit<'a>(
    keys: &'a KeyRing,
    route: &Route,
    reading: &Reading,
    client: IpAddr,
    clock: &Window,
) -> Result<Option<(usize, &'a ApiKey)>, Reject> {
    if let Some(name) = &reading.repeated {
        // What the venue does with a repeated parameter is unverified.
        return Err(Reject::invalid(format!("{name} was sent more than once")));
    }
    if reading.malformed {
        return Err(Reject::invalid("The request body is not a JSON object."));
    }
    if route.right == Right::Public {
        return Ok(None);
    }
    let text = reading.key.as_deref().unwrap_or_default();
    let signed = reading.signature.as_deref().unwrap_or_default();
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > MAX_KEY || !printable || hex::decode(signed).is_err() {
        return Err(Reject::format());
    }
    let (account, key) = keys.find(Some(text)).ok_or_else(Reject::unauthorised)?;
    clock.check(reading.timestamp.as_deref().unwrap_or_default())?;
    let genuine = reading.texts.iter().any(|text| signature::verify(&key.secret, text, signed));
    let held = match route.right {
        Right::Public => true,
        Right::Read => key.permissions.read,
        Right::Trade => key.permissions.trade,
        Right::Withdraw => key.permissions.withdrawal,
    };
    if !genuine || !key.allows(client) || !held {
        return Err(Reject::unauthorised());
    }
    Ok(Some((account, key)))
}
