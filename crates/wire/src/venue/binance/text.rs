//! What goes to the signer: the same parameters in the same order.
//!
//! INVARIANT (one reading): the text is re-encoded from the parse that was
//! judged, never passed on as it came.

use super::ids;
use super::listed::{Listed, Reading, Security};
use super::params::ParamText;
use super::read::is_client_id;
use super::{Received, Refusal, RefusalCode};
use crate::json;
use crate::model::Intent;

/// The text that the signer is asked for: the request's parameters with the
/// given client order ids added where the bot gave none. `timestamp` stays in
/// its place (the signer overwrites it); there is no `signature`.
///
/// `client_order_ids` are pairs of parameter name and id, as
/// [`super::ids::missing`] names them.
///
/// # Errors
/// An id that is no client order id, one that the bot gave itself, or a request
/// without a timestamp that needs one: a mistake of the caller.
pub fn text_to_sign(
    received: &Received,
    _intent: &Intent,
    client_order_ids: &[(&str, &str)],
) -> Result<ParamText, Refusal> {
    let mut text = received.params.clone();
    for (name, id) in client_order_ids {
        let known = ids::required(received.endpoint).contains(name);
        if !is_client_id(id) || text.has(name) || !known {
            return Err(Refusal::of(
                RefusalCode::Malformed,
                name,
                "cannot be given to this request",
            ));
        }
        ids::give(&mut text, name, id)?;
    }
    let holds_json = matches!(
        received.endpoint.reading,
        Reading::Batch | Reading::AmendBatch | Reading::CancelMany
    );
    let of_json = |listed: &&Listed| holds_json && listed.form.is_json();
    for listed in received.endpoint.parameters.iter().filter(of_json) {
        if let Some(value) = text.get(listed.name) {
            let value = json::parse(value.as_bytes()).map_err(|error| {
                Refusal::of(RefusalCode::Malformed, listed.name, error.kind.text())
            })?;
            text.set(listed.name, &value.canonical())?;
        }
    }
    if received.security == Security::Signed && !text.has("timestamp") {
        return Err(Refusal::of(RefusalCode::Malformed, "timestamp", "was not sent"));
    }
    Ok(text)
}
