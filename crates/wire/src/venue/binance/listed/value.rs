//! What moves value and is read, since policy looks at its parameters. Every
//! other such endpoint is known by the endpoint table alone and never let
//! through.

use super::{Form, Listed, Reading, Served, inert, needed, risk, row};
use Form::{Address, Amount, Asset, Boolean, Integer, Symbol, Text};

const WITHDRAW: &[Listed] = &[
    needed("coin", Asset),
    needed("network", Asset),
    needed("address", Address),
    needed("amount", Amount),
    risk("addressTag", Text),
    risk("withdrawOrderId", Text),
    inert("name", Text),
    risk("transactionFeeFlag", Boolean),
    risk("walletType", Integer),
];

const TRANSFER: &[Listed] = &[
    needed("type", Text),
    needed("asset", Asset),
    needed("amount", Amount),
    risk("fromSymbol", Symbol),
    risk("toSymbol", Symbol),
];

#[rustfmt::skip]
pub(super) const SERVED: &[Served] = &[
    row!("POST", "/sapi/v1/capital/withdraw/apply", Signed, Withdraw, ValueOut, Reading::Withdraw, WITHDRAW),
    row!("POST", "/sapi/v1/asset/transfer", Signed, OwnTransfer, Transfer, Reading::Transfer, TRANSFER),
];
