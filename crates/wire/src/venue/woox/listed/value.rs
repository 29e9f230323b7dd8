//! What moves value or sets something and is read, since policy looks at its
//! parameters. Every other such endpoint is known by the endpoint table alone
//! and never let through.

use super::{Form, Listed, Reading, Served, needed, risk, row};
use Form::{Address, Amount, Application, Asset, Integer, OneOf, Symbol, Text};

const WITHDRAW: &[Listed] = &[
    needed("token", Asset),
    needed("network", Asset),
    needed("address", Address),
    needed("amount", Amount),
    risk("extra", Text),
];

const TRANSFER: &[Listed] = &[
    needed("token", Asset),
    needed("amount", Amount),
    needed("from", Application),
    needed("to", Application),
];

const TRANSFER_V1: &[Listed] = &[
    needed("token", Asset),
    needed("amount", Amount),
    needed("from_application_id", Text),
    needed("to_application_id", Text),
];

const REPAY: &[Listed] = &[needed("token", Asset), needed("amount", Amount)];

const ISOLATED_MARGIN: &[Listed] = &[
    needed("symbol", Symbol),
    needed("adjust_token", Asset),
    needed("adjust_amount", Amount),
    // REDUCE takes margin from a position, which is not what the class says: it
    // is not in the list.
    needed("action", OneOf(&["ADD"])),
    risk("position_side", OneOf(&["BOTH", "LONG", "SHORT"])),
];

const SPOT_LEVERAGE: &[Listed] = &[needed("leverage", Integer)];
const FUTURES_LEVERAGE: &[Listed] = &[
    needed("symbol", Symbol),
    needed("leverage", Integer),
    needed("marginMode", OneOf(&["CROSS", "ISOLATED"])),
    risk("positionSide", OneOf(&["BOTH", "LONG", "SHORT"])),
];
const POSITION_MODE: &[Listed] = &[needed("positionMode", OneOf(&["ONE_WAY", "HEDGE_MODE"]))];

#[rustfmt::skip]
pub(super) const SERVED: &[Served] = &[
    row!(V3, "POST", "/v3/asset/wallet/withdraw", Withdraw, ValueOut, Reading::Withdraw, WITHDRAW),
    row!(V3, "POST", "/v3/asset/transfer", Transfer, Transfer, Reading::Transfer, TRANSFER),
    row!(V1, "POST", "/v1/asset/main_sub_transfer", Transfer, Transfer, Reading::Transfer, TRANSFER_V1),
    row!(V1, "POST", "/v1/interest/repay", Repay, Transfer, Reading::Movement("token", "amount"), REPAY),
    row!(V1, "POST", "/v1/client/isolated_margin", AddMargin, Transfer, Reading::Movement("adjust_token", "adjust_amount"), ISOLATED_MARGIN),
    row!(V3, "POST", "/v3/spotMargin/leverage", AccountAdmin, KeyAdministration, Reading::Setting, SPOT_LEVERAGE),
    row!(V3, "PUT", "/v3/futures/leverage", AccountAdmin, KeyAdministration, Reading::Setting, FUTURES_LEVERAGE),
    row!(V3, "PUT", "/v3/futures/positionMode", AccountAdmin, KeyAdministration, Reading::Setting, POSITION_MODE),
];
