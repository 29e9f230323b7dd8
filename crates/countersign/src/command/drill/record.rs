//! An incident's file: the public record's form, with a block that a drill is
//! made from. docs/incidents.md describes it.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};

use super::signature::Signature;

/// Longest file, bytes.
pub(crate) const FILE_BYTES: u64 = 256 * 1024;
/// Most events, and most times of one.
const EVENTS: usize = 1_000;
const TIMES: u32 = 100_000;
/// Most accounts that a thief holds.
const ACCOUNTS: u32 = 64;
/// Sections, in their order; the last is ours.
const SECTIONS: [&str; 6] =
    ["Summary", "Attackers", "Losses", "Timeline", "Security Failure Causes", "Drill"];

/// An incident with its drill.
#[derive(Clone, Debug)]
pub(crate) struct Incident {
    pub(crate) title: String,
    pub(crate) drill: Drill,
}

/// The block `drill` of an incident's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drill {
    /// Letters, digits and `-`.
    pub(crate) name: String,
    pub(crate) capability: Capability,
    /// Which bot the thief is, or acts as.
    pub(crate) role: Role,
    /// The time of the first event.
    #[serde(deserialize_with = "timestamp")]
    pub(crate) start: Timestamp,
    /// What was lost, or where nothing was in the end, what was attempted, USD.
    pub(crate) actual_loss_usd: u64,
    /// What that figure is.
    #[serde(default)]
    pub(crate) actual_is: ActualIs,
    /// How many accounts the thief holds.
    #[serde(default = "one")]
    pub(crate) accounts: u32,
    /// How long the bot was silent before, days.
    #[serde(default)]
    pub(crate) silent_days: u32,
    #[serde(rename = "event", default)]
    pub(crate) events: Vec<Event>,
    /// Generated, beside what is written by hand.
    #[serde(rename = "signature", default)]
    pub(crate) signatures: Vec<Signature>,
}

/// What an actual loss is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ActualIs {
    /// On record as lost.
    #[default]
    Lost,
    /// Tried, and not lost in the end.
    Attempted,
    /// No figure is on record; the file says what is assumed.
    Assumed,
}

impl ActualIs {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Attempted => "attempted",
            Self::Assumed => "assumed",
        }
    }
}

pub(crate) const fn one() -> u32 {
    1
}

/// What a thief can do (design, section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Capability {
    VirtualKey,
    BotHost,
    TreasuryHost,
    GatewayProcess,
    PolicyPush,
}

impl Capability {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::VirtualKey => "virtual-key",
            Self::BotHost => "bot-host",
            Self::TreasuryHost => "treasury-host",
            Self::GatewayProcess => "gateway-process",
            Self::PolicyPush => "policy-push",
        }
    }
}

/// A kind of bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    Treasury,
    Maker,
    Taker,
}

/// One thing that the thief does, once or again and again.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Line")]
pub(crate) struct Event {
    /// Seconds after the start.
    pub(crate) at_s: u64,
    pub(crate) every_s: u64,
    pub(crate) times: u32,
    pub(crate) action: Action,
}

/// What it is.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Value leaves.
    Withdraw {
        asset: String,
        amount: Decimal,
        to: To,
        /// Which of the thief's addresses, from 0.
        wallet: u32,
    },
    /// The account buys from the thief, who asks so many times the fair price.
    Buy { market: String, quote_usd: Decimal, price_times: Decimal },
}

/// An event as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at_s: u64,
    #[serde(default)]
    every_s: u64,
    #[serde(default = "one")]
    times: u32,
    action: Verb,
    asset: Option<String>,
    #[serde(default, deserialize_with = "positive")]
    amount: Option<Decimal>,
    to: Option<To>,
    market: Option<String>,
    #[serde(default, deserialize_with = "positive")]
    quote_usd: Option<Decimal>,
    #[serde(default, deserialize_with = "positive")]
    price_times: Option<Decimal>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Verb {
    Withdraw,
    Buy,
}

impl TryFrom<Line> for Event {
    type Error = &'static str;

    fn try_from(line: Line) -> Result<Self, Self::Error> {
        let Line { at_s, every_s, times, .. } = line;
        let action = match line.action {
            Verb::Withdraw => match (line.asset, line.amount, line.to, line.market) {
                (Some(asset), Some(amount), Some(to), None) => {
                    Action::Withdraw { asset, amount, to, wallet: 0 }
                }
                _ => return Err("a withdrawal has `asset`, `amount` and `to`"),
            },
            Verb::Buy => match (line.market, line.quote_usd, line.price_times, line.asset) {
                (Some(market), Some(quote_usd), Some(price_times), None) => {
                    Action::Buy { market, quote_usd, price_times }
                }
                _ => return Err("a buy has `market`, `quote_usd` and `price_times`"),
            },
        };
        Ok(Self { at_s, every_s, times, action })
    }
}

/// Where value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum To {
    /// To the firm's own listed wallet, which the thief holds too.
    Own,
    /// To an address that nobody listed.
    New,
}

fn timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        serde::de::Error::custom(format!(
            "`{}` is no time, such as `2023-11-18T16:47:00Z`",
            text.escape_debug()
        ))
    })
}

pub(super) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    positive(deserializer)?.ok_or_else(|| serde::de::Error::custom("an amount is missing"))
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let value = Decimal::from_str_exact(&text).ok().filter(|value| *value > Decimal::ZERO);
    value.map(Some).ok_or_else(|| {
        serde::de::Error::custom(format!("`{}` is no positive decimal", text.escape_debug()))
    })
}

