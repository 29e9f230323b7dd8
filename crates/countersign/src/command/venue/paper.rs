//! `venue paper`: a paper Binance on a port, for trying things out.

use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;

use serde_json::json;
use sim::binance::{ApiKey, PaperOptions, PaperVenue, Rights};

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::virtual_key::random_text;

/// Arguments of `venue paper`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Where it listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Give its key every right, withdrawals too
    #[arg(long)]
    all_rights: bool,
}

/// Runs until SIGTERM or SIGINT; prints a key that it knows.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let (key, secret) = (random_text()?, random_text()?);
    let rights = if arguments.all_rights { Rights::ALL } else { Rights::TRADE };
    let options = PaperOptions {
        listen: arguments.listen,
        ..PaperOptions::with_key(ApiKey::hmac(&key, &secret, rights))
    };
    let failed = |error: std::io::Error| {
        Failure::negative(format!("cannot run the paper venue: {error}"))
            .next("try --listen 127.0.0.1:0")
    };
    let (mut stop, stop_in) = UnixStream::pair().map_err(failed)?;
    let again = stop_in.try_clone().map_err(failed)?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGTERM, stop_in)
        .map_err(failed)?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGINT, again).map_err(failed)?;
    let venue = PaperVenue::spawn_blocking(options).map_err(failed)?;
    let json = json!({
        "ready": true,
        "base_url": venue.base_url(),
        "api_key": key,
        "secret": secret,
    });
    let text = format!(
        "paper Binance at {}\n  API key  {key}\n  secret   {secret}\nmade-up money; stop it with ^C",
        venue.base_url()
    );
    context.output.stream(&json, &text);
    let _ = stop.read(&mut [0]);
    Ok(Answer::printed(true))
}
