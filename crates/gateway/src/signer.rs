//! One worker's connection to the signer.
//!
//! Whatever waits when the connection is free goes in one frame, so that many
//! requests share one hop between the processes: one write, one wake-up, one
//! read. A signer that polls is looked at without a wake-up for a while. What
//! takes long to sign comes later, while others are asked (`late`).

mod late;
mod line;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::rc::Rc;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, Sleep};
use vault::protocol::{Answer, Ask, SignAsk, SignRefusal, Signed, decode_answers, encode_asks};
use vault::signer::Wait;

use crate::limits;
use late::Late;
use line::Line;

/// A connection to a signer, and which signer it is.
#[derive(Debug)]
pub(crate) struct SignerConnection {
    /// Counts the signer's starts.
    pub(crate) epoch: u64,
    /// The gateway's end.
    pub(crate) stream: UnixStream,
}

/// Why there is no signature.
#[derive(Debug)]
pub(crate) enum Unsigned {
    /// The signer read the text and will not sign it.
    Refused(SignRefusal),
    /// There is no signer, or it does not answer. Nothing was sent to the
    /// venue.
    Gone(&'static str),
}

type Reply = oneshot::Sender<Result<Signed, Unsigned>>;

#[derive(Default)]
struct Desk {
    waiting: VecDeque<(SignAsk, Reply)>,
    /// The signer that is connected.
    epoch: Option<u64>,
}

/// Where a worker's requests ask for signatures.
#[derive(Clone)]
pub(crate) struct SignerLink {
    desk: Rc<RefCell<Desk>>,
    wake: Rc<Notify>,
}

impl SignerLink {
    /// A link that takes every new connection from `connections`; its driver
    /// is a task of this thread's `LocalSet`.
    pub(crate) fn start(connections: mpsc::Receiver<SignerConnection>, wait: Wait) -> Self {
        let link = Self { desk: Rc::default(), wake: Rc::new(Notify::new()) };
        let alarm = Box::pin(tokio::time::sleep(limits::SIGNER_TIME));
        let driver = Driver { link: link.clone(), wait, frame: Vec::new(), alarm };
        tokio::task::spawn_local(driver.run(connections));
        link
    }

    /// The signer that is connected now.
    pub(crate) fn epoch(&self) -> Option<u64> {
        self.desk.borrow().epoch
    }

    /// Has a text signed by the key `ask` names, on the signer of `epoch`.
    ///
    /// # Errors
    /// Refused, or there is no signer; either way nothing has left.
    pub(crate) async fn sign(&self, epoch: u64, ask: SignAsk) -> Result<Signed, Unsigned> {
        let (reply, answer) = oneshot::channel();
        {
            let mut desk = self.desk.borrow_mut();
            if desk.epoch != Some(epoch) {
                return Err(Unsigned::Gone("the signer is being restarted"));
            }
            // INVARIANT (bounded).
            if desk.waiting.len() >= limits::SIGNER_WAITING {
                return Err(Unsigned::Gone("too many texts wait for the signer"));
            }
            desk.waiting.push_back((ask, reply));
        }
        self.wake.notify_one();
        answer.await.unwrap_or(Err(Unsigned::Gone("the gateway stops")))
    }
}

struct Driver {
    link: SignerLink,
    wait: Wait,
    frame: Vec<u8>,
    /// Set anew only when it has rung: a timer for each frame costs as much as
    /// reading one.
    alarm: Pin<Box<Sleep>>,
}

impl Driver {
    async fn run(mut self, mut connections: mpsc::Receiver<SignerConnection>) {
        while let Some(mut connection) = connections.recv().await {
            // Only the newest counts.
            while let Ok(newer) = connections.try_recv() {
                connection = newer;
            }
            if let Err(error) = self.serve(connection, &mut connections).await {
                tracing::warn!(error, "the connection to the signer ended");
            }
            let abandoned = {
                let mut desk = self.link.desk.borrow_mut();
                desk.epoch = None;
                std::mem::take(&mut desk.waiting)
            };
            for (_, reply) in abandoned {
                let _ = reply.send(Err(Unsigned::Gone("the signer is gone")));
            }
        }
    }

