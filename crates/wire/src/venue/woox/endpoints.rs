//! Every private endpoint of the venue: one reviewed line each, loaded from two
//! checked-in tables.
//!
//! `endpoints.tsv` holds the 109 REST endpoints that clients know;
//! `endpoints_more.tsv` those that only the venue's documents know, and the
//! login of the private stream. `endpoints.md` says what the columns mean and
//! where they come from. A broken line makes the whole table unusable:
//! [`check`] says so at start, [`all`] is then empty, and what no endpoint takes
//! is never signed.

mod load;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::Scheme;
use super::listed::path_values;
use crate::model::{Class, Effect, Right};

pub use crate::venue::binance::endpoints::{Domain, ParameterRule};
pub use load::TableError;

/// What makes an endpoint more dangerous than its plain [`Endpoint::effect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raise {
    /// The effect it then has.
    pub effect: Effect,
    /// A parameter of this name ...
    pub name: &'static str,
    /// ... whose value starts like this.
    pub value: &'static str,
}

/// One endpoint of the venue.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Method and path, as logs name it (`POST /v3/trade/order`).
    pub name: String,
    /// How it is signed.
    pub scheme: Scheme,
    /// The HTTP method; empty for the stream's login.
    pub method: &'static str,
    /// The full path, with its variable parts in braces.
    pub path: &'static str,
    /// The mandatory parameters beside those in the path: each entry a list of
    /// alternatives, of which one suffices. `None` where no source gives them.
    pub mandatory: Option<Vec<Vec<ParameterRule>>>,
    /// Further parameters that a source names; empty says nothing.
    pub optional: Vec<&'static str>,
    /// The right that goes with what it does. The venue publishes no such list,
    /// so that no endpoint drops out of a text's meanings by it.
    pub right: Right,
    /// How dangerous it is.
    pub effect: Effect,
    /// What makes it worse.
    pub raise: Option<Raise>,
    /// What kind of thing it does.
    pub class: Class,
    /// Where the parameters come from, or `unsourced`.
    pub source: &'static str,
    /// The reviewer's remark.
    pub note: &'static str,
    /// Whether it is among the 109 REST endpoints that clients know.
    pub listed: bool,
}

impl Endpoint {
    /// Whether a source gives its parameters. Where none does, a request for
    /// it is refused, and it takes no part in what a text could mean.
    pub const fn is_sourced(&self) -> bool {
        self.mandatory.is_some()
    }
}

static TABLE: LazyLock<Result<Vec<Endpoint>, TableError>> = LazyLock::new(load::tables);

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
    TABLE.as_ref().map_or(&[], Vec::as_slice)
}

/// The endpoint of that method and path; a path without variable parts goes
/// before one with.
pub fn find(method: &str, path: &str) -> Option<&'static Endpoint> {
    let of_method = || all().iter().filter(|endpoint| endpoint.method == method);
    of_method()
        .find(|endpoint| endpoint.path == path)
        .or_else(|| of_method().find(|endpoint| path_values(endpoint.path, path).is_some()))
}

/// The endpoints that no source describes: refused as requests, left out of
/// what a text could mean.
pub fn unsourced() -> impl Iterator<Item = &'static Endpoint> {
    all().iter().filter(|endpoint| !endpoint.is_sourced())
}
