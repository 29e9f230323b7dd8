//! `countersign demo`: the main job on embedded defaults, with real processes.
//!
//! Reading order: [`stage`] (a paper venue, a vault, the processes), [`bot`]
//! (who trades, and who attacks), [`scene`] (what happens), [`custody`] (the
//! search for the real secret), [`evidence`] (the log), [`report`].

mod bot;
mod custody;
mod evidence;
mod report;
mod scene;
mod stage;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;

/// Arguments of `demo`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// End when everything has been shown; without it the demo stays up
    #[arg(long)]
    once: bool,
    /// Start although this kernel lacks a sandbox feature (less safe; said loudly)
    #[arg(long)]
    allow_missing_sandbox: bool,
}

/// Plays the demo.
pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let output = context.output;
    let stage = stage::Stage::set_up(output, arguments.allow_missing_sandbox)?;
    let mut report = report::Report::default();
    scene::trade(&stage, output, &mut report)?;
    scene::attack(&stage, output, &mut report)?;
    custody::show(&stage, output, &mut report);
    evidence::show(&stage, output, &mut report)?;
    if !arguments.once {
        evidence::follow(&stage, output)?;
    }
    stage.strike();
    Ok(report.answer(output))
}
