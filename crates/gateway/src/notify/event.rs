//! What people are told of.
//!
//! Values come from bots and venues: they are bounded, on one line, and nothing
//! in them is a link, a mention or a command of the place where they are read.

use crate::clock::host_nanos;
use crate::config::notify::{Severity, Topic};
use crate::limits;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    ApprovalPending,
    ApprovalGranted,
    ApprovalDelayed,
    ApprovalUsed,
    ApprovalRejected,
    Hold,
    BotSuspended,
    HaltPlaced,
    HaltLowered,
    HaltLifted,
    SignerGone,
    SignerBack,
    LogFailing,
    LogRecovered,
    VenueQuiet,
    VenueOpen,
    CanaryUsed,
    Test,
}

/// What an event does to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// It begins, or goes on.
    Open,
    /// It is over.
    Close,
}

impl Kind {
    /// The name in messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ApprovalPending => "approval-pending",
            Self::ApprovalGranted => "approval-granted",
            Self::ApprovalDelayed => "approval-delayed",
            Self::ApprovalUsed => "approval-used",
            Self::ApprovalRejected => "approval-rejected",
            Self::Hold => "hold",
            Self::BotSuspended => "bot-suspended",
            Self::HaltPlaced => "halt-placed",
            Self::HaltLowered => "halt-lowered",
            Self::HaltLifted => "halt-lifted",
            Self::SignerGone => "signer-gone",
            Self::SignerBack => "signer-back",
            Self::LogFailing => "log-failing",
            Self::LogRecovered => "log-recovered",
            Self::VenueQuiet => "venue-quiet",
            Self::VenueOpen => "venue-open",
            Self::CanaryUsed => "canary-used",
            Self::Test => "test",
        }
    }

    /// What it is about.
    pub(crate) const fn topic(self) -> Topic {
        match self {
            Self::ApprovalPending
            | Self::ApprovalGranted
            | Self::ApprovalDelayed
            | Self::ApprovalUsed
            | Self::ApprovalRejected => Topic::Approvals,
            Self::Hold => Topic::Holds,
            Self::BotSuspended => Topic::Bots,
            Self::HaltPlaced | Self::HaltLowered | Self::HaltLifted | Self::Test => Topic::Halts,
            Self::SignerGone | Self::SignerBack => Topic::Signer,
            Self::LogFailing | Self::LogRecovered => Topic::Log,
            Self::VenueQuiet | Self::VenueOpen => Topic::Venue,
            Self::CanaryUsed => Topic::Canary,
        }
    }

    /// How bad the incident is that it is part of: whoever hears of its beginning
    /// hears of its end.
    pub(crate) const fn weight(self) -> Severity {
        match self {
            Self::ApprovalGranted | Self::Test => Severity::Info,
            Self::ApprovalPending
            | Self::ApprovalDelayed
            | Self::ApprovalUsed
            | Self::ApprovalRejected
            | Self::Hold => Severity::Warning,
            Self::BotSuspended | Self::VenueQuiet | Self::VenueOpen => Severity::Error,
            Self::HaltPlaced
            | Self::HaltLowered
            | Self::HaltLifted
            | Self::SignerGone
            | Self::SignerBack
            | Self::LogFailing
            | Self::LogRecovered
            | Self::CanaryUsed => Severity::Critical,
        }
    }

    /// What it does to its incident.
    pub(crate) const fn course(self) -> Course {
        match self {
            Self::ApprovalUsed
            | Self::ApprovalRejected
            | Self::HaltLifted
            | Self::SignerBack
            | Self::LogRecovered
            | Self::VenueOpen
            // A page that ends by itself: it tests the way, and wakes nobody twice.
            | Self::Test => Course::Close,
            _ => Course::Open,
        }
    }

    /// How bad it is as it is told: an end is no alarm.
    pub(crate) fn severity(self) -> Severity {
        if self.course() == Course::Close { Severity::Info } else { self.weight() }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    /// What repeats of it are told by.
    pub(crate) subject: String,
    /// What its beginning and its end have in common.
    pub(crate) incident: String,
    /// One line.
    pub(crate) title: String,
    /// More, by name.
    pub(crate) details: Vec<(&'static str, String)>,
    /// What to do.
    pub(crate) advice: String,
    /// Host time, Unix ns.
    pub(crate) at_ns: u64,
    /// How often it happened since it was last told.
    pub(crate) count: u32,
    /// Its number: a receiver that has it has it.
    pub(crate) id: String,
}

impl Event {
    /// An event of now. `incident` is a word and a name of ours.
    pub(crate) fn new(kind: Kind, incident: String, title: impl AsRef<str>) -> Self {
        let at_ns = host_nanos();
        Self {
            kind,
            subject: incident.clone(),
            incident,
            title: clean(title.as_ref()),
            details: Vec::new(),
            advice: String::new(),
            at_ns,
            count: 1,
            id: format!("{}-{at_ns:x}-{:04x}", kind.name(), random()),
        }
    }

    /// With another name and value.
    pub(crate) fn with(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        self.details.push((name, clean(value.as_ref())));
        self
    }

    /// With what to do.
    pub(crate) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// The one that `notify test` sends.
    pub(crate) fn test(target: &str) -> Self {
        Self::new(Kind::Test, format!("test-{target}"), "Countersign can reach you here")
            .with("target", target)
            .advice("nothing: somebody ran `countersign notify test`")
    }

    /// When, as RFC 3339 has it.
    pub(crate) fn time(&self) -> String {
        time(self.at_ns / 1_000_000)
    }

    /// All of it in words, a line each.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("[{}] {}", self.kind.severity().name().to_uppercase(), self.title);
        if self.count > 1 {
            text.push_str(&format!(" ({} times)", self.count));
        }
        for (name, value) in &self.details {
            text.push_str(&format!("\n{name}: {value}"));
        }
        if !self.advice.is_empty() {
            text.push_str(&format!("\nwhat to do: {}", self.advice));
        }
        text.push_str(&format!("\nat {}", self.time()));
        text
    }
}

/// Unix ms as RFC 3339 has it.
pub(crate) fn time(unix_ms: u64) -> String {
    let stamp =
        i64::try_from(unix_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    stamp.map_or_else(|| format!("{unix_ms} ms"), |stamp| stamp.to_string())
}

fn random() -> u16 {
    use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
    let mut bytes = [0; 2];
    // Only tells two events of one nanosecond apart.
    let _ = SystemRandom::new().fill(&mut bytes);
    u16::from_le_bytes(bytes)
}

/// A text as it may be shown: one line, bounded, no invisible or turning
/// characters, no addresses that become links.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(1024));
    let mut characters = text.chars();
    for character in characters.by_ref().take(limits::NOTIFY_VALUE_CHARACTERS) {
        clean.push(if is_hidden(character) { '?' } else { character });
    }
    if characters.next().is_some() {
        clean.push('…');
    }
    clean.replace("://", ":[//]")
}

/// Control, zero-width and direction characters: they hide what is written.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}
