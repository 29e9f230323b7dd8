//! Starts a paper Binance on a port, with one well funded account.
//!
//! `cargo run -p countersign-sim --example paper -- [ADDRESS] [KEY] [SECRET]`

use std::time::Duration;

use sim::binance::options::MarketMaker;
use sim::binance::{ApiKey, PaperOptions, PaperVenue, Rights};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let key = arguments.next().unwrap_or_else(|| "paperkey".to_owned());
    let secret = arguments.next().unwrap_or_else(|| "papersecret".to_owned());
    let mut options = PaperOptions::with_key(ApiKey::hmac(&key, &secret, Rights::ALL));
    options.listen = listen.parse()?;
    let walk_every = Some(Duration::from_millis(500));
    options.market_maker = MarketMaker { walk_every, ..MarketMaker::default() };
    let venue = PaperVenue::spawn_blocking(options)?;
    println!("paper Binance on {} with key `{key}`; Ctrl-C stops it", venue.base_url());
    loop {
        std::thread::park();
    }
}
