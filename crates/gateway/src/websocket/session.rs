//! What is answered here: whose socket it is. At the venue nobody is logged on.

use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::mpsc;

use wire::venue::binance::frames::{Private, Session};

use super::api::{Socket, framed};
use super::events;
use crate::counters::Ending;
use crate::pipeline::authenticate::authenticate;
use crate::pipeline::refused::Refused;
use crate::pipeline::reply::Reply;
use crate::venue::{Received, frames};

/// The answer to a frame about the session.
pub(super) fn answer(
    socket: &Rc<Socket>,
    id: &str,
    kind: Session,
    private: &Private,
    answers: &mpsc::Sender<String>,
) -> String {
    let answered = match kind {
        Session::LogOn => log_on(socket, private),
        Session::Status => Ok(status(socket)),
        Session::LogOut => {
            socket.key.replace(None);
            Ok(status(socket))
        }
        Session::Subscriptions => Ok(events::list(socket)),
        Session::Subscribe | Session::SubscribeSigned => {
            events::subscribe(socket, private, answers)
        }
        Session::Unsubscribe => Ok(events::unsubscribe(socket, private)),
    };
    let (ending, reply) = match answered {
        Ok(body) => (Ending::Public, Reply::json(200, body)),
        Err(refused) => (refused.ending, refused.reply(wire::model::Venue::Binance)),
    };
    socket.worker.counters.ended(ending, None);
    framed(id, reply)
}

/// The key of the frame from now on stands for the signatures of those that
/// come without.
fn log_on(socket: &Socket, private: &Private) -> Result<String, Refused> {
    let request = frames::Request { private: private.clone(), session_key: None };
    let received = Received::Frame(Box::new(request));
    authenticate(&socket.worker.gateway, &socket.arrival(), &received)?;
    socket.key.replace(private.api_key.as_deref().map(Arc::from));
    socket.key_since_ms.set(now_ms(socket));
    Ok(status(socket))
}

fn now_ms(socket: &Socket) -> u64 {
    socket.worker.gateway.clock.now().0 / 1_000_000
}

/// In the venue's shape.
fn status(socket: &Socket) -> String {
    let (key, since) = match &*socket.key.borrow() {
        Some(key) => (format!("\"{key}\""), socket.key_since_ms.get().to_string()),
        None => ("null".to_owned(), "null".to_owned()),
    };
    let mut out = String::with_capacity(256);
    let _ = write!(
        out,
        "{{\"apiKey\":{key},\"authorizedSince\":{since},\"connectedSince\":{},\
         \"returnRateLimits\":false,\"serverTime\":{},\"userDataStream\":{}}}",
        socket.since_ms,
        now_ms(socket),
        !socket.subscriptions.borrow().is_empty()
    );
    out
}
