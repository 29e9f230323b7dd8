//! Where things are: `countersign.toml` and the directories under `data_dir`.
//!
//! The supervisor reads no more of the configuration than this and where doors
//! are; the gateway reads the rest.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use vault::signer::Wait;
use vault::venue::Venue;

use crate::failure::Failure;

/// Longest configuration file, bytes.
pub(crate) const CONFIG_BYTES: u64 = 48 * 1024;
/// User id of the signer where the supervisor is root and none is configured.
pub(crate) const SIGNER_UID: u32 = 64_701;
/// User id of the gateway where the supervisor is root and none is configured.
pub(crate) const GATEWAY_UID: u32 = 64_702;
/// Most gateway workers.
pub(crate) const WORKERS: u16 = 64;

/// What the supervisor and the commands read of the configuration.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The configuration file, absolute.
    pub(crate) config_path: PathBuf,
    /// Its text.
    pub(crate) text: String,
    /// The data directory, absolute.
    pub(crate) data_dir: PathBuf,
    /// Gateway workers.
    pub(crate) workers: u16,
    /// The plain HTTP listen address as written.
    pub(crate) http: Option<String>,
    /// The venues by name.
    pub(crate) venues: BTreeMap<String, VenueTable>,
    /// The accounts by name.
    pub(crate) accounts: toml::Table,
    /// The bots by name.
    pub(crate) bots: toml::Table,
    /// The file with additional Cedar policies.
    pub(crate) extra_policy: Option<PathBuf>,
    /// Who is told of what, by name.
    pub(crate) notify: toml::Table,
    /// How the signer waits for what it is asked.
    pub(crate) signer_wait: Wait,
    /// User ids.
    pub(crate) supervisor: SupervisorTable,
}

#[derive(Debug, Deserialize)]
struct File {
    data_dir: PathBuf,
    #[serde(default)]
    listen: ListenTable,
    #[serde(default)]
    venue: BTreeMap<String, VenueTable>,
    #[serde(default)]
    policy: PolicyTable,
    #[serde(default)]
    account: toml::Table,
    #[serde(default)]
    bot: toml::Table,
    #[serde(default)]
    notify: toml::Table,
    #[serde(default)]
    signer: SignerTable,
    #[serde(default)]
    supervisor: SupervisorTable,
}

#[derive(Debug, Default, Deserialize)]
struct SignerTable {
    wait: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ListenTable {
    http: Option<String>,
    workers: Option<u16>,
}

#[derive(Debug, Default, Deserialize)]
struct PolicyTable {
    extra: Option<PathBuf>,
}

/// The part of `[venue.NAME]` that commands need.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct VenueTable {
    /// Where the venue is.
    pub(crate) base_url: Option<String>,
    /// The path prefix under which bots reach it.
    pub(crate) path_prefix: Option<String>,
    /// A certificate authority trusted beside the public ones, PEM file.
    pub(crate) root_certificates: Option<PathBuf>,
    /// This machine's addresses that connections to it leave from.
    #[serde(default)]
    pub(crate) egress: Vec<IpAddr>,
}

/// `[supervisor]`: user ids of the children where started as root.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SupervisorTable {
    /// The signer's user and group id.
    pub(crate) signer_uid: Option<u32>,
    /// The gateway's user and group id.
    pub(crate) gateway_uid: Option<u32>,
    /// Once the gateway has been down for so many seconds, what rests at the
    /// venues is cancelled, once an outage; never, where it is not said.
    pub(crate) cancel_all_after_seconds: Option<std::num::NonZeroU32>,
}

impl SupervisorTable {
    /// How long the gateway may be down before what rests is cancelled.
    pub(crate) fn cancel_all_after(&self) -> Option<std::time::Duration> {
        let seconds = self.cancel_all_after_seconds?.get();
        Some(std::time::Duration::from_secs(seconds.into()))
    }
}

