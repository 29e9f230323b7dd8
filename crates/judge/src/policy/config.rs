//! A bot's rules as `countersign.toml` writes them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer};
use wire::model::Decimal;

/// The `[bot.NAME]` tables of one configuration.
pub type BotTables = BTreeMap<String, BotPolicy>;

/// Gives every table's bot its name.
pub fn named(tables: BotTables) -> Vec<BotPolicy> {
    tables.into_iter().map(|(name, policy)| BotPolicy { name, ..policy }).collect()
}

/// One bot's rules: a `[bot.NAME]` table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BotPolicy {
    /// The bot's name: the table's key ([`named`] fills it in).
    #[serde(skip)]
    pub name: String,
    /// The account it trades in.
    pub account: String,
    /// The preset that its rules start from.
    pub preset: Preset,
    /// Whether its order rules are enforced or only reported.
    #[serde(default)]
    pub mode: Mode,
    /// The team that it is of: a halt may name one.
    #[serde(default)]
    pub team: Option<String>,
    /// The address ranges it is bound to. The gateway holds this one; no
    /// verdict depends on it.
    #[serde(default)]
    pub from: Vec<String>,
    /// SHA-256 fingerprints of the client certificates that it may come with,
    /// hexadecimal; empty: it needs none. The gateway holds this one too.
    #[serde(default)]
    pub certificates: Vec<String>,
    /// The markets it trades, in the venue's spelling; `"*"` is every market.
    #[serde(default)]
    pub markets: Vec<String>,
    /// The most that one order may be worth, USD.
    #[serde(default, deserialize_with = "number")]
    pub max_order_notional: Option<Decimal>,
    /// The most that may be filled or resting in any hour, USD.
    #[serde(default, deserialize_with = "number")]
    pub max_notional_per_hour: Option<Decimal>,
    /// The most that may be filled or resting in any day, USD.
    #[serde(default, deserialize_with = "number")]
    pub max_notional_per_day: Option<Decimal>,
    /// Orders in any second.
    #[serde(default)]
    pub max_orders_per_second: Option<u32>,
    /// Orders in any minute.
    #[serde(default)]
    pub max_orders_per_minute: Option<u32>,
    /// Orders open at once.
    #[serde(default)]
    pub max_open_orders: Option<u32>,
    /// The most that it may lose in a UTC day, USD; over it the bot is
    /// suspended.
    #[serde(default, deserialize_with = "number")]
    pub max_drawdown_per_day: Option<Decimal>,
    /// A virtual key that nobody should use: its use raises the alarm.
    #[serde(default)]
    pub canary: bool,
    /// How far on the losing side of the reference an order may be, bps.
    #[serde(default)]
    pub collar_bps: Option<u32>,
    /// The oldest reference price that counts, ms.
    #[serde(default = "reference_max_age_ms")]
    pub reference_max_age_ms: u64,
    /// When it may place orders or withdraw, UTC: `"08:00-17:30"`; past
    /// midnight too.
    #[serde(default)]
    pub hours: Option<Hours>,
    /// Whether orders that take any price (market orders) are allowed; where
    /// unset, the preset says.
    #[serde(default)]
    pub market_orders: Option<bool>,
    /// Whose orders a cancel may touch.
    #[serde(default)]
    pub cancel: CancelScope,
    /// What becomes of an order that would trade with the account's own.
    #[serde(default)]
    pub self_trade: SelfTrade,
    /// How long the same order (market, side, quantity, price) may not be
    /// placed again, ms.
    #[serde(default)]
    pub identical_order_window_ms: Option<u32>,
    /// Executions in any minute with which no more orders are taken.
    #[serde(default)]
    pub max_executions_per_minute: Option<u32>,
    /// Markets where a sell counts as reducing while a halt allows reducing
    /// orders alone.
    #[serde(default)]
    pub sell_down: Vec<String>,
    /// Where it may withdraw to.
    #[serde(default)]
    pub withdraw: Vec<Destination>,
}

/// The age beyond which a reference price does not count, where none is
/// configured, ms.
pub const fn reference_max_age_ms() -> u64 {
    5_000
}

/// What a bot's rules start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Reads alone.
    ReadOnly,
    /// Reads and every kind of order.
    Taker,
    /// Reads and orders with a price; no market orders unless asked for.
    MarketMaker,
    /// Reads and withdrawals to listed destinations.
    Treasury,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 4] = [Self::ReadOnly, Self::Taker, Self::MarketMaker, Self::Treasury];

    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::Taker => "taker",
            Self::MarketMaker => "market-maker",
            Self::Treasury => "treasury",
        }
    }

    /// Whether it places orders at all.
    pub const fn trades(self) -> bool {
        matches!(self, Self::Taker | Self::MarketMaker)
    }
}

/// Whether order rules hold or only report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Order rules are judged and reported, and the order passes. Everything
    /// else holds all the same: classes, value out, cancels, halts.
    Observe,
    /// Every rule holds.
    #[default]
    Enforce,
}

impl Mode {
    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        }
    }
}

/// Whose orders a cancel may touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CancelScope {
    /// The bot's own.
    #[default]
    Own,
    /// Every order of the account.
    Account,
}

/// What becomes of an order that would trade with a resting one of the same
/// account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelfTrade {
    /// It is refused.
    #[default]
    Refuse,
    /// It goes to the venue, which has rules of its own.
    Allow,
}

