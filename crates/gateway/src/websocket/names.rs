//! Which streams a bot names, in the target of a socket or in a word on it:
//! public ones, which are the venue's, and stream keys, which are ours.

use serde::Deserialize;
use wire::model::Product;

use crate::limits;
use crate::stream_keys::is_stream_key;
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

/// What a socket for streams is opened for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) product: Product,
    /// The target at the venue; none where nothing there is asked for.
    pub(super) target: Option<String>,
    /// Stream keys, as the bot names them.
    pub(super) keys: Vec<String>,
    /// Whether every event names its stream.
    pub(super) combined: bool,
}

impl Wanted {
    /// Where the venue's public streams of the product are.
    pub(super) fn host(&self) -> Host {
        match self.product {
            Product::Spot => Host::SpotStreams,
            _ => Host::UsdFuturesStreams,
        }
    }
}

/// Futures have a host of their own, told apart here by `/fstream` in front of
/// the venue's path, and routes on it: for what everybody may see, and for
/// accounts.
pub(super) fn wanted(path: &str, query: Option<&str>) -> Option<Wanted> {
    let query = query.filter(|query| !query.is_empty());
    let Some(path) = path.strip_prefix("/fstream") else {
        return named(Product::Spot, "", path, query);
    };
    let route = ["/public", "/market", "/private"].into_iter().find_map(|route| {
        let rest = path.strip_prefix(route)?;
        Some((route, rest))
    });
    let (route, path) = route.unwrap_or(("", path));
    let mut wanted = match (path, query.and_then(|query| query.strip_prefix("listenKey="))) {
        ("/ws" | "/stream", Some(key)) if is_stream_key(key) => Wanted {
            product: Product::UsdFutures,
            target: None,
            keys: vec![key.to_owned()],
            combined: path == "/stream",
        },
        _ => named(Product::UsdFutures, route, path, query)?,
    };
    // The venue has no public stream there, and no account of ours.
    if route == "/private" {
        wanted.target = None;
    }
    Some(wanted)
}

/// Streams that are named in path or query, behind a route.
fn named(product: Product, route: &str, path: &str, query: Option<&str>) -> Option<Wanted> {
    let (combined, base, names) = match (path, query) {
        ("/ws" | "/stream", None) => (path == "/stream", path, ""),
        ("/stream", Some(query)) => (true, "/stream?streams=", query.strip_prefix("streams=")?),
        (_, None) => {
            let names = path.strip_prefix("/ws/")?;
            // ccxt numbers its connections: `/ws/0`.
            let numbered = names.len() <= 4 && names.bytes().all(|byte| byte.is_ascii_digit());
            if numbered { (false, "/ws", "") } else { (false, "/ws/", names) }
        }
        _ => return None,
    };
    let plain = !base.ends_with(['/', '=']);
    let names: Vec<&str> = if plain { Vec::new() } else { names.split('/').collect() };
    let (keys, public) = split(&names)?;
    let target = (plain || !public.is_empty()).then(|| {
        let names = public.join("/");
        format!("{route}{base}{names}")
    });
    Some(Wanted { product, target, keys, combined })
}

/// Stream keys and public streams; none where there is something else, or too
/// much.
fn split<'n>(names: &[&'n str]) -> Option<(Vec<String>, Vec<&'n str>)> {
    let (keys, public): (Vec<&str>, Vec<&str>) =
        names.iter().copied().partition(|name| is_stream_key(name));
    let fine = keys.len() <= limits::SUBSCRIPTIONS
        && public.len() <= limits::STREAMS_PER_SOCKET
        && public.iter().all(|name| is_public(name));
    fine.then(|| (keys.into_iter().map(str::to_owned).collect(), public))
}

/// What a bot may say on such a socket.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    method: String,
    #[serde(default)]
    params: Vec<String>,
    id: serde_json::Value,
}

/// What it may ask for there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Subscribe,
    Unsubscribe,
    List,
}

/// A command that was understood.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) ask: Ask,
    /// The stream keys that it names.
    pub(super) keys: Vec<String>,
    /// Whether it names public streams.
    pub(super) is_public: bool,
    /// The bot's id of it, JSON.
    pub(super) id: serde_json::Value,
    /// What of it goes to the venue, written anew.
    pub(super) at_venue: String,
}

/// Reads a command; none for what does not pass.
pub(super) fn command(text: &str) -> Option<Command> {
    let Words { method, params, id } = serde_json::from_str(text).ok()?;
    let fine = id.is_u64() || id.as_str().is_some_and(|id| id.len() <= 64);
    let ask = match method.as_str() {
        "SUBSCRIBE" => Ask::Subscribe,
        "UNSUBSCRIBE" => Ask::Unsubscribe,
        "LIST_SUBSCRIPTIONS" if params.is_empty() => Ask::List,
        _ => return None,
    };
    let names: Vec<&str> = params.iter().map(String::as_str).collect();
    let (keys, public) = split(&names).filter(|_| fine)?;
    let at_venue = serde_json::json!({ "method": method, "params": public, "id": id }).to_string();
    Some(Command { ask, keys, is_public: !public.is_empty(), id, at_venue })
}

