//! The `[notify.NAME]` tables: who is told of what, where, and which files hold
//! the secrets of it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{ConfigError, UpstreamUrl};
use crate::limits;

/// What a file name begins with that names a systemd credential.
const CREDENTIAL: &str = "credential:";

/// Something that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being shown.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Secrets that were read for this process, by `NAME.FIELD`.
pub type Secrets = BTreeMap<String, Secret>;

/// How bad it is; each is worse than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look today.
    Warning,
    /// Something does not work.
    Error,
    /// Wake somebody.
    Critical,
}

impl Severity {
    /// Every severity.
    pub const ALL: [Self; 4] = [Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// The name in configuration and messages: `PagerDuty`'s own four.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

/// What a target hears of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Approvals: pending, granted, delayed, used, rejected.
    Approvals,
    /// Requests that a detector holds.
    Holds,
    /// Bots that a detector suspends.
    Bots,
    /// Halts, placed, lowered and lifted.
    Halts,
    /// The signer, gone and back.
    Signer,
    /// The log, where it cannot be written.
    Log,
    /// A venue that wants quiet: a rate limit, or a ban.
    Venue,
    /// A virtual key that nobody should use, used.
    Canary,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 8] = [
        Self::Approvals,
        Self::Holds,
        Self::Bots,
        Self::Halts,
        Self::Signer,
        Self::Log,
        Self::Venue,
        Self::Canary,
    ];

    /// The name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approvals => "approvals",
            Self::Holds => "holds",
            Self::Bots => "bots",
            Self::Halts => "halts",
            Self::Signer => "signer",
            Self::Log => "log",
            Self::Venue => "venue",
            Self::Canary => "canary",
        }
    }
}

/// One target.
#[derive(Clone, Debug)]
pub struct NotifyConfig {
    /// How it is told.
    pub channel: Channel,
    /// What it hears of.
    pub topics: Vec<Topic>,
    /// How bad something has to be.
    pub minimum: Severity,
    /// A certificate authority trusted beside the public ones, PEM file.
    pub root_certificates: Option<PathBuf>,
}

/// How a target is told.
///
/// INVARIANT (pinned host): the host is the configuration's, also where the
/// whole address is a secret.
#[derive(Clone, Debug)]
pub enum Channel {
    /// Our own JSON, posted.
    Webhook {
        /// The host.
        url: UpstreamUrl,
        /// The path where it is no secret.
        path: String,
        /// The file with the whole address where that is a secret.
        url_file: Option<String>,
        /// The file with a bearer token.
        token_file: Option<String>,
    },
    /// A Slack incoming webhook.
    Slack {
        /// The host.
        url: UpstreamUrl,
        /// The file with the whole address.
        url_file: String,
    },
    /// Telegram's `sendMessage`.
    Telegram {
        /// The host.
        url: UpstreamUrl,
        /// The file with the bot's token.
        token_file: String,
        /// To whom.
        chat_id: String,
    },
    /// `PagerDuty`'s Events API v2.
    PagerDuty {
        /// The host.
        url: UpstreamUrl,
        /// The file with the routing key.
        routing_key_file: String,
    },
    /// E-mail.
    Smtp {
        /// The server's name.
        server: String,
        /// Its port.
        port: u16,
        /// How it is secured.
        tls: MailTls,
        /// The user, and the file with the password.
        login: Option<(String, String)>,
        /// From whom.
        from: String,
        /// To whom.
        to: Vec<String>,
    },
}

/// How a connection to a mail server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// TLS after `STARTTLS`, or nothing is sent (RFC 3207).
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// None: to this machine alone.
    None,
}

impl Channel {
    /// The port that is dialled.
    pub const fn port(&self) -> u16 {
        match self {
            Self::Webhook { url, .. }
            | Self::Slack { url, .. }
            | Self::Telegram { url, .. }
            | Self::PagerDuty { url, .. } => url.port,
            Self::Smtp { port, .. } => *port,
        }
    }

    /// The name of its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Slack { .. } => "slack",
            Self::Telegram { .. } => "telegram",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Smtp { .. } => "smtp",
        }
    }
}

/// Reads a secret: a file's first line, or a systemd credential's
/// (`credential:NAME`).
///
/// # Errors
/// It cannot be read, in words that show nothing of it.
pub fn read_secret(base: &Path, written: &str) -> Result<Secret, String> {
    let path = match written.strip_prefix(CREDENTIAL) {
        Some(name) => {
            let directory = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                format!(
                    "`{written}` is a systemd credential, and systemd gave none (`LoadCredential=`)"
                )
            })?;
            PathBuf::from(directory).join(name)
        }
        None => base.join(written),
    };
    let unreadable = |error: std::io::Error| {
        format!("`{}` cannot be read: {error}; name a file with the secret alone", path.display())
    };
    let mut text = String::new();
    let file = std::fs::File::open(&path).map_err(unreadable)?;
    file.take(limits::NOTIFY_SECRET_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    let line = text.lines().next().unwrap_or_default().trim();
    let printable = line.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if line.is_empty() || text.len() as u64 > limits::NOTIFY_SECRET_BYTES || !printable {
        return Err(format!(
            "`{}` holds no secret: one line of printable ASCII is expected",
            path.display()
        ));
    }
    Ok(Secret(line.to_owned()))
}

