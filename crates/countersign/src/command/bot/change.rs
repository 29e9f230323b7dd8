//! `bot revoke` and `bot suspend`.

use serde_json::json;

use super::super::config_edit::ConfigEdit;
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::{Settings, check_name};
use crate::virtual_key::VirtualKey;

/// Arguments of `bot revoke`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The bot's name
    name: String,
}

/// Arguments of `bot suspend`.
#[derive(clap::Args, Debug)]
pub(crate) struct SuspendArguments {
    /// The bot's name
    name: String,
    /// Let it work again
    #[arg(long)]
    resume: bool,
}

/// Removes the key and the policy, and tells the running gateway.
pub(super) fn revoke(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let settings = known(context, &arguments.name)?;
    let path = VirtualKey::path(&settings.data_dir, &arguments.name);
    match std::fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::file("remove", &path, error)),
    }
    let mut edit = ConfigEdit::open(&settings)?;
    edit.remove_bot(&arguments.name);
    edit.save()?;
    let reloaded = crate::command::admin::reload_bots(&settings)?;
    let text = format!("bot `{}` is revoked: {}", arguments.name, effect(reloaded));
    Ok(Answer::yes(json!({ "bot": arguments.name, "revoked": true, "reloaded": reloaded }), text))
}

/// Marks the key, and tells the running gateway.
pub(super) fn suspend(context: &Context, arguments: &SuspendArguments) -> Result<Answer, Failure> {
    let settings = known(context, &arguments.name)?;
    let mut key = VirtualKey::read(&settings.data_dir, &arguments.name)?;
    key.suspended = !arguments.resume;
    key.write(&settings.data_dir)?;
    let reloaded = crate::command::admin::reload_bots(&settings)?;
    let state = if key.suspended { "suspended" } else { "active again" };
    let text = format!("bot `{}` is {state}: {}", arguments.name, effect(reloaded));
    let json = json!({ "bot": arguments.name, "suspended": key.suspended, "reloaded": reloaded });
    Ok(Answer::yes(json, text))
}

fn known(context: &Context, name: &str) -> Result<Settings, Failure> {
    check_name("bot", name)?;
    let settings = Settings::read(&context.config)?;
    let has_key = VirtualKey::path(&settings.data_dir, name).exists();
    if !settings.bots.contains_key(name) && !has_key {
        return Err(Failure::negative(format!("there is no bot `{name}`"))
            .next("see `countersign bot list`"));
    }
    Ok(settings)
}

const fn effect(reloaded: bool) -> &'static str {
    if reloaded { "the running gateway has taken it over" } else { "no gateway is running" }
}
