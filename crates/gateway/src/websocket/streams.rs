//! Market data streams: the venue's events as they come, and of the bot's words
//! those alone that choose between public streams.

use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::gateway::Worker;
use crate::limits;
use crate::upstream::Host;

/// Whether a stream is public market data (`btcusdt@depth`, `!ticker@arr`). A
/// listen key is letters and digits alone, and opens an account.
///
/// INVARIANT (no escape hatch): capabilities do not pass.
fn is_public(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@!_.-+:".contains(&byte);
    (2..=limits::STREAM_NAME_BYTES).contains(&name.len())
        && name.contains('@')
        && name.bytes().all(plain)
}

/// The target at the venue for streams that are named in path or query.
pub(super) fn target(path: &str, query: Option<&str>) -> Option<String> {
    let public = |names: &str| {
        let mut count = 0;
        names.split('/').all(|name| {
            count += 1;
            is_public(name) && count <= limits::STREAMS_PER_SOCKET
        })
    };
    match (path, query.filter(|query| !query.is_empty())) {
        ("/ws" | "/stream", None) => Some(path.to_owned()),
        ("/stream", Some(query)) => {
            let names = query.strip_prefix("streams=")?;
            public(names).then(|| format!("{path}?{query}"))
        }
        (_, None) => {
            let names = path.strip_prefix("/ws/")?;
            // ccxt numbers its connections: `/ws/0`.
            let numbered = names.len() <= 4 && names.bytes().all(|byte| byte.is_ascii_digit());
            if numbered { Some("/ws".to_owned()) } else { public(names).then(|| path.to_owned()) }
        }
        _ => None,
    }
}

/// What a bot may say on such a socket.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    method: String,
    #[serde(default)]
    params: Vec<serde_json::Value>,
    id: serde_json::Value,
}

/// The command as it goes out, written anew; none for one that does not.
fn command(text: &str) -> Option<String> {
    let command: Command = serde_json::from_str(text).ok()?;
    let id = command.id.is_u64() || command.id.as_str().is_some_and(|id| id.len() <= 64);
    let fine = id
        && command.params.len() <= limits::STREAMS_PER_SOCKET
        && match command.method.as_str() {
            "SUBSCRIBE" | "UNSUBSCRIBE" => {
                command.params.iter().all(|name| name.as_str().is_some_and(is_public))
            }
            "LIST_SUBSCRIPTIONS" => command.params.is_empty(),
            _ => false,
        };
    let Command { method, params, id } = command;
    fine.then(|| serde_json::json!({ "method": method, "params": params, "id": id }).to_string())
}

/// What passes, checked again by eye; for fuzzers.
pub(crate) fn fuzz_command(text: &str) {
    if let Some(passed) = command(text) {
        let passed: serde_json::Value = serde_json::from_str(&passed).unwrap_or_default();
        let names = passed.get("params").and_then(serde_json::Value::as_array);
        let public = |name: &serde_json::Value| {
            name.as_str().is_some_and(|name| name.contains('@') && name.is_ascii())
        };
        assert!(names.is_some_and(|names| names.iter().all(public)), "{text}");
    }
    if let Some(target) = target(text, None) {
        let plain = target == "/ws" || target == "/stream" || target.contains('@');
        assert!(plain && target.starts_with('/'), "{target}");
    }
}

/// Relays until either side ends, or the gateway drains.
pub(super) async fn serve<S>(
    worker: &Worker,
    mut bot: WebSocketStream<S>,
    host: Host,
    target: &str,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut venue = match worker.pool.open_socket(host, target).await {
        Ok(venue) => venue,
        Err(error) => {
            tracing::debug!(%error, "no market data stream");
            let _ = bot.close(None).await;
            return;
        }
    };
    while !*stop.borrow() {
        let passed = tokio::select! {
            told = venue.next() => match told {
                Some(Ok(Message::Text(text))) => {
                    tokio::time::timeout(limits::BODY_TIME, bot.send(Message::Text(text)))
                        .await
                        .is_ok_and(|sent| sent.is_ok())
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => true,
                _ => false,
            },
            said = bot.next() => match said {
                Some(Ok(Message::Text(text))) => match command(text.as_str()) {
                    Some(command) => venue.send(Message::text(command)).await.is_ok(),
                    None => bot.send(Message::text(REFUSED)).await.is_ok(),
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => true,
                _ => false,
            },
            _ = stop.changed() => false,
        };
        if !passed {
            break;
        }
    }
    let _ = tokio::time::timeout(limits::BODY_TIME, venue.close(None)).await;
    let _ = tokio::time::timeout(limits::BODY_TIME, bot.close(None)).await;
}

/// In the shape of the venue's own.
const REFUSED: &str = "{\"error\":{\"code\":2,\"msg\":\"Countersign: SUBSCRIBE, UNSUBSCRIBE and \
                       LIST_SUBSCRIPTIONS of public streams are let through\"},\"id\":null}";

#[cfg(test)]
mod tests {
    use super::*;

    const LISTEN_KEY: &str = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1";

    #[test]
    fn public_streams_are_let_through_and_listen_keys_are_not() {
        assert_eq!(target("/ws", None).as_deref(), Some("/ws"));
        assert_eq!(target("/ws/0", None).as_deref(), Some("/ws"));
        assert_eq!(target("/ws/btcusdt@trade", None).as_deref(), Some("/ws/btcusdt@trade"));
        let two = "streams=btcusdt@trade/!ticker@arr";
        assert_eq!(target("/stream", Some(two)), Some(format!("/stream?{two}")));
        assert_eq!(target(&format!("/ws/{LISTEN_KEY}"), None), None);
        assert_eq!(target("/stream", Some(&format!("streams={LISTEN_KEY}"))), None);
        assert_eq!(target("/stream", Some("streams=a@b/")), None);
        assert_eq!(target("/stream", Some("listenKey=a@b")), None);
        assert_eq!(target("/ws/a@b?c", None), None);
        assert_eq!(target("/wsx", None), None);
        assert_eq!(target("/ws/../api@v3", None), None);
    }

    #[test]
    fn a_bot_chooses_between_public_streams_and_says_nothing_else() {
        let fine = r#"{"method":"SUBSCRIBE","params":["btcusdt@depth"],"id":1}"#;
        assert!(command(fine).is_some());
        assert!(command(r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#).is_some());
        for not in [
            &format!(r#"{{"method":"SUBSCRIBE","params":["{LISTEN_KEY}"],"id":1}}"#),
            r#"{"method":"SET_PROPERTY","params":["combined",true],"id":5}"#,
            r#"{"method":"SUBSCRIBE","params":["a@b"],"id":1,"listenKey":"x"}"#,
            r#"{"method":"SUBSCRIBE","params":["a@b"],"id":{}}"#,
            r#"{"method":"SUBSCRIBE","method":"LOGIN","params":["a@b"],"id":1}"#,
            "[]",
            "",
        ] {
            assert!(command(not).is_none(), "{not}");
        }
    }
}
