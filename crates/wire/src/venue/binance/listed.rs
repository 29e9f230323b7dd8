//! The closed parameter tables of the endpoints that are let through.
//!
//! Each listed parameter has a form ([`Form`]) and a weight ([`Weight`]); an
//! unlisted one is refused by name. Sources: the vendor's SDK
//! (`binance-sdk-spot` 13.2, `binance-sdk-wallet` 13.7), ccxt 4.5.90,
//! python-binance 1.0.37.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::endpoints::{self, HostGroup};
use crate::model::{Class, Effect, Product};

mod derived;
pub(super) mod futures;
mod orders;
mod reads;
mod value;

/// What an endpoint asks of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Security {
    /// Nothing.
    Public,
    /// The `X-MBX-APIKEY` header alone.
    KeyOnly,
    /// Header, timestamp and signature.
    Signed,
}

/// Which weight a listed parameter has in a judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weight {
    /// Changes nothing that a limit or a policy looks at.
    Inert,
    /// Part of the intent: which order, how much, where to.
    Risk,
    /// Would make the request another kind of thing, or one whose risk cannot
    /// be read from the text: known, and refused by name with its reason.
    ClassChanging(&'static str),
    /// Inert but for one value, which would make it another kind of thing:
    /// refused with its reason.
    ClassChangingValue(&'static str, &'static str),
}

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A market: upper-case letters (of any script), digits, `-`, `_`, `.`.
    Symbol,
    /// An asset or network: letters, digits, `-`, `_`, `.`.
    Asset,
    /// A positive canonical decimal: no sign, exponent or leading zero, at most
    /// 16 decimals.
    Amount,
    /// An unsigned integer without leading zeros.
    Integer,
    /// `true` or `false`, in the capitalisations that clients send.
    Boolean,
    /// One of these words, exactly.
    OneOf(&'static [&'static str]),
    /// `^[a-zA-Z0-9-_]{1,36}$`, plus `.:/` as older ids have.
    ClientId,
    /// A destination: printable ASCII without spaces.
    Address,
    /// Free text without controls.
    Text,
    /// Unix time in milliseconds or microseconds.
    Time,
    /// A JSON list of orders, each with a closed table of its own.
    Orders,
    /// A JSON list of whole numbers.
    Integers,
    /// A JSON list of client order ids.
    ClientIds,
}

impl Form {
    /// Whether the value is JSON, which ccxt sends without percent-encoding.
    pub const fn is_json(self) -> bool {
        matches!(self, Self::Orders | Self::Integers | Self::ClientIds)
    }
}

/// One parameter of one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// Its exact name.
    pub name: &'static str,
    /// What its value must look like.
    pub form: Form,
    /// Whether the endpoint needs it.
    pub mandatory: bool,
    /// Its weight.
    pub weight: Weight,
}

/// How an endpoint's parameters become an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// `Operation::Read`.
    Read,
    /// A single order; with `test` only checked.
    Single {
        /// `order/test`.
        test: bool,
    },
    /// Amend, keeping priority.
    Amend,
    /// Cancel one order.
    Cancel,
    /// Cancel one list.
    CancelList,
    /// Cancel everything of a market.
    CancelAll,
    /// Cancel and replace.
    CancelReplace,
    /// The legacy one-cancels-other pair: `price` and `stopPrice`.
    LegacyOco,
    /// One cancels the other: above and below.
    Oco,
    /// One triggers the other.
    Oto,
    /// One triggers a pair.
    Otoco,
    /// A withdrawal.
    Withdraw,
    /// A transfer between own wallets.
    Transfer,
    /// An order for USD-M futures; with `test` only checked.
    Future {
        /// `order/test`.
        test: bool,
    },
    /// An order for USD-M futures that waits for a trigger.
    Conditional,
    /// Several orders for USD-M futures in one parameter.
    Batch,
    /// New price and quantity for a futures order.
    AmendFuture,
    /// The same for several.
    AmendBatch,
    /// Cancel several futures orders.
    CancelMany,
    /// Cancel an order that waits for a trigger.
    CancelConditional,
    /// Set leverage.
    Leverage,
    /// Add margin to a position, or take some away.
    Margin,
    /// Change another setting of the account.
    Setting,
    /// Answered by the gateway itself; nothing goes upstream.
    Local,
    /// Never let through for a bot, its parameters not read, for this reason.
    Withheld(&'static str),
    /// Known to the endpoint table and classed there, its parameters not read,
    /// never let through.
    Refused,
}

