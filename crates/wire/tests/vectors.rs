//! Every vector under `testdata/binance`: requests of real clients, spellings
//! that are taken, and above all refusals.
//!
//! A vector is a block of `key: value` lines. `expect:` is `public`,
//! `payload`, `accept <what is read>`, or `refuse <code> [parameter]
//! [class=...]`. Signatures of real clients and the venue's published ones are
//! checked over the payload that was rebuilt here, so that it is not only our
//! own reading that agrees with itself.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::collections::BTreeMap;
use std::path::Path;

use wire::model::{
    Contingency, Effect, Intent, Modification, Operation, Order, OrderReference, Right, Rights,
};
use wire::venue::binance::collide::{Reach, worst};
use wire::venue::binance::endpoints::HostGroup;
use wire::venue::binance::frames::{self, Asks, Frame, receive_frame};
use wire::venue::binance::{
    ParamText, RawRequest, Refusal, Security, errors, orders_in, public_endpoint, read, receive,
    receive::Payload, served, text_to_sign,
};

/// The secret of the recorded clients.
const RECORDED_SECRET: &str = "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss";

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
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/binance");
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
                    let (key, value) = line.split_once(": ").unwrap_or((line, ""));
                    (key.to_owned(), value.to_owned())
                })
                .collect::<BTreeMap<_, _>>()
        })
        .filter(|fields| !fields.is_empty())
        .map(|fields| Vector { place: format!("{name}: {}", fields.get("name").unwrap()), fields })
        .collect()
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
    assert!(refusals.count() >= 150, "most vectors are refusals");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn check(vector: &Vector) -> Result<(), String> {
    let expect = vector.get("expect").unwrap();
    if expect == "payload" {
        return check_payload(vector);
    }
    if let Some(frame) = vector.get("frame") {
        return check_frame(vector, frame, expect);
    }
    let request = vector.get("request").unwrap();
    let (method, path) = request.split_once(' ').unwrap();
    let is_public = public_endpoint(method, path).is_some();
    if expect == "public" {
        return is_public.then_some(()).ok_or("not public".to_owned());
    }
    let body = vector.body();
    let raw = RawRequest {
        method,
        path,
        query: vector.get("query"),
        body: &body,
        content_type: vector.get("content-type"),
    };
    let found = match receive(&raw).and_then(|received| Ok((read(&received)?, received))) {
        Ok((intent, received)) => {
            let text = text_to_sign(&received, &intent, &[]).map_err(|e| e.to_string())?;
            if vector.get("text") != Some(text.canonical().as_str()) && vector.get("text").is_some()
            {
                return Err(format!("text is {}", text.canonical()));
            }
            if vector.place.starts_with("client-") && received.signature.is_some() {
                check_payload(vector)?;
            }
            format!("accept {}", shown(&intent))
        }
        Err(refusal) => refused(&refusal, expect),
    };
    if is_public || found != expect {
        return Err(format!("expected `{expect}`, found `{found}`"));
    }
    Ok(())
}

/// A frame of the WebSocket API: read, and its signature checked where it is
/// that of a real client.
fn check_frame(vector: &Vector, text: &str, expect: &str) -> Result<(), String> {
    let group = HostGroup::from_name(vector.get("group").unwrap()).unwrap();
    let in_session = vector.get("session").is_some();
    let found = match receive_frame(group, text.as_bytes(), in_session) {
        Ok(Frame { asks: Asks::Public { method, params }, .. }) => {
            format!("relay {method} {params}")
        }
        Ok(Frame { asks: Asks::Private(private), .. }) => match read(&private.received) {
            Ok(intent) => {
                let text = frames::text_to_sign(&private, &intent, &[], "venue").unwrap();
                if vector.get("text").is_some_and(|wanted| wanted != text.canonical()) {
                    return Err(format!("text is {}", text.canonical()));
                }
                if let (Some(secret), Some(signature)) =
                    (vector.get("secret"), &private.received.signature)
                {
                    let key =
                        aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
                    let tag = aws_lc_rs::hmac::sign(&key, &private.received.signed_payload);
                    if hex::encode(tag) != *signature {
                        return Err("the signature is not over this payload".to_owned());
                    }
                }
                format!("accept {}", shown(&intent))
            }
            Err(refusal) => refused(&refusal, expect),
        },
        Err(refusal) => {
            let shape = errors::frame(&refusal.id, &errors::for_refusal(&refusal.refusal));
            assert!(wire::json::parse(shape.as_bytes()).is_ok(), "{shape}");
            refused(&refusal.refusal, expect)
        }
    };
    if found == expect { Ok(()) } else { Err(format!("expected `{expect}`, found `{found}`")) }
}