impl Settings {
    /// Reads the configuration.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let config_path = std::path::absolute(path).map_err(|e| Failure::file("find", path, e))?;
        let text = match std::fs::metadata(&config_path) {
            Ok(found) if found.len() > CONFIG_BYTES => Err(Failure::misuse(format!(
                "`{}` is larger than {CONFIG_BYTES} bytes",
                path.display()
            ))),
            Ok(_) => {
                std::fs::read_to_string(&config_path).map_err(|e| Failure::file("read", path, e))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Failure::misuse(format!("there is no `{}`", path.display()))
                    .next("run `countersign init` here, or name the file with --config"))
            }
            Err(error) => Err(Failure::file("read", path, error)),
        }?;
        Self::parse(config_path, text)
    }

    /// The configuration as it is written now, for a process that is started
    /// again; none where it cannot be used, or where it says more than bots
    /// and keys differently: that takes a restart of everything.
    pub(crate) fn read_again(&self) -> Option<Self> {
        let newer = Self::read(&self.config_path).ok()?;
        let same = newer.data_dir == self.data_dir && newer.workers == self.workers;
        same.then_some(newer)
    }

    /// A configuration that was read already.
    pub(crate) fn parse(config_path: PathBuf, text: String) -> Result<Self, Failure> {
        let file: File = toml::from_str(&text).map_err(|error| {
            Failure::misuse(format!("`{}` does not parse: {error}", config_path.display()))
                .next("correct it and run `countersign policy check`")
        })?;
        let base = config_path.parent().unwrap_or_else(|| Path::new("/"));
        let data_dir = base.join(&file.data_dir);
        let workers = file.listen.workers.unwrap_or(1);
        if workers == 0 || workers > WORKERS {
            return Err(Failure::misuse(format!("listen.workers is {workers}"))
                .next(format!("set it between 1 and {WORKERS}")));
        }
        let wait = file.signer.wait.as_deref();
        let signer_wait = wait.map_or(Some(Wait::default()), Wait::from_name).ok_or_else(|| {
            Failure::misuse(format!("signer.wait is `{}`", wait.unwrap_or_default()))
                .next("use `block`, or `poll` for a signer with a core of its own")
        })?;
        Ok(Self {
            data_dir,
            workers,
            signer_wait,
            http: file.listen.http,
            venues: file.venue,
            accounts: file.account,
            bots: file.bot,
            notify: file.notify,
            extra_policy: file.policy.extra,
            supervisor: file.supervisor,
            config_path,
            text,
        })
    }

    /// All of the configuration, as the gateway reads it.
    pub(crate) fn whole(&self) -> Result<gateway::Config, gateway::ConfigError> {
        let base = self.config_path.parent().unwrap_or_else(|| Path::new("/"));
        gateway::Config::parse(&self.text, base)
    }

    /// The secrets that `[notify.*]` tables name, as far as this process may read
    /// them.
    pub(crate) fn notify_secrets(&self) -> Vec<(String, String)> {
        let base = self.config_path.parent().unwrap_or_else(|| Path::new("/"));
        gateway::config::notify::read_secrets(&self.notify, base)
    }

    /// A directory or file under the data directory.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.data_dir.join(name)
    }

    /// The gateway's admin socket.
    pub(crate) fn admin_socket(&self) -> PathBuf {
        self.data_dir.join("run").join("admin.sock")
    }

    /// The supervisor's key socket: in no directory that the gateway may write.
    pub(crate) fn key_socket(&self) -> PathBuf {
        self.data("keys.sock")
    }

    /// The name of an account's key of a class, as `[account.NAME] keys` says.
    pub(crate) fn key_of(&self, account: &str, class: &str) -> Option<&str> {
        self.accounts.get(account)?.get("keys")?.get(class)?.as_str()
    }

    /// The venue that an account is configured for.
    pub(crate) fn venue_of(&self, account: &str) -> Option<Venue> {
        Venue::from_name(self.accounts.get(account)?.get("venue")?.as_str()?)
    }

    /// Keeps others from running a signer on this state meanwhile. Held until
    /// dropped.
    pub(crate) fn lock(&self) -> Result<std::fs::File, Failure> {
        let path = self.data("lock");
        let file = std::fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| Failure::file("open", &path, error))?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(
            |_| {
                Failure::negative(format!("`{}` is in use", self.data_dir.display()))
                    .next("stop the running `countersign serve` (or the other `key` command) first")
            },
        )?;
        Ok(file)
    }

    /// A venue's table, where the gateway is configured for it.
    pub(crate) fn venue(&self, venue: Venue) -> Option<&VenueTable> {
        self.venues.get(venue.name())
    }

    /// The URL that bots use for a venue, as far as the configuration tells.
    pub(crate) fn bot_url(&self, venue: Venue) -> String {
        let address = self.http.as_deref().unwrap_or("127.0.0.1:8787");
        format!("http://{address}{}", self.bot_prefix(venue))
    }

    /// The path prefix that bots use for a venue.
    pub(crate) fn bot_prefix(&self, venue: Venue) -> &str {
        let prefix = self.venue(venue).and_then(|table| table.path_prefix.as_deref());
        prefix.unwrap_or_default().trim_end_matches('/')
    }

    /// The signer's user id.
    pub(crate) fn signer_uid(&self) -> u32 {
        self.supervisor.signer_uid.unwrap_or(SIGNER_UID)
    }

    /// The gateway's user id.
    pub(crate) fn gateway_uid(&self) -> u32 {
        self.supervisor.gateway_uid.unwrap_or(GATEWAY_UID)
    }
}

/// Whether a name may be used for a key, an account or a bot: it becomes a
/// file name and a table name.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), Failure> {
    let fine = !name.is_empty()
        && name.len() <= 40
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if fine {
        return Ok(());
    }
    Err(Failure::misuse(format!("`{name}` is not a {what} name"))
        .next("use up to 40 letters, digits, `-` and `_`, and begin with a letter or digit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_dir_is_beside_the_configuration() {
        let settings =
            Settings::parse("/etc/cs/countersign.toml".into(), "data_dir = \"d\"".into()).unwrap();
        assert_eq!(settings.data_dir, Path::new("/etc/cs/d"));
        assert_eq!(settings.workers, 1);
        assert_eq!(settings.bot_url(Venue::Binance), "http://127.0.0.1:8787");
    }

    #[test]
    fn names_that_leave_their_directory_are_refused() {
        for name in ["", "..", "a/b", "-x", ".hidden", "ü", &"a".repeat(41)] {
            assert!(check_name("bot", name).is_err(), "{name}");
        }
        assert!(check_name("bot", "mm-1").is_ok());
    }

    #[test]
    fn an_absurd_worker_count_is_misuse() {
        let text = "data_dir = \"d\"\n[listen]\nworkers = 0\n";
        assert!(Settings::parse("/c.toml".into(), text.into()).is_err());
    }
    #[test]
    fn a_signer_polls_only_where_that_is_written() {
        let wait = |table: &str| {
            Settings::parse("/c.toml".into(), format!("data_dir = \"d\"\n{table}"))
                .map(|settings| settings.signer_wait)
        };
        assert_eq!(wait("").unwrap(), Wait::Block);
        assert_eq!(wait("[signer]\nwait = \"poll\"\n").unwrap(), Wait::Poll);
        assert!(wait("[signer]\nwait = \"spin\"\n").is_err());
    }
}
