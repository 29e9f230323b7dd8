//! How the processes of `serve` write what they have to say, on standard error:
//! lines for people, or one JSON object a line for a collector.
//!
//! No line carries a secret: keys and signatures have no `Debug` that shows
//! them, and nothing that a bot sends is written but its path.

use std::sync::OnceLock;

use tracing_subscriber::filter::LevelFilter;

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// `{"timestamp", "level", "message", "target", …}`, flat; `target` begins
    /// with the process's name.
    Json,
}

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogLevel {
    /// What stops something.
    Error,
    /// What somebody should look at.
    Warn,
    /// What changes.
    #[default]
    Info,
    /// Every request: how it ended, in which phase.
    Debug,
}

/// Format and level, as given on the command line.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct LogArguments {
    /// How `serve` writes its log lines
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// How much it says; `debug` has a line for every request
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info")]
    log_level: LogLevel,
}

/// Which process speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Speaker {
    Supervisor,
    Signer,
    Gateway,
}

/// Who speaks in JSON; unset where lines are for people.
static JSON: OnceLock<Speaker> = OnceLock::new();

impl LogArguments {
    /// The same for a child.
    pub(crate) fn to_arguments(self) -> [&'static str; 4] {
        let format = match self.log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        let level = match self.log_level {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
        };
        ["--log-format", format, "--log-level", level]
    }

    /// Lines are written in this way from now on.
    pub(crate) fn start(self, speaker: Speaker) {
        let level = match self.log_level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
        };
        let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
        match self.log_format {
            LogFormat::Text => lines.with_ansi(false).with_target(false).init(),
            LogFormat::Json => {
                lines.json().flatten_event(true).with_current_span(false).init();
                let _ = JSON.set(speaker);
            }
        }
    }
}

/// Says a line as JSON, where lines are; whether it did.
pub(crate) fn said_as_json(line: &str) -> bool {
    match JSON.get() {
        None => return false,
        Some(Speaker::Supervisor) => tracing::warn!(target: "supervisor", "{line}"),
        Some(Speaker::Signer) => tracing::warn!(target: "signer", "{line}"),
        Some(Speaker::Gateway) => tracing::warn!(target: "gateway", "{line}"),
    }
    true
}
