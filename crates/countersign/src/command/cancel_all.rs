//! `countersign cancel-all` where no gateway serves: the supervisor starts a
//! short-lived process that does it.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::key::running;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;
use crate::supervisor::channel::{Channel, Packet};
use crate::supervisor::relief::LONGEST;

/// How long the supervisor may take to answer: it may be starting the signer.
const ANSWER: Duration = Duration::from_secs(90);
/// How often it is asked.
const LOOK: Duration = Duration::from_millis(100);

/// Has the supervisor do it, and waits for what comes of it.
pub(super) fn without_gateway(
    settings: &Settings,
    (scope, name): (&str, &str),
) -> Result<Answer, Failure> {
    let nothing = || {
        Failure::negative("nothing runs on this configuration: no supervisor, so no signer")
            .next("start `countersign serve`, or cancel at the venue itself")
    };
    if !matches!(scope, "everything" | "venue" | "account") {
        return Err(Failure::misuse("no gateway serves, who would know whose an order is")
            .next("cancel everything, or name a venue or an account"));
    }
    let channel = running::connect(&settings.key_socket())?.ok_or_else(nothing)?;
    hear(&channel, "hello")?;
    let ask = json!({ "kind": "cancel-all", "scope": scope, "name": name });
    let begun = tell(&channel, &ask)?;
    let number = begun.value.get("number").cloned();
    let until = Instant::now() + LONGEST + ANSWER;
    loop {
        std::thread::sleep(LOOK);
        let told = tell(&channel, &json!({ "kind": "cancel-all-outcome" }))?;
        if told.value.get("number").cloned() != number {
            return Err(Failure::negative("another cancel-all was started after this one")
                .next("look at the log, or run it again; that is safe"));
        }
        match told.value.get("outcome") {
            None | Some(Value::Null) if Instant::now() < until => {}
            None | Some(Value::Null) => {
                return Err(Failure::negative("it does not come to its end")
                    .next("see what `countersign serve` says; running it again is safe"));
            }
            Some(outcome) => return answer(outcome),
        }
    }
}

fn answer(outcome: &Value) -> Result<Answer, Failure> {
    if let Some(error) = outcome.get("error").and_then(Value::as_str) {
        return Err(Failure::negative(format!("what rests was not cancelled: {error}"))
            .next("running it again is safe; orders can be cancelled at the venue too"));
    }
    let clear = outcome.get("clear") == Some(&Value::Bool(true));
    let mut said = String::from("no gateway serves; a process of its own cancelled");
    for one in outcome.get("accounts").and_then(Value::as_array).into_iter().flatten() {
        let text = |field: &str| one.get(field).and_then(Value::as_str).unwrap_or("?");
        let _ = write!(
            said,
            "\n{} {} {} {}: {} cancel requests were taken",
            text("account"),
            text("venue"),
            text("product"),
            text("what"),
            one.get("cancel_requests").and_then(Value::as_u64).unwrap_or_default(),
        );
        for market in one.get("resting").and_then(Value::as_array).into_iter().flatten() {
            let name = market.get("market").and_then(Value::as_str).unwrap_or("?");
            let orders = market.get("orders").and_then(Value::as_u64).unwrap_or_default();
            let _ = write!(said, "\n  still resting: {orders} in {name}");
        }
        if let Some(why) = one.get("failed").and_then(Value::as_str) {
            let _ = write!(said, "\n  what rests is not known: {why}");
        }
    }
    let json = json!({ "by": "supervisor", "result": outcome });
    Ok(Answer::verdict(clear, json, said))
}

fn tell(channel: &Channel, what: &Value) -> Result<Packet, Failure> {
    channel.send(what, &[]).map_err(|error| gone(&error))?;
    hear(channel, "cancel-all")
}

fn hear(channel: &Channel, kind: &str) -> Result<Packet, Failure> {
    let packet = channel.receive_within(ANSWER).map_err(|error| gone(&error))?;
    let packet = packet.ok_or_else(|| gone(&"it closed the connection"))?;
    if packet.kind() == "refused" {
        let why = packet.text("error").unwrap_or("it does not say why");
        return Err(Failure::negative(format!("the supervisor refused: {why}")).next(
            "where a gateway serves but does not answer, end its process; then run this again",
        ));
    }
    if packet.kind() == kind {
        return Ok(packet);
    }
    Err(gone(&"it answers something else"))
}

fn gone(why: &dyn std::fmt::Display) -> Failure {
    Failure::negative(format!("the running supervisor does not answer: {why}"))
        .next("see what `countersign serve` says; asking again is safe")
}
