//! `countersign status`: what the running gateway says of itself.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::admin::Admin;
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;

/// Arguments of `status`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {}

/// Asks over the admin socket; no gateway is a negative answer.
pub(crate) fn run(context: &Context, _: &Arguments) -> Result<Answer, Failure> {
    let settings = Settings::read(&context.config)?;
    let Some(mut admin) = Admin::connect(&settings)? else {
        let json = json!({ "running": false, "data_dir": settings.data_dir });
        let text = "no gateway is running here; start it with `countersign serve`";
        return Ok(Answer::verdict(false, json, text));
    };
    let mut status = admin.ask(&json!({ "do": "status" }))?;
    if let Some(object) = status.as_object_mut() {
        object.insert("running".to_owned(), Value::Bool(true));
    }
    let mut text = String::new();
    lines(&mut text, "", &status);
    Ok(Answer::yes(status, text))
}

/// One line per value, with the path of names in front.
fn lines(text: &mut String, path: &str, value: &Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                lines(text, &path, member);
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            let _ = writeln!(text, "{path:<28} {}", items.join(" "));
        }
        other => {
            let _ = writeln!(text, "{path:<28} {}", plain(other));
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
