//! Every vector under `testdata/woox`: requests of real clients, the venue's
//! published examples, spellings that are taken, and above all refusals.
//!
//! A vector is a block of `key: value` lines. `expect:` is `public`, `accept
//! <what is read>`, or `refuse <code> [parameter] [class=...]`. Signatures of
//! real clients and the published ones are checked over the payload that was
//! rebuilt here, so that it is not only our own reading that agrees with itself.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use wire::model::{Contingency, Effect, Intent, Operation, Order, OrderReference, TimeInForce};
use wire::venue::woox::{
    RawRequest, Scheme, Text, Upstream, collide, errors, ids, orders_in, public_endpoint, read,
    receive, served, text_to_sign,
};

/// The published secret of the venue's documents, with which the recorded
/// clients signed too.
const PUBLISHED_SECRET: &str = "QHKRXHPAW1MC9YGZMAT8YDJG2HPR";

struct Vector {
    place: String,
    fields: BTreeMap<String, String>,
}

impl Vector {
    fn get(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(String::as_str)
    }

    fn body(&self) -> Vec<u8> {
        match (self.get("body"), self.get("body-hex")) {
            (Some(text), _) => text.as_bytes().to_vec(),
            (None, Some(digits)) => hex::decode(digits).unwrap(),
            (None, None) => Vec::new(),
        }
    }

    fn secret(&self) -> &str {
        self.get("secret").unwrap_or(PUBLISHED_SECRET)
    }

    /// A header: the one of the vector, one that is well-formed where it names
    /// none, or none where it says `-`.
    fn header<'v>(&'v self, key: &str, otherwise: &'v str) -> Option<&'v str> {
        Some(self.get(key).unwrap_or(otherwise)).filter(|value| *value != "-")
    }

    fn raw<'v>(&'v self, body: &'v [u8]) -> RawRequest<'v> {
        let (method, path) = self.get("request").unwrap().split_once(' ').unwrap();
        RawRequest {
            method,
            path,
            query: self.get("query"),
            body,
            content_type: self.get("content-type"),
            api_key: self.header("api-key", "AbmyVJGUpN064ks5ELjLfA=="),
            timestamp: self.header("timestamp", "1795189989000"),
            signature: self.header(
                "signature",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            ),
        }
    }
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/woox");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "vec"))
        .collect();
    files.sort();
    files.iter().flat_map(|file| vectors_of(file)).collect()
}

fn vectors_of(file: &Path) -> Vec<Vector> {
    let text = std::fs::read_to_string(file).unwrap();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    text.split("\n\n")
        .map(|block| {
            block
                .lines()
                .filter(|line| !line.starts_with('#') && !line.is_empty())
                .map(|line| {
                    let (key, value) =
                        line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
                    (key.to_owned(), value.to_owned())
                })
                .collect::<BTreeMap<_, _>>()
        })
        .filter(|fields| !fields.is_empty())
        .map(|fields| Vector { place: format!("{name}: {}", fields.get("name").unwrap()), fields })
        .collect()
}

fn hmac(secret: &str, text: &[u8]) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    hex::encode(aws_lc_rs::hmac::sign(&key, text))
}

#[test]
fn every_vector_is_read_as_expected() {
    let vectors = vectors();
    let mut failures = Vec::new();
    for vector in &vectors {
        if let Err(failure) = check(vector) {
            failures.push(format!("{}: {failure}", vector.place));
        }
    }
    let refusals =
        vectors.iter().filter(|vector| vector.get("expect").unwrap().starts_with("refuse"));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(refusals.count() >= 200, "most vectors are refusals");
}

fn check(vector: &Vector) -> Result<(), String> {
    let expect = vector.get("expect").unwrap();
    let body = vector.body();
    let raw = vector.raw(&body);
    let is_public = public_endpoint(raw.method, raw.path).is_some();
    if expect == "public" {
        return is_public.then_some(()).ok_or("not public".to_owned());
    }
    let received = receive(&raw);
    if let (Ok(received), true) = (&received, vector.place.starts_with("client-")) {
        let signed = [Some(&received.signed_payload), received.signed_payload_decoded.as_ref()];
        let own = |text: &Vec<u8>| hmac(vector.secret(), text) == received.signature;
        if !signed.into_iter().flatten().any(own) {
            return Err("the client's signature is not over this payload".to_owned());
        }
    }
    let found = match received.and_then(|received| Ok((read(&received)?, received))) {
        Ok((intent, received)) => {
            let text = text_to_sign(&received, &intent, &[]).map_err(|e| e.to_string())?;
            let canonical = text.canonical();
            if vector.get("text").is_some_and(|text| text != canonical) {
                return Err(format!("text is {canonical}"));
            }
            assert_eq!(Text::parse_canonical(canonical.as_bytes()), Ok(text.clone()));
            check_upstream(&received, &text);
            format!("accept {}", shown(&intent))
        }
        Err(refusal) => {
            let error = errors::for_refusal(&refusal);
            assert!(error.body.contains("Countersign: "));
            let mut shown = format!("refuse {}", error.code);
            if let Some(parameter) = &refusal.parameter {
                shown += &format!(" {parameter}");
            }
            if let Some(class) = refusal.class.filter(|_| expect.contains("class=")) {
                shown += &format!(" class={}", class.name());
            }
            shown
        }
    };
    if is_public || found != expect {
        return Err(format!("expected `{expect}`, found `{found}`"));
    }
    Ok(())
}

