//! `countersign serve`: the supervisor.

use std::collections::BTreeMap;

use serde_json::json;
use vault::venue::Venue;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::logging::Speaker;
use crate::output::{Answer, warn};
use crate::secret::UnsealArguments;
use crate::settings::Settings;
use crate::supervisor::{ground, run};

/// Arguments of `serve`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    unseal: UnsealArguments,
    /// Start although this kernel lacks a sandbox feature (less safe; said loudly)
    #[arg(long)]
    allow_missing_sandbox: bool,
}

/// Runs until SIGTERM or SIGINT.
pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    context.log.start(Speaker::Supervisor);
    let settings = Settings::read(&context.config)?;
    if !settings.data("vault").is_dir() {
        return Err(Failure::misuse(format!(
            "there is no vault in `{}`",
            settings.data_dir.display()
        ))
        .next("run `countersign init` first"));
    }
    let unsealer = arguments.unseal.read(false)?;
    let _lock = settings.lock()?;
    ground::prepare(&settings)?;
    if arguments.allow_missing_sandbox {
        warn(
            "WARNING: --allow-missing-sandbox: a process whose sandbox is incomplete starts \
             anyway; key custody is weaker than documented",
        );
    }
    crate::process::wall_in_supervisor(arguments.allow_missing_sandbox)?;
    let output = context.output;
    let venues: Vec<Venue> =
        Venue::ALL.into_iter().filter(|venue| settings.venue(*venue).is_some()).collect();
    let mut ready = |ready: &run::Ready| {
        let http = ready.listen.iter().find(|address| address.starts_with("http"));
        let json = json!({
            "ready": true,
            "listen": ready.listen,
            "bot_urls": http.map(|address| {
                let url = |venue: &Venue| (venue.name(), format!("{address}{}", settings.bot_prefix(*venue)));
                venues.iter().map(url).collect::<BTreeMap<_, _>>()
            }),
            "processes": {
                "supervisor": std::process::id(),
                "signer": ready.signer,
                "gateway": ready.gateway,
            },
        });
        output.stream(&json, &format!("ready: {}", ready.listen.join(" ")));
        notify_systemd();
    };
    run::run(run::Plan {
        settings: &settings,
        unsealer: &unsealer,
        allow_missing_sandbox: arguments.allow_missing_sandbox,
        log: context.log,
        ready: &mut ready,
    })?;
    warn("stopped");
    Ok(Answer::printed(true))
}

/// Tells systemd, where it waits for it (`Type=notify`).
fn notify_systemd() {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Ok(socket) = std::os::unix::net::UnixDatagram::unbound() {
        let _ = socket.send_to(b"READY=1", path);
    }
}
