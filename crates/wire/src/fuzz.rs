//! Entries for fuzzers: bytes in, assertions on what every reader relies on.
//!
//! They are plain functions, so that tests feed them too.

use crate::model::Rights;
use crate::venue::binance::collide::{Reach, worst};
use crate::venue::binance::{
    ParamText, Products, RawRequest, errors, ids, orders_in, read, receive, text_to_sign,
};
use crate::venue::woox;

/// One request to Binance, as `METHOD path`, query and body on three lines
/// (the body runs to the end).
///
/// # Panics
/// When what was read does not read the same again: that is the finding.
pub fn binance_request(bytes: &[u8]) {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let (method, path) = text().split_once(' ').unwrap_or_default();
    let query = text();
    let raw = RawRequest {
        method,
        path,
        query: (!query.is_empty()).then_some(query),
        body: lines.next().unwrap_or_default(),
        content_type: Some("application/x-www-form-urlencoded"),
    };
    parameters(raw.body);
    let received = match receive(&raw) {
        Ok(received) => received,
        Err(refusal) => {
            assert!(errors::for_refusal(&refusal).http >= 400);
            return;
        }
    };
    let intent = match read(&received) {
        Ok(intent) => intent,
        Err(refusal) => {
            assert!(refusal.class == Some(received.endpoint.class));
            return;
        }
    };
    let takes_margin =
        matches!(intent.operation, crate::model::Operation::ChangeMargin { adds: false, .. });
    assert!(takes_margin || intent.class == received.endpoint.class);
    let given: Vec<(&str, &str)> =
        ids::missing(received.endpoint, &received.params).map(|name| (name, "given-1")).collect();
    if let Ok(text) = text_to_sign(&received, &intent, &given) {
        let canonical = text.canonical();
        let again = ParamText::parse_canonical(canonical.as_bytes());
        assert!(again.as_ref() == Ok(&text));
        assert!(!text.has("signature"));
        assert!(ids::missing(received.endpoint, &text).next().is_none());
        check_charges(&text, &intent);
    }
}

