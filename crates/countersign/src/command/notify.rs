//! `countersign notify test`: whether people can be reached.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::admin::Admin;
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;

/// `notify ...`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Arguments {
    /// Have the running gateway send a test message, and say what each target answered
    Test(TestArguments),
}

/// Arguments of `notify test`.
#[derive(clap::Args, Debug)]
pub(crate) struct TestArguments {
    /// The target, as `[notify.NAME]` names it; without one, all of them
    name: Option<String>,
}

/// Runs `notify ...`.
pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let Arguments::Test(TestArguments { name }) = arguments;
    let settings = Settings::read(&context.config)?;
    let mut admin = Admin::connect(&settings)?.ok_or_else(|| {
        Failure::negative("no gateway is running here").next("start it with `countersign serve`")
    })?;
    let answer = admin.ask(&json!({ "do": "notify-test", "target": name }))?;
    if let Some(error) = answer.get("error").and_then(Value::as_str) {
        return Err(Failure::negative(error));
    }
    let delivered = answer.get("delivered").and_then(Value::as_bool).unwrap_or(false);
    let text = lines(&answer);
    Ok(Answer::verdict(delivered, answer, text))
}

fn lines(answer: &Value) -> String {
    let mut text = String::new();
    let word = |target: &Value, name: &str| {
        target.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    for target in answer.get("targets").and_then(Value::as_array).into_iter().flatten() {
        let (name, kind) = (word(target, "target"), word(target, "kind"));
        let outcome = match target.get("error").and_then(Value::as_str) {
            None => "delivered: look whether it is there".to_owned(),
            Some(error) => format!("not delivered: {error}"),
        };
        let _ = writeln!(text, "{name:<20} {kind:<10} {outcome}");
    }
    text
}
