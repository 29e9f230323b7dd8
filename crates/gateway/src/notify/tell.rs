//! What people are told of approvals, halts, bots and the signer, in plain
//! words, with the command that comes next.

use judge::{Alarm, Detector, HaltLevel, Response};
use vault::grant::Content;

use super::event::{Event, Kind, time};
use crate::approvals::Asked;
use crate::gateway::Gateway;
use crate::halts::Halt;
use crate::keys::RealKey;
use crate::virtual_key::Identity;

/// Who may approve so much that it is not told whole.
const APPROVERS_TOLD: usize = 12;

impl Gateway {
    /// A request waits for approvers.
    pub(crate) fn tell_pending(&self, asked: &Asked, key: &RealKey) {
        if self.notify.is_empty() {
            return;
        }
        let (id, content) = (asked.approval.id, &asked.approval.content);
        let title = format!("bot {} asks to withdraw {}", content.principal, amount(content));
        let names: Vec<&str> =
            key.approvers.iter().map(String::as_str).take(APPROVERS_TOLD).collect();
        let event = of_approval(Kind::ApprovalPending, asked, title)
            .with("why", &asked.why)
            .with("approvers", format!("{} of {}", key.quorum, names.join(", ")))
            .with("expires", time(asked.approval.expires_unix_ms))
            .advice(format!(
                "compare it with what was agreed, then run `countersign approve {id} --key \
                 ~/.ssh/id_ed25519`, or `countersign reject {id} --reason \"...\"`"
            ));
        self.notify.tell(&event);
    }

    /// As many have approved as it takes.
    pub(crate) fn tell_granted(&self, asked: &Asked, wait_ms: u64) {
        if self.notify.is_empty() {
            return;
        }
        let (id, content) = (asked.approval.id, &asked.approval.content);
        let by = asked.persons.join(", ");
        let event = if wait_ms == 0 {
            let title = format!("approved: {} for bot {}", amount(content), content.principal);
            of_approval(Kind::ApprovalGranted, asked, title).with("approved by", by).advice(format!(
                "nothing: it leaves when the bot asks again; `countersign reject {id}` still stops it"
            ))
        } else {
            let ends = time(asked.not_before_ms);
            let title = format!(
                "one person approved {} for bot {}: it may leave from {ends}",
                amount(content),
                content.principal
            );
            of_approval(Kind::ApprovalDelayed, asked, title)
                .with("approved by", by)
                .with("the delay ends", ends)
                .advice(format!(
                    "if that was not you, stop it before then: `countersign reject {id} --reason \
                     \"not me\"`"
                ))
        };
        self.notify.tell(&event);
    }

    /// A text was signed with it.
    pub(crate) fn tell_used(&self, asked: &Asked) {
        if self.notify.is_empty() {
            return;
        }
        let content = &asked.approval.content;
        let title = format!("signed: {} for bot {}", amount(content), content.principal);
        let event = of_approval(Kind::ApprovalUsed, asked, title)
            .with("approved by", asked.persons.join(", "))
            .advice("nothing: the approval is used up");
        self.notify.tell(&event);
    }

    /// A person, or the signer, rejected it.
    pub(crate) fn tell_rejected(&self, asked: &Asked, by: &str, reason: &str) {
        if self.notify.is_empty() {
            return;
        }
        let content = &asked.approval.content;
        let title = format!("rejected: {} for bot {}", amount(content), content.principal);
        let event = of_approval(Kind::ApprovalRejected, asked, title)
            .with("by", by)
            .with("reason", reason)
            .advice("nothing: it cannot be used any more");
        self.notify.tell(&event);
    }

    /// A detector had something to say of a request that does not pass.
    pub(crate) fn tell_alarm(
        &self,
        bot: &Identity,
        venue: &str,
        alarm: &Alarm,
        entry: Option<u64>,
    ) {
        if self.notify.is_empty() {
            return;
        }
        let seen = |detector: &Detector| alarm.alerts.iter().any(|one| one.detector == *detector);
        let names: Vec<&str> = alarm.alerts.iter().map(|one| one.detector.name()).collect();
        let evidence: Vec<&str> = alarm.alerts.iter().map(|one| one.evidence.as_str()).collect();
        let more = |event: Event| {
            event
                .with("account", format!("{} at {venue}", bot.account))
                .with("detector", names.join(", "))
                .with("what was seen", evidence.join("; "))
                .with("log entry", entry.map_or_else(|| "none".to_owned(), |one| one.to_string()))
        };
        if seen(&Detector::Canary) {
            let title = format!("the canary key of bot {} was used", bot.name);
            let event = Event::new(Kind::CanaryUsed, format!("canary-{}", bot.name), title);
            self.notify.tell(&more(event).advice(
                "nobody should have that key: find where it was kept and who reached it; halts \
                 are in force, see `countersign status`",
            ));
        } else if alarm.response == Response::Hold {
            let title = format!("a detector holds a request of bot {}", bot.name);
            let mut event = more(Event::new(Kind::Hold, format!("hold-{}", bot.name), title));
            event.subject = format!("{} {}", bot.name, names.join(" "));
            self.notify.tell(&event.advice(
                "see `countersign pending` for what can be approved, and the log entry for the rest",
            ));
        }
    }