/// What passes, checked again by eye; for fuzzers.
pub(crate) fn fuzz_command(text: &str) {
    if let Some(passed) = command(text) {
        let passed: serde_json::Value = serde_json::from_str(&passed.at_venue).unwrap_or_default();
        let names = passed.get("params").and_then(serde_json::Value::as_array);
        let public = |name: &serde_json::Value| {
            name.as_str().is_some_and(|name| name.contains('@') && name.is_ascii())
        };
        assert!(names.is_some_and(|names| names.iter().all(public)), "{text}");
    }
    let (path, query) = text.split_once('?').map_or((text, None), |(a, b)| (a, Some(b)));
    if let Some(Wanted { target: Some(target), .. }) = wanted(path, query) {
        let plain = target.ends_with("/ws") || target.ends_with("/stream") || target.contains('@');
        assert!(plain && target.starts_with('/'), "{target}");
        let names = target.split(['/', '=']);
        assert!(!names.into_iter().any(is_stream_key), "{target}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1";

    fn target(path: &str, query: Option<&str>) -> Option<String> {
        let wanted = wanted(path, query)?;
        assert!(wanted.keys.is_empty(), "{wanted:?}");
        wanted.target
    }

    #[test]
    fn public_streams_are_let_through_and_listen_keys_are_not() {
        assert_eq!(target("/ws", None).as_deref(), Some("/ws"));
        assert_eq!(target("/ws/0", None).as_deref(), Some("/ws"));
        assert_eq!(target("/ws/btcusdt@trade", None).as_deref(), Some("/ws/btcusdt@trade"));
        let two = "streams=btcusdt@trade/!ticker@arr";
        assert_eq!(target("/stream", Some(two)), Some(format!("/stream?{two}")));
        assert_eq!(wanted("/ws", Some(&format!("listenKey={KEY}"))), None);
        assert_eq!(wanted("/stream", Some("streams=a@b/")), None);
        assert_eq!(wanted("/stream", Some("listenKey=a@b")), None);
        assert_eq!(wanted("/ws/a@b?c", None), None);
        assert_eq!(wanted("/wsx", None), None);
        assert_eq!(wanted("/ws/../api@v3", None), None);
    }

    #[test]
    fn futures_have_a_host_and_routes() {
        assert_eq!(target("/fstream/ws/a@b", None).as_deref(), Some("/ws/a@b"));
        assert_eq!(target("/fstream/public/ws/3", None).as_deref(), Some("/public/ws"));
        let two = target("/fstream/market/stream", Some("streams=a@b/c@d"));
        assert_eq!(two.as_deref(), Some("/market/stream?streams=a@b/c@d"));
        assert_eq!(wanted("/fstream/other/ws", None), None);
        assert_eq!(wanted("/fstream/publicws", None), None);
        assert_eq!(target("/fstream/private/ws", None), None);
    }

    #[test]
    fn stream_keys_stay_here() {
        let by_query = format!("listenKey={KEY}");
        let one = wanted("/fstream/private/ws", Some(&by_query)).unwrap();
        assert_eq!((one.target, one.keys, one.combined), (None, vec![KEY.to_owned()], false));
        for path in [
            format!("/ws/{KEY}"),
            format!("/fstream/ws/{KEY}"),
            format!("/fstream/private/ws/{KEY}"),
        ] {
            let one = wanted(&path, None).unwrap();
            assert_eq!((one.target, one.keys.len()), (None, 1), "{path}");
        }
        let mixed = format!("streams={KEY}/a@b");
        let mixed = wanted("/fstream/stream", Some(&mixed)).unwrap();
        assert_eq!(mixed.target.as_deref(), Some("/stream?streams=a@b"));
        assert_eq!((mixed.keys.len(), mixed.combined), (1, true));
        let short = format!("listenKey={}", KEY.trim_start_matches('p'));
        assert_eq!(wanted("/fstream/private/ws", Some(&short)), None);
        let more = format!("{by_query}&events=x");
        assert_eq!(wanted("/fstream/private/ws", Some(&more)), None);
    }

    #[test]
    fn a_bot_chooses_between_public_streams_and_says_nothing_else() {
        let fine = r#"{"method":"SUBSCRIBE","params":["btcusdt@depth"],"id":1}"#;
        assert!(command(fine).is_some_and(|one| one.is_public && one.keys.is_empty()));
        assert!(command(r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#).is_some());
        let own = format!(r#"{{"method":"SUBSCRIBE","params":["{KEY}","a@b"],"id":1}}"#);
        let own = command(&own).unwrap();
        assert_eq!((own.ask, own.keys.len(), own.is_public), (Ask::Subscribe, 1, true));
        assert!(!own.at_venue.contains(KEY), "{}", own.at_venue);
        for not in [
            r#"{"method":"SET_PROPERTY","params":["combined",true],"id":5}"#,
            r#"{"method":"SUBSCRIBE","params":["combined"],"id":5}"#,
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