/// One place that value may go to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// The asset (`USDT`).
    pub asset: String,
    /// The network (`ETH`).
    pub network: String,
    /// The address, compared byte by byte.
    pub address: String,
    /// The memo or tag, compared byte by byte; none: none may be given.
    #[serde(default)]
    pub memo: Option<String>,
    /// Whether it was in use before Countersign was: then it is not new to the
    /// detectors.
    #[serde(default)]
    pub known: bool,
    /// Above this amount a withdrawal needs an approval, asset units.
    #[serde(default, deserialize_with = "number")]
    pub approve_above: Option<Decimal>,
    /// The most in one request, asset units.
    #[serde(deserialize_with = "required_number")]
    pub max_per_request: Decimal,
    /// The most in any 24 hours, asset units; over all destinations of the
    /// asset that this bot has.
    #[serde(deserialize_with = "required_number")]
    pub max_per_day: Decimal,
}

/// A span of the UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// First minute of the day that counts.
    pub from: u16,
    /// First minute of the day that does not; up to 1440.
    pub until: u16,
}

impl Hours {
    /// Reads `HH:MM-HH:MM`; a span that ends before it starts goes past
    /// midnight, one that ends where it starts is refused.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("hours `{text}`: write them as `HH:MM-HH:MM`, UTC");
        let (from, until) = text.split_once('-').ok_or_else(wrong)?;
        let minute = |text: &str| -> Option<u16> {
            let (hours, minutes) = text.split_once(':')?;
            let digits = |part: &str| {
                (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
                    .then(|| part.parse::<u16>().ok())
                    .flatten()
            };
            let (hours, minutes) = (digits(hours)?, digits(minutes)?);
            let total = hours.checked_mul(60)?.checked_add(minutes)?;
            (minutes < 60 && total <= 1440).then_some(total)
        };
        let from = minute(from.trim()).filter(|from| *from < 1440).ok_or_else(wrong)?;
        let until = minute(until.trim()).ok_or_else(wrong)?;
        if from == until {
            return Err(format!(
                "hours `{text}`: the span is empty; `00:00-24:00` is the whole day"
            ));
        }
        Ok(Self { from, until })
    }

    /// Whether the span goes past midnight.
    pub const fn wraps(self) -> bool {
        self.until < self.from
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, until } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, until / 60, until % 60)
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A number as configuration writes it: in quotes or whole, never a float.
struct Number;

impl serde::de::Visitor<'_> for Number {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number in quotes, such as \"1000.50\"")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Decimal, E> {
        let value = Decimal::from_str_exact(text)
            .map_err(|_| E::custom(format!("`{text}` is no number; write it as \"1000.50\"")))?;
        self.checked(value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Decimal, E> {
        self.checked(Decimal::from(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Decimal, E> {
        self.checked(Decimal::from(value))
    }
}

impl Number {
    fn checked<E: serde::de::Error>(self, value: Decimal) -> Result<Decimal, E> {
        if value.is_sign_negative() && !value.is_zero() {
            return Err(E::custom(format!("`{value}` is negative; a limit is zero or more")));
        }
        if value.normalize().scale() > 6 {
            return Err(E::custom(format!("`{value}` has more than six decimal places")));
        }
        Ok(value)
    }
}

fn required_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    deserializer.deserialize_any(Number)
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    required_number(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BotPolicy, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    const LEAST: &str = "account = \"main\"\npreset = \"taker\"\n";

    #[test]
    fn the_least_table_reads() {
        let bot = read(LEAST).unwrap();
        assert_eq!(bot.mode, Mode::Enforce);
        assert_eq!(bot.cancel, CancelScope::Own);
        assert_eq!(bot.reference_max_age_ms, 5_000);
        assert_eq!(bot.max_order_notional, None);
    }

    #[test]
    fn an_unknown_field_is_named() {
        let error = read(&format!("{LEAST}max_order_notinal = \"5\"")).unwrap_err();
        assert!(error.contains("max_order_notinal"), "{error}");
        let error = read("account = \"main\"\npreset = \"maker\"").unwrap_err();
        assert!(error.contains("market-maker"), "{error}");
    }

    #[test]
    fn money_is_no_float() {
        for bad in ["1.5", "nan", "inf", "-1", "\"-1\"", "\"1e3\"", "\"\"", "\"0.0000001\"", "true"]
        {
            assert!(read(&format!("{LEAST}max_order_notional = {bad}")).is_err(), "{bad}");
        }
        for good in ["\"1000.50\"", "1000", "\"0\""] {
            assert!(read(&format!("{LEAST}max_order_notional = {good}")).is_ok(), "{good}");
        }
    }

    #[test]
    fn hours_are_read_strictly() {
        assert_eq!(Hours::parse("08:00-17:30").unwrap(), Hours { from: 480, until: 1050 });
        assert_eq!(Hours::parse("00:00-24:00").unwrap(), Hours { from: 0, until: 1440 });
        assert!(Hours::parse("22:00-06:00").unwrap().wraps());
        for bad in [
            "",
            "8-17",
            "08:00",
            "08:00-08:00",
            "24:00-08:00",
            "08:60-09:00",
            "08:00-24:01",
            "+8:00-09:00",
            "08:00-09:00-10:00",
        ] {
            assert!(Hours::parse(bad).is_err(), "{bad}");
        }
    }
}
