//! Client ids: which parameters name the orders of a request.
//!
//! Every order that is signed has one, so that one whose answer was lost can be
//! asked for by it. Where the bot gave none, the gateway does. The venue's are
//! whole numbers from 1 to 9223372036854775807, unique among open orders, and
//! counted apart for ordinary and for algo orders. A withdrawal has none.

use super::listed::{Reading, Scheme, Served};
use super::params::Params;

pub use super::read::is_client_id;

/// The parameters that name the orders of a request to this endpoint; empty
/// where it makes none.
pub fn required(endpoint: &Served) -> &'static [&'static str] {
    match (endpoint.reading, endpoint.scheme) {
        (Reading::Order, Scheme::V1) => &["client_order_id"],
        (Reading::Order, _) => &["clientOrderId"],
        (Reading::Algo, _) => &["clientAlgoOrderId"],
        _ => &[],
    }
}

/// Those of them that this request needs and does not have: the gateway adds
/// them through [`super::text_to_sign`].
pub fn missing<'p>(
    endpoint: &Served,
    params: &'p Params,
) -> impl Iterator<Item = &'static str> + use<'p> {
    required(endpoint).iter().copied().filter(|name| !params.has(name))
}
