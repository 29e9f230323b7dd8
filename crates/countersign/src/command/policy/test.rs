//! `policy test`: cases from files, against the configuration in use.

use std::fmt::Write as _;
use std::path::PathBuf;

use judge::policy::cases;
use serde_json::json;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;

/// Longest case file, bytes.
const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Arguments of `policy test`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Case files (TOML); a bot that a file does not define is the configuration's
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Runs the cases; one that fails is a negative answer.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    // Cases can stand for themselves: then no configuration is needed.
    let (bots, extra) = if context.config.exists() {
        let settings = Settings::read(&context.config)?;
        (super::bots(&settings)?, super::check::extra(&settings)?)
    } else {
        (Vec::new(), String::new())
    };
    let mut text = String::new();
    let mut results = Vec::new();
    let mut failed = 0_u64;
    for path in &arguments.files {
        let read = std::fs::metadata(path).and_then(|found| {
            if found.len() > FILE_BYTES {
                return Err(std::io::Error::other("too long for a case file"));
            }
            std::fs::read_to_string(path)
        });
        let file = read.map_err(|error| Failure::file("read", path, error))?;
        let ran = cases::run(&file, &bots, &extra).map_err(|error| {
            Failure::misuse(format!("`{}`: {error}", path.display()))
                .next("correct the file; it has [[case]] tables with `name`, `bot` and `expect`")
        })?;
        for case in ran {
            let mark = if case.passed {
                context.output.good("pass")
            } else {
                failed += 1;
                context.output.bad("FAIL")
            };
            let _ = writeln!(text, "{mark} {}", case.name);
            if !case.passed {
                let _ =
                    writeln!(text, "     expected {}\n     got      {}", case.expected, case.got);
            }
            results.push(json!({
                "file": path,
                "name": case.name,
                "passed": case.passed,
                "expected": case.expected,
                "got": case.got,
            }));
        }
    }
    let _ = write!(text, "{} cases, {failed} failed", results.len());
    let json = json!({ "passed": failed == 0, "failed": failed, "cases": results });
    Ok(Answer::verdict(failed == 0, json, text))
}