/// Reads every secret that `[notify.*]` tables name, where this process may.
/// Whoever may not leaves it to the gateway, which says so.
pub fn read_secrets(tables: &toml::Table, base: &Path) -> Vec<(String, String)> {
    let mut read = Vec::new();
    for (name, table) in tables.iter().take(limits::NOTIFY_TARGETS) {
        for (field, value) in table.as_table().into_iter().flatten() {
            let written = value.as_str().filter(|_| field.ends_with("_file"));
            if let Some(Ok(secret)) = written.map(|written| read_secret(base, written)) {
                read.push((format!("{name}.{field}"), secret.0));
            }
        }
    }
    read
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotifyTable {
    kind: String,
    url: Option<String>,
    url_file: Option<String>,
    token_file: Option<String>,
    routing_key_file: Option<String>,
    password_file: Option<String>,
    chat_id: Option<String>,
    server: Option<String>,
    port: Option<u16>,
    tls: Option<String>,
    user: Option<String>,
    from: Option<String>,
    to: Option<Vec<String>>,
    events: Option<Vec<String>>,
    minimum: Option<String>,
    root_certificates: Option<PathBuf>,
}

/// Checks every table.
pub(super) fn check(
    tables: BTreeMap<String, NotifyTable>,
    base: &Path,
) -> Result<BTreeMap<String, NotifyConfig>, ConfigError> {
    if tables.len() > limits::NOTIFY_TARGETS {
        let detail = format!("over {} targets", limits::NOTIFY_TARGETS);
        return Err(ConfigError::new("notify", detail));
    }
    let checked = tables.into_iter().map(|(name, table)| {
        super::file::check_name(format!("notify.{name}"), &name)?;
        let config = table.check(&name, base)?;
        Ok((name, config))
    });
    checked.collect()
}

/// A host, and the path behind it.
fn host_and_path(field: &str, written: &str) -> Result<(UpstreamUrl, String), ConfigError> {
    let host_at = written.find("://").map_or(0, |at| at + 3);
    let path_at = written.get(host_at..).and_then(|rest| rest.find('/')).map(|at| host_at + at);
    let (host, path) = path_at.map_or((written, "/"), |at| written.split_at(at));
    let url = UpstreamUrl::parse(field, host)?;
    check_path(path).map_err(|error| ConfigError::new(field, error))?;
    plain_is_near(field, !url.tls, &url.host)?;
    Ok((url, path.to_owned()))
}

/// A path that goes into a request as it is.
///
/// # Errors
/// It does not, in words that do not show it.
pub(crate) fn check_path(path: &str) -> Result<(), String> {
    let fine = path.starts_with('/')
        && path.len() <= limits::NOTIFY_PATH_BYTES
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if fine { Ok(()) } else { Err("the path has characters that no path has".to_owned()) }
}

/// Nothing leaves this machine in the clear.
fn plain_is_near(field: &str, plain: bool, host: &str) -> Result<(), ConfigError> {
    let loopback = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if !plain || loopback {
        return Ok(());
    }
    Err(ConfigError::new(
        field,
        format!("`{host}` would be told in the clear; use TLS, or an address of this machine"),
    ))
}

impl NotifyTable {
    fn check(mut self, name: &str, base: &Path) -> Result<NotifyConfig, ConfigError> {
        let topics = self.topics(name)?;
        let minimum = self.minimum(name)?;
        let root_certificates = self.root_certificates.take().map(|path| base.join(path));
        let field = |field: &str| format!("notify.{name}.{field}");
        let missing = |what: &str| ConfigError::new(field(what), "it is missing");
        let url = self.url.take();
        let host = |public: &str| {
            host_and_path(&field("url"), url.as_deref().unwrap_or(public)).map(|(url, _)| url)
        };
        let channel = match self.kind.as_str() {
            "webhook" => {
                let written = url.as_deref().ok_or_else(|| missing("url"))?;
                let (url, path) = host_and_path(&field("url"), written)?;
                let (url_file, token_file) = (self.url_file.take(), self.token_file.take());
                Channel::Webhook { url, path, url_file, token_file }
            }
            "slack" => Channel::Slack {
                url: host("https://hooks.slack.com")?,
                url_file: self.url_file.take().ok_or_else(|| missing("url_file"))?,
            },
            "telegram" => Channel::Telegram {
                url: host("https://api.telegram.org")?,
                token_file: self.token_file.take().ok_or_else(|| missing("token_file"))?,
                chat_id: self.chat_id.take().ok_or_else(|| missing("chat_id"))?,
            },
            "pagerduty" => Channel::PagerDuty {
                url: host("https://events.pagerduty.com")?,
                routing_key_file: self
                    .routing_key_file
                    .take()
                    .ok_or_else(|| missing("routing_key_file"))?,
            },
            "smtp" => self.mail(name)?,
            other => {
                return Err(ConfigError::new(
                    field("kind"),
                    format!(
                        "`{other}` is unknown; use `webhook`, `slack`, `telegram`, `pagerduty` \
                         or `smtp`"
                    ),
                ));
            }
        };
        self.nothing_left(name)?;
        Ok(NotifyConfig { channel, topics, minimum, root_certificates })
    }

    fn topics(&mut self, name: &str) -> Result<Vec<Topic>, ConfigError> {
        let Some(written) = self.events.take() else { return Ok(Topic::ALL.to_vec()) };
        let known = |text: &String| {
            Topic::ALL.into_iter().find(|topic| topic.name() == text).ok_or_else(|| {
                let all = Topic::ALL.map(Topic::name).join("`, `");
                let detail = format!("`{text}` is unknown; there is `{all}`");
                ConfigError::new(format!("notify.{name}.events"), detail)
            })
        };
        written.iter().map(known).collect()
    }

    /// A pager is for what somebody has to get up for.
    fn minimum(&mut self, name: &str) -> Result<Severity, ConfigError> {
        let Some(written) = self.minimum.take() else {
            let pager = self.kind == "pagerduty";
            return Ok(if pager { Severity::Error } else { Severity::Info });
        };
        Severity::ALL.into_iter().find(|one| one.name() == written).ok_or_else(|| {
            let all = Severity::ALL.map(Severity::name).join("`, `");
            let detail = format!("`{written}` is unknown; there is `{all}`");
            ConfigError::new(format!("notify.{name}.minimum"), detail)
        })
    }

    fn mail(&mut self, name: &str) -> Result<Channel, ConfigError> {
        let field = |field: &str| format!("notify.{name}.{field}");
        let missing = |what: &str| ConfigError::new(field(what), "it is missing");
        let server = self.server.take().ok_or_else(|| missing("server"))?;
        let tls = match self.tls.take().as_deref() {
            None | Some("starttls") => MailTls::StartTls,
            Some("implicit") => MailTls::Implicit,
            Some("none") => MailTls::None,
            Some(other) => {
                let detail = format!("`{other}` is unknown; use `starttls`, `implicit` or `none`");
                return Err(ConfigError::new(field("tls"), detail));
            }
        };
        plain_is_near(&field("tls"), tls == MailTls::None, &server)?;
        let login = match (self.user.take(), self.password_file.take()) {
            (Some(user), Some(file)) => Some((user, file)),
            (None, None) => None,
            _ => {
                return Err(ConfigError::new(
                    field("user"),
                    "`user` and `password_file` go together",
                ));
            }
        };
        let port = self.port.take().unwrap_or(match tls {
            MailTls::StartTls => 587,
            MailTls::Implicit => 465,
            MailTls::None => 25,
        });
        let from = self.from.take().ok_or_else(|| missing("from"))?;
        let to = self.to.take().unwrap_or_default();
        if to.is_empty() || to.len() > limits::NOTIFY_RECIPIENTS {
            let detail = format!("name 1 to {} addresses", limits::NOTIFY_RECIPIENTS);
            return Err(ConfigError::new(field("to"), detail));
        }
        for (what, address) in to.iter().map(|one| ("to", one)).chain([("from", &from)]) {
            if address.parse::<lettre::message::Mailbox>().is_err() {
                let detail = format!("`{}` is no address", address.escape_debug());
                return Err(ConfigError::new(field(what), detail));
            }
        }
        Ok(Channel::Smtp { server, port, tls, login, from, to })
    }

    /// What its kind does not use would be ignored in silence.
    fn nothing_left(&self, name: &str) -> Result<(), ConfigError> {
        let left = [
            ("url", self.url.is_some()),
            ("url_file", self.url_file.is_some()),
            ("token_file", self.token_file.is_some()),
            ("routing_key_file", self.routing_key_file.is_some()),
            ("password_file", self.password_file.is_some()),
            ("chat_id", self.chat_id.is_some()),
            ("server", self.server.is_some()),
            ("port", self.port.is_some()),
            ("tls", self.tls.is_some()),
            ("user", self.user.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
        ];
        match left.into_iter().find(|(_, there)| *there) {
            Some((field, _)) => Err(ConfigError::new(
                format!("notify.{name}.{field}"),
                format!("a target of kind `{}` has no such field", self.kind),
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