/// An endpoint that this version knows by heart.
#[derive(Debug)]
pub struct Served {
    /// `METHOD /path`, as the endpoint table and the log write it.
    pub name: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path, exact.
    pub path: &'static str,
    /// What it asks of the caller at least.
    pub security: Security,
    /// The kind of thing it does.
    pub class: Class,
    /// What it does at worst.
    pub effect: Effect,
    /// How it is read.
    pub reading: Reading,
    /// Its parameters, without `timestamp`, `recvWindow` and `signature`.
    pub parameters: &'static [Listed],
}

impl Served {
    /// The hosts that it belongs to; `None` for a path outside them.
    pub fn host_group(&self) -> Option<HostGroup> {
        let group = if self.is_frame() {
            self.name.split(' ').next()
        } else {
            self.path.strip_prefix('/')?.split('/').next()
        };
        HostGroup::from_name(group?)
    }

    /// What is traded there: which market its `symbol` means.
    pub fn product(&self) -> Product {
        if self.path.starts_with("/fapi/") || self.name.starts_with("ws-fapi ") {
            Product::UsdFutures
        } else {
            Product::Spot
        }
    }

    /// Whether it is a method of the WebSocket API, and not of REST.
    pub const fn is_frame(&self) -> bool {
        self.method.is_empty()
    }

    /// What it asks of a stream key, where it is about one of spot or of USD-M
    /// futures. (The venue itself took spot's out of service in 2025; libraries
    /// that still ask for them, such as nautilus_trader 1.221, go on here.)
    pub fn stream_key(&self) -> Option<(Product, StreamKeyAsk)> {
        use StreamKeyAsk::{Close, KeepAlive, Start};
        let ask = match self.name {
            "POST /fapi/v1/listenKey" | "ws-fapi userDataStream.start" => Start,
            "PUT /fapi/v1/listenKey" | "ws-fapi userDataStream.ping" => KeepAlive,
            "DELETE /fapi/v1/listenKey" | "ws-fapi userDataStream.stop" => Close,
            "POST /api/v3/userDataStream" => return Some((Product::Spot, Start)),
            "PUT /api/v3/userDataStream" => return Some((Product::Spot, KeepAlive)),
            "DELETE /api/v3/userDataStream" => return Some((Product::Spot, Close)),
            _ => return None,
        };
        Some((Product::UsdFutures, ask))
    }

    /// Whether its parameters are read at all: otherwise only the attempt is.
    pub const fn is_read(&self) -> bool {
        !matches!(self.reading, Reading::Refused | Reading::Withheld(_))
    }

    /// The listed parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&'static Listed> {
        self.parameters.iter().find(|listed| listed.name == name)
    }
}

/// What is asked of a stream key (`listenKey`): who holds it hears an account's
/// events without the account's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKeyAsk {
    /// Give it, and let it live for an hour from now.
    Start,
    /// Let it live for an hour from now.
    KeepAlive,
    /// End it.
    Close,
}

/// The tables that were written by hand.
pub fn written() -> impl Iterator<Item = &'static Served> {
    orders::SERVED.iter().chain(reads::SERVED).chain(futures::SERVED).chain(value::SERVED)
}

/// The reads that are made from the endpoint table.
static DERIVED: LazyLock<Vec<Served>> = LazyLock::new(|| {
    derived::reads(|endpoint| {
        written().any(|row| row.path == endpoint.path && row.method == endpoint.method)
    })
});

