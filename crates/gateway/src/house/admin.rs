//! The admin socket: one JSON object per line, each way.

use std::os::unix::net::UnixListener as StdUnixListener;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::time::Duration;

use audit::Reader;
use judge::money::show_millionths;
use judge::{HaltLevel, Judge, UnixNanos};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use vault::protocol::{Answer, Ask};

use super::approving;
use super::ceilings;
use super::checkpoints::Handle;
use super::halting;
use super::reload;
use super::signer::HouseSigner;
use crate::control::Told;
use crate::counters;
use crate::gateway::Gateway;
use crate::halts::Scope;
use crate::limits;
use crate::shared::held;

/// How often a tail looks for more.
const TAIL_LOOK: Duration = Duration::from_millis(50);
/// Entries that a tail without a start begins with.
const TAIL_START: u64 = 20;
/// Bots of one account whose limits `status` shows.
const BOTS_SHOWN: usize = 200;

/// What the admin socket can do.
pub(crate) struct Admin {
    pub(crate) house: Rc<super::House>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) signer: Arc<HouseSigner>,
    pub(crate) publish: Handle,
    pub(crate) told: Sender<Told>,
}

#[derive(Deserialize)]
struct Request {
    r#do: String,
    #[serde(default)]
    from: Option<u64>,
    /// The configuration to reload bots from; the file where there is none.
    #[serde(default)]
    config_text: Option<String>,
    /// Who is sent a test; everybody where there is none.
    #[serde(default)]
    target: Option<String>,
    #[serde(flatten)]
    halting: Halting,
    #[serde(flatten)]
    approving: Approving,
}

/// What is asked of approvals.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Approving {
    /// Which approval: how its number begins.
    id: String,
    /// What the approver signed.
    approval: String,
    /// With what: PEM.
    signature: String,
    /// Why it is rejected.
    reason: String,
    /// A change of a ceiling, as approvers sign it, and their signatures.
    change: String,
    signatures: Vec<String>,
}

/// What is asked of halts.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Halting {
    /// `everything`, `venue`, `team`, `account` or `bot`, and its name.
    scope: String,
    name: String,
    level: String,
    why: String,
    /// Whether what rests is cancelled.
    cancel: bool,
    /// The halt to resume.
    number: u64,
}

impl Halting {
    fn scope(&self) -> Result<Scope, String> {
        Scope::of(&self.scope, &self.name).ok_or_else(|| {
            "the scope is `everything`, or `venue`, `team`, `account` or `bot` with a name"
                .to_owned()
        })
    }

    fn level(&self) -> Result<HaltLevel, String> {
        HaltLevel::from_name(&self.level)
            .ok_or_else(|| format!("`{}` is no level", self.level.escape_debug()))
    }
}

/// Serves the admin socket.
pub(crate) async fn run(admin: Rc<Admin>, listener: StdUnixListener) {
    let Ok(listener) = UnixListener::from_std(listener) else { return };
    let places = Arc::new(tokio::sync::Semaphore::new(limits::ADMIN_CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(TAIL_LOOK).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        if !is_allowed(&stream) {
            continue;
        }
        let admin = Rc::clone(&admin);
        tokio::task::spawn_local(async move {
            let _ = admin.serve(stream).await;
            drop(place);
        });
    }
}

/// What is open in one account, and how full its bots' limits are.
fn account(judge: &mut Judge, now: UnixNanos) -> Value {
    let names: Vec<String> = judge.bots().take(BOTS_SHOWN).map(str::to_owned).collect();
    let usage = names.into_iter().filter_map(|name| {
        let usage = judge.usage(&name, now)?;
        let dollars = |micro: u128| show_millionths(i64::try_from(micro).unwrap_or(i64::MAX));
        let shown = json!({
            "filled_usd_hour": dollars(usage.filled_hour_micro_usd),
            "filled_usd_day": dollars(usage.filled_day_micro_usd),
            "held_usd": dollars(usage.held_micro_usd),
            "open_orders": usage.open_orders,
        });
        Some((name, shown))
    });
    let usage: serde_json::Map<String, Value> = usage.collect();
    json!({
        "unsettled": judge.unsettled().len(),
        "unknown_withdrawals": judge.unknown_withdrawals().len(),
        "untold_fills": judge.untold_fills().len(),
        "usage": usage,
    })
}

/// Root, or whoever runs the gateway.
fn is_allowed(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == 0 || peer.uid() == own)
}

