//! The closed parameter tables of the endpoints that are let through.
//!
//! Each listed parameter has a form ([`Form`]) and a weight ([`Weight`]); an
//! unlisted one is refused by name. Sources: the vendor's SDK
//! (`binance-sdk-spot` 13.2, `binance-sdk-wallet` 13.7), ccxt 4.5.90,
//! python-binance 1.0.37.

use std::sync::LazyLock;

use super::endpoints;
use crate::model::{Class, Effect};

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
    /// Answered by the gateway itself; nothing goes upstream.
    Local,
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
    /// The listed parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&'static Listed> {
        self.parameters.iter().find(|listed| listed.name == name)
    }
}

/// Every endpoint with a closed table, the busiest first.
pub fn all() -> impl Iterator<Item = &'static Served> {
    orders::SERVED.iter().chain(reads::SERVED).chain(value::SERVED)
}

/// The endpoint with exactly this method and path, where it is let through.
pub fn served(method: &str, path: &str) -> Option<&'static Served> {
    all().find(|endpoint| endpoint.path == path && endpoint.method == method)
}

/// The endpoint with exactly this method and path, let through or not: one that
/// only the endpoint table knows has its class and [`Reading::Refused`].
pub fn known(method: &str, path: &str) -> Option<&'static Served> {
    served(method, path).or_else(|| {
        REFUSED.iter().find(|endpoint| endpoint.path == path && endpoint.method == method)
    })
}

/// What the endpoint table knows and no closed table describes.
static REFUSED: LazyLock<Vec<Served>> = LazyLock::new(|| {
    endpoints::all()
        .iter()
        .filter(|endpoint| endpoint.surface == endpoints::Surface::Rest)
        .filter(|endpoint| served(endpoint.method, endpoint.path).is_none())
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