fn refused(refusal: &Refusal, expect: &str) -> String {
    let error = errors::for_refusal(refusal);
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

/// A single `asset` is also what turns dust into BNB takes, which is why the
/// signer refuses this read: the balance of all assets is signed.
const INDISTINGUISHABLE: [&str; 1] = [" user asset"];

/// INVARIANT (second reading): a key that reads and trades one product can sign every
/// request of the recorded clients that is let through, and what the signer
/// takes it for is no worse than what it is.
#[test]
fn what_clients_send_can_be_signed() {
    let reading = Rights::NONE.with(Right::Reading);
    let mut signed = 0;
    for vector in vectors() {
        let (Some(text), Some(request)) = (vector.get("text"), vector.get("request")) else {
            continue;
        };
        let (method, path) = request.split_once(' ').unwrap();
        let claimed = served(method, path).unwrap();
        if claimed.effect > Effect::Order || claimed.security != Security::Signed {
            continue;
        }
        let right =
            if path.starts_with("/fapi/") { Right::Futures } else { Right::SpotMarginTrading };
        let reach = Reach::everywhere(reading.with(right));
        let params = ParamText::parse_canonical(text.as_bytes()).unwrap();
        let worst = worst(&params, reach).unwrap();
        if INDISTINGUISHABLE.iter().any(|name| vector.place.ends_with(name)) {
            assert_eq!(worst.effect, Effect::Transfer, "{}", vector.place);
            continue;
        }
        let allowed = claimed.effect.max(Effect::HarmlessSetting);
        assert!(worst.effect <= allowed, "{}: {:?}", vector.place, worst.effect);
        assert_eq!(
            worst.effect == Effect::Order,
            !orders_in(&params, worst.products).unwrap().is_empty(),
            "{}",
            vector.place
        );
        signed += 1;
    }
    assert!(signed > 80);
}

/// The HMAC over the rebuilt payload is the signature that came along.
fn check_payload(vector: &Vector) -> Result<(), String> {
    let body = vector.body();
    let query = vector.get("query").unwrap_or_default().as_bytes();
    let payload = Payload::of(query, &body).map_err(|refusal| refusal.to_string())?;
    let secret = vector.get("secret").unwrap_or(RECORDED_SECRET);
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let signed = |text: &[u8]| hex::encode(aws_lc_rs::hmac::sign(&key, text));
    let signature = payload.signature.clone().unwrap();
    let decoded = payload.decoded().unwrap_or_default();
    if signed(&payload.text) == signature || signed(&decoded) == signature {
        Ok(())
    } else {
        Err("the client's signature is not over this payload".to_owned())
    }
}

fn shown(intent: &Intent) -> String {
    let class = intent.class.name();
    match &intent.operation {
        Operation::Read { symbol } => with(class, &[("symbol", symbol.clone())]),
        Operation::Place(group) if group.contingency == Contingency::Single => {
            group.orders.iter().map(|o| format!("{class} {}", order(o))).collect()
        }
        Operation::Place(group) if group.contingency == Contingency::Batch => {
            let shown: Vec<_> = group.orders.iter().map(order).collect();
            format!("{class} batch {}", shown.join(" | "))
        }
        Operation::Place(group) => list(class, group.contingency, &group.orders),
        Operation::Cancel(reference) => format!("{class} {}", named(reference)),
        Operation::CancelList { symbol, order_list_id, .. } => with(
            class,
            &[("symbol", Some(symbol.clone())), ("list", order_list_id.map(|id| id.to_string()))],
        ),
        Operation::CancelAll { symbol } => format!("{class} symbol={symbol}"),
        Operation::Amend { order, new_quantity, .. } => {
            format!("{class} {} quantity={new_quantity}", named(order))
        }
        Operation::CancelEverything => {
            panic!("no operation of this venue")
        }
        Operation::CancelReplace(both) => {
            let cancels = named(&both.cancel);
            let (_, cancels) = cancels.split_once(' ').unwrap();
            let both_live = if both.allow_failure { " both" } else { "" };
            format!("{class} {} cancels {cancels}{both_live}", order(&both.place))
        }
        Operation::Withdraw(withdrawal) => with(
            class,
            &[
                ("asset", Some(withdrawal.asset.clone())),
                ("network", Some(withdrawal.network.clone())),
                ("address", Some(withdrawal.address.clone())),
                ("amount", Some(withdrawal.amount.to_string())),
                ("memo", withdrawal.memo.clone()),
            ],
        ),
        Operation::Transfer(transfer) => with(
            class,
            &[
                ("asset", Some(transfer.asset.clone())),
                ("amount", Some(transfer.amount.to_string())),
                ("direction", Some(transfer.direction.clone())),
            ],
        ),
        Operation::Modify(change) => format!("{class} {}", modified(change)),
        Operation::ModifyMany(all) => {
            format!("{class} {}", all.iter().map(modified).collect::<Vec<_>>().join(" | "))
        }
        Operation::CancelMany(all) => {
            format!("{class} {}", all.iter().map(named).collect::<Vec<_>>().join(" | "))
        }
        Operation::CancelConditional { symbol, order_id, client_order_id, .. } => with(
            &format!("{class} conditional"),
            &[
                ("symbol", symbol.clone()),
                ("order", order_id.map(|id| id.to_string())),
                ("client", client_order_id.clone()),
            ],
        ),
        Operation::SetLeverage { symbol, leverage } => {
            format!("{class} symbol={symbol} leverage={leverage}")
        }
        Operation::ChangeMargin { symbol, amount, adds } => {
            format!("{class} symbol={symbol} amount={amount}{}", if *adds { "" } else { " taken" })
        }
        Operation::Other(_) => class.to_owned(),
    }
}

fn with(head: &str, parts: &[(&str, Option<String>)]) -> String {
    let mut out = head.to_owned();
    for (name, value) in parts {
        if let Some(value) = value {
            out += &format!(" {name}={value}");
        }
    }
    out
}

fn order(order: &Order) -> String {
    let head =
        format!("symbol={} side={} kind={}", order.symbol, order.side.name(), order.kind.name());
    with(
        &head,
        &[
            ("quantity", order.quantity.map(|n| n.to_string())),
            ("quote", order.quote_quantity.map(|n| n.to_string())),
            ("price", order.price.map(|n| n.to_string())),
            ("stop", order.stop_price.map(|n| n.to_string())),
            ("trailing", order.trailing_delta_bps.map(|n| n.to_string())),
            ("id", order.client_order_id.clone()),
            ("reduce", order.reduce_only.then(|| "only".to_owned())),
            ("close", order.close_position.then(|| "all".to_owned())),
            ("position", order.position_side.map(|side| side.name().to_lowercase())),
        ],
    )
}

fn list(class: &str, contingency: Contingency, orders: &[Order]) -> String {
    let name = match contingency {
        Contingency::OneCancelsOther => "one-cancels-other",
        Contingency::OneTriggersOther => "one-triggers-other",
        Contingency::OneTriggersOneCancelsOther => "one-triggers-pair",
        Contingency::Single | Contingency::Batch => panic!("not a list"),
    };
    let mut out = format!("{class} {name}");
    for (at, leg) in orders.iter().enumerate() {
        if at == 0 {
            out += &format!(" symbol={}", leg.symbol);
        }
        out += &format!(" | {} {} {}", leg.side.name(), leg.kind.name(), leg.quantity.unwrap());
    }
    out
}

fn named(reference: &OrderReference) -> String {
    with(
        &format!("symbol={}", reference.symbol),
        &[
            ("order", reference.order_id.map(|id| id.to_string())),
            ("client", reference.client_order_id.clone()),
        ],
    )
}

fn modified(change: &Modification) -> String {
    with(
        &named(&change.order),
        &[
            ("quantity", change.new_quantity.map(|n| n.to_string())),
            ("price", change.new_price.map(|n| n.to_string())),
        ],
    )
}
