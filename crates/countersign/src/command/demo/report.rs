//! What the demo found, as one object.
//!
//! ```json
//! {"orders_accepted": 3, "orders_filled": 2,
//!  "refused": [{"case": "over-limit", "reason": "...", "code": -2010}],
//!  "log": {"entries": 40, "verified": true, "tamper_detected": true, "tamper_says": "..."},
//!  "stolen_virtual_key_refused_by_venue": true,
//!  "secrets_found_outside_signer": 0, "secret_control_found": true}
//! ```
//! The last two are `null` where this user may not read the gateway's memory.

use serde_json::{Value, json};

use crate::output::{Answer, Output};

/// One refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) case: &'static str,
    pub(super) refused: bool,
    pub(super) reason: String,
    pub(super) code: Option<i64>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) orders_accepted: u64,
    pub(super) orders_filled: u64,
    pub(super) refusals: Vec<Refusal>,
    pub(super) log_entries: u64,
    pub(super) log_verified: bool,
    pub(super) tamper_detected: bool,
    pub(super) tamper_says: String,
    pub(super) stolen_key_refused: bool,
    pub(super) secrets_found: Option<u64>,
    pub(super) control_found: Option<bool>,
    /// What did not go as it should, one line each.
    pub(super) wrong: Vec<String>,
}

impl Report {
    /// Notes what did not go as it should.
    pub(super) fn expect(&mut self, held: bool, what: &str) {
        if !held {
            self.wrong.push(what.to_owned());
        }
    }

    /// The end of the demo: positive only if everything was shown.
    pub(super) fn answer(mut self, output: Output) -> Answer {
        for index in 0..self.refusals.len() {
            let missed = self.refusals.get(index).filter(|refusal| !refusal.refused);
            if let Some(case) = missed.map(|refusal| refusal.case) {
                self.wrong.push(format!("`{case}` was not refused"));
            }
        }
        self.expect(self.orders_accepted > 0, "no order was accepted");
        self.expect(self.log_verified, "the log does not verify");
        self.expect(self.tamper_detected, "a flipped byte was not noticed");
        self.expect(self.stolen_key_refused, "the venue took the virtual key");
        match (self.secrets_found, self.control_found) {
            (Some(0), Some(true)) => {}
            (None, _) | (_, None) => self.wrong.push(
                "the gateway's memory was not searched: run the demo as root to have it searched"
                    .to_owned(),
            ),
            (Some(0), Some(false)) => {
                self.wrong.push("the search did not find its own control".to_owned());
            }
            (Some(count), _) => {
                self.wrong
                    .push(format!("the real secret was found {count} times outside the signer"));
            }
        }
        let refused: Vec<Value> = self
            .refusals
            .iter()
            .filter(|refusal| refusal.refused)
            .map(|refusal| {
                json!({ "case": refusal.case, "reason": refusal.reason, "code": refusal.code })
            })
            .collect();
        let json = json!({
            "orders_accepted": self.orders_accepted,
            "orders_filled": self.orders_filled,
            "refused": refused,
            "log": {
                "entries": self.log_entries,
                "verified": self.log_verified,
                "tamper_detected": self.tamper_detected,
                "tamper_says": self.tamper_says,
            },
            "stolen_virtual_key_refused_by_venue": self.stolen_key_refused,
            "secrets_found_outside_signer": self.secrets_found,
            "secret_control_found": self.control_found,
            "wrong": self.wrong,
        });
        let text = if self.wrong.is_empty() {
            format!("\n{}", output.good("Everything above held."))
        } else {
            format!("\n{} {}", output.bad("Not shown:"), self.wrong.join("; "))
        };
        Answer::verdict(self.wrong.is_empty(), json, text)
    }
}