/// One request to WOO X, as `METHOD path`, query and body on three lines (the
/// body runs to the end).
///
/// # Panics
/// When what was read does not read the same again: that is the finding.
pub fn woox_request(bytes: &[u8]) {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let (method, path) = text().split_once(' ').unwrap_or_default();
    let query = text();
    let is_json = path.starts_with("/v3/");
    let raw = woox::RawRequest {
        method,
        path,
        query: (!query.is_empty()).then_some(query),
        body: lines.next().unwrap_or_default(),
        content_type: Some(if is_json {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        }),
        api_key: Some("AbmyVJGUpN064ks5ELjLfA=="),
        timestamp: Some("1795189989000"),
        signature: Some("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    };
    let received = match woox::receive(&raw) {
        Ok(received) => received,
        Err(refusal) => {
            assert!(woox::errors::for_refusal(&refusal).http >= 400);
            return;
        }
    };
    let Ok(intent) = woox::read(&received) else {
        return;
    };
    assert!(intent.class == received.endpoint.class);
    let given: Vec<(&str, &str)> = woox::ids::missing(received.endpoint, &received.params)
        .map(|name| (name, "4711"))
        .collect();
    if let Ok(text) = woox::text_to_sign(&received, &intent, &given) {
        woox_text(text.canonical().as_bytes());
        let worst = woox::collide::worst(&text).map(|worst| worst.effect);
        assert!(worst >= Some(received.endpoint.effect));
        let upstream = woox::Upstream::of(received.endpoint, &received.path, &text);
        assert!(upstream.is_ok());
        if let (Ok(charges), crate::model::Operation::Place(group)) =
            (woox::orders_in(&text), &intent.operation)
        {
            assert!(charges.len() == group.orders.len());
            assert!(charges.iter().zip(&group.orders).all(|(charge, order)| {
                charge.market == order.symbol
                    && charge.base == order.quantity
                    && charge.quote == order.quote_quantity
                    && charge.has_client_order_id
            }));
        }
    }
}

/// One text to sign of WOO X: what is read has one canonical form, which reads
/// as the same text, and is of one version only.
///
/// # Panics
/// As [`woox_request`].
pub fn woox_text(bytes: &[u8]) {
    let Ok(text) = woox::Text::parse(bytes) else {
        return;
    };
    let canonical = text.canonical();
    assert!(woox::Text::parse_canonical(canonical.as_bytes()).as_ref() == Ok(&text));
    let is_v3 = matches!(text, woox::Text::V3 { .. });
    assert!(canonical.starts_with(|first: char| first.is_ascii_digit()) == is_v3);
    let _ = woox::orders_in(&text);
    let _ = woox::collide::worst(&text);
}

/// One JSON body: its canonical form reads as the same object.
///
/// # Panics
/// As [`woox_request`].
pub fn woox_json(bytes: &[u8]) {
    let Ok(object) = woox::Object::parse(bytes) else {
        return;
    };
    let canonical = object.canonical();
    assert!(woox::Object::parse_canonical(canonical.as_bytes()).as_ref() == Ok(&object));
}

/// What is placed is charged: every leg, with at least its quantity.
fn check_charges(text: &ParamText, intent: &crate::model::Intent) {
    use crate::model::Operation;
    let orders = match &intent.operation {
        Operation::Place(group) => group.orders.as_slice(),
        Operation::CancelReplace(both) => std::slice::from_ref(&both.place),
        _ => return,
    };
    let Some(worst) = worst(text, Reach::everywhere(Rights::ALL)) else {
        // Nobody takes it, so nobody signs it.
        return;
    };
    let charges = orders_in(text, worst.products);
    assert!(charges.is_ok());
    let charges = charges.unwrap_or_default();
    assert!(charges.len() >= orders.len());
    for order in orders {
        assert!(charges.iter().any(|charge| {
            charge.market == order.symbol
                && charge.base == order.quantity
                && charge.quote == order.quote_quantity
                && charge.closes_position == order.close_position
                && charge.has_client_order_id
        }));
    }
}

/// One parameter text: its canonical form reads as the same parameters, and is
/// its own canonical form.
fn parameters(bytes: &[u8]) {
    let Ok(params) = ParamText::parse(bytes) else {
        return;
    };
    let canonical = params.canonical();
    let again = ParamText::parse(canonical.as_bytes());
    assert!(again.as_ref() == Ok(&params));
    assert!(again.map(|again| again.canonical()) == Ok(canonical));
    let _ = orders_in(&params, Products::NONE);
}

/// One frame of Binance's WebSocket API, spot where the first byte is even,
/// USD-M futures where it is odd.
///
/// # Panics
/// When what would be sent does not read as what was read: that is the finding.
#[expect(clippy::panic, reason = "how a fuzzing target reports a finding")]
pub fn binance_frame(bytes: &[u8]) {
    use crate::venue::binance::endpoints::HostGroup;
    use crate::venue::binance::frames::{Asks, receive_frame, text_to_sign as sign, to_send};
    let Some((first, frame)) = bytes.split_first() else { return };
    let group = if first % 2 == 0 { HostGroup::WsApi } else { HostGroup::WsFapi };
    let frame = match receive_frame(group, frame, first % 4 >= 2) {
        Ok(frame) => frame,
        Err(refused) => {
            let error = errors::for_refusal(&refused.refusal);
            assert!(error.http >= 400);
            let told = errors::frame(&refused.id, &error);
            assert!(crate::json::parse(told.as_bytes()).is_ok(), "{told}");
            return;
        }
    };
    let Asks::Private(mut private) = frame.asks else { return };
    let missing: Vec<&'static str> =
        ids::missing(private.received.endpoint, &private.received.params).collect();
    for name in missing {
        if ids::give(&mut private.received.params, name, "given-1").is_err() {
            return;
        }
    }
    let Ok(intent) = read(&private.received) else { return };
    let Ok(text) = sign(&private, &intent, &[], "VenueKey") else { return };
    let signed: Vec<String> = text.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let Some(sent) = to_send(&private, "7", &signed.join("&"), "sig") else { return };
    // What goes out means what was judged, and names the venue's key alone.
    let again = receive_frame(group, sent.as_bytes(), false);
    let Ok(again) = again else { panic!("{sent} does not read: {again:?}") };
    let Asks::Private(again) = again.asks else { panic!("{sent} is public") };
    assert!(again.api_key.as_deref() == Some("VenueKey"), "{sent}");
    assert!(read(&again.received).as_ref() == Ok(&intent), "{sent}");
}