    /// A halt is in force that was not, or is stricter.
    pub(crate) fn tell_halt(&self, halt: &Halt) {
        if self.notify.is_empty() {
            return;
        }
        let (scope, name) = halt.scope.words();
        let by_detector = halt.by != "operator";
        let (kind, title) = if by_detector && scope == "bot" {
            let title = format!("bot {name} is suspended: only cancels and reads pass");
            (Kind::BotSuspended, title)
        } else {
            let level = halt.level.name();
            (Kind::HaltPlaced, format!("halt {}: {} at {level}", halt.number, shown(scope, name)))
        };
        let mut event = of_halt(kind, halt, title).with("by", &halt.by).with("why", &halt.why);
        if !halt.evidence.is_empty() {
            let entries: Vec<String> = halt.evidence.iter().map(u64::to_string).collect();
            event = event.with("log entries", entries.join(", "));
        }
        let number = halt.number;
        self.notify.tell(&event.advice(format!(
            "find out why first; then `countersign resume {number}` lowers it one stage, \
             `countersign resume {number} --to none` lifts it"
        )));
    }

    /// A halt was lowered, or lifted.
    pub(crate) fn tell_resumed(&self, halt: &Halt) {
        if self.notify.is_empty() {
            return;
        }
        let (scope, name) = halt.scope.words();
        let (number, scope) = (halt.number, shown(scope, name));
        let event = if halt.level == HaltLevel::None {
            of_halt(Kind::HaltLifted, halt, format!("halt {number} is lifted: {scope}"))
                .advice("nothing: orders are judged as before")
        } else {
            let level = halt.level.name();
            of_halt(
                Kind::HaltLowered,
                halt,
                format!("halt {number} is lowered to {level}: {scope}"),
            )
            .advice(format!("`countersign resume {number}` goes on"))
        };
        self.notify.tell(&event.with("by", &halt.by));
    }

    /// Nothing can be signed.
    pub(crate) fn tell_signer_gone(&self) {
        let event = Event::new(Kind::SignerGone, "signer".to_owned(), "the signer is gone");
        self.notify.tell(&event.advice(
            "nothing is signed until it is back, which the supervisor sees to; where it does not \
             come back within a minute: docs/operations.md",
        ));
    }

    /// It can again.
    pub(crate) fn tell_signer_back(&self) {
        let event = Event::new(Kind::SignerBack, "signer".to_owned(), "the signer is back");
        self.notify.tell(&event.advice("nothing: requests are signed again"));
    }

    /// They reach it again.
    pub(crate) fn tell_synced(&self) {
        let event =
            Event::new(Kind::LogRecovered, "log-disk".to_owned(), "the log reaches the disk again");
        self.notify.tell(&event);
    }

    /// Entries are written and do not reach the disk.
    pub(crate) fn tell_unsynced(&self, error: &str) {
        let event =
            Event::new(Kind::LogFailing, "log-disk".to_owned(), "the log does not reach the disk");
        self.notify.tell(&event.with("error", error).advice("see to that disk"));
    }
}

fn of_approval(kind: Kind, asked: &Asked, title: String) -> Event {
    let (approval, content) = (&asked.approval, &asked.approval.content);
    Event::new(kind, format!("approval-{}", approval.id), title)
        .with("approval", approval.id.to_string())
        .with("bot", &content.principal)
        .with("amount", amount(content))
        .with("to", &content.address)
        .with("network", &content.network)
        .with("memo", content.memo.as_deref().unwrap_or("none"))
        .with("from account", format!("{} at {}", content.account, content.venue))
}

fn amount(content: &Content) -> String {
    format!("{} {}", content.amount.normalize(), content.asset)
}

fn of_halt(kind: Kind, halt: &Halt, title: String) -> Event {
    let (scope, name) = halt.scope.words();
    let mut event = Event::new(kind, format!("halt-{}", halt.number), title)
        .with("halt", halt.number.to_string())
        .with("scope", shown(scope, name))
        .with("level", halt.level.name())
        .with("since", time(halt.since_ns / 1_000_000));
    // Each level is news.
    event.subject = format!("{} {}", halt.number, halt.level.name());
    event
}

fn shown(scope: &str, name: &str) -> String {
    if name.is_empty() { scope.to_owned() } else { format!("{scope} {name}") }
}
