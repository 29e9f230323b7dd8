//! Follows the public trades of the spot markets that bots trade, for the pump
//! detectors. One socket; while there is none, detectors know what they knew.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio_tungstenite::tungstenite::Message;
use wire::model::{Product, Venue};

use super::House;
use super::events::SILENT;
use super::watch::{markets_of, of_product};
use crate::limits;
use crate::upstream::Host;

/// The first pause before a socket is opened again; it doubles.
const PAUSE: Duration = Duration::from_secs(2);
const PAUSE_MOST: Duration = Duration::from_secs(120);
/// How often it is looked whether bots trade other markets.
const LOOK: Duration = Duration::from_secs(30);

/// Follows them as long as the gateway runs.
pub(crate) async fn run(house: Rc<House>) {
    let mut pause = PAUSE;
    loop {
        let markets = house.watched_markets();
        if markets.is_empty() || !house.gateway.detection.load().watches_pumps() {
            tokio::time::sleep(LOOK).await;
            continue;
        }
        match house.follow_trades(&markets).await {
            Ok(()) => pause = PAUSE,
            Err(error) => {
                tracing::debug!(error, "public trades are not followed");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MOST);
            }
        }
    }
}

impl House {
    fn watched_markets(&self) -> BTreeSet<String> {
        let groups = self.gateway.accounts.values().filter(|one| one.venue == Venue::Binance);
        let all: BTreeSet<String> = groups.flat_map(|group| markets_of(group)).collect();
        let spot = of_product(&all, Product::Spot);
        spot.into_iter().filter(|one| one != "*").take(limits::PUMP_MARKETS).collect()
    }

    /// Until the socket ends, or bots trade other markets.
    async fn follow_trades(&self, markets: &BTreeSet<String>) -> Result<(), String> {
        let names: Vec<String> =
            markets.iter().map(|market| format!("{}@trade", market.to_ascii_lowercase())).collect();
        let target = format!("/stream?streams={}", names.join("/"));
        let mut socket = self.pool.open_socket(Host::SpotStreams, &target).await?;
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                told = tokio::time::timeout(SILENT, socket.next()) => match told {
                    Ok(Some(Ok(Message::Text(text)))) => self.gateway.pumps.take(text.as_str()),
                    // The library answers pings by itself.
                    Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
                    _ => return Err("the socket ended, or fell silent".to_owned()),
                },
                _ = look.tick() => {
                    if self.watched_markets() != *markets {
                        return Ok(());
                    }
                }
            }
        }
    }
}