impl Incident {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong, in one line; the writer's fault.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        // Public records have byte order marks and trailing spaces.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        let rest = text.strip_prefix("---\n").ok_or("it does not begin with `---`")?;
        let (front, body) = rest.split_once("\n---\n").ok_or("its front matter has no end")?;
        let title = front
            .lines()
            .find_map(|line| line.strip_prefix("title:"))
            .map(|title| title.trim().trim_matches('"').to_owned())
            .ok_or("its front matter has no `title`")?;
        for field in ["date", "target-entities", "entity-types", "attack-types", "loss"] {
            let has = front.lines().any(|line| line.starts_with(&format!("{field}:")));
            if !has {
                return Err(format!("its front matter has no `{field}`"));
            }
        }
        let mut from = 0;
        for section in SECTIONS {
            let heading = format!("\n## {section}\n");
            let at = body.get(from..).and_then(|rest| rest.find(&heading));
            let at = at.ok_or_else(|| format!("section `{section}` is missing or out of order"))?;
            from += at + heading.len();
        }
        let mut blocks = body.split("\n```drill\n").skip(1);
        let block = blocks.next().ok_or("it has no block ```drill")?;
        if blocks.next().is_some() {
            return Err("it has two blocks ```drill".to_owned());
        }
        let (block, _) = block.split_once("\n```").ok_or("its block ```drill has no end")?;
        let mut drill: Drill = toml::from_str(block)
            .map_err(|error| format!("its drill does not read: {}", error.message()))?;
        for signature in &drill.signatures {
            signature.check()?;
            drill.events.extend(signature.events());
        }
        drill.check()?;
        Ok(Self { title, drill })
    }
}

impl Drill {
    fn check(&self) -> Result<(), String> {
        let name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.bytes().all(name) {
            return Err("a drill's name is of lower-case letters, digits and `-`".to_owned());
        }
        if self.events.is_empty() || self.events.len() > EVENTS {
            return Err(format!("a drill has 1 to {EVENTS} events"));
        }
        if self.accounts == 0 || self.accounts > ACCOUNTS {
            return Err(format!("a thief holds 1 to {ACCOUNTS} accounts"));
        }
        if self.events.iter().any(|event| event.times == 0 || event.times > TIMES) {
            return Err(format!("an event happens 1 to {TIMES} times"));
        }
        let plain = |text: &str| {
            !text.is_empty() && text.len() <= 32 && text.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        for event in &self.events {
            let fine = match &event.action {
                Action::Withdraw { asset, .. } => plain(asset),
                Action::Buy { market, .. } => plain(market) && market.ends_with("USDT"),
            };
            if !fine {
                return Err("assets and markets are plain names; markets end with USDT".to_owned());
            }
        }
        Ok(())
    }

    /// Every single act in its order: seconds after the start.
    pub(crate) fn acts(&self) -> Vec<(u64, &Action)> {
        let mut acts = Vec::new();
        for event in &self.events {
            for time in 0..u64::from(event.times) {
                let at = event.at_s.saturating_add(event.every_s.saturating_mul(time));
                acts.push((at, &event.action));
            }
        }
        // Stable: what comes at one time stays in the order of the file.
        acts.sort_by_key(|(at, _)| *at);
        acts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KRONOS: &str = include_str!("../../../../../incidents/2023-11-18-kronos-research.md");

    #[test]
    fn a_record_reads_with_the_oddities_of_public_ones() {
        let marked = format!("\u{feff}{}", KRONOS.replace('\n', "\r\n"));
        for text in [KRONOS, &marked] {
            let incident = Incident::read(text).unwrap();
            assert!(incident.title.contains("Kronos"));
            assert_eq!(incident.drill.acts().len(), 12);
            assert_eq!(incident.drill.acts().last().unwrap().0, 10_550);
        }
    }

    #[test]
    fn what_does_not_read_is_named() {
        let wrong = |from: &str, to: &str| {
            assert!(KRONOS.contains(from), "{from}");
            Incident::read(&KRONOS.replacen(from, to, 1)).unwrap_err()
        };
        for (from, to, says) in [
            ("---\n", "", "does not begin"),
            ("title:", "titel:", "no `title`"),
            ("loss:", "lost:", "no `loss`"),
            ("## Losses", "## Loses", "`Losses` is missing"),
            ("## Summary", "## Timeline", "`Summary` is missing"),
            ("```drill", "```toml", "no block"),
            ("amount = \"72\"", "amount = \"-72\"", "no positive decimal"),
            ("amount = \"72\"", "amount = 72", "does not read"),
            ("amount = \"72\"", "amont = \"72\"", "does not read"),
            ("to = \"own\"", "to = \"mine\"", "does not read"),
            ("times = 10", "times = 0", "1 to 100000 times"),
            ("times = 10", "times = 4000000000", "1 to 100000 times"),
            ("capability = \"treasury-host\"", "capability = \"magic\"", "does not read"),
            ("asset = \"USDT\"", "asset = \"US&T\"", "plain names"),
            ("name = \"kronos-2023\"", "name = \"../kronos\"", "lower-case"),
            ("start = \"2023-11-18T16:47:00Z\"", "start = \"yesterday\"", "does not read"),
        ] {
            let error = wrong(from, to);
            assert!(error.contains(says), "{to}: {error}");
        }
    }
}
