//! What moves value without trading it.

use super::Decimal;

/// A withdrawal out of the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// The asset (`USDT`).
    pub asset: String,
    /// The network (`ETH`); required: an omitted network is refused.
    pub network: String,
    /// The destination address.
    pub address: String,
    /// The memo or tag, where the network has one.
    pub memo: Option<String>,
    /// Amount, asset units.
    pub amount: Decimal,
    /// The client's own id for it.
    pub client_withdrawal_id: Option<String>,
}

/// A transfer inside the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The asset.
    pub asset: String,
    /// Amount, asset units.
    pub amount: Decimal,
    /// The direction in the venue's words (`MAIN_UMFUTURE`).
    pub direction: String,
}

/// Any other request that moves or changes value; recognised by its endpoint,
/// not read further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The asset, where the request names one.
    pub asset: Option<String>,
    /// The amount, where the request names one; asset units.
    pub amount: Option<Decimal>,
}
