//! Refusals by whose fault they are. None gets better by repeating the same
//! ask, unless said otherwise.

use crate::protocol::{RefusalCode, RefusalFault, SignRefusal};

fn of(code: RefusalCode, fault: RefusalFault, detail: impl Into<String>) -> SignRefusal {
    SignRefusal { code, detail: detail.into(), fault, retry: false }
}

/// The bot asked for it.
pub(super) fn bot(code: RefusalCode, detail: impl Into<String>) -> SignRefusal {
    of(code, RefusalFault::Bot, detail)
}

/// The gateway should have refused it itself.
pub(super) fn gateway(code: RefusalCode, detail: impl Into<String>) -> SignRefusal {
    of(code, RefusalFault::Gateway, detail)
}

/// A person has to act.
pub(super) fn operator(code: RefusalCode, detail: impl Into<String>) -> SignRefusal {
    of(code, RefusalFault::Operator, detail)
}
