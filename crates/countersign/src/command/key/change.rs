//! `key change`: another ceiling for a key that has approvers, by the quorum of
//! the ceiling in force.
//!
//! This proposes text and carries signatures. What counts is decided in the
//! signer, against what is sealed.

use std::path::{Path, PathBuf};

use serde_json::json;
use vault::ceiling::Ceiling;
use vault::change::{Change, InForce, Terms};
use vault::grant::GrantId;
use vault::protocol::KeyInfo;
use vault::protocol::control::{ControlAnswer, ControlAsk};
use vault::venue::Venue;

use super::super::admin::{self, Admin};
use super::super::approval::{change as show, read};
use super::super::destination::{self, CapNames, Listed};
use super::add;
use super::approvers::ApprovalArguments;
use super::session::{Session, odd};
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::{Answer, warn};
use crate::secret::UnsealArguments;
use crate::settings::{Settings, check_name};

const DAY_MS: u64 = 24 * 3_600_000;

/// Arguments of `key change`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The key's name
    name: String,
    /// Print the change to be signed with `approve --from` (the default); what is not said is not
    /// in the new ceiling
    #[arg(long, conflicts_with_all = ["apply", "signatures"])]
    propose: bool,
    /// Where it may send an asset; repeat for more
    #[arg(long = "destination", value_name = destination::FORM, conflicts_with = "apply")]
    destinations: Vec<String>,
    /// Most of an asset that it withdraws at once; repeat for more
    #[arg(long, value_name = "ASSET=AMOUNT", conflicts_with = "apply")]
    max_per_request: Vec<String>,
    /// Most of an asset that it withdraws in 24 h; repeat for more
    #[arg(long, value_name = "ASSET=AMOUNT", conflicts_with = "apply")]
    max_per_day: Vec<String>,
    #[command(flatten)]
    approval: ApprovalArguments,
    /// For how many days the change can be applied
    #[arg(long, value_name = "DAYS", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=7))]
    days: u64,
    /// Apply what this file says, as --propose printed it
    #[arg(long, value_name = "FILE", requires = "signatures")]
    apply: Option<PathBuf>,
    /// A signature that an approver has made over it; repeat for more
    #[arg(long = "signature", value_name = "FILE", requires = "apply")]
    signatures: Vec<PathBuf>,
    /// Go on although this kernel lacks a sandbox feature
    #[arg(long)]
    allow_missing_sandbox: bool,
    #[command(flatten)]
    unseal: UnsealArguments,
}

/// Proposes a change, or applies one.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    check_name("key", &arguments.name)?;
    let settings = Settings::read(&context.config)?;
    match &arguments.apply {
        Some(file) => apply(&settings, arguments, file),
        None => propose(&settings, arguments),
    }
}

fn open(settings: &Settings, arguments: &Arguments) -> Result<Session, Failure> {
    Session::open(settings, &arguments.unseal, arguments.allow_missing_sandbox)
}

/// What the arguments say of the new ceiling.
fn terms(arguments: &Arguments) -> Result<Terms, Failure> {
    let listed: Vec<Listed> = destination::read(
        &arguments.destinations,
        &arguments.max_per_request,
        &arguments.max_per_day,
        CapNames { per_request: "--max-per-request", per_day: "--max-per-day" },
    )?;
    let tiers = arguments.approval.tiers(&listed)?;
    let approvals = arguments.approval.approvals()?.ok_or_else(|| {
        Failure::misuse("a change states all of the new ceiling, approvers as well").next(
            "name them with --approver; to have no approvers any more, revoke the key and add it \
             again",
        )
    })?;
    let ceiling =
        add::propose(&listed, &tiers, Some(approvals.clone())).map_err(Failure::misuse)?;
    Ok(Terms { value_out: ceiling.value_out, approvals })
}

