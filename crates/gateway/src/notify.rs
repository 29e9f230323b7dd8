//! Notifications: people are told, off the data path.
//!
//! Whoever sees something calls [`Notifier::tell`], which puts it into a bounded
//! queue per target and returns at once. A thread of its own delivers
//! (`deliver`), over `http` or `mail`, in the `shape` that the target reads. What
//! happened is an `event`; what the gateway's own state shows is seen by `watch`.
//!
//! Nothing depends on anybody being told: a target that is down costs a request
//! nothing. Secrets of targets are in no log line, error or answer.

mod deliver;
pub(crate) mod event;
mod http;
mod mail;
mod queue;
mod shape;
mod target;
mod tell;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::config::notify::NotifyConfig;
use crate::config::{Config, ConfigError};
use crate::limits;
pub(crate) use deliver::start;
use event::Event;
use queue::Queue;
use target::Target;

/// Everybody who is told.
#[derive(Debug, Default)]
pub(crate) struct Notifier {
    desks: Vec<Arc<Desk>>,
}

/// One target: what waits for it, and how it is reached.
#[derive(Debug)]
struct Desk {
    name: String,
    config: NotifyConfig,
    queue: Queue,
    target: Target,
}

/// What is counted of one target.
pub(crate) struct Counted<'a> {
    pub(crate) target: &'a str,
    pub(crate) sent: u64,
    pub(crate) failed: u64,
    pub(crate) dropped: u64,
    pub(crate) retries: u64,
    pub(crate) waiting: u64,
}

/// Why something was not delivered. It shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    /// Whose fault, and what to do.
    what: String,
    /// Whether the same may be tried again.
    again: bool,
    /// How long the target wants to be left alone.
    wait: Option<Duration>,
}

impl Failure {
    fn lasting(what: impl Into<String>) -> Self {
        Self { what: what.into(), again: false, wait: None }
    }

    fn passing(what: impl Into<String>) -> Self {
        Self { what: what.into(), again: true, wait: None }
    }
}

impl Notifier {
    /// Reads every target's secrets; after this nothing is read any more.
    ///
    /// # Errors
    /// Which target cannot be used, and why.
    pub(crate) fn new(config: &Config, base: &std::path::Path) -> Result<Self, ConfigError> {
        let desks = config.notify.iter().map(|(name, one)| {
            let target = Target::new(name, one, &config.notify_secrets, base)?;
            let queue = Queue::default();
            Ok(Arc::new(Desk { name: name.clone(), config: one.clone(), queue, target }))
        });
        Ok(Self { desks: desks.collect::<Result<_, ConfigError>>()? })
    }

    /// Whether there is nobody to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.desks.is_empty()
    }

    /// Tells everybody who hears of it; waits for nobody.
    pub(crate) fn tell(&self, event: &Event) {
        let now = Instant::now();
        for desk in &self.desks {
            let heard = desk.config.topics.contains(&event.kind.topic())
                && event.kind.weight() >= desk.config.minimum;
            if heard {
                desk.queue.put(event.clone(), now);
            }
        }
    }

    /// The ports that targets are reached at.
    pub(crate) fn ports(&self) -> impl Iterator<Item = u16> {
        self.desks.iter().map(|desk| desk.config.channel.port())
    }

    /// What is counted, by target.
    pub(crate) fn counted(&self) -> impl Iterator<Item = Counted<'_>> {
        self.desks.iter().map(|desk| desk.queue.counted(&desk.name))
    }

    /// Sends a test to one target, or to all, now; what came of it. On the
    /// caller's thread, past the queues.
    ///
    /// # Errors
    /// There is no such target.
    pub(crate) async fn test(&self, name: Option<&str>) -> Result<Value, String> {
        if self.desks.is_empty() {
            return Err("no target is configured; add a table `[notify.NAME]` to \
                        countersign.toml and restart"
                .to_owned());
        }
        let chosen = self.desks.iter().filter(|desk| name.is_none_or(|name| name == desk.name));
        let tries: Vec<_> = chosen
            .map(|desk| {
                let desk = Arc::clone(desk);
                let trying = Arc::clone(&desk);
                let task = tokio::task::spawn_local(async move {
                    deliver::attempt(&trying, &Event::test(&trying.name)).await
                });
                (desk, task)
            })
            .collect();
        if tries.is_empty() {
            let known: Vec<&str> = self.desks.iter().map(|desk| desk.name.as_str()).collect();
            return Err(format!(
                "there is no target `{}`; there is `{}`",
                name.unwrap_or_default().escape_debug(),
                known.join("`, `")
            ));
        }
        let (mut told, mut all) = (Vec::new(), true);
        for (desk, task) in tries {
            let outcome = task.await.unwrap_or_else(|_| Err(Failure::passing("the task failed")));
            all &= outcome.is_ok();
            let failure = outcome.as_ref().err();
            told.push(json!({
                "target": desk.name,
                "kind": desk.config.channel.kind(),
                "delivered": outcome.is_ok(),
                "error": failure.map(|failure| failure.what.as_str()),
                "retry_is_safe": failure.map(|failure| failure.again),
            }));
        }
        Ok(json!({ "delivered": all, "targets": told }))
    }
}

/// The wait before attempt `tries + 1`.
fn backoff(tries: u32, wanted: Option<Duration>) -> Duration {
    let own = limits::NOTIFY_AGAIN.saturating_mul(1 << tries.min(16));
    let own = own.min(limits::NOTIFY_AGAIN_MOST);
    // What a target asks for is kept, within the time that anything is tried for.
    wanted.map_or(own, |wanted| wanted.clamp(own, limits::NOTIFY_GIVE_UP))
}

#[cfg(test)]
mod tests;
