//! What is seen of a request beside what it asks for.

use judge::{Surroundings, UnixNanos};
use wire::model::Operation;

use super::{Ready, needs_price};
use crate::gateway::{AccountGroup, Gateway};
use crate::http::request::Field;
use crate::pipeline::accept::Arrival;

/// What is seen of a request beside what it asks for.
pub(super) fn surroundings<'a>(
    gateway: &Gateway,
    group: &AccountGroup,
    ready: &Ready,
    arrival: &Arrival<'a>,
    pump: Option<&'a str>,
    now: UnixNanos,
) -> Surroundings<'a> {
    let intent = &ready.intent;
    let seen = Surroundings {
        approved: ready.granted.is_some(),
        peer: arrival.peer.address,
        certificate: arrival.peer.certificate,
        client: client(arrival),
        ..Surroundings::default()
    };
    if let Operation::Withdraw(out) = &intent.operation {
        let asset_in_usd = gateway.prices.asset_in_usd(&out.asset, group.venue, now);
        let elsewhere = gateway.all_accounts.elsewhere(&group.name, intent, now);
        return Surroundings { asset_in_usd, elsewhere, ..seen };
    }
    let market = intent.symbol().filter(|_| needs_price(intent.class));
    let Some(market) = market else { return seen };
    Surroundings {
        slow_price: gateway.slow_prices.of(market),
        pump,
        elsewhere: gateway.all_accounts.elsewhere(&group.name, intent, now),
        ..seen
    }
}

/// The client library as it names itself, cut to what is kept.
fn client<'a>(arrival: &Arrival<'a>) -> &'a str {
    let text = arrival.field(Field::UserAgent).unwrap_or_default();
    let end = text.floor_char_boundary(judge::bounds::CLIENT_BYTES);
    text.get(..end).unwrap_or_default()
}