fn propose(settings: &Settings, arguments: &Arguments) -> Result<Answer, Failure> {
    // Before anything is unsealed: a rule that makes no sense is a misuse.
    let terms = terms(arguments)?;
    let mut session = open(settings, arguments)?;
    let found = in_force(&mut session, &arguments.name);
    session.close();
    let (key, venue, ceiling) = found?;
    let now = InForce {
        venue,
        account: &key.account,
        key: &key.name,
        api_key: &key.api_key,
        generation: key.generation,
        ceiling: &ceiling,
    };
    let issued = jiff::Timestamp::now().as_millisecond().unsigned_abs();
    let id = GrantId(rand::random());
    let life_ms = arguments.days.saturating_mul(DAY_MS);
    let change = Change::propose(&now, terms, id, issued, life_ms).map_err(Failure::negative)?;
    let bytes = change.encode().map_err(Failure::negative)?;
    let text = String::from_utf8(bytes).map_err(Failure::negative)?;
    warn(show::words(&change).trim_end());
    Ok(Answer::yes(show::json(&change, "change", &text), text))
}

/// The key, and its whole ceiling.
fn in_force(session: &mut Session, name: &str) -> Result<(KeyInfo, Venue, Ceiling), Failure> {
    let key = session.keys()?.into_iter().find(|key| key.name == name).ok_or_else(|| {
        Failure::negative(format!("there is no key `{name}`")).next("see `countersign key list`")
    })?;
    let venue = Venue::from_name(&key.venue).ok_or_else(odd)?;
    match session.ask(&ControlAsk::Ceiling { name: name.to_owned() })? {
        ControlAnswer::Ceiling(bytes) => {
            Ok((key, venue, Ceiling::decode(&bytes).map_err(Failure::negative)?))
        }
        _ => Err(odd()),
    }
}

fn apply(settings: &Settings, arguments: &Arguments, file: &Path) -> Result<Answer, Failure> {
    if arguments.approval.is_any() {
        return Err(Failure::misuse("what is applied is what was signed")
            .next("leave the arguments of the ceiling out, or propose another change"));
    }
    let text = read(file)?;
    let change = show::decode(&text)?;
    if change.key != arguments.name {
        return Err(Failure::misuse(format!(
            "the change is of key `{}`, not of `{}`",
            change.key, arguments.name
        ))
        .next("name the key that it is of"));
    }
    let signatures: Vec<String> =
        arguments.signatures.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
    let Some(mut gateway) = Admin::connect(settings)? else {
        return Err(Failure::negative(
            "no gateway is running here, and a change is in its log first",
        )
        .next("start it with `countersign serve`, then apply the change"));
    };
    warn(show::words(&change).trim_end());
    let mut session = open(settings, arguments)?;
    let outcome = hand_in(&mut gateway, &mut session, &text, signatures);
    session.close();
    let key = outcome?;
    admin::reload_keys(settings)?;
    let json = json!({
        "key": key.name,
        "applied": true,
        "id": change.id.to_string(),
        "generation": key.generation,
        "ceiling": key.ceiling.lines().collect::<Vec<_>>(),
        "ceiling_sha256": hex::encode(key.ceiling_digest),
        "approvers": key.approvers,
        "quorum": key.quorum,
    });
    let said = format!("applied: ceiling {} of key `{}` is in force", key.generation, key.name);
    Ok(Answer::yes(json, said))
}

/// Into the log, then to the signer.
///
/// INVARIANT (record first).
fn hand_in(
    gateway: &mut Admin,
    session: &mut Session,
    change: &str,
    signatures: Vec<String>,
) -> Result<KeyInfo, Failure> {
    let asked = json!({ "do": "change", "change": change, "signatures": signatures });
    let answer = gateway.ask(&asked)?;
    if let Some(error) = answer.get("error").and_then(serde_json::Value::as_str) {
        return Err(Failure::negative(format!("the log does not take the change: {error}"))
            .next("nothing has changed; see `countersign status`"));
    }
    let change = change.as_bytes().to_vec();
    match session.ask(&ControlAsk::ChangeCeiling { change, signatures })? {
        ControlAnswer::Key(key) => Ok(key),
        _ => Err(odd()),
    }
}
