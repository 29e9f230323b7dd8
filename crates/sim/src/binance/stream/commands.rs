//! Commands of market-stream connections: `SUBSCRIBE`, `UNSUBSCRIBE`,
//! `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`.

use serde_json::{Value, json};

use super::hub::{Hub, MAX_STREAMS};
use super::listen_keys::ListenKeys;

fn error(code: i64, msg: &str, id: &Value) -> Value {
    json!({ "error": { "code": code, "msg": msg }, "id": id })
}

/// Answers one command frame.
pub(crate) fn answer(hub: &mut Hub, keys: &ListenKeys, socket: u64, text: &str) -> Value {
    let Ok(command) = serde_json::from_str::<Value>(text) else {
        return error(3, "Invalid JSON: expected value", &Value::Null);
    };
    let id = command.get("id").cloned().unwrap_or(Value::Null);
    let names = || -> Option<Vec<&str>> {
        command.get("params")?.as_array()?.iter().map(Value::as_str).collect()
    };
    let done = json!({ "result": null, "id": id });
    match command.get("method").and_then(Value::as_str) {
        Some("SUBSCRIBE") => {
            let Some(names) = names() else {
                return error(2, "Invalid request: request must contain params", &id);
            };
            for name in names {
                if !hub.subscribe(socket, name) {
                    let msg = format!("Invalid request: too many streams, at most {MAX_STREAMS}");
                    return error(2, &msg, &id);
                }
                if let Some(account) = keys.account(name) {
                    hub.add_listen_key(socket, account, name);
                }
            }
            done
        }
        Some("UNSUBSCRIBE") => {
            let Some(names) = names() else {
                return error(2, "Invalid request: request must contain params", &id);
            };
            names.iter().for_each(|name| hub.unsubscribe(socket, name));
            done
        }
        Some("LIST_SUBSCRIPTIONS") => json!({ "result": hub.subscriptions(socket), "id": id }),
        Some("SET_PROPERTY") => {
            let params = command.get("params").and_then(Value::as_array);
            let value = params.and_then(|params| match params.as_slice() {
                [Value::String(name), Value::Bool(value)] if name == "combined" => Some(*value),
                _ => None,
            });
            match value {
                Some(value) => {
                    hub.combine(socket, Some(value));
                    done
                }
                None => error(1, "Invalid value type: expected Boolean", &id),
            }
        }
        Some("GET_PROPERTY") => json!({ "result": hub.combine(socket, None), "id": id }),
        Some(other) => {
            let msg = format!(
                "Invalid request: unknown variant {other}, expected one of SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY"
            );
            error(2, &msg, &id)
        }
        None => error(2, "Invalid request: missing field `method`", &id),
    }
}
