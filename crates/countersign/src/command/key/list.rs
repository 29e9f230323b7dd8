//! `key list`, `key audit`, `key revoke`.

use std::fmt::Write as _;

use serde_json::{Value, json};
use vault::protocol::KeyInfo;
use vault::protocol::control::ControlAsk;
use vault::venue::Venue;

use super::super::admin;
use super::super::config_edit::ConfigEdit;
use super::observe::Observer;
use super::session::{Session, odd};
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::{Answer, warn};
use crate::secret::UnsealArguments;
use crate::settings::{Settings, check_name};

/// Arguments of `key list` and `key audit`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Go on although this kernel lacks a sandbox feature
    #[arg(long)]
    allow_missing_sandbox: bool,
    #[command(flatten)]
    unseal: UnsealArguments,
}

/// Arguments of `key revoke`.
#[derive(clap::Args, Debug)]
pub(crate) struct RevokeArguments {
    /// The key's name
    name: String,
    #[command(flatten)]
    session: Arguments,
}

fn describe(key: &KeyInfo) -> Value {
    json!({
        "key": key.name,
        "account": key.account,
        "venue": key.venue,
        "scheme": key.scheme.name(),
        "class": key.class.name(),
        "api_key": key.api_key,
        "rights": key.rights.names().collect::<Vec<_>>(),
        "ceiling": key.ceiling,
        "ceiling_sha256": hex::encode(key.ceiling_digest),
        "generation": key.generation,
        "approvers": key.approvers,
        "quorum": key.quorum,
        "limited": key.limited,
    })
}

/// Lists the keys, without their secrets: nothing reads those back.
pub(super) fn list(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let settings = Settings::read(&context.config)?;
    let mut session = Session::open(&settings, &arguments.unseal, arguments.allow_missing_sandbox)?;
    let keys = session.keys();
    session.close();
    let keys = keys?;
    let mut text = String::new();
    for key in &keys {
        let _ = writeln!(
            text,
            "{:<20} {:<9} {:<8} {:<11} account {:<10} {}",
            key.name,
            key.class.name(),
            key.venue,
            key.scheme.name(),
            key.account,
            key.rights.names().collect::<Vec<_>>().join(",")
        );
        for line in key.ceiling.lines() {
            let _ = writeln!(text, "{:<20} {line}", "");
        }
        if let Some(limited) = &key.limited {
            let _ = writeln!(text, "{:<20} {}", "", context.output.bad(limited));
        }
    }
    if keys.is_empty() {
        text.push_str("no keys; add one with `countersign key add binance NAME --class trade`");
    }
    Ok(Answer::yes(json!({ "keys": keys.iter().map(describe).collect::<Vec<_>>() }), text))
}

/// Asks the venue about every key; a key that has gained rights is a negative
/// answer.
pub(super) fn audit(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let settings = Settings::read(&context.config)?;
    let mut session = Session::open(&settings, &arguments.unseal, arguments.allow_missing_sandbox)?;
    let outcome = compare(context, &settings, arguments, &mut session);
    session.close();
    outcome
}

fn compare(
    context: &Context,
    settings: &Settings,
    arguments: &Arguments,
    session: &mut Session,
) -> Result<Answer, Failure> {
    let output = context.output;
    let keys = session.keys()?;
    let mut observers: Vec<(Venue, Observer)> = Vec::new();
    let mut good = true;
    let mut text = String::new();
    let mut found = Vec::new();
    for key in &keys {
        warn(&format!("asking the venue about `{}` ...", key.name));
        let observed = venue_of(key).and_then(|venue| {
            let at = match observers.iter().position(|(known, _)| *known == venue) {
                Some(at) => at,
                None => {
                    let allow = arguments.allow_missing_sandbox;
                    observers.push((venue, Observer::start(settings, venue, allow)?));
                    observers.len() - 1
                }
            };
            match observers.get_mut(at) {
                Some((_, observer)) => observer.rights(session, key),
                None => Err(odd()),
            }
        });
        let stated = match observed {
            Ok(stated) => stated,
            Err(failure) => {
                good = false;
                let _ = writeln!(text, "{} `{}`: {failure}", output.bad("FAIL"), key.name);
                found.push(json!({ "key": key.name, "error": failure.to_string() }));
                continue;
            }
        };
        let within = stated.rights.is_within(key.rights);
        good &= within;
        let mark = if within { output.good("ok  ") } else { output.bad("MORE") };
        let _ = writeln!(
            text,
            "{mark} `{}`: {}{}",
            key.name,
            stated.rights.names().collect::<Vec<_>>().join(", "),
            if stated.address_restricted == Some(false) {
                "; usable from any address: restrict it at the venue"
            } else {
                ""
            }
        );
        found.push(json!({
            "key": key.name,
            "sealed": key.rights.names().collect::<Vec<_>>(),
            "now": stated.rights.names().collect::<Vec<_>>(),
            "known": stated.known,
            "within_sealed": within,
            "address_restricted": stated.address_restricted,
        }));
    }
    Ok(Answer::verdict(good, json!({ "as_sealed": good, "keys": found }), text))
}

/// The venue of a key.
fn venue_of(key: &KeyInfo) -> Result<Venue, Failure> {
    Venue::from_name(&key.venue).ok_or_else(odd)
}

/// Removes a key from the vault and from its account.
pub(super) fn revoke(context: &Context, arguments: &RevokeArguments) -> Result<Answer, Failure> {
    check_name("key", &arguments.name)?;
    let settings = Settings::read(&context.config)?;
    let how = &arguments.session;
    let mut session = Session::open(&settings, &how.unseal, how.allow_missing_sandbox)?;
    let keys = session.keys()?;
    let known = keys.iter().find(|key| key.name == arguments.name).cloned();
    let Some(key) = known else {
        session.close();
        return Err(Failure::negative(format!("there is no key `{}`", arguments.name))
            .next("see `countersign key list`"));
    };
    let name = arguments.name.clone();
    let removed = session
        .ask(&ControlAsk::RemoveKey { name: name.clone() })
        .and_then(|_| session.ask(&ControlAsk::ForgetGenerated { name }));
    session.close();
    removed?;
    let mut edit = ConfigEdit::open(&settings)?;
    let field = key.class.name().replace('-', "_");
    if settings.key_of(&key.account, &field) == Some(arguments.name.as_str()) {
        edit.set_account_key(&key.venue, &key.account, &field, None)?;
        edit.save()?;
    }
    admin::reload_keys(&settings)?;
    let text = format!(
        "key `{}` is out of the vault; revoke {} at the venue as well: copies of it may exist",
        key.name, key.api_key
    );
    let json = json!({ "key": key.name, "revoked": true, "api_key": key.api_key });
    Ok(Answer::yes(json, text))
}