/// Every endpoint with a closed table, the busiest first.
pub fn all() -> impl Iterator<Item = &'static Served> {
    written().chain(DERIVED.iter())
}

/// Every endpoint, let through or not, by path: few methods share one.
static BY_PATH: LazyLock<HashMap<&'static str, Vec<&'static Served>>> = LazyLock::new(|| {
    let mut by_path: HashMap<&'static str, Vec<&'static Served>> = HashMap::new();
    for endpoint in all().chain(REFUSED.iter()) {
        by_path.entry(endpoint.path).or_default().push(endpoint);
    }
    by_path
});

/// The endpoint with exactly this method and path, where it is let through.
pub fn served(method: &str, path: &str) -> Option<&'static Served> {
    known(method, path).filter(|endpoint| endpoint.reading != Reading::Refused)
}

/// The endpoint with exactly this method and path, let through or not: one that
/// only the endpoint table knows has its class and [`Reading::Refused`].
pub fn known(method: &str, path: &str) -> Option<&'static Served> {
    BY_PATH.get(path)?.iter().find(|endpoint| endpoint.method == method).copied()
}

/// What the endpoint table knows and no closed table describes.
static REFUSED: LazyLock<Vec<Served>> = LazyLock::new(|| {
    let has_table: std::collections::HashSet<(&str, &str)> =
        all().map(|row| (row.method, row.path)).collect();
    endpoints::all()
        .iter()
        .filter(|endpoint| endpoint.surface == endpoints::Surface::Rest)
        .filter(|endpoint| !has_table.contains(&(endpoint.method, endpoint.path)))
        .map(|endpoint| Served {
            name: &endpoint.name,
            method: endpoint.method,
            path: endpoint.path,
            security: endpoint.security,
            class: endpoint.class,
            effect: endpoint.effect,
            reading: Reading::Refused,
            parameters: &[],
        })
        .collect()
});

/// The methods of a subscription and of a stream key, WebSocket.
pub(super) const SUBSCRIPTION: &[Listed] = &[risk("subscriptionId", Form::Integer)];
pub(super) const LISTEN_KEY: &[Listed] = &[risk("listenKey", Form::Text)];

const fn risk(name: &'static str, form: Form) -> Listed {
    Listed { name, form, mandatory: false, weight: Weight::Risk }
}

const fn needed(name: &'static str, form: Form) -> Listed {
    Listed { name, form, mandatory: true, weight: Weight::Risk }
}

const fn inert(name: &'static str, form: Form) -> Listed {
    Listed { name, form, mandatory: false, weight: Weight::Inert }
}

const fn changing(name: &'static str, reason: &'static str) -> Listed {
    Listed { name, form: Form::Text, mandatory: false, weight: Weight::ClassChanging(reason) }
}

/// Joins the parts of a table at compile time.
const fn join<const N: usize>(parts: &[&[Listed]]) -> [Listed; N] {
    let mut out = [needed("", Form::Symbol); N];
    let mut at = 0;
    let mut part = 0;
    while part < parts.len() {
        let mut i = 0;
        #[expect(
            clippy::indexing_slicing,
            reason = "evaluated at compile time only: out of bounds would not build"
        )]
        while i < parts[part].len() {
            out[at] = parts[part][i];
            at += 1;
            i += 1;
        }
        part += 1;
    }
    assert!(at == N, "the length of the joined table");
    out
}

/// Builds one row; the name is made of method and path, so that they agree.
macro_rules! row {
    ($method:literal, $path:literal, $security:ident, $class:ident, $effect:ident, $reading:expr, $parameters:expr) => {
        $crate::venue::binance::listed::Served {
            name: concat!($method, " ", $path),
            method: $method,
            path: $path,
            security: $crate::venue::binance::listed::Security::$security,
            class: $crate::model::Class::$class,
            effect: $crate::model::Effect::$effect,
            reading: $reading,
            parameters: $parameters,
        }
    };
}
use row;

#[cfg(test)]
mod tests;
