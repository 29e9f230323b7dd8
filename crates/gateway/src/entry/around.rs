//! What was seen of a request beside what it asked for, and what detectors
//! said of it.

use judge::{Alarm, Surroundings};

use super::Json;

/// The detectors' inputs; the address is the entry's `peer`.
pub(super) fn inputs(around: &Surroundings<'_>, json: &mut Json<'_>) {
    if around.approved {
        json.flag("approved", true);
    }
    if !around.client.is_empty() {
        json.text("client", around.client);
    }
    if let Some(certificate) = &around.certificate {
        json.hex("certificate_sha256", certificate);
    }
    if let Some(price) = around.asset_in_usd {
        json.nested("asset_in_usd", |json| {
            json.decimal("bid", &price.bid);
            json.decimal("ask", &price.ask);
            json.decimal("mid", &price.mid);
            json.number("at_ns", price.at.0);
        });
    }
    if let Some(slow) = around.slow_price {
        json.decimal("slow_price", &slow.price);
        json.number("slow_price_venues", u64::from(slow.venues));
    }
    if let Some(evidence) = around.pump {
        json.text("pump", evidence);
    }
    let elsewhere = around.elsewhere;
    if elsewhere.accounts_to_destination > 0 {
        json.number("accounts_to_destination", u64::from(elsewhere.accounts_to_destination));
    }
    if elsewhere.trades_with_own > 0 {
        json.number("trades_with_own", u64::from(elsewhere.trades_with_own));
    }
}

/// What detectors said.
pub(super) fn alarm(alarm: &Alarm, json: &mut Json<'_>) {
    json.number("score", u64::from(alarm.score));
    json.text("response", alarm.response.name());
    json.list("alerts", &alarm.alerts, |alert, json| {
        json.text("detector", alert.detector.name());
        json.number("points", u64::from(alert.points));
        json.text("evidence", &alert.evidence);
    });
}