impl Admin {
    async fn serve(&self, stream: UnixStream) -> std::io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read);
        loop {
            let mut line = String::new();
            let bound = limits::ADMIN_LINE_BYTES as u64;
            if (&mut lines).take(bound).read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let answer = match serde_json::from_str::<Request>(&line) {
                Ok(request) if request.r#do == "tail" => {
                    return self.tail(request.from, &mut write).await;
                }
                Ok(request) => self.answer(request).await,
                Err(_) => json!({ "error": "send one JSON object per line, such as \
                                            {\"do\":\"status\"}" }),
            };
            write.write_all(format!("{answer}\n").as_bytes()).await?;
        }
    }

    async fn answer(&self, request: Request) -> Value {
        let Request { r#do: what, config_text, target, halting, approving: asked, .. } = request;
        let what = what.as_str();
        let told = |outcome: Result<Value, String>| match outcome {
            Ok(value) => value,
            Err(error) => json!({ "error": error }),
        };
        match what {
            "status" => self.status(),
            "reload-bots" => told(
                reload::reload(&self.gateway, config_text)
                    .map(|bots| json!({ "ok": true, "bots": bots })),
            ),
            "reload-keys" => told(
                reload::reload_keys(&self.gateway, &self.signer, config_text)
                    .map(|unknown| json!({ "ok": true, "unknown_accounts": unknown })),
            ),
            "publish" => told(
                self.publish.publish().await.map(|note| json!({ "ok": true, "checkpoint": note })),
            ),
            "pending" => approving::pending(&self.gateway),
            "approve" => told(approving::approve(
                &self.gateway,
                &self.signer,
                &asked.id,
                &asked.approval,
                &asked.signature,
            )),
            "send" => told(approving::send(&self.gateway, &asked.id).await),
            "reject" => {
                told(approving::reject(&self.gateway, &self.signer, &asked.id, &asked.reason))
            }
            "change" => told(ceilings::hand_in(&self.gateway, &asked.change, &asked.signatures)),
            "halt-preview" => match self.known_scope(&halting) {
                Ok(scope) => self.house.preview(&scope).await,
                Err(error) => json!({ "error": error }),
            },
            "halt" => match self.known_scope(&halting).and_then(|s| Ok((s, halting.level()?))) {
                Ok((_, HaltLevel::None)) => json!({ "error": "`none` is no halt; use resume" }),
                Ok((scope, level)) => {
                    self.house.halt_by_hand(scope, level, &halting.why, halting.cancel).await
                }
                Err(error) => json!({ "error": error }),
            },
            "resume" => told(halting.level().and_then(|level| {
                let halt = halting::resume(&self.gateway, halting.number, level, "operator")?;
                Ok(json!({ "halt": halting::describe(&halt) }))
            })),
            "cancel-all" => match self.known_scope(&halting) {
                Ok(scope) => {
                    let done = self.house.cancel_scope(&scope).await;
                    let failed = halting::failures(&done.failed);
                    json!({ "cancel_requests": done.requests, "cancels_failed": failed })
                }
                Err(error) => json!({ "error": error }),
            },
            "notify-test" => told(self.gateway.notify.test(target.as_deref()).await),
            "stop" => {
                let _ = self.told.send(Told::Drain(None));
                json!({ "ok": true })
            }
            other => json!({ "error": format!("`{}` is nothing that the gateway does; use \
                status, tail, publish, reload-bots, reload-keys, pending, approve, send, reject, change, halt-preview, halt, resume, \
                cancel-all, notify-test or stop", other.escape_debug()) }),
        }
    }

    /// A scope that names something that is there: a halt of a misspelt bot
    /// would halt nobody.
    fn known_scope(&self, halting: &Halting) -> Result<Scope, String> {
        let scope = halting.scope()?;
        let gateway = &self.gateway;
        let known = match &scope {
            Scope::Everything => true,
            Scope::Venue(name) => gateway.accounts.values().any(|one| one.venue.name() == name),
            Scope::Account(name) => gateway.accounts.contains_key(name),
            Scope::Team(_) | Scope::Bot(_) => !self.house.bots_of(&scope).is_empty(),
        };
        if known { Ok(scope) } else { Err(format!("there is no {scope} here")) }
    }

    fn status(&self) -> Value {
        let gateway = &self.gateway;
        let signer = match self.signer.ask(Ask::Status) {
            Ok(Answer::Status(status)) => json!({
                "epoch": self.signer.epoch(),
                "sequence": status.sequence,
                "signed": status.signed,
                "refused": status.refused,
                "checkpoint_size": status.checkpoint_size,
                "work_ns": status.work_ns,
                "checkpoint_shown": status.checkpoint_shown,
                "warnings": status.warnings,
            }),
            Ok(_) => Value::Null,
            Err(error) => json!({ "error": error }),
        };
        let accounts: serde_json::Map<String, Value> = gateway
            .accounts
            .values()
            .map(|group| {
                (group.name.clone(), account(&mut held(&group.judge), gateway.clock.now()))
            })
            .collect();
        let counted = counters::report(&gateway.counters);
        let refused: u64 = gateway
            .counters
            .iter()
            .map(|worker| worker.refused_connections.load(Ordering::Relaxed))
            .sum();
        json!({
            "bots": gateway.identities.load().len(),
            "denials_left_out_untold": gateway.denials.untold(),
            "connections": { "open": gateway.open_connections(), "refused": refused },
            "log": {
                "entries": gateway.log.count(),
                "synced": gateway.log.sync_handle().synced(),
                "state": gateway.log.state().name(),
                "failures": gateway.log.failures.load(Ordering::Relaxed),
            },
            "clock": {
                "measured": gateway.clock.is_measured(),
                "offset_ms": gateway.clock.offset_ms(),
                "sane": gateway.clock.state() == judge::ClockState::Sane,
            },
            "halt": gateway.halts.strictest().name(),
            "halts": halting::list(&gateway.halts),
            "markets_with_price": gateway.prices.len(),
            "markets_known": gateway.prices.known(),
            "accounts": accounts,
            "signer": signer,
            "phases": counted.get("phases"),
            "endings": counted.get("endings"),
            "notes": *held(&gateway.notes),
        })
    }

    /// Entries as they fall, until the other side has enough.
    async fn tail(
        &self,
        from: Option<u64>,
        write: &mut tokio::net::unix::OwnedWriteHalf,
    ) -> std::io::Result<()> {
        let start = from.unwrap_or_else(|| self.gateway.log.count().saturating_sub(TAIL_START));
        let opened =
            Reader::open(self.gateway.log.directory()).and_then(|reader| reader.entries(start));
        let mut entries = match opened {
            Ok(entries) => entries,
            Err(error) => {
                let line = format!("{}\n", json!({ "error": error.to_string() }));
                return write.write_all(line.as_bytes()).await;
            }
        };
        loop {
            match entries.next() {
                Some(Ok(entry)) => {
                    let mut line = format!("{{\"index\":{},\"entry\":", entry.index).into_bytes();
                    line.extend_from_slice(&entry.bytes);
                    line.extend_from_slice(b"}\n");
                    write.write_all(&line).await?;
                }
                Some(Err(error)) => {
                    let line = format!("{}\n", json!({ "error": error.to_string() }));
                    return write.write_all(line.as_bytes()).await;
                }
                None => {
                    tokio::time::sleep(TAIL_LOOK).await;
                    // Nothing to read: whoever went away shows here.
                    write.writable().await?;
                }
            }
        }
    }
}
