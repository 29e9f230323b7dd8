//! Every private endpoint of the venue, on every host, REST and WebSocket: one
//! reviewed line each, loaded from two checked-in tables.
//!
//! `endpoints.tsv` holds the 727 REST endpoints that clients know, and the
//! WebSocket methods; `endpoints_more.tsv` holds those that mostly the vendor's
//! own libraries know. `endpoints.md` says what the columns mean and where
//! they come from. A broken line makes the whole table unusable: [`check`]
//! says so at start, [`all`] is then empty, and what no endpoint takes is
//! never signed.

mod load;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Security;
use crate::model::{Class, Effect, Right};

pub use load::TableError;

/// How a request reaches the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Surface {
    /// HTTP.
    Rest,
    /// The WebSocket API.
    WebSocket,
}

/// The hosts that serve one family of endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostGroup {
    /// Spot, `/api`.
    Api,
    /// Wallet, margin, earn and the rest, `/sapi`.
    Sapi,
    /// USD-M futures, `/fapi`.
    Fapi,
    /// COIN-M futures, `/dapi`.
    Dapi,
    /// European options, `/eapi`.
    Eapi,
    /// Portfolio margin, `/papi`.
    Papi,
    /// Spot WebSocket API.
    WsApi,
    /// USD-M futures WebSocket API.
    WsFapi,
    /// COIN-M futures WebSocket API.
    WsDapi,
}

impl HostGroup {
    /// Every group.
    pub const ALL: [Self; 9] = [
        Self::Api,
        Self::Sapi,
        Self::Fapi,
        Self::Dapi,
        Self::Eapi,
        Self::Papi,
        Self::WsApi,
        Self::WsFapi,
        Self::WsDapi,
    ];

    /// The name that the table uses; for REST also the first path segment.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Sapi => "sapi",
            Self::Fapi => "fapi",
            Self::Dapi => "dapi",
            Self::Eapi => "eapi",
            Self::Papi => "papi",
            Self::WsApi => "ws-api",
            Self::WsFapi => "ws-fapi",
            Self::WsDapi => "ws-dapi",
        }
    }

    /// The group of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    /// The production hosts of the group.
    pub const fn hosts(self) -> &'static [&'static str] {
        match self {
            Self::Api | Self::Sapi => &[
                "api.binance.com",
                "api-gcp.binance.com",
                "api1.binance.com",
                "api2.binance.com",
                "api3.binance.com",
                "api4.binance.com",
            ],
            Self::Fapi => &["fapi.binance.com"],
            Self::Dapi => &["dapi.binance.com"],
            Self::Eapi => &["eapi.binance.com"],
            Self::Papi => &["papi.binance.com"],
            Self::WsApi => &["ws-api.binance.com"],
            Self::WsFapi => &["ws-fapi.binance.com"],
            Self::WsDapi => &["ws-dapi.binance.com"],
        }
    }

    /// The surface that the group belongs to.
    pub const fn surface(self) -> Surface {
        match self {
            Self::WsApi | Self::WsFapi | Self::WsDapi => Surface::WebSocket,
            _ => Surface::Rest,
        }
    }
}

/// Which values of a parameter the venue could take. Where a source leaves
/// doubt the wider domain stands here: wider means more collisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// Anything but the empty text: text, symbol, asset, flag or list.
    Text,
    /// A whole number.
    Integer,
    /// A decimal number.
    Decimal,
    /// One of the names between the bars.
    OneOf(&'static str),
}

impl Domain {
    /// A value that the venue could take.
    pub fn example(self) -> &'static str {
        match self {
            Self::Text => "A",
            Self::Integer => "7",
            Self::Decimal => "0.5",
            Self::OneOf(names) => names.split('|').next().unwrap_or(names),
        }
    }
}

/// One parameter that an endpoint insists on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParameterRule {
    /// Its name, as the venue spells it.
    pub name: &'static str,
    /// What it may hold.
    pub domain: Domain,
}

/// What makes an endpoint more dangerous than its plain [`Endpoint::effect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raise {
    /// The effect it then has.
    pub effect: Effect,
    /// When.
    pub when: RaiseWhen,
}

