//! The `[venue.*]` tables: where a venue is reached, and under what bots reach
//! it here.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use wire::model::Venue;

use super::{ConfigError, Host, UpstreamUrl, VenueConfig};
use crate::limits;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VenueTables {
    binance: Option<BinanceTable>,
    woox: Option<WooXTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WooXTable {
    base_url: String,
    history_url: Option<String>,
    streams_url: Option<String>,
    root_certificates: Option<PathBuf>,
    #[serde(default)]
    hosts: Vec<String>,
    path_prefix: Option<String>,
    port: Option<u16>,
    #[serde(default)]
    egress: Vec<IpAddr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BinanceTable {
    base_url: String,
    futures_url: Option<String>,
    coin_futures_url: Option<String>,
    frames_url: Option<String>,
    futures_frames_url: Option<String>,
    streams_url: Option<String>,
    futures_streams_url: Option<String>,
    root_certificates: Option<PathBuf>,
    #[serde(default)]
    hosts: Vec<String>,
    path_prefix: Option<String>,
    port: Option<u16>,
    #[serde(default)]
    egress: Vec<IpAddr>,
}

impl VenueTables {
    pub(super) fn check(self, base: &Path) -> Result<Vec<VenueConfig>, ConfigError> {
        let binance = self.binance.map(|table| table.check(base)).transpose()?;
        let woox = self.woox.map(|table| table.check(base)).transpose()?;
        let venues: Vec<VenueConfig> = binance.into_iter().chain(woox).collect();
        if venues.is_empty() {
            return Err(ConfigError::new("venue", "no venue; add `[venue.binance]`"));
        }
        // Where bots reach more than one, each needs a mark of its own.
        for (at, one) in venues.iter().enumerate() {
            let others = venues.iter().skip(at + 1);
            let unmarked = one.path_prefix.is_none() && one.hosts.is_empty() && one.port.is_none();
            for other in others {
                let both = one.path_prefix.is_some() && one.path_prefix == other.path_prefix
                    || one.hosts.iter().any(|host| other.hosts.contains(host));
                let other_unmarked =
                    other.path_prefix.is_none() && other.hosts.is_empty() && other.port.is_none();
                if both || unmarked || other_unmarked {
                    return Err(ConfigError::new(
                        format!("venue.{}.path_prefix", other.venue.name()),
                        format!(
                            "bots cannot tell it from `{}`; give each a path prefix, host name or \
                             port of its own",
                            one.venue.name()
                        ),
                    ));
                }
            }
        }
        Ok(venues)
    }
}

fn path_prefix(field: &str, written: Option<&str>) -> Result<Option<String>, ConfigError> {
    match written {
        None | Some("") => Ok(None),
        Some(prefix)
            if prefix.starts_with('/')
                && prefix.len() > 1
                && !prefix.ends_with('/')
                && prefix.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_')
                }) =>
        {
            Ok(Some(prefix.to_owned()))
        }
        Some(prefix) => Err(ConfigError::new(
            field,
            format!("`{prefix}` is no path prefix; write it as `/binance`"),
        )),
    }
}

fn check_hosts(field: &str, hosts: &[String]) -> Result<(), ConfigError> {
    for host in hosts {
        let fine = !host.is_empty()
            && host.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-')
            });
        if !fine {
            return Err(ConfigError::new(
                field,
                format!("`{host}` is no host name; write it in lower case without a port"),
            ));
        }
    }
    Ok(())
}

impl WooXTable {
    fn check(self, base: &Path) -> Result<VenueConfig, ConfigError> {
        let url = UpstreamUrl::parse("venue.woox.base_url", &self.base_url)?;
        let history = match self.history_url {
            Some(text) => UpstreamUrl::parse("venue.woox.history_url", &text)?,
            None if url.host == "api.woox.io" => {
                UpstreamUrl::parse("venue.woox.history_url", "https://api-pub.woox.io")?
            }
            None => url.clone(),
        };
        let streams = match self.streams_url {
            Some(text) => UpstreamUrl::parse("venue.woox.streams_url", &text)?,
            None if url.host == "api.woox.io" => {
                UpstreamUrl::parse("venue.woox.streams_url", "https://wss.woox.io")?
            }
            None => url.clone(),
        };
        check_hosts("venue.woox.hosts", &self.hosts)?;
        Ok(VenueConfig {
            venue: Venue::WooX,
            hosts_at: vec![
                (Host::WooX, url),
                (Host::WooXHistory, history),
                (Host::WooXStreams, streams),
            ],
            root_certificates: self.root_certificates.map(|path| base.join(path)),
            path_prefix: path_prefix("venue.woox.path_prefix", self.path_prefix.as_deref())?,
            hosts: self.hosts,
            port: self.port,
            egress: check_egress("venue.woox.egress", self.egress)?,
        })
    }
}

impl BinanceTable {
    fn check(self, base: &Path) -> Result<VenueConfig, ConfigError> {
        let spot = UpstreamUrl::parse("venue.binance.base_url", &self.base_url)?;
        let live = spot.host == "api.binance.com";
        let beside = |field: &str, given: Option<String>, public: &str| match given {
            Some(text) => UpstreamUrl::parse(field, &text),
            None if live => UpstreamUrl::parse(field, public),
            None => Ok(spot.clone()),
        };
        let futures =
            beside("venue.binance.futures_url", self.futures_url, "https://fapi.binance.com")?;
        let coin_futures = beside(
            "venue.binance.coin_futures_url",
            self.coin_futures_url,
            "https://dapi.binance.com",
        )?;
        let frames =
            beside("venue.binance.frames_url", self.frames_url, "https://ws-api.binance.com")?;
        let futures_frames = beside(
            "venue.binance.futures_frames_url",
            self.futures_frames_url,
            "https://ws-fapi.binance.com",
        )?;
        let streams = beside(
            "venue.binance.streams_url",
            self.streams_url,
            "https://stream.binance.com:9443",
        )?;
        let futures_streams = beside(
            "venue.binance.futures_streams_url",
            self.futures_streams_url,
            "https://fstream.binance.com",
        )?;
        check_hosts("venue.binance.hosts", &self.hosts)?;
        Ok(VenueConfig {
            venue: Venue::Binance,
            hosts_at: vec![
                (Host::Spot, spot),
                (Host::UsdFutures, futures),
                (Host::CoinFutures, coin_futures),
                (Host::SpotFrames, frames),
                (Host::UsdFuturesFrames, futures_frames),
                (Host::SpotStreams, streams),
                (Host::UsdFuturesStreams, futures_streams),
            ],
            root_certificates: self.root_certificates.map(|path| base.join(path)),
            path_prefix: path_prefix("venue.binance.path_prefix", self.path_prefix.as_deref())?,
            hosts: self.hosts,
            port: self.port,
            egress: check_egress("venue.binance.egress", self.egress)?,
        })
    }
}

fn check_egress(field: &str, egress: Vec<IpAddr>) -> Result<Vec<IpAddr>, ConfigError> {
    if egress.len() > limits::EGRESS_ADDRESSES {
        return Err(ConfigError::new(
            field,
            format!("names more than {} addresses", limits::EGRESS_ADDRESSES),
        ));
    }
    let mut seen = std::collections::BTreeSet::new();
    match egress.iter().find(|one| one.is_unspecified() || !seen.insert(**one)) {
        None => Ok(egress),
        Some(wrong) => Err(ConfigError::new(
            field,
            format!("`{wrong}` stands twice or is no address; name each of this machine's once"),
        )),
    }
}
