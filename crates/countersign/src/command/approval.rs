//! `pending`, `approve`, `reject`: what waits for a person, and what a person
//! says to it.
//!
//! What is shown and signed is read from the bytes themselves, on this machine:
//! nothing else that the gateway says of an approval is believed.

pub(crate) mod change;
mod show;
mod sign;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use serde_json::{Value, json};
use vault::change::Change;
use vault::grant::{Approval, NAMESPACE};

use super::admin::Admin;
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::{Answer, warn};
use crate::settings::Settings;

/// Longest file of an approval, a change or a signature, bytes.
const FILE_BYTES: u64 = 64 * 1024;
const _: () = assert!(FILE_BYTES as usize > vault::limits::CHANGE_BYTES);

/// Arguments of `pending`.
#[derive(clap::Args, Debug)]
pub(crate) struct PendingArguments {
    /// Show what was used, rejected or approved as well, until it expires
    #[arg(long)]
    all: bool,
}

/// Arguments of `approve`.
#[derive(clap::Args, Debug)]
pub(crate) struct ApproveArguments {
    /// The approval, or how its number begins
    #[arg(required_unless_present = "from")]
    id: Option<String>,
    /// Sign with this SSH key (`ssh-keygen` signs: a private key, or the public half of one in
    /// the agent or on a hardware key)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Take a signature that was made elsewhere
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "print"])]
    signature: Option<PathBuf>,
    /// Print the bytes to sign, and sign nothing
    #[arg(long, conflicts_with = "key")]
    print: bool,
    /// Sign what this file says, as --print or `key change` wrote it, and print the signature; nothing has to run
    /// here
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["id", "print"])]
    from: Option<PathBuf>,
    /// Have the gateway send it now, once, instead of the bot; it is judged as if the bot asked
    #[arg(long, conflicts_with_all = ["print", "from"])]
    send: bool,
    /// Do not ask whether it is meant
    #[arg(long)]
    yes: bool,
}

/// Arguments of `reject`.
#[derive(clap::Args, Debug)]
pub(crate) struct RejectArguments {
    /// The approval, or how its number begins; of a change of a ceiling the whole number
    id: String,
    /// Why, for the log
    #[arg(long, default_value = "")]
    reason: String,
}

fn connect(context: &Context) -> Result<Admin, Failure> {
    let settings = Settings::read(&context.config)?;
    Admin::connect(&settings)?.ok_or_else(|| {
        Failure::negative("no gateway is running here")
            .next("start it with `countersign serve`, or sign elsewhere with --from")
    })
}

fn ask(admin: &mut Admin, ask: &Value) -> Result<Value, Failure> {
    let answer = admin.ask(ask)?;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => Err(Failure::negative(error)),
        None => Ok(answer),
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Everything in the book.
fn book(admin: &mut Admin) -> Result<Vec<Value>, Failure> {
    let mut answer = ask(admin, &json!({ "do": "pending" }))?;
    match answer.get_mut("approvals").map(Value::take) {
        Some(Value::Array(all)) => Ok(all),
        _ => Err(Failure::negative("the gateway answers another question than it was asked")),
    }
}

/// What waits for approval.
pub(crate) fn pending(context: &Context, arguments: &PendingArguments) -> Result<Answer, Failure> {
    let mut admin = connect(context)?;
    let mut all = book(&mut admin)?;
    if !arguments.all {
        all.retain(|one| matches!(text(one, "standing"), "pending" | "approved"));
    }
    let mut shown = String::new();
    for one in &all {
        shown.push_str(&show::listed(one));
    }
    if all.is_empty() {
        shown.push_str("nothing waits for approval");
    }
    Ok(Answer::yes(json!({ "approvals": all }), shown))
}

/// The one whose number begins so.
fn find(admin: &mut Admin, id: &str) -> Result<Value, Failure> {
    let mut found = book(admin)?;
    found.retain(|one| !id.is_empty() && text(one, "id").starts_with(id));
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(Failure::misuse(format!("several approvals begin with `{id}`"))
            .next("write more of its number")),
        (None, _) => Err(Failure::negative(format!("there is no approval `{id}`, or it expired"))
            .next("see `countersign pending`")),
    }
}

pub(crate) fn read(path: &std::path::Path) -> Result<String, Failure> {
    use std::io::Read as _;
    let failed = |error| Failure::file("read", path, error);
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut content = String::new();
    file.take(FILE_BYTES).read_to_string(&mut content).map_err(failed)?;
    Ok(content)
}

