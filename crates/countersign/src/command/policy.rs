//! `countersign policy`: what bots may do, checked, tested, explained, and held
//! against what was recorded.

mod backtest;
mod check;
mod explain;
mod learn;
mod prove;
mod test;

use judge::BotPolicy;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;

/// Arguments of `policy`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Arguments {
    /// Compile the configuration's policies and say what they are
    Check(check::Arguments),
    /// Run policy cases from files
    Test(test::Arguments),
    /// Show a bot's rules, or what would become of one request
    Explain(explain::Arguments),
    /// Judge the recorded log by other policies: what would have changed
    Backtest(backtest::Arguments),
    /// The least privilege that recorded traffic needs, as a diff of the configuration
    Learn(learn::Arguments),
    /// Prove that no request that the policies allow breaks a stated property
    Prove(prove::Arguments),
}

/// Runs the subcommand.
pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    match arguments {
        Arguments::Check(arguments) => check::run(context, arguments),
        Arguments::Test(arguments) => test::run(context, arguments),
        Arguments::Explain(arguments) => explain::run(context, arguments),
        Arguments::Backtest(arguments) => backtest::run(context, arguments),
        Arguments::Learn(arguments) => learn::run(context, arguments),
        Arguments::Prove(arguments) => prove::run(context, arguments),
    }
}

/// The bots' tables of the configuration, as the judge takes them.
fn bots(settings: &Settings) -> Result<Vec<BotPolicy>, Failure> {
    let tables = settings.bots.clone().try_into().map_err(|error: toml::de::Error| {
        Failure::misuse(format!("a [bot.NAME] table is wrong: {error}"))
            .next(format!("correct it in `{}`", settings.config_path.display()))
    })?;
    Ok(judge::policy::config::named(tables))
}
