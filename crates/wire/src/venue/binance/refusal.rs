//! Why a request is not read: whose fault, which parameter, what to do.

use crate::model::Class;

/// What is wrong, as the venue's codes tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    /// What a bot may never do: an unknown endpoint, a class that is never let
    /// through, a parameter that changes the class (−1002).
    Forbidden,
    /// A parameter holds characters that have no place in it (−1100).
    IllegalCharacters,
    /// A parameter twice, too many of them, or two places at once (−1101).
    Duplicate,
    /// A mandatory parameter is missing or malformed (−1102).
    Malformed,
    /// A parameter that is not in the list of its endpoint (−1104).
    Unlisted,
    /// A parameter without a value (−1105).
    Empty,
}

impl RefusalCode {
    /// The venue's error code.
    pub const fn venue_code(self) -> i32 {
        match self {
            Self::Forbidden => -1002,
            Self::IllegalCharacters => -1100,
            Self::Duplicate => -1101,
            Self::Malformed => -1102,
            Self::Unlisted => -1104,
            Self::Empty => -1105,
        }
    }

    /// The name in log and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::IllegalCharacters => "illegal-characters",
            Self::Duplicate => "duplicate",
            Self::Malformed => "malformed",
            Self::Unlisted => "unlisted",
            Self::Empty => "empty",
        }
    }
}

/// Whose fault it is. No refusal of this crate gets better by repeating the
/// same request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The bot sent what the venue would not take either, or what two readers
    /// could read differently.
    Bot,
    /// The venue may know it; this version does not let it through.
    NotServed,
}

impl Fault {
    /// The name in log and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::NotServed => "not-served",
        }
    }
}

/// A request that is not read. It displays as one line without any value that
/// could be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub code: RefusalCode,
    /// Whose fault.
    pub fault: Fault,
    /// The parameter at fault, where one is; its name is safe to print.
    pub parameter: Option<String>,
    /// The class of the endpoint, where it is known although not served.
    pub class: Option<Class>,
    /// One line: what is wrong and what to do.
    pub detail: String,
}

impl Refusal {
    /// A refusal of the bot's doing: its code, and one line that says what is wrong
    /// and what to do.
    pub fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self { code, fault: Fault::Bot, parameter: None, class: None, detail: detail.into() }
    }

    pub(crate) fn of(code: RefusalCode, parameter: &str, detail: impl Into<String>) -> Self {
        Self { parameter: Some(printable(parameter)), ..Self::new(code, detail) }
    }

    pub(crate) fn not_served(mut self) -> Self {
        self.fault = Fault::NotServed;
        self
    }

    pub(crate) fn with_class(mut self, class: Class) -> Self {
        self.class = Some(class);
        self
    }
}

/// A name as it may stand in a message: printable ASCII, bounded.
pub(crate) fn printable(text: &str) -> String {
    const SHOWN: usize = 48;
    let mut out: String = text
        .chars()
        .take(SHOWN)
        .map(|c| if c.is_ascii_graphic() && c != '`' { c } else { '?' })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        out.push_str("...");
    }
    out
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.parameter {
            Some(parameter) => write!(f, "parameter `{parameter}`: {}", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for Refusal {}
