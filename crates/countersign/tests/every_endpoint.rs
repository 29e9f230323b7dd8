//! Every private endpoint that the venues have, asked for by a bot of each
//! preset with a correct signature and plausible parameters: what reaches the
//! venue is what the lists beside this test say, line by line, and nothing
//! else.
//!
//! INVARIANT (fail closed): a new endpoint, or one that is let through
//! anew, shows here as a line that somebody has to write.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

#[path = "every_endpoint/binance.rs"]
mod binance;
#[path = "every_endpoint/woox.rs"]
mod woox;

mod stack;

use stack::client::Answer;

use std::collections::BTreeMap;

use wire::model::Class;

/// The presets, in the order of the lists' columns.
const PRESETS: [&str; 3] = ["read-only", "market-maker", "treasury"];

/// One endpoint and what came of it for each preset.
#[derive(Debug)]
struct Line {
    name: String,
    class: Class,
    reached: [bool; 3],
    /// Whether the gateway answers by itself where it does not refuse: nothing
    /// of the bot's reaches the venue.
    here: bool,
    /// What the market maker was told, where it was refused.
    why: String,
}

impl Line {
    fn text(&self) -> String {
        let let_through = if self.here { "here" } else { "venue" };
        let words = self.reached.map(|reached| if reached { let_through } else { "refused" });
        format!("{}\t{}\t{}\t{}", self.name, self.class.name(), words.join("\t"), self.why)
    }

    /// What a preset may let through at all, whatever the list says.
    fn check(&self) {
        if self.here {
            assert_eq!(self.class, Class::StreamKey, "answered here: {self:?}");
            return;
        }
        let [reader, maker, treasury] = self.reached;
        let read = self.class == Class::Read;
        let trade = matches!(
            self.class,
            Class::Place
                | Class::TestOrder
                | Class::Amend
                | Class::Cancel
                | Class::CancelAll
                | Class::CancelReplace
        );
        assert!(!reader || read, "read-only reached {self:?}");
        assert!(!maker || read || trade, "market-maker reached {self:?}");
        assert!(!treasury || read || self.class == Class::Withdraw, "treasury reached {self:?}");
    }
}

/// Compares with the list that was reviewed.
fn compare(list: &str, file: &str, lines: &[Line]) {
    let listed: BTreeMap<&str, &str> = list
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| (line.split('\t').next().unwrap(), line))
        .collect();
    let mut wrong = Vec::new();
    let mut found = 0;
    for line in lines {
        line.check();
        let text = line.text();
        match listed.get(line.name.as_str()) {
            Some(listed) if *listed == text => found += 1,
            Some(listed) => wrong.push(format!("listed   {listed}\nobserved {text}")),
            None => wrong.push(format!("observed {text}, which the list lacks")),
        }
    }
    let unasked = listed.len() - found - wrong.len().min(listed.len() - found);
    if !wrong.is_empty() || listed.len() != lines.len() {
        let whole: String = lines.iter().map(|line| line.text() + "\n").collect();
        let path = std::env::temp_dir().join(file);
        std::fs::write(&path, whole).unwrap();
        panic!(
            "{} lines of {file} differ, {unasked} endpoints of it were not asked for; what was \
             observed is in `{}`; the first ones:\n{}",
            wrong.len(),
            path.display(),
            wrong[..wrong.len().min(20)].join("\n")
        );
    }
}

/// A value that fits a parameter of this name.
fn plausible(name: &str, example: &'static str) -> &'static str {
    match name {
        "asset" | "coin" | "token" | "fromAsset" | "transferAsset" => "USDT",
        "toAsset" => "BTC",
        "side" | "workingSide" => "BUY",
        "pendingSide" => "SELL",
        "marginType" => "ISOLATED",
        "multiAssetsMargin" | "dualSidePosition" | "isIsolated" => "true",
        "startTime" | "endTime" => "1700000000000",
        _ => example,
    }
}

/// Why the gateway refused it, where it did: the venue's own refusals do not
/// name us.
fn refusal(answer: &Answer) -> Option<String> {
    let message = answer.json["msg"].as_str().or(answer.json["message"].as_str())?;
    let (_, why) = message.split_once("Countersign: ")?;
    let why = why.split_once("for any bot: ").map_or(why, |(_, why)| why);
    // What to do next is not what the list is about.
    Some(why.split("; ").next().unwrap_or(why).to_owned())
}