fn decode(bytes: &str) -> Result<Approval, Failure> {
    Approval::decode(bytes.as_bytes())
        .map_err(|error| Failure::negative(error).next("print it again with `approve ID --print`"))
}

/// Approves: shows what, signs it, hands the signature in.
pub(crate) fn approve(context: &Context, arguments: &ApproveArguments) -> Result<Answer, Failure> {
    if let (Some(from), Some(key)) = (&arguments.from, &arguments.key) {
        return offline(arguments, from, key);
    }
    let mut admin = connect(context)?;
    let found = find(&mut admin, arguments.id.as_deref().unwrap_or_default())?;
    let bytes = text(&found, "approval").to_owned();
    let approval = decode(&bytes)?;
    if arguments.print {
        return Ok(Answer::yes(show::json(&approval, "approval", &bytes), bytes));
    }
    let signature = match (&arguments.signature, &arguments.key) {
        (Some(file), _) => read(file)?,
        (None, Some(key)) => {
            warn(show::words(&approval).trim_end());
            confirm(arguments)?;
            sign::sign(key, bytes.as_bytes(), NAMESPACE)?
        }
        (None, None) if arguments.send => {
            warn(show::words(&approval).trim_end());
            confirm(arguments)?;
            return send(&mut admin, &approval);
        }
        (None, None) => {
            return Err(Failure::misuse("nothing to sign with")
                .next("name your SSH key with --key, for example --key ~/.ssh/id_ed25519"));
        }
    };
    let id = approval.id.to_string();
    let answer = ask(
        &mut admin,
        &json!({ "do": "approve", "id": id, "approval": bytes, "signature": signature }),
    )?;
    let said = show::approved(&answer, &approval);
    if arguments.send && text(&answer, "standing") == "approved" {
        warn(&said);
        return send(&mut admin, &approval);
    }
    Ok(Answer::yes(answer, said))
}

/// Has the gateway send it; a venue that refuses is a negative answer.
fn send(admin: &mut Admin, approval: &Approval) -> Result<Answer, Failure> {
    let answer = ask(admin, &json!({ "do": "send", "id": approval.id.to_string() }))?;
    let sent = answer.get("ok").and_then(Value::as_bool).unwrap_or_default();
    let said = format!(
        "{}: the venue answered {}",
        if sent { "sent" } else { "not taken" },
        text(&answer, "answer")
    );
    Ok(Answer::verdict(sent, answer, said))
}

/// Signs a file on a machine where nothing runs.
fn offline(
    arguments: &ApproveArguments,
    from: &std::path::Path,
    key: &std::path::Path,
) -> Result<Answer, Failure> {
    let bytes = read(from)?;
    if Change::is_claimed_by(bytes.as_bytes()) {
        let change = change::decode(&bytes)?;
        warn(change::words(&change).trim_end());
        confirm(arguments)?;
        let signature = sign::sign(key, bytes.as_bytes(), vault::change::NAMESPACE)?;
        return Ok(Answer::yes(change::json(&change, "signature", &signature), signature));
    }
    let approval = decode(&bytes)?;
    warn(show::words(&approval).trim_end());
    confirm(arguments)?;
    let signature = sign::sign(key, bytes.as_bytes(), NAMESPACE)?;
    Ok(Answer::yes(show::json(&approval, "signature", &signature), signature))
}

fn confirm(arguments: &ApproveArguments) -> Result<(), Failure> {
    if arguments.yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::misuse("nobody is there to say whether this is meant")
            .next("add --yes where it is"));
    }
    let _ = write!(std::io::stderr(), "approve this? write `yes`: ");
    let mut said = String::new();
    std::io::stdin()
        .read_line(&mut said)
        .map_err(|error| Failure::negative(format!("cannot read from the terminal: {error}")))?;
    if said.trim() == "yes" {
        return Ok(());
    }
    Err(Failure::negative("not approved").next("reject it with `countersign reject`"))
}

/// Rejects for good.
pub(crate) fn reject(context: &Context, arguments: &RejectArguments) -> Result<Answer, Failure> {
    let mut admin = connect(context)?;
    let answer = ask(
        &mut admin,
        &json!({ "do": "reject", "id": arguments.id, "reason": arguments.reason }),
    )?;
    let said = format!("rejected: {} counts for nothing any more", text(&answer, "id"));
    Ok(Answer::yes(answer, said))
}
