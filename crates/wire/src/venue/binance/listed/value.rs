//! What moves value or changes accounts: recognised and classed. Withdrawal and
//! transfer are read, since policy looks at their parameters; the others are
//! known by endpoint alone and never let through.

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
    row!("POST", "/sapi/v1/localentity/withdraw/apply", Signed, Withdraw, ValueOut, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/localentity/broker/withdraw/apply", Signed, Withdraw, ValueOut, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/fiat/withdraw", Signed, Withdraw, ValueOut, Reading::Refused, &[]),
    row!("POST", "/sapi/v2/fiat/withdraw", Signed, Withdraw, ValueOut, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/managed-subaccount/withdraw", Signed, Transfer, ValueOut, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/managed-subaccount/deposit", Signed, Transfer, ValueOut, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/sub-account/universalTransfer", Signed, Transfer, Transfer, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/sub-account/futures/transfer", Signed, Transfer, Transfer, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/sub-account/futures/internalTransfer", Signed, Transfer, Transfer, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/sub-account/margin/transfer", Signed, Transfer, Transfer, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/sub-account/transfer/subToSub", Signed, Transfer, Transfer, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/sub-account/transfer/subToMaster", Signed, Transfer, Transfer, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/futures/transfer", Signed, OwnTransfer, Transfer, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/convert/getQuote", Signed, Convert, Transfer, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/convert/acceptQuote", Signed, Convert, Transfer, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/convert/limit/placeOrder", Signed, Convert, Transfer, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/asset/dust", Signed, Convert, Transfer, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/asset/dust-btc", Signed, Read, Read, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/asset/dust-convert/convert", Signed, Convert, Transfer, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/asset/convert-transfer", Signed, Convert, Transfer, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/bnbBurn", Signed, AccountAdmin, HarmlessSetting, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/account/enableFastWithdrawSwitch", Signed, AccountAdmin, HarmlessSetting, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/account/disableFastWithdrawSwitch", Signed, AccountAdmin, HarmlessSetting, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/margin/order", Signed, Place, Borrow, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/margin/borrow-repay", Signed, Borrow, Borrow, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/userDataStream", KeyOnly, StreamKey, Read, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/sub-account/subAccountApi", Signed, KeyAdmin, KeyAdministration, Reading::Refused, &[]),
    row!("POST", "/sapi/v1/sub-account/subAccountApiPermission", Signed, KeyAdmin, KeyAdministration, Reading::Refused, &[]),
];
