//! Client ids: which parameters name the orders or the withdrawal of a request.
//!
//! Every order and withdrawal that is signed has one, so that one whose answer
//! was lost can be asked for by it, and a withdrawal that is sent twice leaves
//! once. Where the bot gave none, the gateway does.

use super::listed::{Reading, Served};
use super::params::ParamText;

/// The parameters that name the orders (and the list) or the withdrawal of a
/// request to this endpoint; empty where it makes none. Legs that a request may leave out are
/// told by [`missing`].
pub fn required(endpoint: &Served) -> &'static [&'static str] {
    match endpoint.reading {
        Reading::Single { .. } | Reading::CancelReplace | Reading::Amend => &["newClientOrderId"],
        Reading::LegacyOco => &["listClientOrderId", "limitClientOrderId", "stopClientOrderId"],
        Reading::Oco => &["listClientOrderId", "aboveClientOrderId", "belowClientOrderId"],
        Reading::Oto => &["listClientOrderId", "workingClientOrderId", "pendingClientOrderId"],
        Reading::Otoco => &[
            "listClientOrderId",
            "workingClientOrderId",
            "pendingAboveClientOrderId",
            "pendingBelowClientOrderId",
        ],
        // Any text will do for the venue; it remembers those it has seen.
        Reading::Withdraw => &["withdrawOrderId"],
        Reading::Read
        | Reading::Cancel
        | Reading::CancelList
        | Reading::CancelAll
        | Reading::Transfer
        | Reading::Local
        | Reading::Refused => &[],
    }
}

/// Those of them that this request needs and does not have: the gateway adds
/// them through [`super::text_to_sign`].
pub fn missing<'p>(
    endpoint: &Served,
    params: &'p ParamText,
) -> impl Iterator<Item = &'static str> + use<'p> {
    required(endpoint).iter().copied().filter(|name| {
        let leg_left_out = *name == "pendingBelowClientOrderId" && !params.has("pendingBelowType");
        !leg_left_out && !params.has(name)
    })
}
