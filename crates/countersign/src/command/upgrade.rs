//! `countersign upgrade`: what runs goes on as the program that is installed
//! now.

use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::key::running;
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;
use crate::supervisor::channel::{Channel, Packet};
use crate::supervisor::resume;

/// How long an upgrade may take: the new gateway reads the log, the old one
/// finishes what runs.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long the supervisor may take to answer.
const ANSWER: Duration = Duration::from_secs(15);
/// How often it is asked.
const LOOK: Duration = Duration::from_millis(50);

/// Tells the supervisor to upgrade, and waits for what becomes of it.
pub(crate) fn run(context: &Context) -> Result<Answer, Failure> {
    let settings = Settings::read(&context.config)?;
    let nothing = || {
        Failure::negative("nothing runs on this configuration")
            .next("start it with `countersign serve`")
    };
    let channel = running::connect(&settings.key_socket())?.ok_or_else(nothing)?;
    let supervisor = supervisor(&channel)?;
    let before = ask(channel)?;
    let number = number(&before, "number");
    if before.text("state") == Some("under-way") {
        return Err(Failure::negative("an upgrade is under way").next("wait for its end"));
    }
    // Who may end the supervisor may upgrade it, and nobody else: the gateway
    // can do neither.
    kill_process(supervisor, Signal::USR2).map_err(|error| {
        Failure::negative(format!("the supervisor cannot be told: {error}"))
            .next("run this as the user that runs `countersign serve`")
    })?;
    let until = Instant::now() + PATIENCE;
    loop {
        std::thread::sleep(LOOK);
        // It becomes another program meanwhile: whoever was connected is not any
        // more.
        let now = running::connect(&settings.key_socket())?.ok_or_else(nothing).and_then(ask);
        let told = now.ok().filter(|now| self::number(now, "number") > number);
        match told.as_ref().and_then(|told| told.text("state")) {
            Some("done") => return Ok(told.as_ref().map_or_else(|| Answer::printed(true), done)),
            Some("refused") => {
                let why = told.as_ref().and_then(|told| told.text("why"));
                let why = why.unwrap_or("it does not say why");
                return Err(Failure::negative(format!("{why}; what runs goes on")));
            }
            _ if Instant::now() >= until => {
                return Err(Failure::negative("the upgrade does not come to its end")
                    .next("see what `countersign serve` says"));
            }
            _ => {}
        }
    }
}

fn number(told: &Packet, name: &str) -> Option<u64> {
    told.value.get(name).and_then(Value::as_u64)
}

fn done(told: &Packet) -> Answer {
    let version = told.text("version").unwrap_or_default();
    let pause = number(told, "pause_ms").unwrap_or_default();
    let text =
        format!("upgraded to countersign {version}; new requests waited for {pause} ms at most");
    Answer::yes(json!({ "upgraded": true, "version": version, "pause_ms": pause }), text)
}

/// The process that listens on the key socket.
fn supervisor(channel: &Channel) -> Result<Pid, Failure> {
    let peer = rustix::net::sockopt::socket_peercred(channel.as_fd()).map_err(|error| {
        Failure::negative(format!("cannot tell which process the supervisor is: {error}"))
    })?;
    Ok(peer.pid)
}

/// How the last upgrade went.
fn ask(channel: Channel) -> Result<Packet, Failure> {
    let old = || {
        Failure::negative("what runs knows no upgrade")
            .next("stop and start `countersign serve`; from then on it does")
    };
    let receive = || channel.receive_within(ANSWER).ok().flatten();
    receive().filter(|packet| packet.kind() == "hello").ok_or_else(old)?;
    channel.send(&json!({ "kind": "upgrade" }), &[]).map_err(|_| old())?;
    receive().filter(|packet| packet.kind() == "upgrade").ok_or_else(old)
}

/// Says that this program takes over what runs on this configuration.
pub(crate) fn takes_over(context: &Context) -> Result<Answer, Failure> {
    let settings = Settings::read(&context.config)?;
    settings.whole().map_err(Failure::misuse)?;
    let version = env!("CARGO_PKG_VERSION");
    let json = json!({ "version": version, "takes_over": resume::VERSION });
    Ok(Answer::yes(json, format!("countersign {version}")))
}
