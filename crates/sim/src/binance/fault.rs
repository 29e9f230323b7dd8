//! Faults on demand: what a network or a struggling venue does to a request.

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The answer waits this many milliseconds; the request has been executed.
    DelayMs(u64),
    /// The request is executed, then the connection closes without an answer.
    DropConnectionAfterAccept,
    /// The request is executed, then answered with 503 and -1007.
    Http5xxExecuted,
    /// The request is not executed, and answered with 503 and -1007.
    Http5xx,
    /// The connection closes; nothing is executed.
    Close,
}

/// A fault for the next requests.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// Only to requests of this method; any where absent.
    pub method: Option<String>,
    /// Only to requests of this path; any where absent.
    pub path: Option<String>,
    /// To how many requests.
    pub times: u32,
}

impl Fault {
    /// A fault for the next request, whichever it is.
    #[must_use]
    pub fn next(kind: FaultKind) -> Self {
        Self { kind, method: None, path: None, times: 1 }
    }

    /// The same, but only for a method and path.
    #[must_use]
    pub fn on(mut self, method: &str, path: &str) -> Self {
        self.method = Some(method.to_owned());
        self.path = Some(path.to_owned());
        self
    }

    /// The same, for more requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    fn applies(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method)
            && self.path.as_deref().is_none_or(|wanted| wanted == path)
    }
}

/// Most faults that may wait.
const MAX_FAULTS: usize = 1024;

/// The waiting faults, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Vec<Fault>,
}

impl Faults {
    pub(crate) fn inject(&mut self, fault: Fault) {
        if self.waiting.len() < MAX_FAULTS && fault.times > 0 {
            self.waiting.push(fault);
        }
    }

    /// Takes the fault for a request, if one waits for it.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Option<FaultKind> {
        let index = self.waiting.iter().position(|fault| fault.applies(method, path))?;
        let fault = self.waiting.get_mut(index)?;
        let kind = fault.kind;
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            self.waiting.remove(index);
        }
        Some(kind)
    }
}
