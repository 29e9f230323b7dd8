//! `countersign reload`: the running gateway judges by the configuration as it
//! is written now.

use serde_json::json;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;

/// Has bots, limits and policies read again; all or nothing.
pub(crate) fn run(context: &Context) -> Result<Answer, Failure> {
    let settings = Settings::read(&context.config)?;
    if !crate::command::admin::reload_bots(&settings)? {
        return Err(Failure::negative("nothing runs on this configuration")
            .next("start it with `countersign serve`, which reads it"));
    }
    let text = format!(
        "reloaded: {} bots; addresses, venues and workers take `countersign upgrade`",
        settings.bots.len()
    );
    Ok(Answer::yes(json!({ "reloaded": true, "bots": settings.bots.len() }), text))
}
