//! What a command says when it does not do what was asked.

use std::fmt;

/// Exit status 1: the answer is no, or the thing could not be done.
pub(crate) const EXIT_NEGATIVE: u8 = 1;
/// Exit status 2: the command was misused (arguments, configuration).
pub(crate) const EXIT_MISUSE: u8 = 2;

/// What helps against the system's most common answers.
const KNOWN: [(&str, &str); 5] = [
    ("Permission denied", "run this as the user that owns it"),
    ("Operation not permitted", "run this as the user that owns it"),
    ("No such file", "see that the path is right"),
    ("No space", "free some disk space"),
    ("Read-only", "use a place that can be written to"),
];

/// One line for a person: what was wrong and what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    next: Option<String>,
    exit: u8,
}

impl Failure {
    /// The thing could not be done, or the answer is no.
    pub(crate) fn negative(what: impl fmt::Display) -> Self {
        Self { what: one_line(what), next: None, exit: EXIT_NEGATIVE }
    }

    /// The command cannot work as it was given.
    pub(crate) fn misuse(what: impl fmt::Display) -> Self {
        Self { what: one_line(what), next: None, exit: EXIT_MISUSE }
    }

    /// A file operation failed.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: impl fmt::Display) -> Self {
        let why = error.to_string();
        let next = KNOWN.iter().find(|(text, _)| why.contains(text)).map(|(_, next)| *next);
        let failure = Self::negative(format!("cannot {doing} `{}`: {why}", path.display()));
        failure.next(next.unwrap_or("see that the disk is sound, then try again"))
    }

    /// What the person should do next.
    #[must_use]
    pub(crate) fn next(mut self, next: impl fmt::Display) -> Self {
        self.next = Some(one_line(next));
        self
    }

    /// The exit status.
    pub(crate) const fn exit(&self) -> u8 {
        self.exit
    }

    /// The same as one JSON object.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "error": { "what": self.what, "next": self.next } })
    }
}

fn one_line(text: impl fmt::Display) -> String {
    text.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.next {
            Some(next) => write!(f, "{}; {next}", self.what),
            None => write!(f, "{}", self.what),
        }
    }
}
