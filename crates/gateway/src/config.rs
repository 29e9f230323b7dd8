//! `countersign.toml`: read, checked and resolved whole before any port is
//! bound.

mod address;
mod certificates;
mod file;
pub mod notify;
mod venues;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use judge::policy::config::BotPolicy;
use wire::model::Venue;

pub use address::UpstreamUrl;

use crate::limits;

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where everything that Countersign keeps is, absolute.
    pub data_dir: PathBuf,
    /// Where bots connect.
    pub listen: Listen,
    /// The venues that are reached through here, in the order of their names.
    pub venues: Vec<VenueConfig>,
    /// The accounts by name.
    pub accounts: BTreeMap<String, AccountConfig>,
    /// The bots by name.
    pub bots: BTreeMap<String, BotConfig>,
    /// Which detector leads to what.
    pub detection: judge::DetectConfig,
    /// Additional policy text.
    pub extra_policy: String,
    /// The tables that verdicts depend on (`[bot.NAME]`, `[detect]`), as they
    /// are written, in the order of their names: what the log keeps of them.
    pub policy_tables: toml::Table,
    /// Directories that every checkpoint is copied to.
    pub checkpoint_copies: Vec<PathBuf>,
    /// The disk space that the log takes ahead.
    pub log_space: LogSpace,
    /// How the signer waits, and with it who waits for the signer.
    pub signer_wait: vault::signer::Wait,
    /// Who is told of what, by name.
    pub notify: BTreeMap<String, notify::NotifyConfig>,
    /// Secrets of theirs that the supervisor read for this process.
    pub notify_secrets: notify::Secrets,
    /// Where Prometheus asks for the metrics; none: nowhere.
    pub metrics: Option<SocketAddr>,
}

/// The disk space that the log takes ahead, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSpace {
    /// At a time.
    pub segment_bytes: u64,
    /// For private reads while the disk is full.
    pub reads_reserve_bytes: u64,
    /// For cancels while the disk is full.
    pub cancels_reserve_bytes: u64,
}

/// Where bots connect.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Plain HTTP.
    pub http: Option<SocketAddr>,
    /// HTTPS.
    pub tls: Option<TlsListen>,
    /// HTTP over a Unix socket.
    pub unix: Option<PathBuf>,
    /// Worker threads.
    pub workers: usize,
    /// The core of each worker; empty: not pinned.
    pub cores: Vec<usize>,
    /// Most connections at once.
    pub connections: usize,
    /// Most connections from one address at once.
    pub connections_per_peer: usize,
}

/// An HTTPS listener.
#[derive(Clone, Debug)]
pub struct TlsListen {
    /// Where.
    pub address: SocketAddr,
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// The authorities whose certificates bots must come with, PEM file; none:
    /// bots need no certificate.
    pub client_authorities: Option<PathBuf>,
}

/// One of the venues' hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Binance `/api`, `/sapi`.
    Spot,
    /// Binance `/fapi`.
    UsdFutures,
    /// Binance `/dapi`.
    CoinFutures,
    /// Binance `/ws-api`: orders and questions in frames.
    SpotFrames,
    /// Binance `/ws-fapi`.
    UsdFuturesFrames,
    /// Binance's market data streams, spot.
    SpotStreams,
    /// Binance's market data streams, USD-M futures.
    UsdFuturesStreams,
    /// WOO X, all that is private and most that is public.
    WooX,
    /// WOO X, public history.
    WooXHistory,
    /// Its sockets.
    WooXStreams,
}

impl Host {
    /// Every host that there may be.
    pub const ALL: [Self; 10] = [
        Self::Spot,
        Self::UsdFutures,
        Self::CoinFutures,
        Self::SpotFrames,
        Self::UsdFuturesFrames,
        Self::SpotStreams,
        Self::UsdFuturesStreams,
        Self::WooX,
        Self::WooXHistory,
        Self::WooXStreams,
    ];

    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spot => "binance-spot",
            Self::UsdFutures => "binance-usd-futures",
            Self::CoinFutures => "binance-coin-futures",
            Self::SpotFrames => "binance-spot-frames",
            Self::UsdFuturesFrames => "binance-usd-futures-frames",
            Self::SpotStreams => "binance-spot-streams",
            Self::UsdFuturesStreams => "binance-usd-futures-streams",
            Self::WooX => "woox",
            Self::WooXHistory => "woox-history",
            Self::WooXStreams => "woox-streams",
        }
    }
}

