//! A target with its secrets, ready to be told.

use std::path::Path;

use hyper::StatusCode;
use serde_json::Value;

use super::event::{Event, clean};
use super::http::{Answered, Post};
use super::mail::{Mail, Server};
use super::{Failure, shape};
use crate::config::notify::{Channel, NotifyConfig, Secret, Secrets, check_path, read_secret};
use crate::config::{ConfigError, UpstreamUrl};
use crate::upstream::connector;

/// Where events go.
#[derive(Debug)]
pub(super) enum Target {
    Webhook { post: Post, path: Secret, is_path_secret: bool, token: Option<Secret> },
    Slack { post: Post, path: Secret },
    Telegram { post: Post, path: Secret, token: Secret, chat_id: String },
    PagerDuty { post: Post, routing_key: Secret, source: String },
    Smtp(Mail),
}

impl Target {
    /// Reads its secrets.
    ///
    /// # Errors
    /// One cannot be read, or is of another host.
    pub(super) fn new(
        name: &str,
        config: &NotifyConfig,
        secrets: &Secrets,
        base: &Path,
    ) -> Result<Self, ConfigError> {
        let wrong = |field: &str| {
            let field = format!("notify.{name}.{field}");
            move |error: String| ConfigError::new(field, error)
        };
        let secret = |field: &str, written: &str| match secrets.get(&format!("{name}.{field}")) {
            Some(secret) => Ok(secret.clone()),
            None => read_secret(base, written).map_err(wrong(field)),
        };
        let post = |url: &UpstreamUrl| {
            let roots = config.root_certificates.as_deref();
            let connector = connector(&format!("notify.{name}"), roots)?;
            Post::new(url.clone(), connector).map_err(wrong("url"))
        };
        let path_of = |url: &UpstreamUrl, written: &str| {
            let whole = secret("url_file", written)?;
            path_at(url, whole.expose()).map_err(wrong("url_file"))
        };
        Ok(match &config.channel {
            Channel::Webhook { url, path, url_file, token_file } => Self::Webhook {
                post: post(url)?,
                is_path_secret: url_file.is_some(),
                path: match url_file {
                    Some(written) => path_of(url, written)?,
                    None => Secret::new(path.clone()),
                },
                token: token_file.as_deref().map(|one| secret("token_file", one)).transpose()?,
            },
            Channel::Slack { url, url_file } => {
                Self::Slack { post: post(url)?, path: path_of(url, url_file)? }
            }
            Channel::Telegram { url, token_file, chat_id } => {
                let token = secret("token_file", token_file)?;
                let path = format!("/bot{}/sendMessage", token.expose());
                check_path(&path).map_err(|_| {
                    wrong("token_file")("it holds no bot token, such as `123456:ABC`".to_owned())
                })?;
                let (post, path) = (post(url)?, Secret::new(path));
                Self::Telegram { post, path, token, chat_id: chat_id.clone() }
            }
            Channel::PagerDuty { url, routing_key_file } => Self::PagerDuty {
                post: post(url)?,
                routing_key: secret("routing_key_file", routing_key_file)?,
                source: host_name(),
            },
            Channel::Smtp { server, port, tls, login, from, to } => {
                let authority = config
                    .root_certificates
                    .as_deref()
                    .map(std::fs::read)
                    .transpose()
                    .map_err(|error| wrong("root_certificates")(error.to_string()))?;
                let password =
                    login.as_ref().map(|(_, file)| secret("password_file", file)).transpose()?;
                let user = login.as_ref().map(|(user, _)| user.as_str());
                let server = Server {
                    name: server,
                    port: *port,
                    tls: *tls,
                    login: user.zip(password.as_ref()),
                    authority: authority.as_deref(),
                };
                Self::Smtp(Mail::new(&server, from, to).map_err(wrong("server"))?)
            }
        })
    }

    /// Tells it.
    ///
    /// # Errors
    /// It was not taken, or nobody knows.
    pub(super) async fn send(&self, event: &Event) -> Result<(), Failure> {
        let (post, path, bearer, body) = match self {
            Self::Webhook { post, path, token, .. } => {
                (post, path.expose(), token.as_ref(), shape::webhook(event))
            }
            Self::Slack { post, path } => (post, path.expose(), None, shape::slack(event)),
            Self::Telegram { post, path, chat_id, .. } => {
                (post, path.expose(), None, shape::telegram(event, chat_id))
            }
            Self::PagerDuty { post, routing_key, source } => {
                let body = shape::pagerduty(event, routing_key.expose(), source);
                (post, "/v2/enqueue", None, body)
            }
            Self::Smtp(mail) => return mail.send(event).await,
        };
        let answered = post.json(path, bearer, body.to_string().into_bytes()).await?;
        self.judge(post.url(), &answered)
    }

    /// Whether it was taken, else whose fault that is.
    fn judge(&self, url: &UpstreamUrl, answered: &Answered) -> Result<(), Failure> {
        let status = answered.status;
        if status.is_success() {
            return Ok(());
        }
        let said = self.said(&answered.body);
        let host = url.authority();
        let code = status.as_u16();
        let busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
        if busy || status.is_server_error() {
            let wait = answered.wait.or_else(|| telegram_wait(&answered.body));
            let what = format!("`{host}` cannot take it now: HTTP {code}{said}");
            return Err(Failure { wait, ..Failure::passing(what) });
        }
        Err(Failure::lasting(format!(
            "`{host}` refuses it: HTTP {code}{said}; check the target's secret and its fields in \
             countersign.toml"
        )))
    }

