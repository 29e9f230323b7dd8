//! `countersign serve`: the supervisor.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use serde_json::json;
use vault::venue::Venue;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::logging::Speaker;
use crate::output::{Answer, warn};
use crate::secret::{UnsealArguments, Unsealer};
use crate::settings::Settings;
use crate::supervisor::child::Child;
use crate::supervisor::doors::Doors;
use crate::supervisor::resume::{self, Resumed};
use crate::supervisor::{ground, run, signer};

/// Arguments of `serve`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    unseal: UnsealArguments,
    /// Start although this kernel lacks a sandbox feature (less safe; said loudly)
    #[arg(long)]
    allow_missing_sandbox: bool,
    /// Go on with what this process ran as another program
    #[arg(long, hide = true)]
    resumed: bool,
}

/// Runs until SIGTERM or SIGINT.
pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    context.log.start(Speaker::Supervisor);
    // Where it became this program, it has another name than that.
    rustix::thread::set_name(c"countersign").map_err(Failure::negative)?;
    if arguments.resumed {
        return resume(context, arguments);
    }
    let settings = Settings::read(&context.config)?;
    if !settings.data("vault").is_dir() {
        return Err(Failure::misuse(format!(
            "there is no vault in `{}`",
            settings.data_dir.display()
        ))
        .next("run `countersign init` first"));
    }
    let unsealer = arguments.unseal.read(false)?;
    let lock = settings.lock()?.into();
    ground::prepare(&settings)?;
    if arguments.allow_missing_sandbox {
        warn(
            "WARNING: --allow-missing-sandbox: a process whose sandbox is incomplete starts \
             anyway; key custody is weaker than documented",
        );
    }
    let walls = crate::process::wall_in_supervisor(arguments.allow_missing_sandbox, None)?;
    supervise(context, arguments, &settings, Kept { unsealer, lock, walls }, None)
}

/// Goes on where another program of ours left.
fn resume(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    // Before what unseals the vault is read again.
    crate::process::harden()?;
    // Where that is not possible, it is said below.
    let _ = vault::memory::lock_memory();
    let Resumed { state, held, doors, unsealer } = resume::take()?;
    let allow = arguments.allow_missing_sandbox;
    let walls = crate::process::wall_in_supervisor(allow, state.walls.as_deref())?;
    let settings = Settings::parse(state.config_path.clone(), state.config_text.clone())?;
    let child = |id, channel| {
        Child::resume(id, channel).ok_or_else(|| Failure::negative("a child has no number"))
    };
    let going = run::Going {
        keys: held.keys,
        signer: (child(state.signer, held.signer)?, signer::control(held.control)?),
        gateway: child(state.gateway, held.gateway)?,
        successor: child(state.successor, held.successor)?,
        doors: Doors::resume(doors),
        state,
    };
    let kept = Kept { unsealer, lock: held.lock, walls };
    supervise(context, arguments, &settings, kept, Some(going))
}

/// What a supervisor keeps as long as it runs.
struct Kept {
    unsealer: Unsealer,
    lock: OwnedFd,
    walls: Option<String>,
}

fn supervise(
    context: &Context,
    arguments: &Arguments,
    settings: &Settings,
    kept: Kept,
    going: Option<run::Going>,
) -> Result<Answer, Failure> {
    let Kept { unsealer, lock, walls } = kept;
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
        notify_systemd("READY=1");
    };
    let plan = run::Plan {
        settings,
        unsealer,
        lock,
        walls,
        allow_missing_sandbox: arguments.allow_missing_sandbox,
        log: context.log,
        ready: &mut ready,
    };
    run::run(plan, going)?;
    warn("stopped");
    Ok(Answer::printed(true))
}

/// Tells systemd, where it waits for it (`Type=notify`).
pub(crate) fn notify_systemd(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Ok(socket) = std::os::unix::net::UnixDatagram::unbound() {
        let _ = socket.send_to(state.as_bytes(), path);
    }
}