/// When a [`Raise`] applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaiseWhen {
    /// A parameter of this name holds this value.
    Is(&'static str, &'static str),
    /// A parameter of this name is there and holds anything else.
    IsNot(&'static str, &'static str),
    /// The key has this right.
    Held(Right),
}

/// One endpoint of the venue.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Method and path, as logs name it (`POST /api/v3/order`); for WebSocket
    /// the host group and method (`ws-api order.place`).
    pub name: String,
    /// How it is reached.
    pub surface: Surface,
    /// Where.
    pub host_group: HostGroup,
    /// The HTTP method; empty for WebSocket.
    pub method: &'static str,
    /// The full path, or the WebSocket method without its version prefix
    /// unless the prefix selects another method.
    pub path: &'static str,
    /// What the venue asks for. Key-only covers a WebSocket method that takes
    /// a key, a token or a logged-on socket: a signed text adds nothing to it.
    pub security: Security,
    /// The mandatory parameters: each entry a list of alternatives, of which
    /// one suffices. `timestamp` and `signature` are implied. `None` where no
    /// source gives them.
    pub mandatory: Option<Vec<Vec<ParameterRule>>>,
    /// Further parameters that a source names; empty says nothing.
    pub optional: Vec<&'static str>,
    /// The right that the venue ties it to.
    pub right: Right,
    /// How dangerous it is.
    pub effect: Effect,
    /// What makes it worse.
    pub raise: Option<Raise>,
    /// What kind of thing it does.
    pub class: Class,
    /// Where the parameters come from, or `unsourced`.
    pub source: &'static str,
    /// The reviewer's remark; a reason for every harmless setting.
    pub note: &'static str,
    /// Whether it is among the 727 REST endpoints that clients know.
    pub listed: bool,
}

impl Endpoint {
    /// Whether a source gives its parameters. Where none does, a request for
    /// it is refused, and it takes no part in what a text could mean.
    pub const fn is_sourced(&self) -> bool {
        self.mandatory.is_some()
    }
}

struct Table {
    endpoints: Vec<Endpoint>,
    by_name: HashMap<(HostGroup, &'static str, &'static str), usize>,
}

static TABLE: LazyLock<Result<Table, TableError>> = LazyLock::new(|| {
    let endpoints = load::tables()?;
    let mut by_name = HashMap::with_capacity(endpoints.len());
    for (position, endpoint) in endpoints.iter().enumerate() {
        let key = (endpoint.host_group, endpoint.method, endpoint.path);
        if by_name.insert(key, position).is_some() {
            return Err(TableError::duplicate(&endpoint.name));
        }
    }
    Ok(Table { endpoints, by_name })
});

/// Whether the tables loaded. Call it at start.
///
/// # Errors
/// The first broken line: our fault, and nothing can be signed until a build
/// with a whole table runs.
pub fn check() -> Result<(), &'static TableError> {
    TABLE.as_ref().map(|_| ())
}

/// Every endpoint, in table order; empty if the tables are broken.
pub fn all() -> &'static [Endpoint] {
    TABLE.as_ref().map_or(&[], |table| table.endpoints.as_slice())
}

/// The endpoint of that host group, HTTP method (empty for WebSocket) and
/// full path or WebSocket method.
pub fn find(group: HostGroup, method: &str, path: &str) -> Option<&'static Endpoint> {
    let table = TABLE.as_ref().ok()?;
    // The map's keys are static; look up by a key of the caller's lifetime.
    let by_name: &HashMap<(HostGroup, &str, &str), usize> = &table.by_name;
    let position = by_name.get(&(group, method, path))?;
    table.endpoints.get(*position)
}

/// The REST endpoint of that method and path, whose first segment names the
/// host group.
pub fn find_rest(method: &str, path: &str) -> Option<&'static Endpoint> {
    let segment = path.strip_prefix('/')?.split('/').next()?;
    let group = HostGroup::from_name(segment)?;
    if method.is_empty() {
        return None;
    }
    find(group, method, path)
}

/// How many endpoints no source describes: refused as requests, left out of
/// what a text could mean.
pub fn unsourced_count() -> usize {
    unsourced().count()
}

/// The endpoints that no source describes.
pub fn unsourced() -> impl Iterator<Item = &'static Endpoint> {
    all().iter().filter(|endpoint| !endpoint.is_sourced())
}
