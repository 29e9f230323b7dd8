//! Signatures that come later than the frame that answers for them: what takes
//! the signer long (RSA) is made while it answers others.

use std::collections::HashMap;

use tokio::time::{Instant, timeout_at};
use vault::protocol::{Answer, Signed, decode_answers};

use super::line::Line;
use super::{Reply, Unsigned};
use crate::limits;

/// Who waits for a late signature on one connection. The signer itself bounds
/// how many.
#[derive(Default)]
pub(super) struct Late {
    waiting: HashMap<u64, (Reply, Instant)>,
}

impl Late {
    /// Keeps who waits for the answer of that number.
    pub(super) fn keep(&mut self, id: u64, reply: Reply) {
        self.waiting.insert(id, (reply, Instant::now() + limits::SIGNER_TIME));
    }

    /// Whether these answers are late ones.
    pub(super) fn are_ours(&self, answers: &[Answer]) -> bool {
        answers.first().and_then(number).is_some_and(|id| self.waiting.contains_key(&id))
    }

    /// Hands out late answers.
    ///
    /// # Errors
    /// One that nobody waits for: the connection cannot be trusted any more.
    pub(super) fn hand_out(&mut self, answers: Vec<Answer>) -> Result<(), &'static str> {
        for answer in answers {
            let found = number(&answer).and_then(|id| self.waiting.remove(&id));
            let (reply, _) = found.ok_or("an answer that nobody asked for")?;
            let _ = reply.send(match answer {
                Answer::Signed(signed) => Ok(signed),
                Answer::Refused { refusal, .. } => Err(Unsigned::Refused(refusal)),
                _ => return Err("an answer to another question"),
            });
        }
        Ok(())
    }

    /// Waits for the next late answers and hands them out; where nobody waits
    /// for any, for the end of the connection.
    ///
    /// # Errors
    /// The connection is at its end.
    pub(super) async fn next(&mut self, line: &mut Line) -> Result<(), &'static str> {
        let Some(first) = self.waiting.values().map(|(_, deadline)| *deadline).min() else {
            return Err(line.ended().await);
        };
        let content = timeout_at(first, line.read()).await.map_err(|_| "it takes too long")??;
        let answers = decode_answers(content).map_err(|_| "a malformed answer")?;
        self.hand_out(answers)
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        for (_, (reply, _)) in self.waiting.drain() {
            let _ = reply.send(Err(Unsigned::Gone("the signer is gone")));
        }
    }
}

const fn number(answer: &Answer) -> Option<u64> {
    match answer {
        Answer::Signed(Signed { id, .. }) | Answer::Refused { id, .. } => Some(*id),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