    /// What the host said of it, unless that repeats a secret.
    fn said(&self, body: &[u8]) -> String {
        let text: String = String::from_utf8_lossy(body).chars().take(200).collect();
        let secrets = match self {
            Self::Webhook { path, is_path_secret, token, .. } => {
                vec![is_path_secret.then_some(path), token.as_ref()]
            }
            Self::Slack { path, .. } => vec![Some(path)],
            Self::Telegram { path, token, .. } => vec![Some(path), Some(token)],
            Self::PagerDuty { routing_key, .. } => vec![Some(routing_key)],
            Self::Smtp(_) => Vec::new(),
        };
        // Any part of one counts: an answer may be cut anywhere.
        let shows = |secret: &Secret| {
            let bytes = secret.expose().as_bytes();
            let part = bytes.len().min(SHOWN_PART);
            bytes
                .windows(part.max(1))
                .any(|part| memchr::memmem::find(text.as_bytes(), part).is_some())
        };
        if text.trim().is_empty() || secrets.into_iter().flatten().any(shows) {
            return String::new();
        }
        format!(", `{}`", clean(text.trim()).replace('`', "'"))
    }
}

/// A part of a secret so long in an answer is one too many, bytes.
const SHOWN_PART: usize = 8;

/// How long Telegram wants to be left alone: its answer says so in the body.
fn telegram_wait(body: &[u8]) -> Option<std::time::Duration> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let seconds = answer.get("parameters")?.get("retry_after")?.as_u64()?;
    Some(std::time::Duration::from_secs(seconds))
}

/// The path of an address that is a secret, at the host that is none.
fn path_at(url: &UpstreamUrl, whole: &str) -> Result<Secret, String> {
    let scheme = if url.tls { "https" } else { "http" };
    let wrong = || {
        format!("it holds no address at `{scheme}://{}`; name its host with `url`", url.authority())
    };
    let host_at = whole.find("://").map(|at| at + 3).ok_or_else(wrong)?;
    let rest = whole.get(host_at..).ok_or_else(wrong)?;
    let path_at = host_at + rest.find('/').ok_or_else(wrong)?;
    let (host, path) = whole.split_at_checked(path_at).ok_or_else(wrong)?;
    // INVARIANT (pinned host): the secret names no other host.
    let same = UpstreamUrl::parse("", host).is_ok_and(|found| found == *url);
    if !same {
        return Err(wrong());
    }
    check_path(path)?;
    Ok(Secret::new(path.to_owned()))
}

/// This machine's name, which says where a page comes from.
fn host_name() -> String {
    let name = rustix::system::uname();
    clean(&name.nodename().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::UpstreamUrl;

    const PATH: &str = "/services/T0/B0/secretOfTheHook";

    fn answered(status: u16, body: &'static str) -> Answered {
        let status = StatusCode::from_u16(status).unwrap();
        Answered { status, wait: None, body: bytes::Bytes::from_static(body.as_bytes()) }
    }

    fn hook() -> (Target, UpstreamUrl) {
        let url = UpstreamUrl::parse("", "https://hooks.slack.com").unwrap();
        let post = Post::new(url.clone(), connector("notify.t", None).unwrap()).unwrap();
        (Target::Slack { post, path: Secret::new(PATH.to_owned()) }, url)
    }

    #[test]
    fn what_a_target_answers_says_whose_fault_it_is_and_whether_to_try_again() {
        let (target, url) = hook();
        let judged = |status, body| target.judge(&url, &answered(status, body)).unwrap_err();
        assert!(target.judge(&url, &answered(202, "")).is_ok());
        let wrong = judged(403, "invalid_token");
        assert!(!wrong.again && wrong.what.contains("HTTP 403, `invalid_token`"), "{wrong:?}");
        assert!(judged(302, "").what.contains("refuses it"), "no redirect is followed");
        assert!(judged(503, "").again && judged(408, "").again);
        let busy = judged(429, r#"{"ok":false,"parameters":{"retry_after":35}}"#);
        assert_eq!((busy.again, busy.wait.map(|wait| wait.as_secs())), (true, Some(35)));
    }

    #[test]
    fn an_answer_that_repeats_a_part_of_a_secret_is_not_shown() {
        let (target, url) = hook();
        let body = "no such hook: /services/T0/B0/secretOfTh";
        let failure = target.judge(&url, &answered(404, body)).unwrap_err();
        assert!(!failure.what.contains("secretOf") && failure.what.contains("404"), "{failure:?}");
        assert!(!format!("{target:?}").contains("secretOf"));
    }

    /// INVARIANT (pinned host): a secret address is at the configured host.
    #[test]
    fn a_secret_address_is_at_the_hosts_and_nowhere_else() {
        let (_, url) = hook();
        let path = path_at(&url, &format!("https://hooks.slack.com{PATH}")).unwrap();
        assert_eq!(path.expose(), PATH);
        for elsewhere in [
            "https://evil.example/services/x",
            "http://hooks.slack.com/services/x",
            "https://hooks.slack.com:444/services/x",
            "https://hooks.slack.com@evil.example/services/x",
            "https://hooks.slack.com",
            "hooks.slack.com/services/x",
            "https://hooks.slack.com/a b",
        ] {
            let error = path_at(&url, elsewhere).unwrap_err();
            assert!(!error.contains("evil") && !error.contains("services"), "{error}");
        }
    }
}
