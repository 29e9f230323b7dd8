//! One connection that carries private requests: a whole request out, a whole
//! answer back, one at a time.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::Answer;
use crate::http::answer::Reader;
use crate::limits;
use crate::pipeline::reply::is_relayed;

/// The bytes below a connection.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection to a venue between two exchanges.
pub(super) struct Connection {
    stream: Stream,
    input: Vec<u8>,
}

/// How an exchange failed.
pub(super) enum Broken {
    /// Before a byte of the request left.
    Unsent(String),
    /// After.
    Sent(String),
}

impl Connection {
    pub(super) const fn new(stream: Stream) -> Self {
        Self { stream, input: Vec::new() }
    }

    /// Whether the venue has said something unasked, or closed: then the
    /// connection carries no further request. Looks at what the runtime has
    /// seen already; costs no system call.
    pub(super) fn is_closed(&self) -> bool {
        let socket = match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        };
        let mut ready = std::pin::pin!(socket.ready(Interest::READABLE));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match ready.as_mut().poll(&mut context) {
            std::task::Poll::Ready(Ok(ready)) => {
                // A TLS session may have tickets to read, which are no answer.
                ready.is_read_closed()
                    || (ready.is_readable() && matches!(self.stream, Stream::Plain(_)) && {
                        // Readiness may be left over from the last answer.
                        match socket.try_read(&mut [0]) {
                            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
                            Ok(_) => true,
                        }
                    })
            }
            std::task::Poll::Ready(Err(_)) => true,
            std::task::Poll::Pending => false,
        }
    }

    /// Sends a request and reads its answer; whether another may follow.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<(Answer, bool), Broken> {
        self.send(request).await?;
        self.input.clear();
        let mut reader = Reader::default();
        loop {
            self.input.reserve(limits::UPSTREAM_READ_BYTES);
            let read = self.stream.read_buf(&mut self.input).await;
            let read = read.map_err(|error| broken(true, &error.to_string()))?;
            if self.input.len() > Reader::input_limit() {
                return Err(Broken::Sent("the answer is over its limit".to_owned()));
            }
            let whole = reader.take(&self.input, read == 0, is_relayed).map_err(Broken::Sent)?;
            if let Some(whole) = whole {
                if self.input.capacity() > limits::UPSTREAM_KEPT_BYTES {
                    self.input = Vec::new();
                }
                let answer = Answer { status: whole.status, lines: whole.lines, body: whole.body };
                return Ok((answer, whole.reusable));
            }
        }
    }

    async fn send(&mut self, request: &[u8]) -> Result<(), Broken> {
        let mut rest = request;
        let mut begun = false;
        while !rest.is_empty() {
            match self.stream.write(rest).await {
                Ok(count) if count > 0 => {
                    begun = true;
                    rest = rest.get(count..).unwrap_or_default();
                }
                Ok(_) => return Err(broken(begun, "the venue takes no more")),
                Err(error) => return Err(broken(begun, &error.to_string())),
            }
        }
        self.stream.flush().await.map_err(|error| broken(true, &error.to_string()))
    }
}

fn broken(begun: bool, detail: &str) -> Broken {
    let detail = format!("the connection broke: {detail}");
    if begun { Broken::Sent(detail) } else { Broken::Unsent(detail) }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => std::pin::Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => std::pin::Pin::new(stream.as_mut()).poll_read(context, buffer),
        }
    }
}

impl tokio::io::AsyncWrite for Stream {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => std::pin::Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => std::pin::Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => std::pin::Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => std::pin::Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => std::pin::Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => std::pin::Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}
