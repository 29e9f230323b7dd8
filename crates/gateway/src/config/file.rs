//! The file as it is written, and its checks.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use judge::policy::config::BotPolicy;
use serde::Deserialize;
use vault::signer::Wait;
use wire::model::Venue;

use super::certificates;
use super::{
    AccountConfig, BotConfig, Config, ConfigError, Host, Listen, LogSpace, TlsListen, UpstreamUrl,
    VenueConfig,
};
use crate::limits;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    data_dir: PathBuf,
    #[serde(default)]
    listen: ListenTable,
    #[serde(default)]
    log: LogTable,
    #[serde(default)]
    policy: PolicyTable,
    venue: VenueTables,
    #[serde(default)]
    account: BTreeMap<String, AccountTable>,
    #[serde(default)]
    bot: BTreeMap<String, BotPolicy>,
    #[serde(default)]
    signer: SignerTable,
    #[serde(default)]
    metrics: MetricsTable,
    /// The supervisor's own table.
    #[serde(default, rename = "supervisor")]
    _supervisor: toml::Table,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListenTable {
    http: Option<String>,
    unix: Option<PathBuf>,
    tls: Option<TlsTable>,
    workers: Option<usize>,
    #[serde(default)]
    cores: Vec<usize>,
    connections: Option<usize>,
    connections_per_peer: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsTable {
    address: String,
    certificate: PathBuf,
    key: PathBuf,
    client_authorities: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignerTable {
    wait: Option<String>,
}

impl SignerTable {
    fn check(&self) -> Result<Wait, ConfigError> {
        let Some(name) = &self.wait else { return Ok(Wait::default()) };
        Wait::from_name(name).ok_or_else(|| {
            ConfigError::new(
                "signer.wait",
                format!("`{name}` is unknown; use `block`, or `poll` for a signer with a core of its own"),
            )
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricsTable {
    listen: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogTable {
    #[serde(default)]
    checkpoint_copies: Vec<PathBuf>,
    segment_kib: Option<u64>,
    reads_reserve_kib: Option<u64>,
    cancels_reserve_kib: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyTable {
    extra: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VenueTables {
    binance: Option<BinanceTable>,
    woox: Option<WooXTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WooXTable {
    base_url: String,
    history_url: Option<String>,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountTable {
    venue: String,
    #[serde(default)]
    keys: KeysTable,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysTable {
    trade: Option<String>,
    read: Option<String>,
    value_out: Option<String>,
}

impl File {
    pub(super) fn check(self, base: &Path) -> Result<Config, ConfigError> {
        let base = std::path::absolute(base).map_err(|error| {
            ConfigError::new("", format!("no directory to start from: {error}"))
        })?;
        let venues = self.venue.check(&base)?;
        let listen = self.listen.check(&base, &venues)?;
        let accounts = check_accounts(self.account, &venues)?;
        let bots = check_bots(self.bot, &accounts)?;
        Ok(Config {
            data_dir: base.join(&self.data_dir),
            listen,
            venues,
            accounts,
            bots,
            extra_policy: self.policy.read(&base)?,
            signer_wait: self.signer.check()?,
            metrics: self
                .metrics
                .listen
                .map(|text| socket_address("metrics.listen", &text))
                .transpose()?,
            checkpoint_copies: self.log.checkpoint_copies.iter().map(|p| base.join(p)).collect(),
            log_space: self.log.space()?,
        })
    }
}

impl LogTable {
    fn space(&self) -> Result<LogSpace, ConfigError> {
        let bytes = |field: &str, kib: Option<u64>, default: u64, least: u64| {
            let bytes = kib.map_or(Some(default), |kib| kib.checked_mul(1024));
            let fits = |bytes: &u64| (least..=audit::MAX_SEGMENT_BYTES / 4).contains(bytes);
            bytes.filter(fits).ok_or_else(|| {
                ConfigError::new(
                    format!("log.{field}"),
                    format!(
                        "out of range; use {} to {}",
                        least / 1024,
                        audit::MAX_SEGMENT_BYTES / 4 / 1024
                    ),
                )
            })
        };
        Ok(LogSpace {
            segment_bytes: bytes(
                "segment_kib",
                self.segment_kib,
                audit::DEFAULT_SEGMENT_BYTES,
                audit::MIN_SEGMENT_BYTES,
            )?,
            reads_reserve_bytes: bytes(
                "reads_reserve_kib",
                self.reads_reserve_kib,
                audit::DEFAULT_READS_RESERVE_BYTES,
                limits::RESERVE_LEAST_BYTES,
            )?,
            cancels_reserve_bytes: bytes(
                "cancels_reserve_kib",
                self.cancels_reserve_kib,
                audit::DEFAULT_CANCELS_RESERVE_BYTES,
                limits::RESERVE_LEAST_BYTES,
            )?,
        })
    }
}

impl PolicyTable {
    fn read(&self, base: &Path) -> Result<String, ConfigError> {
        let Some(path) = &self.extra else { return Ok(String::new()) };
        std::fs::read_to_string(base.join(path)).map_err(|error| {
            ConfigError::new(
                "policy.extra",
                format!("`{}` cannot be read: {error}", path.display()),
            )
        })
    }
}

fn socket_address(field: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| {
        ConfigError::new(field, format!("`{text}` is no address and port; write `127.0.0.1:8787`"))
    })
}

impl ListenTable {
    fn check(self, base: &Path, venues: &[VenueConfig]) -> Result<Listen, ConfigError> {
        let http =
            self.http.as_deref().map(|text| socket_address("listen.http", text)).transpose()?;
        let tls = match self.tls {
            Some(tls) => Some(TlsListen {
                address: socket_address("listen.tls.address", &tls.address)?,
                certificate: base.join(tls.certificate),
                key: base.join(tls.key),
                client_authorities: tls.client_authorities.map(|path| base.join(path)),
            }),
            None => None,
        };
        if http.is_none() && tls.is_none() && self.unix.is_none() {
            return Err(ConfigError::new(
                "listen",
                "nothing to listen on; set at least one of `http`, `tls`, `unix`",
            ));
        }
        if let Some(venue) = venues.iter().find(|one| one.port.is_some())
            && http.is_none()
        {
            return Err(ConfigError::new(
                format!("venue.{}.port", venue.venue.name()),
                "a port of its own needs `listen.http` for its address",
            ));
        }
        let workers = self.workers.unwrap_or(1);
        if workers == 0 || workers > limits::WORKERS {
            return Err(ConfigError::new(
                "listen.workers",
                format!("{workers} is out of range; use 1 to {}", limits::WORKERS),
            ));
        }
        if !self.cores.is_empty() && self.cores.len() != workers {
            return Err(ConfigError::new(
                "listen.cores",
                format!(
                    "{} cores for {workers} workers; name one core per worker, or none",
                    self.cores.len()
                ),
            ));
        }
        let bounded = |field: &str, value: Option<usize>, default: usize| match value {
            Some(value) if value == 0 || value > 1_000_000 => {
                Err(ConfigError::new(field, format!("{value} is out of range")))
            }
            Some(value) => Ok(value),
            None => Ok(default),
        };
        Ok(Listen {
            http,
            tls,
            unix: self.unix.map(|path| base.join(path)),
            workers,
            cores: self.cores,
            connections: bounded(
                "listen.connections",
                self.connections,
                limits::CONNECTIONS_DEFAULT,
            )?,
            connections_per_peer: bounded(
                "listen.connections_per_peer",
                self.connections_per_peer,
                limits::CONNECTIONS_PER_PEER_DEFAULT,
            )?,
        })
    }
}

impl VenueTables {
    fn check(self, base: &Path) -> Result<Vec<VenueConfig>, ConfigError> {
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
        check_hosts("venue.woox.hosts", &self.hosts)?;
        Ok(VenueConfig {
            venue: Venue::WooX,
            hosts_at: vec![(Host::WooX, url), (Host::WooXHistory, history)],
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

fn check_name(field: String, name: &str) -> Result<(), ConfigError> {
    let fine = !name.is_empty()
        && name.len() <= limits::NAME_BYTES
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if fine {
        return Ok(());
    }
    Err(ConfigError::new(
        field,
        format!(
            "`{name}` is no name; use up to {} letters, digits, `-` and `_`",
            limits::NAME_BYTES
        ),
    ))
}

fn check_accounts(
    tables: BTreeMap<String, AccountTable>,
    venues: &[VenueConfig],
) -> Result<BTreeMap<String, AccountConfig>, ConfigError> {
    if tables.len() > limits::ACCOUNTS {
        return Err(ConfigError::new("account", format!("over {} accounts", limits::ACCOUNTS)));
    }
    let mut accounts = BTreeMap::new();
    let mut users: BTreeMap<String, String> = BTreeMap::new();
    for (name, table) in tables {
        check_name(format!("account.{name}"), &name)?;
        let Some(venue) = venues.iter().map(|one| one.venue).find(|one| one.name() == table.venue)
        else {
            let known: Vec<&str> = venues.iter().map(|one| one.venue.name()).collect();
            return Err(ConfigError::new(
                format!("account.{name}.venue"),
                format!(
                    "`{}` is no venue that is configured; there is `{}`",
                    table.venue,
                    known.join("`, `")
                ),
            ));
        };
        let KeysTable { trade, read, value_out } = table.keys;
        for key in [&trade, &read, &value_out].into_iter().flatten() {
            check_name(format!("account.{name}.keys"), key)?;
            if let Some(other) = users.insert(key.clone(), name.clone()).filter(|o| *o != name) {
                return Err(ConfigError::new(
                    format!("account.{name}.keys"),
                    format!(
                        "key `{key}` is also named by account `{other}`; a key has one account"
                    ),
                ));
            }
        }
        accounts.insert(name, AccountConfig { venue, trade, read, value_out });
    }
    Ok(accounts)
}

fn check_bots(
    tables: BTreeMap<String, BotPolicy>,
    accounts: &BTreeMap<String, AccountConfig>,
) -> Result<BTreeMap<String, BotConfig>, ConfigError> {
    if tables.len() > limits::BOTS {
        return Err(ConfigError::new("bot", format!("over {} bots", limits::BOTS)));
    }
    let mut bots = BTreeMap::new();
    for (name, policy) in tables {
        check_name(format!("bot.{name}"), &name)?;
        if !accounts.contains_key(&policy.account) {
            return Err(ConfigError::new(
                format!("bot.{name}.account"),
                format!("there is no `[account.{}]`", policy.account),
            ));
        }
        if policy.from.len() > limits::RANGES_PER_BOT {
            return Err(ConfigError::new(
                format!("bot.{name}.from"),
                format!("over {} address ranges", limits::RANGES_PER_BOT),
            ));
        }
        let (mut from, mut local) = (Vec::new(), false);
        for range in &policy.from {
            if range == "local" {
                local = true;
                continue;
            }
            let parsed = range
                .parse()
                .or_else(|_| range.parse::<std::net::IpAddr>().map(ipnet::IpNet::from))
                .map_err(|_| {
                    ConfigError::new(
                        format!("bot.{name}.from"),
                        format!(
                            "`{range}` is no address range; write `10.0.0.0/24`, or `local` \
                                 for the Unix socket"
                        ),
                    )
                })?;
            from.push(parsed);
        }
        if policy.from.is_empty() {
            // Nothing said: this machine alone.
            local = true;
            let own = ["127.0.0.0/8", "::1/128"];
            from.extend(own.iter().filter_map(|range| range.parse::<ipnet::IpNet>().ok()));
        }
        let certificates = certificates::fingerprints(&name, &policy.certificates)?;
        let policy = BotPolicy { name: name.clone(), ..policy };
        bots.insert(name, BotConfig { policy, from, local, certificates });
    }
    Ok(bots)
}
