//! The book of approvals: what waits for approvers, and the grants that came.
//!
//! The book decides nothing. It keeps what a person is asked and carries grants
//! to the signer, which verifies them against approvers that are sealed with the
//! key, and takes each approval once. What the book forgets, or lies about, can
//! only make a request be refused.
//!
//! It is a file in `run/` beside the admin socket, replaced at every change, so
//! that what waits outlives a restart; the log has the same as entries of the
//! kinds `pending`, `grant`, `rejected` and `send`.

mod file;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use vault::grant::{Approval, Content, Grant, GrantId};
use wire::model::{Intent, Operation};

use crate::limits;
use crate::shared::held;

/// Errands that wait for their worker.
const ERRANDS: usize = 8;

/// How an approval stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    /// It waits for more approvers.
    Pending,
    /// As many have approved as it takes: the bot's next request is signed.
    Approved,
    /// A text was signed with it.
    Used,
    /// A person rejected it.
    Rejected,
}

impl Standing {
    /// The name in answers.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Used => "used",
            Self::Rejected => "rejected",
        }
    }
}

/// One approval that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) approval: Approval,
    /// What approvers sign.
    pub(crate) bytes: Vec<u8>,
    content_digest: [u8; 32],
    /// The real key that would sign, by name.
    pub(crate) key: String,
    /// Why approval is needed.
    pub(crate) why: String,
    pub(crate) standing: Standing,
    /// Who has approved, in order of name.
    pub(crate) persons: Vec<String>,
    /// Their grants.
    pub(crate) grants: Vec<Grant>,
    /// The text that was to be signed: what the gateway sends where a person has
    /// it send by itself.
    pub(crate) text: Vec<u8>,
    /// The bot's own id in it, where it has one.
    pub(crate) client_id: Option<String>,
    /// Until when the signer waits after one person has approved alone, Unix ms.
    pub(crate) not_before_ms: u64,
}

impl Asked {
    fn new(approval: Approval, key: &str, why: &str) -> Result<Self, String> {
        let bytes = approval.encode().map_err(|error| error.to_string())?;
        let content_digest = approval.content.digest().map_err(|error| error.to_string())?;
        Ok(Self {
            approval,
            bytes,
            content_digest,
            key: key.to_owned(),
            why: why.to_owned(),
            standing: Standing::Pending,
            persons: Vec::new(),
            grants: Vec::new(),
            text: Vec::new(),
            client_id: None,
            not_before_ms: 0,
        })
    }

    fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Pending | Standing::Approved)
    }
}

/// Grants for a request, enough of them as far as is known.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    pub(crate) id: GrantId,
    pub(crate) grants: Vec<Vec<u8>>,
}

/// A person has the gateway send what was approved, once.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) id: GrantId,
    /// The venue's answer as it was told, or why there is none.
    pub(crate) reply: oneshot::Sender<Result<(u16, String), String>>,
}

/// The book.
#[derive(Debug)]
pub(crate) struct Approvals {
    asked: Mutex<Vec<Asked>>,
    path: PathBuf,
    errands: Mutex<Option<mpsc::Sender<Errand>>>,
}

/// What a request would be approved as, and the bot's own id in it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) content: Content,
    pub(crate) client_id: Option<String>,
}

/// What a request would be approved as; none for what is not approved.
pub(crate) fn wanted(venue: &str, account: &str, bot: &str, intent: &Intent) -> Option<Wanted> {
    let Operation::Withdraw(withdrawal) = &intent.operation else { return None };
    let client_id = withdrawal.client_withdrawal_id.clone();
    let content = Content {
        action: intent.endpoint.to_owned(),
        venue: venue.to_owned(),
        account: account.to_owned(),
        principal: bot.to_owned(),
        asset: withdrawal.asset.clone(),
        amount: withdrawal.amount,
        network: withdrawal.network.clone(),
        address: withdrawal.address.clone(),
        memo: withdrawal.memo.clone(),
        fee_payer: None,
    };
    Some(Wanted { content, client_id })
}

impl Approvals {
    /// The book in a file; what cannot be read is left out, and said.
    pub(crate) fn open(path: &Path) -> Self {
        let asked = file::read(path).unwrap_or_else(|error| {
            tracing::warn!(error, "approvals that waited are lost; bots ask for them again");
            Vec::new()
        });
        Self { asked: Mutex::new(asked), path: path.to_owned(), errands: Mutex::default() }
    }

    /// The errands of this process, for the one worker that runs them.
    pub(crate) fn errands(&self) -> mpsc::Receiver<Errand> {
        let (give, take) = mpsc::channel(ERRANDS);
        *held(&self.errands) = Some(give);
        take
    }

