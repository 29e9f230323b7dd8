//! `countersign halt`, `resume` and `cancel-all`: what people do when something
//! is wrong. Each says what it will do before it does it.

use std::fmt::Write as _;
use std::io::BufRead as _;

use clap::ValueEnum as _;
use serde_json::{Value, json};

use super::admin::Admin;
use super::cancel_all::without_gateway;
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::{Answer, warn};
use crate::settings::Settings;

/// How far a halt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Level {
    /// No value leaves
    Withdrawals,
    /// Besides, only orders that reduce, cancels and reads; what rests is cancelled first
    ReduceOnly,
    /// Only cancels and reads
    CancelOnly,
    /// Nothing is signed, not even cancels
    Full,
}

impl Level {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// For whom.
#[derive(clap::Args, Debug)]
#[group(multiple = false)]
pub(crate) struct ScopeArguments {
    /// One bot
    #[arg(long, value_name = "NAME")]
    bot: Option<String>,
    /// The bots of one team
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// One account
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// All accounts at one venue
    #[arg(long, value_name = "NAME")]
    venue: Option<String>,
}

impl ScopeArguments {
    /// The words of the admin socket.
    fn words(&self) -> (&'static str, &str) {
        let named = [
            ("bot", &self.bot),
            ("team", &self.team),
            ("account", &self.account),
            ("venue", &self.venue),
        ];
        named
            .into_iter()
            .find_map(|(kind, name)| name.as_deref().map(|name| (kind, name)))
            .unwrap_or(("everything", ""))
    }
}

/// Arguments of `halt`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// How far it goes
    level: Level,
    #[command(flatten)]
    scope: ScopeArguments,
    /// Why, for the log and for whoever resumes
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Cancel what rests as well (`reduce-only` always does)
    #[arg(long)]
    cancel: bool,
    /// Say what it would do, and do nothing
    #[arg(long, conflicts_with = "yes")]
    preview: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Arguments of `cancel-all`.
#[derive(clap::Args, Debug)]
pub(crate) struct CancelArguments {
    #[command(flatten)]
    scope: ScopeArguments,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Arguments of `resume`.
#[derive(clap::Args, Debug)]
pub(crate) struct ResumeArguments {
    /// The halt's number, as `status` shows it; without one, all of them in
    /// order, each confirmed
    number: Option<u64>,
    /// The level to go down to; without one, one stage down
    #[arg(long, value_name = "LEVEL")]
    to: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Begins a halt.
pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let (scope, name) = arguments.scope.words();
    let level = arguments.level.name();
    let mut admin = connect(context)?;
    let ask = json!({ "do": "halt-preview", "scope": scope, "name": name });
    let preview = answer(&mut admin, &ask)?;
    let text = describe_preview(&preview, &level, arguments);
    if arguments.preview {
        return Ok(Answer::yes(json!({ "preview": preview }), text));
    }
    if !arguments.yes {
        confirm(&text, "halt")?;
    }
    let halted = answer(
        &mut admin,
        &json!({
            "do": "halt", "scope": scope, "name": name, "level": level,
            "why": arguments.reason, "cancel": arguments.cancel,
        }),
    )?;
    let number = halted.pointer("/halt/number").and_then(Value::as_u64).unwrap_or_default();
    let in_force = halted.pointer("/halt/level").and_then(Value::as_str).unwrap_or_default();
    let mut said = format!(
        "halt {number} is in force at `{in_force}`; end it with `countersign resume {number}`"
    );
    let failed = report_cancels(&halted, &mut said);
    if let Some(error) = halted.get("unrecorded").and_then(Value::as_str) {
        let _ = write!(
            said,
            "\nthe log could not take it ({error}): it ends with this process; free disk space"
        );
    }
    Ok(Answer::verdict(!failed, json!({ "preview": preview, "result": halted }), said))
}

/// Cancels what rests in a scope.
pub(crate) fn cancel_all(
    context: &Context,
    arguments: &CancelArguments,
) -> Result<Answer, Failure> {
    let (scope, name) = arguments.scope.words();
    let settings = Settings::read(&context.config)?;
    let Some(mut admin) = Admin::connect(&settings)? else {
        if !arguments.yes {
            confirm("no gateway serves: what rests is only known to the venues", "cancel it all")?;
        }
        return without_gateway(&settings, (scope, name));
    };
    let ask = json!({ "do": "halt-preview", "scope": scope, "name": name });
    let preview = answer(&mut admin, &ask)?;
    if !arguments.yes {
        confirm(&quotes(&preview), "cancel all of it")?;
    }
    let done = answer(&mut admin, &json!({ "do": "cancel-all", "scope": scope, "name": name }))?;
    let mut said = String::new();
    let failed = report_cancels(&done, &mut said);
    Ok(Answer::verdict(!failed, json!({ "preview": preview, "result": done }), said.trim_start()))
}

/// Lowers halts, in order, each step confirmed.
pub(crate) fn resume(context: &Context, arguments: &ResumeArguments) -> Result<Answer, Failure> {
    let mut admin = connect(context)?;
    let status = answer(&mut admin, &json!({ "do": "status" }))?;
    let halts = status.get("halts").and_then(Value::as_array).cloned().unwrap_or_default();
    let plan = plan(halts, arguments)?;
    let mut resumed = Vec::new();
    let mut text = String::new();
    for step in plan {
        if !arguments.yes {
            confirm(&step.text, "take this step")?;
        }
        let ask = json!({ "do": "resume", "number": step.number, "level": step.to });
        let halt = answer(&mut admin, &ask)?;
        let _ = writeln!(text, "{}: done", step.text);
        resumed.push(halt.get("halt").cloned().unwrap_or_default());
    }
    if resumed.is_empty() {
        text.push_str("no halt is in force");
    }
    Ok(Answer::yes(json!({ "resumed": resumed }), text.trim_end()))
}

/// One step of a resumption.
struct Step {
    number: u64,
    to: String,
    text: String,
}

/// The stages, strictest first.
const STAGES: [&str; 5] = ["full", "cancel-only", "reduce-only", "withdrawals", "none"];

/// The steps, widest scope first: what holds for everything hides the rest.
fn plan(halts: Vec<Value>, arguments: &ResumeArguments) -> Result<Vec<Step>, Failure> {
    if let Some(to) = &arguments.to
        && !STAGES.contains(&to.as_str())
    {
        return Err(Failure::misuse(format!("`{to}` is no level"))
            .next(format!("use one of {}", STAGES.join(", "))));
    }
    let order = ["everything", "venue", "account", "team", "bot"];
    let text = |halt: &Value, field: &str| {
        halt.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut halts: Vec<Value> = halts
        .into_iter()
        .filter(|halt| {
            let number = halt.get("number").and_then(Value::as_u64);
            arguments.number.is_none() || number == arguments.number
        })
        .collect();
    if let (Some(number), true) = (arguments.number, halts.is_empty()) {
        return Err(Failure::negative(format!("there is no halt {number}"))
            .next("see `countersign status` for those in force"));
    }
    halts.sort_by_key(|halt| {
        let scope = text(halt, "scope");
        order.iter().position(|one| *one == scope).unwrap_or(order.len())
    });
    Ok(halts
        .iter()
        .filter_map(|halt| {
            let level = text(halt, "level");
            let at = STAGES.iter().position(|stage| *stage == level)?;
            let next = STAGES.get(at + 1)?;
            let to = arguments.to.clone().unwrap_or_else(|| (*next).to_owned());
            let number = halt.get("number").and_then(Value::as_u64)?;
            let (scope, name) = (text(halt, "scope"), text(halt, "name"));
            let (by, why) = (text(halt, "by"), text(halt, "why"));
            let text = format!("halt {number} of {scope} {name} by {by} ({why}): {level} → {to}");
            Some(Step { number, to, text })
        })
        .collect())
}

fn connect(context: &Context) -> Result<Admin, Failure> {
    let settings = Settings::read(&context.config)?;
    Admin::connect(&settings)?.ok_or_else(|| {
        Failure::negative("no gateway is running here, so nothing trades through it")
            .next("orders that rest at the venue are cancelled there, or start `countersign serve`")
    })
}

fn answer(admin: &mut Admin, ask: &Value) -> Result<Value, Failure> {
    let answer = admin.ask(ask)?;
    match answer.get("error").and_then(Value::as_str) {
        None => Ok(answer),
        Some(error) => Err(Failure::negative(format!("the gateway refused: {error}"))
            .next("see `countersign status`")),
    }
}

/// Asks a person, who says `yes` or stops it.
fn confirm(text: &str, what: &str) -> Result<(), Failure> {
    warn(text);
    warn(&format!("type `yes` to {what}"));
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    if read.is_ok() && line.trim() == "yes" {
        return Ok(());
    }
    Err(Failure::negative("nothing was done").next("say `yes`, or give --yes"))
}

fn describe_preview(preview: &Value, level: &str, arguments: &Arguments) -> String {
    let mut text = format!("halt `{level}` for {}\n", string(preview, "scope"));
    text.push_str(&quotes(preview));
    let cancels = arguments.level == Level::ReduceOnly || arguments.cancel;
    text.push_str(match arguments.level {
        Level::Full => "\nnothing is signed any more, not even cancels: what rests stays",
        _ if cancels => "\nwhat rests is cancelled; cancels by bots pass",
        _ => "\nwhat rests stays; cancels by bots pass",
    });
    text
}

/// What rests, market by market.
fn quotes(preview: &Value) -> String {
    let number = |field: &str| preview.get(field).and_then(Value::as_u64).unwrap_or_default();
    let mut text = format!("{} bots, {} open orders", number("bots"), number("open_orders"));
    for account in preview.get("accounts").and_then(Value::as_array).into_iter().flatten() {
        for market in account.get("markets").and_then(Value::as_array).into_iter().flatten() {
            let orders = market.get("orders").and_then(Value::as_u64).unwrap_or_default();
            let _ = write!(
                text,
                "\n{} {}: {orders} orders, bids {}, asks {}",
                string(account, "account"),
                string(market, "market"),
                string(market, "bids"),
                string(market, "asks"),
            );
            if let Some(share) = market.get("share_of_depth_percent") {
                let _ = write!(
                    text,
                    " ({} % of visible bids, {} % of visible asks go)",
                    string(share, "bids"),
                    string(share, "asks"),
                );
            }
        }
    }
    text.push_str("\npositions of derivatives were not looked at");
    text
}

fn string<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or("?")
}

/// Tells of cancels; whether one failed.
fn report_cancels(done: &Value, said: &mut String) -> bool {
    if let Some(requests) = done.get("cancel_requests").and_then(Value::as_u64) {
        let _ = write!(said, "\n{requests} cancel requests were taken by the venues");
    }
    let failed = done.get("cancels_failed").and_then(Value::as_array);
    for one in failed.into_iter().flatten() {
        let _ = write!(
            said,
            "\nnot cancelled: {} {}: {}",
            string(one, "account"),
            string(one, "market"),
            string(one, "why")
        );
    }
    failed.is_some_and(|failed| !failed.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halt(number: u64, scope: &str, level: &str) -> Value {
        json!({ "number": number, "scope": scope, "name": "x", "level": level, "by": "t", "why": "" })
    }

    fn steps(number: Option<u64>, to: Option<&str>) -> Result<Vec<(u64, String)>, String> {
        let halts = vec![
            halt(1, "bot", "cancel-only"),
            halt(2, "everything", "full"),
            halt(3, "account", "withdrawals"),
        ];
        let arguments = ResumeArguments { number, to: to.map(str::to_owned), yes: true };
        plan(halts, &arguments)
            .map(|steps| steps.into_iter().map(|step| (step.number, step.to)).collect())
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn halts_are_resumed_one_stage_at_a_time_widest_first() {
        let all = steps(None, None).unwrap();
        let expected = [(2, "cancel-only"), (3, "none"), (1, "reduce-only")];
        assert_eq!(all, expected.map(|(number, to)| (number, to.to_owned())));
        assert_eq!(steps(Some(1), Some("none")).unwrap(), [(1, "none".to_owned())]);
        assert!(steps(Some(9), None).unwrap_err().contains("no halt 9"));
        assert!(steps(None, Some("half")).unwrap_err().contains("`half` is no level"));
    }
}
