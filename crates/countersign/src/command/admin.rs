//! The running gateway's admin socket: one JSON line asks, one answers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::settings::Settings;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest line that is read, bytes.
const LINE_BYTES: u64 = 1024 * 1024;

/// A connection to the admin socket.
#[derive(Debug)]
pub(crate) struct Admin {
    stream: BufReader<UnixStream>,
}

impl Admin {
    /// Connects; `None` where no gateway runs.
    pub(crate) fn connect(settings: &Settings) -> Result<Option<Self>, Failure> {
        use std::io::ErrorKind::{ConnectionRefused, NotFound};
        let path = settings.admin_socket();
        match UnixStream::connect(&path) {
            Ok(stream) => {
                let failed = |error| Failure::file("use", &path, error);
                stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
                stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
                Ok(Some(Self { stream: BufReader::new(stream) }))
            }
            Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => Ok(None),
            Err(error) => Err(Failure::file("connect to", &path, error)
                .next("run this as the user that runs `countersign serve`")),
        }
    }

    /// Asks one thing.
    pub(crate) fn ask(&mut self, ask: &Value) -> Result<Value, Failure> {
        self.send(ask)?;
        self.line()?.ok_or_else(|| {
            Failure::negative("the gateway closed its admin socket")
                .next("see what it says in its log")
        })
    }

    /// Sends a line.
    pub(crate) fn send(&mut self, ask: &Value) -> Result<(), Failure> {
        self.stream
            .get_mut()
            .write_all(format!("{ask}\n").as_bytes())
            .map_err(|error| Failure::negative(format!("the gateway does not listen: {error}")))
    }

    /// The next line; `None` at the end.
    pub(crate) fn line(&mut self) -> Result<Option<Value>, Failure> {
        let mut line = Vec::new();
        let read = (&mut self.stream)
            .take(LINE_BYTES)
            .read_until(b'\n', &mut line)
            .map_err(|error| Failure::negative(format!("the gateway does not answer: {error}")))?;
        if read == 0 {
            return Ok(None);
        }
        serde_json::from_slice(&line)
            .map(Some)
            .map_err(|_| Failure::negative("the gateway answered with something else than JSON"))
    }
}

/// Has the running gateway read its bots again; whether one is running.
pub(crate) fn reload_bots(settings: &Settings) -> Result<bool, Failure> {
    Ok(reload(settings, "reload-bots")?.is_some())
}

/// Has the running gateway learn which key each account uses now; accounts
/// that it will know only after a restart. None where no gateway runs.
pub(crate) fn reload_keys(settings: &Settings) -> Result<Option<Vec<String>>, Failure> {
    let Some(answer) = reload(settings, "reload-keys")? else { return Ok(None) };
    let unknown = answer.get("unknown_accounts").and_then(Value::as_array);
    let names = unknown.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    Ok(Some(names.collect()))
}

fn reload(settings: &Settings, what: &str) -> Result<Option<Value>, Failure> {
    let Some(mut admin) = Admin::connect(settings)? else { return Ok(None) };
    // The whole text: the gateway's sandbox shows it the file that was there
    // when it started, not the one that has taken its name since.
    let text = std::fs::read_to_string(&settings.config_path)
        .map_err(|error| Failure::file("read", &settings.config_path, error))?;
    let answer = admin.ask(&json!({ "do": what, "config_text": text }))?;
    match answer.get("error").and_then(Value::as_str) {
        None => Ok(Some(answer)),
        Some(error) => Err(Failure::negative(format!("the running gateway refused: {error}"))
            .next(
                "the files are changed; correct countersign.toml and restart `countersign serve`",
            )),
    }
}
