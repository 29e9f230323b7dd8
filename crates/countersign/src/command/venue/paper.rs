//! `venue paper`: a paper venue on a port, for trying things out.

use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use sim::binance::{ApiKey, PaperOptions, PaperVenue, Rights};
use sim::woox;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::virtual_key::random_text;

/// Arguments of `venue paper`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Which venue
    #[arg(value_enum, default_value_t = Venue::Binance)]
    venue: Venue,
    /// Where it listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Give its key every right, withdrawals too
    #[arg(long)]
    all_rights: bool,
    /// Check signatures with this Ed25519 or RSA public key (PEM) instead of a secret
    #[arg(long, value_name = "FILE")]
    public_key: Option<std::path::PathBuf>,
    /// Move the prices every so many milliseconds
    #[arg(long, value_name = "MS")]
    walk: Option<u64>,
}

/// The paper venues.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Venue {
    /// Binance, spot and USD-M futures
    Binance,
    /// WOO X, spot and perpetuals
    Woox,
}

/// A venue that runs until it is dropped, and what there is to say of it.
struct Running {
    _venue: Box<dyn std::any::Any>,
    json: Value,
    text: String,
}

/// Runs until SIGTERM or SIGINT; prints a key that it knows.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let (mut stop, stop_in) = UnixStream::pair().map_err(failed)?;
    let again = stop_in.try_clone().map_err(failed)?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGTERM, stop_in)
        .map_err(failed)?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGINT, again).map_err(failed)?;
    let running = match arguments.venue {
        Venue::Binance => binance(arguments)?,
        Venue::Woox => woox(arguments)?,
    };
    context.output.stream(&running.json, &running.text);
    let _ = stop.read(&mut [0]);
    Ok(Answer::printed(true))
}

fn failed(error: std::io::Error) -> Failure {
    Failure::negative(format!("cannot run the paper venue: {error}"))
        .next("try --listen 127.0.0.1:0")
}

fn binance(arguments: &Arguments) -> Result<Running, Failure> {
    let (key, secret) = (random_text()?, random_text()?);
    let rights =
        if arguments.all_rights { Rights::ALL } else { Rights { futures: true, ..Rights::TRADE } };
    let api_key = match &arguments.public_key {
        None => ApiKey::hmac(&key, &secret, rights),
        Some(file) => read_public_key(file, &key, rights)?,
    };
    let secret = arguments.public_key.is_none().then_some(secret);
    let mut options = PaperOptions { listen: arguments.listen, ..PaperOptions::with_key(api_key) };
    options.market_maker.walk_every = arguments.walk.map(Duration::from_millis);
    let venue = PaperVenue::spawn_blocking(options).map_err(failed)?;
    let json = json!({
        "ready": true,
        "base_url": venue.base_url(),
        "websocket_api": venue.ws_url("/ws-api/v3"),
        "streams": venue.ws_url("/stream/ws"),
        "futures_websocket_api": venue.ws_url("/ws-fapi/v1"),
        "futures_streams": venue.ws_url("/fstream/ws"),
        "api_key": key,
        "secret": secret,
    });
    let signs = secret.as_deref().unwrap_or("(the private key of the public one given)");
    let text = format!(
        "paper Binance at {} (spot under /api and /sapi, futures under /fapi)\n  API key  {key}\n  secret   {signs}\n  WebSocket API {}, futures {}\n  streams {}, futures {}\nmade-up money; stop it with ^C",
        venue.base_url(),
        venue.ws_url("/ws-api/v3"),
        venue.ws_url("/ws-fapi/v1"),
        venue.ws_url("/stream/ws"),
        venue.ws_url("/fstream/ws"),
    );
    Ok(Running { json, text, _venue: Box::new(venue) })
}

fn woox(arguments: &Arguments) -> Result<Running, Failure> {
    if arguments.public_key.is_some() {
        return Err(Failure::misuse("WOO X has no public keys: its signatures are HMAC")
            .next("leave --public-key away"));
    }
    let (key, secret) = (random_text()?, random_text()?);
    let permissions =
        if arguments.all_rights { woox::Permissions::ALL } else { woox::Permissions::TRADE };
    let api_key = woox::ApiKey::new(&key, &secret, permissions);
    let mut options =
        woox::PaperOptions { listen: arguments.listen, ..woox::PaperOptions::with_key(api_key) };
    options.market_maker.walk_every = arguments.walk.map(Duration::from_millis);
    let venue = woox::PaperVenue::spawn_blocking(options).map_err(failed)?;
    let application_id = woox::options::DEFAULT_APPLICATION_ID;
    let json = json!({
        "ready": true,
        "base_url": venue.base_url(),
        "ws_public": venue.ws_public_url(),
        "ws_private": venue.ws_private_url(),
        "application_id": application_id,
        "api_key": key,
        "secret": secret,
    });
    let text = format!(
        "paper WOO X at {} (v1 and v3)\n  API key  {key}\n  secret   {secret}\n  uid      {application_id}\n  sockets  {}, private {}\nmade-up money; stop it with ^C",
        venue.base_url(),
        venue.ws_public_url(),
        venue.ws_private_url(),
    );
    Ok(Running { json, text, _venue: Box::new(venue) })
}

/// The key that a public key file gives.
fn read_public_key(file: &Path, key: &str, rights: Rights) -> Result<ApiKey, Failure> {
    let wrong = |why: String| {
        Failure::misuse(format!("cannot use the public key `{}`: {why}", file.display()))
            .next("give an Ed25519 or RSA public key in PEM, as `openssl pkey -pubout` writes it")
    };
    let pem = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    ApiKey::public(key, &pem, rights).ok_or_else(|| wrong("it is not one".to_owned()))
}