/// INVARIANT (one reading): what goes upstream is read again as what was
/// judged, and signs as the text that the signer was given.
fn check_upstream(received: &wire::venue::woox::Received, text: &Text) {
    let upstream = Upstream::of(received.endpoint, &received.path, text).unwrap();
    let (path, query) = match upstream.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (upstream.target.as_str(), None),
    };
    let time = text.timestamp_ms().to_string();
    let again = receive(&RawRequest {
        method: received.endpoint.method,
        path,
        query,
        body: upstream.body.as_bytes(),
        content_type: upstream.content_type,
        api_key: Some(&received.api_key),
        timestamp: Some(&time),
        signature: Some(&received.signature),
    })
    .unwrap();
    assert_eq!(String::from_utf8(again.signed_payload.clone()).unwrap(), text.canonical());
    assert_eq!(read(&again), read(received));
}

/// Texts that the signer takes for more than an order, or cannot count: a close
/// of a position states no size.
const UNCOUNTED: [&str; 1] = ["with stop loss and take profit"];

/// INVARIANT (second reading): a key can sign every read, cancel and order of
/// the recorded clients, what the signer takes it for is no worse than what it
/// is, and an order is charged as what was read.
#[test]
fn what_clients_send_can_be_signed() {
    let mut signed = 0;
    for vector in vectors().iter().filter(|vector| vector.place.starts_with("client-")) {
        let body = vector.body();
        let raw = vector.raw(&body);
        let Ok(received) = receive(&raw) else { continue };
        let Ok(intent) = read(&received) else { continue };
        let given: Vec<(&str, &str)> =
            ids::missing(received.endpoint, &received.params).map(|name| (name, "4711")).collect();
        let text = text_to_sign(&received, &intent, &given).unwrap();
        let worst = collide::worst(&text).unwrap();
        let claimed = received.endpoint.effect;
        if received.endpoint.scheme == Scheme::V3 {
            assert_eq!(worst.effect, claimed, "{}", vector.place);
        } else {
            assert!(worst.effect >= claimed, "{}", vector.place);
            assert!(worst.effect <= claimed.max(Effect::Cancel), "{}", vector.place);
        }
        signed += 1;
        if UNCOUNTED.iter().any(|end| vector.place.ends_with(end)) {
            assert!(orders_in(&text).is_err());
            continue;
        }
        let charges = orders_in(&text).unwrap();
        let Operation::Place(group) = &intent.operation else {
            let amends = matches!(&intent.operation, Operation::Modify(change)
                if change.new_quantity.is_some());
            assert_eq!(charges.len(), usize::from(amends), "{}", vector.place);
            continue;
        };
        assert_eq!(charges.len(), group.orders.len(), "{}", vector.place);
        for (charge, order) in charges.iter().zip(&group.orders) {
            assert_eq!(charge.market, order.symbol);
            assert_eq!(charge.base, order.quantity);
            assert_eq!(charge.quote, order.quote_quantity);
            assert!(charge.has_client_order_id);
        }
    }
    assert!(signed >= 50);
}

/// An independent signer agrees: where a client's request needed nothing added,
/// its own signature is the one over our canonical text.
#[test]
fn clients_would_sign_the_same_text() {
    let mut same = 0;
    for vector in vectors().iter().filter(|vector| vector.place.starts_with("client-ccxt")) {
        let body = vector.body();
        let Ok(received) = receive(&vector.raw(&body)) else { continue };
        let Ok(intent) = read(&received) else { continue };
        let text = text_to_sign(&received, &intent, &[]).unwrap();
        // ccxt leaves attached orders in the order in which it made them.
        if vector.place.ends_with("with stop loss and take profit") {
            continue;
        }
        assert_eq!(
            hmac(vector.secret(), text.canonical().as_bytes()),
            received.signature,
            "{}",
            vector.place
        );
        same += 1;
    }
    assert!(same >= 50, "{same}");
}