    /// Serves one connection until it breaks, or a newer one comes.
    async fn serve(
        &mut self,
        connection: SignerConnection,
        connections: &mut mpsc::Receiver<SignerConnection>,
    ) -> Result<(), &'static str> {
        let mut next = Some(connection);
        while let Some(connection) = next.take() {
            let mut line = Line::new(connection.stream, self.wait)
                .map_err(|_| "the connection cannot be made asynchronous")?;
            self.link.desk.borrow_mut().epoch = Some(connection.epoch);
            let mut late = Late::default();
            loop {
                if self.link.desk.borrow().waiting.is_empty() {
                    tokio::select! {
                        biased;
                        () = self.link.wake.notified() => {}
                        newer = connections.recv() => { next = newer; break; }
                        ended = late.next(&mut line) => { ended?; continue; }
                    }
                }
                self.round(&mut line, &mut late).await?;
            }
            self.link.desk.borrow_mut().epoch = None;
        }
        Ok(())
    }

    /// Sends what waits in one frame and hands out its answers.
    async fn round(&mut self, line: &mut Line, late: &mut Late) -> Result<(), &'static str> {
        let (asks, mut replies) = self.take_batch();
        if asks.is_empty() {
            return Ok(());
        }
        let answers = match self.exchange(line, late, &asks).await {
            Ok(answers) if answers.len() == replies.len() => answers,
            other => {
                for reply in replies.drain(..) {
                    let _ = reply.send(Err(Unsigned::Gone("the signer does not answer")));
                }
                return Err(match other {
                    Ok(_) => "another number of answers than of texts",
                    Err(error) => error,
                });
            }
        };
        let mut mixed_up = false;
        for ((ask, reply), answer) in asks.iter().zip(replies).zip(answers) {
            let Ask::Sign(SignAsk { id, .. }) = ask else { continue };
            let told = match answer {
                Answer::Signed(signed) if signed.id == *id => Ok(signed),
                Answer::Refused { id: refused, refusal } if refused == *id => {
                    Err(Unsigned::Refused(refusal))
                }
                Answer::Error(refusal) => Err(Unsigned::Refused(refusal)),
                Answer::Later { id: later } if later == *id => {
                    late.keep(later, reply);
                    continue;
                }
                _ => {
                    mixed_up = true;
                    Err(Unsigned::Gone("the signer answered another question"))
                }
            };
            let _ = reply.send(told);
        }
        if mixed_up { Err("an answer to another question") } else { Ok(()) }
    }

    fn take_batch(&self) -> (Vec<Ask>, Vec<Reply>) {
        let mut desk = self.link.desk.borrow_mut();
        let count = desk.waiting.len().min(limits::SIGNER_BATCH);
        let (mut asks, mut replies) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut bytes = 0_usize;
        while asks.len() < limits::SIGNER_BATCH
            && let Some((ask, _)) = desk.waiting.front()
        {
            bytes = bytes.saturating_add(ask.text.len() + 64);
            if !asks.is_empty() && bytes > vault::limits::ASK_FRAME_BYTES / 2 {
                break;
            }
            let Some((ask, reply)) = desk.waiting.pop_front() else { break };
            // Whoever stopped waiting needs no signature.
            if !reply.is_closed() {
                asks.push(Ask::Sign(ask));
                replies.push(reply);
            }
        }
        (asks, replies)
    }

    async fn exchange(
        &mut self,
        line: &mut Line,
        late: &mut Late,
        asks: &[Ask],
    ) -> Result<Vec<Answer>, &'static str> {
        self.frame.clear();
        encode_asks(asks, &mut self.frame).map_err(|_| "a text is over a limit")?;
        let deadline = Instant::now() + limits::SIGNER_TIME;
        let (frame, alarm) = (&self.frame, &mut self.alarm);
        let mut exchange = pin!(async {
            line.write(frame).await?;
            loop {
                let content = line.read().await?;
                let answers = decode_answers(content).map_err(|_| "a malformed answer")?;
                // To an earlier frame, which was left for later.
                if !late.are_ours(&answers) {
                    return Ok(answers);
                }
                late.hand_out(answers)?;
            }
        });
        loop {
            tokio::select! {
                biased;
                answers = &mut exchange => return answers,
                () = alarm.as_mut() => {
                    if Instant::now() >= deadline {
                        return Err("it takes too long");
                    }
                    // Left over from an earlier frame.
                    alarm.as_mut().reset(deadline);
                }
            }
        }
    }
}
