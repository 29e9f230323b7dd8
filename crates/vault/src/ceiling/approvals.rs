//! Who may approve what is over the first tier, and how many of them it takes.

use super::CeilingError;
use crate::grant::ApproverKey;
use crate::limits::{
    APPROVAL_DELAY_DEFAULT_MS, APPROVAL_DELAY_MS, APPROVER_KEY_BYTES, APPROVERS, NAME_BYTES, OWNED,
};
use crate::protocol::codec::{Decoder, Encoder, Malformed};
use crate::store::is_name;

/// One key that may approve, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    /// The person. Several keys of one person are that person's devices and
    /// count as one.
    pub name: String,
    /// The public key.
    pub key: ApproverKey,
    /// The bots that this person runs: nobody approves their own.
    pub owns: Vec<String>,
}

/// The approvers of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approvals {
    /// Every key that may approve.
    pub approvers: Vec<Approver>,
    /// How many different persons it takes.
    pub quorum: u16,
    /// Where there is one person: for how long the signer waits after it has
    /// first seen both devices' grants, ms; zero otherwise.
    pub delay_ms: u64,
}

impl Approvals {
    /// With the quorum that is usual: two persons, or of one person two devices
    /// and a delay of ten minutes.
    pub fn usual(approvers: Vec<Approver>) -> Self {
        let mut usual = Self { approvers, quorum: 1, delay_ms: 0 };
        if usual.persons().len() == 1 {
            usual.delay_ms = APPROVAL_DELAY_DEFAULT_MS;
        } else {
            usual.quorum = 2;
        }
        usual
    }

    /// The persons, each once, in order of name.
    pub fn persons(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.approvers.iter().map(|one| one.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether one person approves alone: with two devices, and later.
    pub fn is_one_person(&self) -> bool {
        self.persons().len() == 1
    }

    /// Whether this person runs the bot, or is it.
    pub fn is_own(&self, person: &str, bot: &str) -> bool {
        person == bot
            || self
                .approvers
                .iter()
                .any(|one| one.name == person && one.owns.iter().any(|owned| owned == bot))
    }

    /// In words, one line each.
    pub(crate) fn describe(&self) -> Vec<String> {
        let mut lines = vec![if self.is_one_person() {
            format!(
                "approved by two devices of one person, {} min after the signer has seen both",
                self.delay_ms / 60_000
            )
        } else {
            format!("approved by {} of {} persons", self.quorum, self.persons().len())
        }];
        for one in &self.approvers {
            let mut line = format!("approver {}: {}", one.name, one.key.fingerprint());
            if !one.owns.is_empty() {
                line.push_str(&format!(", not for {}", one.owns.join(", ")));
            }
            lines.push(line);
        }
        lines
    }

    pub(super) fn check(&self) -> Result<(), CeilingError> {
        let rule = |what: String| Err(CeilingError::Rule(what));
        let persons = self.persons().len();
        for (at, one) in self.approvers.iter().enumerate() {
            if !is_name(&one.name) {
                return rule(format!(
                    "an approver's name is 1 to {NAME_BYTES} of a-z, 0-9 and -; got `{}`",
                    one.name.escape_debug()
                ));
            }
            if self.approvers.iter().skip(at + 1).any(|other| other.key == one.key) {
                return rule(format!("the key of approver `{}` is named twice", one.name));
            }
            if let Some(bot) = one.owns.iter().find(|bot| bot.is_empty()) {
                return rule(format!("approver `{}` owns a bot without a name `{bot}`", one.name));
            }
        }
        if persons == 0 {
            return rule("approvals need approvers".to_owned());
        }
        if self.quorum == 0 || usize::from(self.quorum) > persons {
            return rule(format!("the quorum must be 1 to {persons}, the number of persons"));
        }
        if persons > 1 {
            return match self.delay_ms {
                0 => Ok(()),
                _ => rule("a delay is for ceilings that one person approves alone".to_owned()),
            };
        }
        if self.approvers.len() < 2 {
            return rule(
                "one person approves with two devices: name a second key of theirs, or a second \
                 person"
                    .to_owned(),
            );
        }
        if self.approvers.iter().any(|one| !one.owns.is_empty()) {
            return rule(
                "nobody approves their own: where one person approves alone, no bot can be \
                 theirs; name a second person"
                    .to_owned(),
            );
        }
        if !(60_000..=APPROVAL_DELAY_MS).contains(&self.delay_ms) {
            return rule(format!(
                "the delay must be 1 to {} min where one person approves alone",
                APPROVAL_DELAY_MS / 60_000
            ));
        }
        Ok(())
    }

    pub(super) fn put(&self, to: &mut Encoder<'_>) -> Result<(), CeilingError> {
        to.count(self.approvers.len(), APPROVERS, "approvers")?;
        for one in &self.approvers {
            to.string(&one.name, NAME_BYTES, "approver's name")?;
            to.string(one.key.line(), APPROVER_KEY_BYTES, "approver's key")?;
            to.count(one.owns.len(), OWNED, "bots of an approver")?;
            for bot in &one.owns {
                to.string(bot, NAME_BYTES, "bot")?;
            }
        }
        to.u16(self.quorum);
        to.u64(self.delay_ms);
        Ok(())
    }

    pub(super) fn take(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let approvers = (0..from.count(APPROVERS, "approvers")?)
            .map(|_| {
                let name = from.string(NAME_BYTES, "approver's name")?.to_owned();
                let malformed = from.malformed("approver's key");
                let line = from.string(APPROVER_KEY_BYTES, "approver's key")?;
                let key = ApproverKey::parse(line).map_err(|_| malformed)?;
                if key.line() != line {
                    return Err(malformed);
                }
                let owns = (0..from.count(OWNED, "bots of an approver")?)
                    .map(|_| from.string(NAME_BYTES, "bot").map(str::to_owned))
                    .collect::<Result<_, _>>()?;
                Ok(Approver { name, key, owns })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { approvers, quorum: from.u16("quorum")?, delay_ms: from.u64("delay")? })
    }
}
