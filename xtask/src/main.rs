//! The commands that install, test and measure; it uses nothing but the
//! standard library, so that it is there in a second.
//!
//! `cargo xtask test [--full] [--no-install]` installs what the tests need (by
//! name, and says what) and runs every test. `cargo xtask bench [--quick]
//! [--json]` measures against nginx.

mod bench;
mod install;
mod stage;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask test [--full] [--no-install] | bench [--quick] [--json]
  test   install what the tests need, then format, lint, build and run every test
         --full         the long sizes; `CONTRIBUTING.md` has them all
         --no-install   use what is installed; say what is missing
  bench  install nginx, build in release, and measure beside it
         --quick        short repetitions
         --json         one object on standard output";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    match arguments.first().map(String::as_str) {
        Some("test") => {
            test::run(&test::Options { full: has("--full"), install: !has("--no-install") })
        }
        Some("bench") => bench::run(arguments.get(1..).unwrap_or_default()),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