    /// Has a worker send what was approved.
    ///
    /// # Errors
    /// It was not sent, or nobody knows, in one line.
    pub(crate) async fn send(&self, id: GrantId) -> Result<(u16, String), String> {
        let desk = held(&self.errands).clone();
        let (reply, answer) = oneshot::channel();
        let given = desk.map(|desk| desk.try_send(Errand { id, reply }));
        match given {
            Some(Ok(())) => answer.await.map_err(|_| "the worker has ended".to_owned())?,
            _ => Err("no worker takes it now; try again".to_owned()),
        }
    }

    /// Grants for exactly this, where there are enough.
    pub(crate) fn granted(&self, content: &Content, now_ms: u64) -> Option<Granted> {
        let digest = content.digest().ok()?;
        let asked = held(&self.asked);
        let one = asked.iter().find(|one| {
            one.standing == Standing::Approved
                && one.content_digest == digest
                && one.approval.expires_unix_ms > now_ms
        })?;
        let grants = one.grants.iter().filter_map(|grant| grant.encode().ok()).collect();
        Some(Granted { id: one.approval.id, grants })
    }

    /// Asks for approval: of what waits already that one, else a new one, and
    /// whether it is new.
    ///
    /// # Errors
    /// It cannot be approved, or too much waits, in one line.
    pub(crate) fn ask(
        &self,
        wanted: &Wanted,
        text: &[u8],
        key: &str,
        why: &str,
        now_ms: u64,
    ) -> Result<(Asked, bool), String> {
        let content = &wanted.content;
        let digest = content.digest().map_err(|error| error.to_string())?;
        let mut asked = held(&self.asked);
        asked.retain(|one| one.approval.expires_unix_ms > now_ms);
        let waits = |one: &&Asked| one.is_open() && one.content_digest == digest;
        if let Some(known) = asked.iter().find(waits) {
            return Ok((known.clone(), false));
        }
        // INVARIANT (bounded): what is over goes first.
        if asked.len() >= limits::APPROVALS {
            asked.retain(Asked::is_open);
        }
        if asked.len() >= limits::APPROVALS {
            return Err(format!(
                "{} approvals wait already; approve or reject some",
                limits::APPROVALS
            ));
        }
        let mut id = [0; 16];
        SystemRandom::new().fill(&mut id).map_err(|_| "there are no random numbers")?;
        let approval = Approval {
            content: content.clone(),
            id: GrantId(id),
            issued_unix_ms: now_ms,
            expires_unix_ms: now_ms.saturating_add(limits::APPROVAL_LIFE_MS),
        };
        let mut new = Asked::new(approval, key, why)?;
        (new.text, new.client_id) = (text.to_vec(), wanted.client_id.clone());
        asked.push(new.clone());
        self.keep(&asked);
        Ok((new, true))
    }

    /// Everything that has not expired, oldest first.
    pub(crate) fn all(&self, now_ms: u64) -> Vec<Asked> {
        let mut asked = held(&self.asked);
        asked.retain(|one| one.approval.expires_unix_ms > now_ms);
        asked.clone()
    }

    /// The one whose number begins so.
    ///
    /// # Errors
    /// There is none, or several.
    pub(crate) fn find(&self, begins: &str, now_ms: u64) -> Result<Asked, String> {
        let mut found = self.all(now_ms);
        found.retain(|one| !begins.is_empty() && one.approval.id.to_string().starts_with(begins));
        let shown = begins.escape_debug();
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(one),
            (Some(_), false) => Err(format!("several approvals begin with `{shown}`; write more")),
            (None, _) => Err(format!(
                "there is no approval `{shown}`, or it has expired; see `countersign pending`"
            )),
        }
    }

    /// Keeps a change of one approval, and of the file.
    pub(crate) fn change(&self, id: GrantId, change: impl FnOnce(&mut Asked)) -> Option<Asked> {
        let mut asked = held(&self.asked);
        let one = asked.iter_mut().find(|one| one.approval.id == id)?;
        change(one);
        let changed = one.clone();
        self.keep(&asked);
        Some(changed)
    }

    /// Another ceiling of that key is in force, maybe with other approvers: what
    /// waits is asked of them anew.
    pub(crate) fn forget_grants(&self, key: &str) {
        let mut asked = held(&self.asked);
        for one in asked.iter_mut().filter(|one| one.key == key && one.is_open()) {
            one.standing = Standing::Pending;
            one.grants.clear();
            one.persons.clear();
        }
        self.keep(&asked);
    }

    /// Signed with, or refused for good by the signer: no request is tried with
    /// it again.
    pub(crate) fn over(&self, id: GrantId) -> Option<Asked> {
        self.change(id, |one| one.standing = Standing::Used)
    }

    fn keep(&self, asked: &[Asked]) {
        if let Err(error) = file::write(&self.path, asked) {
            tracing::warn!(%error, "what waits for approval will not outlive this process");
        }
    }
}

#[cfg(test)]
mod tests;
