//! Frames of Binance's WebSocket APIs on the data path: requests like any other
//! in another spelling.

use std::borrow::Cow;
use std::sync::Arc;

use wire::model::Effect;
use wire::venue::binance::{Refusal, Served, frames};

use super::binance::{check_conditional, host, understand};
use super::{Asked, NewId, Sendable};
use crate::keys::RealKey;
use crate::pipeline::judging::Course;
use crate::pipeline::refused::Why;
use crate::upstream::egress::Egress;
use crate::upstream::{Auth, Outgoing};

/// A frame that needs a key.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) private: frames::Private,
    /// The virtual key that is logged on to its connection.
    pub(crate) session_key: Option<Arc<str>>,
}

impl Request {
    /// The key that it names, or the one that is logged on.
    pub(crate) fn api_key(&self) -> Result<&str, Why> {
        let named = self.private.api_key.as_deref();
        named.or(self.session_key.as_deref()).ok_or(Why::NoKey)
    }

    pub(super) fn ask(
        &mut self,
        new_id: &impl NewId,
        key: Option<&RealKey>,
    ) -> Result<Asked, Refusal> {
        let intent = understand(&mut self.private.received, new_id)?;
        check_conditional(self.private.received.endpoint, &intent)?;
        // Without a key nothing is signed; the caller says so.
        let key = key.map_or("", |key| key.api_key.as_str());
        let text = frames::text_to_sign(&self.private, &intent, &[], key)?;
        Ok(Asked { intent, text: text.canonical().into_bytes() })
    }
}

/// The row whose answers look like those of this one.
pub(super) fn twin(served: &'static Served) -> &'static Served {
    if served.is_frame() { frames::twin(served).unwrap_or(served) } else { served }
}

/// The frame goes under the request's own number; the bot's id stays here.
///
/// # Errors
/// What was signed is no text of parameters: a mistake of ours.
pub(super) fn outgoing(
    course: &Course,
    served: &'static Served,
    asked: Sendable,
) -> Result<Outgoing, String> {
    let (Sendable::Signed(signed), Some(frame)) = (asked, course.frame.as_deref()) else {
        return Err("every private frame is signed".to_owned());
    };
    let text = String::from_utf8(signed.text).map_err(|_| "the signed text is no text")?;
    let id = course.request.to_string();
    let body = frames::to_send(&frame.private, &id, &text, &signed.signature)
        .ok_or("the signed text holds no parameters")?;
    let path = if served.name.starts_with("ws-fapi ") { "/ws-fapi/v1" } else { "/ws-api/v3" };
    Ok(Outgoing {
        host: host(served),
        method: "",
        path: Cow::Borrowed(path),
        query: Vec::new(),
        content_type: None,
        body: body.into_bytes(),
        auth: Auth::None,
        time_unit: None,
        frame: Some(course.request),
        egress: Egress::default(),
        repeatable: served.effect == Effect::Read,
    })
}
