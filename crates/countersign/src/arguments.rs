//! The command tree.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command;
use crate::failure::{EXIT_MISUSE, EXIT_NEGATIVE, Failure};
use crate::logging::LogArguments;
use crate::output::{Answer, Output};
use crate::process;

/// Trade with keys nobody can steal: bots hold virtual keys, the real ones stay in a signer of
/// their own
#[derive(Debug, Parser)]
#[command(name = "countersign", version, max_term_width = 100)]
struct Arguments {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", default_value = "countersign.toml")]
    config: PathBuf,
    /// One JSON object on standard output, and nothing else
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    log: LogArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the main job on embedded defaults: a paper venue, a bot, the gateway, an attacker
    Demo(command::demo::Arguments),
    /// Create countersign.toml, an empty sealed vault and the log's identity
    Init(command::init::Arguments),
    /// Run the supervisor, the signer and the gateway
    Serve(command::serve::Arguments),
    /// Real keys: sealed, and never seen again outside the signer
    #[command(subcommand)]
    Key(command::key::Arguments),
    /// Virtual keys: what bots hold
    #[command(subcommand)]
    Bot(command::bot::Arguments),
    /// Check, test and explain what bots may do
    #[command(subcommand)]
    Policy(command::policy::Arguments),
    /// The tamper-evident log
    #[command(subcommand)]
    Log(command::log::Arguments),
    /// What waits for approval by a person
    Pending(command::approval::PendingArguments),
    /// Approve what waits, with an SSH key
    Approve(command::approval::ApproveArguments),
    /// Reject what waits, for good
    Reject(command::approval::RejectArguments),
    /// The detectors, measured on recorded data
    #[command(subcommand)]
    Detect(command::detect::Arguments),
    /// What the running gateway says of itself
    Status(command::status::Arguments),
    /// Halt bots, accounts, venues or everything, at one of four levels
    Halt(command::halt::Arguments),
    /// Lower or end halts, in order, each step confirmed
    Resume(command::halt::ResumeArguments),
    /// Cancel what rests at the venues
    CancelAll(command::halt::CancelArguments),
    /// Who is told when something happens: try it
    #[command(subcommand)]
    Notify(command::notify::Arguments),
    /// Replay incidents against a configuration: what would have been lost
    Drill(command::drill::Arguments),
    /// Judge by the configuration as it is written now, without a restart
    Reload,
    /// Go on with the program that is installed now; no request is lost
    Upgrade,
    /// What is supported; a paper venue on a port
    #[command(subcommand)]
    Venue(command::venue::Arguments),
    #[command(name = "__signer", hide = true)]
    SignerProcess,
    #[command(name = "__gateway", hide = true)]
    GatewayProcess,
    #[command(name = "__cancel-all", hide = true)]
    CancelAllProcess,
    #[command(name = "__fetch", hide = true)]
    FetchProcess,
    #[command(name = "__takes-over", hide = true)]
    TakesOver,
}

/// What every command is given besides its own arguments.
#[derive(Debug)]
pub(crate) struct Context {
    /// The configuration file as named.
    pub(crate) config: PathBuf,
    /// Where the answer goes.
    pub(crate) output: Output,
    /// How `serve` and its processes write log lines.
    pub(crate) log: LogArguments,
}

/// Parses the arguments, runs the command, prints its answer.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let all: Vec<OsString> = arguments.collect();
    let parsed = match Arguments::try_parse_from(&all) {
        Ok(parsed) => parsed,
        Err(error) => return misuse(&all, &error),
    };
    let output = Output::new(parsed.json);
    let context = Context { config: parsed.config, output, log: parsed.log };
    match dispatch(&context, parsed.command) {
        Ok(answer) => {
            output.finish(&answer);
            if answer.positive { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NEGATIVE) }
        }
        Err(failure) => {
            output.fail(&failure);
            ExitCode::from(failure.exit())
        }
    }
}

fn dispatch(context: &Context, command: Command) -> Result<Answer, Failure> {
    match command {
        Command::Demo(arguments) => command::demo::run(context, &arguments),
        Command::Init(arguments) => command::init::run(context, &arguments),
        Command::Serve(arguments) => command::serve::run(context, &arguments),
        Command::Key(arguments) => command::key::run(context, &arguments),
        Command::Bot(arguments) => command::bot::run(context, &arguments),
        Command::Policy(arguments) => command::policy::run(context, &arguments),
        Command::Log(arguments) => command::log::run(context, &arguments),
        Command::Pending(arguments) => command::approval::pending(context, &arguments),
        Command::Approve(arguments) => command::approval::approve(context, &arguments),
        Command::Reject(arguments) => command::approval::reject(context, &arguments),
        Command::Detect(arguments) => command::detect::run(context, &arguments),
        Command::Status(arguments) => command::status::run(context, &arguments),
        Command::Halt(arguments) => command::halt::run(context, &arguments),
        Command::Resume(arguments) => command::halt::resume(context, &arguments),
        Command::CancelAll(arguments) => command::halt::cancel_all(context, &arguments),
        Command::Notify(arguments) => command::notify::run(context, &arguments),
        Command::Drill(arguments) => command::drill::run(context, &arguments),
        Command::Reload => command::reload::run(context),
        Command::Upgrade => command::upgrade::run(context),
        Command::Venue(arguments) => command::venue::run(context, &arguments),
        Command::SignerProcess => process::signer::run(context.log),
        Command::GatewayProcess => process::gateway::run(context.log),
        Command::CancelAllProcess => process::cancel_all::run(context.log),
        Command::FetchProcess => process::fetch::run(),
        Command::TakesOver => command::upgrade::takes_over(context),
    }
}

/// Help and version go to standard output; anything else is one line.
fn misuse(all: &[OsString], error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let what = first.strip_prefix("error: ").unwrap_or(first);
    let what = match error.kind() {
        clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "a subcommand is missing"
        }
        _ => what,
    };
    let json = all.iter().any(|argument| argument == "--json");
    Output::new(json).fail(&Failure::misuse(what).next("add --help to see how it is used"));
    ExitCode::from(EXIT_MISUSE)
}
