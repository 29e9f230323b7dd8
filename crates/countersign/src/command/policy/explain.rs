//! `policy explain`: a bot's rules, or what would become of one request.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use judge::{AccountSetup, ClockState, Facts, HaltLevel, Judge, LogState, PolicySet, Reference};
use judge::{UnixNanos, Verdict};
use serde_json::{Value, json};
use wire::model::{Decimal, Intent, Operation};
use wire::venue::binance::{self, RawRequest};

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;

/// Arguments of `policy explain`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The bot
    bot: String,
    /// A request to judge, without key and signature, for example
    /// 'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=60000'
    request: Option<String>,
    /// The market's price at that moment
    #[arg(long, value_name = "PRICE")]
    reference: Option<Decimal>,
}

/// Explains; a request that would be denied is a negative answer.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let settings = Settings::read(&context.config)?;
    let bots = super::bots(&settings)?;
    let set = PolicySet::compile(&bots, &super::check::extra(&settings)?)
        .map_err(|error| Failure::misuse(error).next("run `countersign policy check`"))?;
    let Some(cedar) = set.cedar_text(&arguments.bot) else {
        return Err(Failure::misuse(format!("there is no bot `{}`", arguments.bot))
            .next("see `countersign bot list`"));
    };
    let Some(request) = &arguments.request else {
        let json = json!({ "bot": arguments.bot, "cedar": cedar });
        return Ok(Answer::yes(json, cedar));
    };
    let intent = match intent(request)? {
        Ok(intent) => intent,
        Err(refusal) => {
            let json = json!({ "bot": arguments.bot, "outcome": "refused", "reasons": [refusal] });
            return Ok(Answer::verdict(false, json, format!("refused before policy: {refusal}")));
        }
    };
    let verdict = judge(Arc::new(set), arguments, &intent)?;
    Ok(answer(context, arguments, &intent, &verdict))
}

/// The request as the gateway reads it; the inner error is a refusal.
fn intent(request: &str) -> Result<Result<Intent, String>, Failure> {
    let shape = || {
        Failure::misuse("the request is not METHOD PATH?PARAMETERS")
            .next("write for example 'GET /api/v3/account'")
    };
    let (method, target) = request.trim().split_once(' ').ok_or_else(shape)?;
    let (path, text) = target.split_once('?').unwrap_or((target, ""));
    // What a client adds: without it every private request would be refused.
    let separator = if text.is_empty() { "" } else { "&" };
    let text = format!("{text}{separator}timestamp=1700000000000&signature=00");
    let in_query = matches!(method, "GET" | "DELETE");
    let raw = RawRequest {
        method,
        path,
        query: in_query.then_some(text.as_str()),
        body: if in_query { b"" } else { text.as_bytes() },
        content_type: Some("application/x-www-form-urlencoded"),
    };
    let read = binance::receive(&raw).and_then(|received| binance::read(&received));
    Ok(read.map_err(|refusal| refusal.to_string()))
}

/// Judges it as the first request of a fresh gateway.
fn judge(
    policies: Arc<PolicySet>,
    arguments: &Arguments,
    intent: &Intent,
) -> Result<Verdict, Failure> {
    let account = policies
        .bots()
        .find(|bot| bot.name == arguments.bot)
        .map(|bot| bot.account.clone())
        .unwrap_or_default();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_nanos()).ok())
        .map(UnixNanos)
        .ok_or_else(|| Failure::negative("the clock is off").next("fix time synchronisation"))?;
    let mut judge = Judge::new(policies, AccountSetup::named(&account));
    let ids: Vec<String> = (0..wire::limits::ORDERS_PER_REQUEST).map(|n| format!("e{n}")).collect();
    let places = match &intent.operation {
        Operation::Place(group) => group.orders.len(),
        Operation::CancelReplace(_) => 1,
        _ => 0,
    };
    let facts = Facts {
        bot: &arguments.bot,
        intent,
        text: b"",
        text_digest: [0; 32],
        client_order_ids: ids.get(..places).unwrap_or_default(),
        now,
        reference: arguments.reference.map(|mid| Reference { bid: mid, ask: mid, mid, at: now }),
        quote_in_usd: None,
        halt: HaltLevel::None,
        log: LogState::Ok,
        clock: ClockState::Sane,
        around: judge::Surroundings::default(),
    };
    Ok(judge.decide(&facts))
}

fn answer(context: &Context, arguments: &Arguments, intent: &Intent, verdict: &Verdict) -> Answer {
    let output = context.output;
    let name = verdict.outcome_name();
    let painted = if verdict.is_allowed() { output.good(name) } else { output.bad(name) };
    let mut text = format!("{painted} {} ({})", intent.endpoint, intent.class.name());
    for (reasons, what) in [(&verdict.reasons, "because"), (&verdict.relaxed, "observed")] {
        for reason in reasons {
            let _ = write!(text, "\n  {what} {reason}");
        }
    }
    let mut inputs = serde_json::Map::new();
    for (attribute, value) in verdict.inputs.iter() {
        let shown = format!("{value:?}");
        let _ = write!(text, "\n  {} {attribute} = {shown}", output.faint("saw"));
        inputs.insert(attribute.to_owned(), Value::String(shown));
    }
    let reasons = |list: &[judge::Reason]| -> Vec<Value> {
        let one = |reason: &judge::Reason| {
            json!({
                "code": reason.code,
                "detail": reason.detail,
                "limit": reason.limit,
                "observed": reason.observed,
            })
        };
        list.iter().map(one).collect()
    };
    let json = json!({
        "bot": arguments.bot,
        "endpoint": intent.endpoint,
        "class": intent.class.name(),
        "outcome": name,
        "reasons": reasons(&verdict.reasons),
        "relaxed": reasons(&verdict.relaxed),
        "inputs": inputs,
    });
    Answer::verdict(verdict.is_allowed(), json, text)
}
