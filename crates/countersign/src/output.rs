//! What goes to standard output and standard error.
//!
//! With `--json` standard output carries one documented object and nothing
//! else; progress and warnings go to standard error in every case.

use std::io::{IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};

/// Where a command's answer goes, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    colour: bool,
}

/// What a command answers: the same thing twice, for programs and for people.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The documented object.
    pub(crate) json: serde_json::Value,
    /// The text for people; may be empty where the command has printed already.
    pub(crate) text: String,
    /// Whether the answer is yes (exit status 0) or no (1).
    pub(crate) positive: bool,
}

impl Answer {
    /// Everything was printed as it happened.
    pub(crate) const fn printed(positive: bool) -> Self {
        Self { json: serde_json::Value::Null, text: String::new(), positive }
    }

    /// A positive answer.
    pub(crate) fn yes(json: serde_json::Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), positive: true }
    }

    /// An answer that is yes or no.
    pub(crate) fn verdict(
        positive: bool,
        json: serde_json::Value,
        text: impl Into<String>,
    ) -> Self {
        Self { json, text: text.into(), positive }
    }
}

impl Output {
    /// Colour only on a terminal, and not where `NO_COLOR` is set to anything.
    pub(crate) fn new(json: bool) -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { json, colour: !json && !no_colour && std::io::stdout().is_terminal() }
    }

    /// Whether standard output carries JSON.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// One line for people on standard output; nothing with `--json`.
    pub(crate) fn say(self, line: &str) {
        if !self.json {
            print_out(line);
        }
    }

    /// One line of JSON on standard output, for the commands that stream.
    pub(crate) fn stream(self, value: &serde_json::Value, line: &str) {
        if self.json { print_out(&value.to_string()) } else { print_out(line) }
    }

    /// The answer, in the form asked for.
    pub(crate) fn finish(self, answer: &Answer) {
        if self.json {
            // A command that streamed its object already has none left.
            if !answer.json.is_null() {
                print_out(&answer.json.to_string());
            }
        } else if !answer.text.is_empty() {
            print_out(answer.text.trim_end());
        }
    }

    /// The failure: one line on standard error, and with `--json` the object.
    pub(crate) fn fail(self, failure: &crate::failure::Failure) {
        warn(&format!("error: {failure}"));
        if self.json {
            print_out(&failure.to_json().to_string());
        }
    }

    /// Green on a terminal.
    pub(crate) fn good(self, text: &str) -> String {
        self.paint(Style::new().fg_color(Some(AnsiColor::Green.into())), text)
    }

    /// Red on a terminal.
    pub(crate) fn bad(self, text: &str) -> String {
        self.paint(Style::new().fg_color(Some(AnsiColor::Red.into())), text)
    }

    /// Bold on a terminal.
    pub(crate) fn strong(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    /// Dim on a terminal.
    pub(crate) fn faint(self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    fn paint(self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

fn print_out(line: &str) {
    // A closed pipe on standard output is the reader's choice, not an error.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// One line on standard error; of `serve`, in the form that its log has.
pub(crate) fn warn(line: &str) {
    if crate::logging::said_as_json(line) {
        return;
    }
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
