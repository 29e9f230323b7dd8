//! What is to be proved: that no request of some bots is allowed where a
//! condition holds.

use std::collections::BTreeMap;
use std::path::Path;

use judge::BotPolicy;
use judge::policy::config::Preset;
use serde::Deserialize;

use crate::failure::Failure;

/// One property.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Property {
    #[serde(skip)]
    pub(super) name: String,
    /// In words: what a person reads.
    pub(super) says: String,
    /// Which bots it is about; without it, all.
    #[serde(default)]
    bots: Bots,
    /// The action that is never allowed, as the schema names it.
    pub(super) action: String,
    /// A Cedar expression: only where it holds.
    #[serde(default)]
    pub(super) when: Option<String>,
    /// A Cedar expression: except where it holds.
    #[serde(default)]
    pub(super) unless: Option<String>,
    /// Except where value goes to a destination of the bot's own list.
    #[serde(default)]
    pub(super) unless_listed: bool,
    /// Only above the bot's own `max_order_notional`.
    #[serde(default)]
    pub(super) above_max_order: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Bots {
    name: Option<Vec<String>>,
    preset: Option<Vec<Preset>>,
    account: Option<Vec<String>>,
    team: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    property: BTreeMap<String, Property>,
}

impl Property {
    /// Reads a file of properties.
    pub(super) fn read(path: &Path) -> Result<Vec<Self>, Failure> {
        let text =
            std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, error))?;
        Self::parse(&text).map_err(|error| {
            Failure::misuse(format!("`{}` is wrong: {error}", path.display()))
                .next("docs/policy-tools.md has the form")
        })
    }

    fn parse(text: &str) -> Result<Vec<Self>, String> {
        let file: File = toml::from_str(text)
            .map_err(|error: toml::de::Error| error.message().replace('\n', " "))?;
        Ok(file.property.into_iter().map(|(name, one)| Self { name, ..one }).collect())
    }

    /// What every configuration should have.
    pub(super) fn every_configuration() -> Vec<Self> {
        let never = |name: &str, says: &str, action: &str| Self {
            name: name.to_owned(),
            says: says.to_owned(),
            bots: Bots::default(),
            action: action.to_owned(),
            when: None,
            unless: None,
            unless_listed: false,
            above_max_order: false,
        };
        let others = vec![Preset::ReadOnly, Preset::Taker, Preset::MarketMaker];
        vec![
            Self {
                bots: Bots { preset: Some(others), ..Bots::default() },
                ..never(
                    "only-treasury-withdraws",
                    "no bot of another preset than treasury can withdraw",
                    "withdraw",
                )
            },
            Self {
                unless_listed: true,
                ..never(
                    "to-the-list-only",
                    "no withdrawal leaves the bot's list of destinations",
                    "withdraw",
                )
            },
            Self {
                above_max_order: true,
                ..never(
                    "orders-within-their-limit",
                    "no order is worth more than the bot's `max_order_notional`",
                    "place",
                )
            },
        ]
    }

    /// Whether it is about that bot.
    pub(super) fn is_about(&self, bot: &BotPolicy) -> bool {
        fn has<T: PartialEq>(list: Option<&Vec<T>>, one: Option<&T>) -> bool {
            list.is_none_or(|list| one.is_some_and(|one| list.contains(one)))
        }
        let Bots { name, preset, account, team } = &self.bots;
        has(name.as_ref(), Some(&bot.name))
            && has(preset.as_ref(), Some(&bot.preset))
            && has(account.as_ref(), Some(&bot.account))
            && has(team.as_ref(), bot.team.as_ref())
            && (!self.above_max_order
                || (bot.max_order_notional.is_some() && bot.mode == judge::Mode::Enforce))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_about_the_bots_that_it_names() {
        let text = "[property.x]\nsays = \"s\"\nbots = { preset = [\"taker\"], team = [\"a\"] }\n\
             action = \"withdraw\"\n";
        let [property] = &Property::parse(text).unwrap()[..] else { panic!() };
        let bot = |more: &str| -> BotPolicy {
            toml::from_str(&format!("account = \"main\"\npreset = \"taker\"\n{more}")).unwrap()
        };
        assert!(property.is_about(&bot("team = \"a\"")));
        assert!(!property.is_about(&bot("team = \"b\"")));
        assert!(!property.is_about(&bot("")));
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for bad in
            ["", "[property.x]\nsays = \"s\"", "[property.x]\nsays=\"s\"\naction=\"a\"\nwen=\"\""]
        {
            assert!(Property::parse(bad).is_err(), "{bad}");
        }
    }
}
