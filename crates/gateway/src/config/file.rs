//! The file as it is written, and its checks.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use judge::DetectConfig;
use judge::policy::config::BotPolicy;
use serde::Deserialize;
use vault::signer::Wait;

use super::certificates;
use super::notify::{self, NotifyTable};
use super::venues::VenueTables;
use super::{
    AccountConfig, BotConfig, Config, ConfigError, Listen, LogSpace, TlsListen, VenueConfig,
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
    #[serde(default)]
    detect: DetectConfig,
    venue: VenueTables,
    #[serde(default)]
    account: BTreeMap<String, AccountTable>,
    #[serde(default)]
    bot: BTreeMap<String, BotPolicy>,
    #[serde(default)]
    signer: SignerTable,
    #[serde(default)]
    metrics: MetricsTable,
    #[serde(default)]
    notify: BTreeMap<String, NotifyTable>,
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
            detection: checked(self.detect)?,
            policy_tables: toml::Table::new(),
            signer_wait: self.signer.check()?,
            notify: notify::check(self.notify, &base)?,
            notify_secrets: notify::Secrets::new(),
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

fn checked(detection: DetectConfig) -> Result<DetectConfig, ConfigError> {
    detection.check().map_err(|error| ConfigError::new("detect", error))?;
    Ok(detection)
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

pub(super) fn check_name(field: String, name: &str) -> Result<(), ConfigError> {
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
