//! The closed parameter tables of the endpoints that are read.
//!
//! Each listed parameter has a form ([`Form`]) and a weight ([`Weight`]); an
//! unlisted one is refused by name. Sources: the venue's documents
//! (developer.woox.io for version 3, wootrade-documents for version 1 and the
//! legacy paths) and what ccxt 4.5.90 sends.

use std::sync::LazyLock;

use super::endpoints;
use crate::model::{Class, Effect};

mod orders;
mod reads;
#[cfg(test)]
mod tests;
mod value;

pub use crate::venue::binance::listed::Weight;

/// How the venue signs an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Sorted parameters, `|`, time.
    V1,
    /// Time, method, path with query, body.
    V3,
    /// The login of a private WebSocket stream: `|` and time, which is what
    /// version 1 signs where there are no parameters.
    Stream,
}

impl Scheme {
    /// The name that the endpoint table uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V3 => "v3",
            Self::Stream => "stream",
        }
    }
}

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A market: `SPOT_` or `PERP_`, then upper-case letters, digits, `_`.
    Symbol,
    /// An asset or network: letters, digits, `-`, `_`, `.`.
    Asset,
    /// A positive canonical decimal: no sign, exponent or leading zero.
    Amount,
    /// An amount, or zero.
    AmountOrZero,
    /// An unsigned integer without leading zeros.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// One of these words, exactly.
    OneOf(&'static [&'static str]),
    /// A client order id: 1 to 9223372036854775807 in digits.
    ClientId,
    /// A destination: printable ASCII without spaces.
    Address,
    /// Free text without controls.
    Text,
    /// A share as a decimal (`0.1` is 10 %).
    Ratio,
    /// An object with an `applicationId` alone.
    Application,
    /// Attached orders.
    Orders,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In query or body.
    Sent,
    /// In the path.
    Path,
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
    /// Where it stands.
    pub place: Place,
}

/// How an endpoint's parameters become an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// `Operation::Read`.
    Read,
    /// A single order.
    Order,
    /// A triggered order, or several that hang together.
    Algo,
    /// A change of price or size.
    Modify,
    /// Cancel one order.
    Cancel,
    /// Cancel everything of a market, or of the account where none is named.
    CancelAll,
    /// A withdrawal.
    Withdraw,
    /// A transfer between own accounts.
    Transfer,
    /// Another movement: the names of asset and amount.
    Movement(&'static str, &'static str),
    /// A setting.
    Setting,
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
    /// The path, exact but for the parts in braces.
    pub path: &'static str,
    /// How it is signed.
    pub scheme: Scheme,
    /// The kind of thing it does.
    pub class: Class,
    /// What it does at worst.
    pub effect: Effect,
    /// How it is read.
    pub reading: Reading,
    /// Its parameters.
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

/// The endpoint of this method and path, where it has a closed table.
pub fn served(method: &str, path: &str) -> Option<&'static Served> {
    pick(all, method, path)
}

/// The endpoint of this method and path, let through or not: one that only the
/// endpoint table knows has its class and [`Reading::Refused`].
pub fn known(method: &str, path: &str) -> Option<&'static Served> {
    served(method, path).or_else(|| pick(|| REFUSED.iter(), method, path))
}

/// A path without parts in braces goes before one with.
fn pick<I: Iterator<Item = &'static Served>>(
    endpoints: impl Fn() -> I,
    method: &str,
    path: &str,
) -> Option<&'static Served> {
    let of_method = || endpoints().filter(|endpoint| endpoint.method == method);
    of_method()
        .find(|endpoint| endpoint.path == path)
        .or_else(|| of_method().find(|endpoint| path_values(endpoint.path, path).is_some()))
}

/// The names and values of the parts in braces, where the path has that shape:
/// each such part is one segment of letters, digits and `_`.
pub fn path_values<'p>(
    pattern: &'static str,
    path: &'p str,
) -> Option<Vec<(&'static str, &'p str)>> {
    let mut values = Vec::new();
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        let segment = segments.next()?;
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            None if wanted == segment => {}
            Some(name) if is_path_value(segment) => values.push((name, segment)),
            _ => return None,
        }
    }
    segments.next().is_none().then_some(values)
}

fn is_path_value(segment: &str) -> bool {
    (1..=crate::limits::NAME_BYTES).contains(&segment.len())
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The login of a private stream, which no request is.
static STREAM_LOGIN: LazyLock<Option<Served>> = LazyLock::new(|| {
    let endpoint = endpoints::all().iter().find(|one| one.scheme == Scheme::Stream)?;
    Some(Served {
        name: &endpoint.name,
        method: endpoint.method,
        path: endpoint.path,
        scheme: endpoint.scheme,
        class: endpoint.class,
        effect: endpoint.effect,
        reading: Reading::Read,
        parameters: &[],
    })
});

/// The row of the login of a private stream.
pub(super) fn stream_login() -> Option<&'static Served> {
    STREAM_LOGIN.as_ref()
}

/// What the endpoint table knows and no closed table describes.
static REFUSED: LazyLock<Vec<Served>> = LazyLock::new(|| {
    let described = |endpoint: &endpoints::Endpoint| {
        all().any(|served| served.method == endpoint.method && served.path == endpoint.path)
    };
    endpoints::all()
        .iter()
        .filter(|endpoint| endpoint.scheme != Scheme::Stream && !described(endpoint))
        .map(|endpoint| Served {
            name: &endpoint.name,
            method: endpoint.method,
            path: endpoint.path,
            scheme: endpoint.scheme,
            class: endpoint.class,
            effect: endpoint.effect,
            reading: Reading::Refused,
            parameters: &[],
        })
        .collect()
});

const fn listed(name: &'static str, form: Form, mandatory: bool, weight: Weight) -> Listed {
    Listed { name, form, mandatory, weight, place: Place::Sent }
}

const fn risk(name: &'static str, form: Form) -> Listed {
    listed(name, form, false, Weight::Risk)
}

const fn needed(name: &'static str, form: Form) -> Listed {
    listed(name, form, true, Weight::Risk)
}

const fn inert(name: &'static str, form: Form) -> Listed {
    listed(name, form, false, Weight::Inert)
}

const fn changing(name: &'static str, reason: &'static str) -> Listed {
    listed(name, Form::Text, false, Weight::ClassChanging(reason))
}

const fn in_path(name: &'static str, form: Form) -> Listed {
    Listed { name, form, mandatory: true, weight: Weight::Risk, place: Place::Path }
}

/// Builds one row; the name is made of method and path, so that they agree.
macro_rules! row {
    ($scheme:ident, $method:literal, $path:literal, $class:ident, $effect:ident, $reading:expr, $parameters:expr) => {
        $crate::venue::woox::listed::Served {
            name: concat!($method, " ", $path),
            method: $method,
            path: $path,
            scheme: $crate::venue::woox::listed::Scheme::$scheme,
            class: $crate::model::Class::$class,
            effect: $crate::model::Effect::$effect,
            reading: $reading,
            parameters: $parameters,
        }
    };
}
use row;
