//! Answers as bytes on the wire, faults included.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use crate::fault::FaultKind;

/// What goes back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    /// What the network or the venue does to the answer.
    pub(crate) fault: Option<FaultKind>,
}

/// The body of an answer.
pub(crate) type AnswerBody = UnsyncBoxBody<Bytes, Infallible>;

/// The answer is kept back; the connection closes.
#[derive(Debug)]
pub(crate) struct Withheld;

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("answer withheld by an injected fault")
    }
}

impl std::error::Error for Withheld {}

/// Bytes of padding in one chunk.
const PADDING: &[u8] = &[b' '; 64 * 1024];

/// An answer without a fault.
pub(crate) fn plain(status: u16, body: String) -> Response<AnswerBody> {
    with_body(status, Full::new(Bytes::from(body)).boxed_unsync())
}

fn with_body(status: u16, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static("application/json;charset=UTF-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// A body in chunks, with a pause before each but the first.
fn chunks(all: impl Iterator<Item = Bytes> + Send + 'static, pause: Duration) -> AnswerBody {
    let frames = stream::unfold((all, true), move |(mut all, first)| async move {
        let chunk = all.next()?;
        if !first && !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Some((Ok::<_, Infallible>(Frame::data(chunk)), (all, false)))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Sends an answer, or does to it what its fault says.
pub(crate) async fn answer(
    reply: Reply,
    reset: &Arc<AtomicBool>,
) -> Result<Response<AnswerBody>, Withheld> {
    let (status, length) = (reply.status, reply.body.len());
    let mut response = match reply.fault {
        Some(FaultKind::Close | FaultKind::DropConnectionAfterAccept) => return Err(Withheld),
        Some(FaultKind::ResetBefore | FaultKind::ResetAfter) => {
            reset.store(true, Ordering::Relaxed);
            return Err(Withheld);
        }
        Some(FaultKind::StallBefore | FaultKind::StallAfter) => {
            // Until the client hangs up or the venue stops.
            std::future::pending::<()>().await;
            return Err(Withheld);
        }
        Some(FaultKind::DelayMs(ms)) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            plain(status, reply.body)
        }
        Some(FaultKind::HugeAnswer(bytes)) => {
            let body = Bytes::from(reply.body);
            let mut left = usize::try_from(bytes).unwrap_or(usize::MAX).saturating_sub(length);
            let padding = std::iter::from_fn(move || {
                let now = left.min(PADDING.len());
                left = left.saturating_sub(now);
                PADDING.get(..now).filter(|chunk| !chunk.is_empty()).map(Bytes::from_static)
            });
            with_body(status, chunks(std::iter::once(body).chain(padding), Duration::ZERO))
        }
        Some(FaultKind::LongContentLength(more)) => {
            let claimed = u64::try_from(length).unwrap_or(u64::MAX).saturating_add(more);
            claiming(status, reply.body, claimed)
        }
        Some(FaultKind::ShortContentLength(less)) => {
            let claimed = u64::try_from(length).unwrap_or(0).saturating_sub(less);
            let kept = usize::try_from(claimed).unwrap_or(usize::MAX);
            let body = Bytes::from(reply.body);
            let cut = body.slice(..kept.min(body.len()));
            with_body(status, Full::new(cut).boxed_unsync())
        }
        Some(FaultKind::Slow { bytes, pause_ms }) => {
            let pieces: Vec<Bytes> =
                reply.body.as_bytes().chunks(bytes.max(1)).map(Bytes::copy_from_slice).collect();
            with_body(status, chunks(pieces.into_iter(), Duration::from_millis(pause_ms)))
        }
        Some(FaultKind::NotJson) => {
            let mut response = plain(200, "<html>502 Bad Gateway</html>".to_owned());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
            response
        }
        Some(FaultKind::Http5xx | FaultKind::Http5xxExecuted) | None => plain(status, reply.body),
    };
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// What is there is sent before the connection ends on the rest that is not.
const BEFORE_THE_END: Duration = Duration::from_millis(50);

/// An answer whose head claims another length than its body has.
fn claiming(status: u16, body: String, claimed: u64) -> Response<AnswerBody> {
    let pieces = [Bytes::from(body), Bytes::new()].into_iter();
    let mut response = with_body(status, chunks(pieces, BEFORE_THE_END));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(claimed));
    response
}