/// The published signature, over the published parameters.
#[test]
fn the_published_signature_is_over_our_text() {
    let text = b"order_price=9000&order_quantity=0.11&order_type=LIMIT&side=BUY\
        &symbol=SPOT_BTC_USDT|1578565539808";
    let text = Text::parse_canonical(text).unwrap();
    assert_eq!(
        hmac(PUBLISHED_SECRET, text.canonical().as_bytes()),
        "20da0852f73b20da0208c7e627975a59ff072379883d8457d03104651032033d"
    );
    let endpoint = served("POST", "/v1/order").unwrap();
    let upstream = Upstream::of(endpoint, "/v1/order", &text).unwrap();
    assert_eq!(upstream.content_type, Some("application/x-www-form-urlencoded"));
}

fn shown(intent: &Intent) -> String {
    let class = intent.class.name();
    match &intent.operation {
        Operation::Read { symbol: Some(symbol) } => format!("{class} symbol={symbol}"),
        Operation::Read { symbol: None } => class.to_owned(),
        Operation::Place(group) => {
            let together = match group.contingency {
                Contingency::Single => "",
                Contingency::OneCancelsOther => " oco",
                Contingency::OneTriggersOneCancelsOther => " bracket",
                Contingency::OneTriggersOther => " oto",
                Contingency::Batch => " batch",
            };
            let orders: Vec<String> = group.orders.iter().map(order).collect();
            format!("{class}{together} {}", orders.join(" + "))
        }
        Operation::Modify(change) => {
            let mut out = format!("{class}{}", named(&change.order));
            for (name, value) in [
                ("quantity", change.new_quantity),
                ("price", change.new_price),
                ("stop", change.new_stop_price),
            ] {
                if let Some(value) = value {
                    let _ = write!(out, " {name}={value}");
                }
            }
            if let Some(bps) = change.new_trailing_delta_bps {
                let _ = write!(out, " trail={bps}");
            }
            out
        }
        Operation::Cancel(reference) => format!("{class}{}", named(reference)),
        Operation::CancelAll { symbol } => format!("{class} symbol={symbol}"),
        Operation::CancelEverything => format!("{class} everything"),
        Operation::Withdraw(it) => format!(
            "{class} {} {} {} {}{}",
            it.amount,
            it.asset,
            it.network,
            it.address,
            it.memo.as_ref().map(|memo| format!(" memo={memo}")).unwrap_or_default()
        ),
        Operation::Transfer(it) => format!("{class} {} {} {}", it.amount, it.asset, it.direction),
        Operation::Other(it) => {
            let asset = it.asset.as_ref().map(|asset| format!(" {asset}")).unwrap_or_default();
            let amount = it.amount.map(|amount| format!(" {amount}")).unwrap_or_default();
            format!("{class}{amount}{asset}")
        }
        other => panic!("no operation of this venue: {other:?}"),
    }
}

fn named(reference: &OrderReference) -> String {
    let mut out = String::new();
    if !reference.symbol.is_empty() {
        let _ = write!(out, " symbol={}", reference.symbol);
    }
    if let Some(id) = reference.order_id {
        let _ = write!(out, " id={id}");
    }
    if let Some(id) = &reference.client_order_id {
        let _ = write!(out, " client={id}");
    }
    out
}

fn order(order: &Order) -> String {
    let mut out = format!("{} {} {}", order.symbol, order.side.name(), order.kind.name());
    for (name, value) in [
        ("quantity", order.quantity),
        ("quote", order.quote_quantity),
        ("price", order.price),
        ("stop", order.stop_price),
        ("visible", order.iceberg_quantity),
    ] {
        if let Some(value) = value {
            let _ = write!(out, " {name}={value}");
        }
    }
    if let Some(bps) = order.trailing_delta_bps {
        let _ = write!(out, " trail={bps}");
    }
    match order.time_in_force {
        Some(TimeInForce::ImmediateOrCancel) => out += " ioc",
        Some(TimeInForce::FillOrKill) => out += " fok",
        Some(TimeInForce::GoodTillCancel) => out += " gtc",
        Some(TimeInForce::GoodTillDate) => out += " gtd",
        Some(TimeInForce::PostOnly) => out += " gtx",
        None => {}
    }
    if let Some(id) = &order.client_order_id {
        let _ = write!(out, " client={id}");
    }
    if order.reduce_only {
        out += " reduce";
    }
    if let Some(side) = order.position_side {
        let _ = write!(out, " {}", side.name());
    }
    if order.close_position {
        out += " close";
    }
    out
}
