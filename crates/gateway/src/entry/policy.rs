//! The policies in force, as the log keeps them: the tables that verdicts
//! depend on, whenever they are loaded. Nothing in them is secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use judge::policy::config::{self, BotTables};
use judge::{DetectConfig, PolicySet};
use serde::Deserialize;

use super::plain;
use crate::clock::host_nanos;
use crate::config::Config;
use crate::gateway::Gateway;
use crate::record::Purpose;

/// Bytes of text in one entry: each may take six in JSON.
const PART_BYTES: usize = 8 * 1024;
const _: () = assert!(PART_BYTES * 6 + 8 * 1024 <= crate::limits::ENTRY_BYTES);

/// Why policies are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// The gateway started, and had read back so many entries.
    Start {
        /// Entries in the log that the judges' state is from.
        entries_before: u64,
    },
    /// The configuration was read again; what was counted stays.
    Reload,
}

/// The policies of a configuration.
pub(crate) struct PolicyEntry<'a> {
    pub(crate) since: Since,
    pub(crate) config: &'a Config,
}

impl PolicyEntry<'_> {
    /// The entries, in order.
    pub(crate) fn write(&self, at_ns: u64) -> Vec<Vec<u8>> {
        let text = text(self.config);
        let parts = split(&text);
        let accounts: Vec<String> = self.config.accounts.keys().cloned().collect();
        let digest = crate::pipeline::judging::sha256(text.as_bytes());
        let entry = |(number, part): (usize, &&str)| {
            plain("policy", at_ns, |json| {
                match self.since {
                    Since::Start { entries_before } => {
                        json.text("since", "start");
                        json.number("entries_before", entries_before);
                    }
                    Since::Reload => json.text("since", "reload"),
                }
                json.number("part", number as u64 + 1);
                json.number("parts", parts.len() as u64);
                if number == 0 {
                    json.texts("accounts", &accounts);
                }
                json.hex("sha256", &digest);
                json.text("tables", part);
            })
        };
        parts.iter().enumerate().map(entry).collect()
    }
}

impl Gateway {
    /// Writes down the policies that are in force from here on. Without it the
    /// log cannot be judged again, and says so then; requests go on.
    pub(crate) fn tell_policies(&self, since: Since, config: &Config) {
        for entry in (PolicyEntry { since, config }).write(host_nanos()) {
            if let Err(error) = self.log.append(&entry, Purpose::Read) {
                self.note(format!("the log takes no entry about policies: {error}"));
                return;
            }
        }
    }
}

/// The tables as TOML, keys in order.
fn text(config: &Config) -> String {
    let mut tables = config.policy_tables.clone();
    if !config.extra_policy.is_empty() {
        let extra = toml::Value::String(config.extra_policy.clone());
        tables.insert("extra_cedar".to_owned(), extra);
    }
    tables.to_string()
}

fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.len() > PART_BYTES {
        let (part, more) = rest.split_at(rest.floor_char_boundary(PART_BYTES));
        parts.push(part);
        rest = more;
    }
    parts.push(rest);
    parts
}

/// One entry about policies, read back.
#[derive(Debug, Deserialize)]
pub(crate) struct PolicyPart {
    since: String,
    #[serde(default)]
    entries_before: u64,
    part: u64,
    parts: u64,
    #[serde(default)]
    pub(crate) accounts: Vec<String>,
    tables: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    #[serde(default)]
    bot: BotTables,
    #[serde(default)]
    detect: DetectConfig,
    #[serde(default)]
    extra_cedar: String,
}

impl PolicyPart {
    /// Reads an entry; none where it is damaged.
    pub(crate) fn read(entry: &[u8]) -> Option<Self> {
        serde_json::from_slice(entry).ok()
    }

    /// Adds the part that follows; whether it does.
    pub(crate) fn add(&mut self, next: &Self) -> bool {
        let follows = next.part == self.part + 1 && next.parts == self.parts;
        if follows {
            self.part = next.part;
            self.tables.push_str(&next.tables);
        }
        follows
    }

    pub(crate) const fn is_first(&self) -> bool {
        self.part == 1
    }

    pub(crate) const fn is_whole(&self) -> bool {
        self.part == self.parts
    }

    /// Why it was written.
    pub(crate) fn since(&self) -> Since {
        match self.since.as_str() {
            "start" => Since::Start { entries_before: self.entries_before },
            _ => Since::Reload,
        }
    }

    /// The policies.
    ///
    /// # Errors
    /// They cannot be read by this version, in one line.
    pub(crate) fn policies(&self) -> Result<Arc<PolicySet>, String> {
        let tables: Tables =
            toml::from_str(&self.tables).map_err(|error| error.message().replace('\n', " "))?;
        compile(tables.bot, tables.detect, &tables.extra_cedar)
    }
}

/// The policy set of these tables.
///
/// # Errors
/// Which table is wrong, in one line.
pub(crate) fn compile(
    bots: BTreeMap<String, judge::BotPolicy>,
    detect: DetectConfig,
    extra_cedar: &str,
) -> Result<Arc<PolicySet>, String> {
    let set = PolicySet::compile(&config::named(bots), extra_cedar);
    Ok(Arc::new(set.map_err(|error| error.to_string())?.with_detection(detect)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(bots: usize) -> Config {
        let mut text = "data_dir = \"d\"\n[listen]\nhttp = \"127.0.0.1:0\"\n\
             [venue.binance]\nbase_url = \"https://api.binance.com\"\n\
             [account.main]\nvenue = \"binance\"\nkeys = { trade = \"t\", read = \"r\" }\n\
             [detect]\nhold_at = 61\n"
            .to_owned();
        for bot in 0..bots {
            text.push_str(&format!(
                "[bot.mm-{bot}]\naccount = \"main\"\npreset = \"taker\"\nmarkets = [\"*\"]\n\
                 from = [\"127.0.0.1\"]\nmax_order_notional = 7\n"
            ));
        }
        Config::parse(&text, std::path::Path::new("/")).unwrap()
    }

    #[test]
    fn policies_are_read_back_as_they_were() {
        // Enough bots for several entries.
        let config = config(120);
        let since = Since::Start { entries_before: 7 };
        let entries = PolicyEntry { since, config: &config }.write(1);
        assert!(entries.len() > 1);
        assert!(entries.iter().all(|entry| entry.len() < crate::limits::ENTRY_BYTES));
        let mut parts = entries.iter().map(|entry| PolicyPart::read(entry).unwrap());
        let mut whole = parts.next().unwrap();
        assert!(whole.is_first() && !whole.is_whole());
        for part in parts {
            assert!(whole.add(&part));
        }
        assert!(whole.is_whole());
        assert_eq!((whole.since(), whole.accounts.as_slice()), (since, &["main".to_owned()][..]));
        let policies = whole.policies().unwrap();
        let read: Vec<_> = policies.bots().cloned().collect();
        let expected: Vec<_> = config.bots.values().map(|bot| bot.policy.clone()).collect();
        assert_eq!(read, expected);
        assert_eq!(policies.detection(), &config.detection);
    }

    #[test]
    fn a_part_that_does_not_follow_is_refused() {
        let entries = PolicyEntry { since: Since::Reload, config: &config(200) }.write(1);
        let read = |at: usize| PolicyPart::read(&entries[at]).unwrap();
        assert!(!read(0).add(&read(2)));
        assert!(!read(1).add(&read(1)));
    }
}