/// A venue: where it is, and how bots reach it here.
#[derive(Clone, Debug)]
pub struct VenueConfig {
    /// Which venue.
    pub venue: Venue,
    /// Where its hosts are.
    pub hosts_at: Vec<(Host, UpstreamUrl)>,
    /// A certificate authority trusted beside the public ones, PEM file.
    pub root_certificates: Option<PathBuf>,
    /// Host names under which bots reach it.
    pub hosts: Vec<String>,
    /// Path prefix under which bots reach it, without a slash at its end.
    pub path_prefix: Option<String>,
    /// A plain listener of its own, on the plain listener's address.
    pub port: Option<u16>,
    /// This machine's addresses that connections to it leave from; empty: the
    /// one that the system chooses.
    pub egress: Vec<IpAddr>,
}

/// An account at a venue and its keys in the vault, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountConfig {
    /// Which venue.
    pub venue: Venue,
    /// The key that orders are signed with.
    pub trade: Option<String>,
    /// The key that reads are signed with; where none, the trade key.
    pub read: Option<String>,
    /// The key that withdrawals are signed with.
    pub value_out: Option<String>,
}

/// A bot: its rules, and where it may come from.
#[derive(Clone, Debug)]
pub struct BotConfig {
    /// Its rules.
    pub policy: BotPolicy,
    /// Address ranges; `local` is the Unix socket.
    pub from: Vec<IpNet>,
    /// Whether it may come over the Unix socket.
    pub local: bool,
    /// SHA-256 of the client certificates that it may come with; empty: it needs
    /// none.
    pub certificates: Vec<[u8; 32]>,
}

impl BotConfig {
    /// Whether a request from there may be this bot's.
    pub fn may_come_from(&self, peer: Option<IpAddr>) -> bool {
        match peer {
            Some(address) => self.from.iter().any(|range| range.contains(&address)),
            None => self.local,
        }
    }

    /// Whether a request over a connection with that client certificate may be
    /// this bot's.
    pub fn may_come_with(&self, certificate: Option<&[u8; 32]>) -> bool {
        self.certificates.is_empty()
            || certificate.is_some_and(|one| self.certificates.contains(one))
    }
}

/// What is wrong with a configuration; the person who wrote it corrects it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The field, as a dotted path.
    pub field: String,
    /// What is wrong and what to write.
    pub detail: String,
}

impl ConfigError {
    pub(crate) fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            return write!(f, "configuration: {}", self.detail);
        }
        write!(f, "configuration, `{}`: {}", self.field, self.detail)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// A venue's table.
    pub fn venue(&self, venue: Venue) -> Option<&VenueConfig> {
        self.venues.iter().find(|one| one.venue == venue)
    }

    /// Reads and checks a configuration. Relative paths are relative to `base`,
    /// the directory of the configuration file.
    ///
    /// # Errors
    /// The first thing that is wrong, by field.
    pub fn parse(text: &str, base: &Path) -> Result<Self, ConfigError> {
        if text.len() > limits::CONFIG_BYTES {
            return Err(ConfigError::new(
                "",
                format!("it is over {} bytes; shorten it", limits::CONFIG_BYTES),
            ));
        }
        let file: file::File = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
            let line = before.matches('\n').count() + 1;
            let written: String =
                text.lines().nth(line - 1).unwrap_or("").trim().chars().take(80).collect();
            let message = error.message().replace('\n', " ");
            ConfigError::new("", format!("line {line}, `{written}`: {message}"))
        })?;
        let mut config = file.check(base)?;
        let tables: toml::Table = toml::from_str(text)
            .map_err(|error| ConfigError::new("", error.message().replace('\n', " ")))?;
        let judged = ["bot", "detect"];
        config.policy_tables = judged
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), tables.get(name)?.clone())))
            .collect();
        Ok(config)
    }
}

#[cfg(test)]
mod tests;
