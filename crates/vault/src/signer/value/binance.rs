//! What a text of Binance would move.

use wire::venue::binance::ParamText;

use super::{Movement, Withdrawal};
use crate::protocol::{RefusalCode, SignRefusal};
use crate::signer::orders::lookalikes;
use crate::signer::refuse::gateway;

/// What a withdrawal's text may hold; anything else could change what it does.
const WITHDRAW_PARAMETERS: [&str; 9] = [
    "coin",
    "network",
    "address",
    "addressTag",
    "amount",
    "withdrawOrderId",
    "walletType",
    "timestamp",
    "recvWindow",
];
/// Where other movements name asset and amount.
const MOVED: [&str; 3] = ["asset", "coin", "amount"];

impl Movement for ParamText {
    const WITHDRAW: &'static str = "POST /sapi/v1/capital/withdraw/apply";

    fn withdrawal(&self) -> Result<Withdrawal<'_>, SignRefusal> {
        if let Some((name, _)) = self.iter().find(|(name, _)| !WITHDRAW_PARAMETERS.contains(name)) {
            return Err(gateway(
                RefusalCode::EffectNotAllowed,
                format!("a withdrawal with the parameter `{name}` is not signed"),
            ));
        }
        if !self.has("withdrawOrderId") {
            return Err(gateway(
                RefusalCode::NoClientOrderId,
                "a withdrawal needs a client id of its own (`withdrawOrderId`)",
            ));
        }
        Ok(Withdrawal {
            asset: self.get("coin").unwrap_or_default(),
            network: self.get("network"),
            address: self.get("address"),
            memo: self.get("addressTag"),
            amount: self.get("amount"),
            // Which wallet it leaves from.
            beyond_approval: self.has("walletType").then_some("walletType"),
        })
    }

    fn moved(&self) -> Result<(Option<&str>, Option<&str>), SignRefusal> {
        lookalikes(self, &MOVED, &MOVED)?;
        Ok((self.get("asset").or_else(|| self.get("coin")), self.get("amount")))
    }
}
