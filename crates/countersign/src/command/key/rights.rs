//! What Binance says a key may do (`GET /sapi/v1/account/apiRestrictions`).

use serde_json::Value;
use wire::model::{Right, Rights};

/// The venue's switches and the rights that they are.
const SWITCHES: [(&str, Right); 9] = [
    ("enableReading", Right::Reading),
    ("enableSpotAndMarginTrading", Right::SpotMarginTrading),
    ("enableMargin", Right::Margin),
    ("enableFutures", Right::Futures),
    ("enableWithdrawals", Right::Withdrawals),
    ("enableInternalTransfer", Right::InternalTransfer),
    ("permitsUniversalTransfer", Right::UniversalTransfer),
    ("enableVanillaOptions", Right::VanillaOptions),
    ("enablePortfolioMarginTrading", Right::PortfolioMargin),
];

/// What the venue said about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stated {
    /// The rights; all of them where the venue cannot tell.
    pub(super) rights: Rights,
    /// Whether the venue told.
    pub(super) known: bool,
    /// Whether only listed addresses may use the key.
    pub(super) address_restricted: Option<bool>,
}

impl Stated {
    /// All rights: for a venue that cannot tell.
    pub(super) const UNKNOWN: Self =
        Self { rights: Rights::ALL, known: false, address_restricted: None };

    /// Reads the venue's answer; `None` where it is none.
    ///
    /// A switch that is missing or odd counts as on: fewer rights than the
    /// venue grants must never be believed.
    pub(super) fn read(body: &Value) -> Option<Self> {
        body.get("enableReading")?.as_bool()?;
        let mut rights = Rights::NONE;
        for (name, right) in SWITCHES {
            // A switch for a product that the answer does not know is off;
            // whatever the answer does have must be a plain `false` to be off.
            match body.get(name) {
                Some(Value::Bool(false)) => {}
                None if matches!(right, Right::PortfolioMargin | Right::VanillaOptions) => {}
                _ => rights = rights.with(right),
            }
        }
        let restricted = body.get("ipRestrict").and_then(Value::as_bool);
        Some(Self { rights, known: true, address_restricted: restricted })
    }

    /// The rights that could move value to somebody else.
    pub(super) fn moves_value(&self) -> Vec<&'static str> {
        [Right::Withdrawals, Right::InternalTransfer, Right::UniversalTransfer]
            .into_iter()
            .filter(|right| self.rights.has(*right))
            .map(Right::name)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> Value {
        json!({
            "ipRestrict": false, "createTime": 1_698_645_219_000_u64, "enableReading": true,
            "enableWithdrawals": false, "enableInternalTransfer": false, "enableMargin": false,
            "enableFutures": false, "permitsUniversalTransfer": false,
            "enableVanillaOptions": false, "enableSpotAndMarginTrading": true,
            "enablePortfolioMarginTrading": false,
        })
    }

    #[test]
    fn the_venues_own_sample_is_read() {
        let stated = Stated::read(&answer()).unwrap();
        assert_eq!(stated.rights, Rights::NONE.with(Right::Reading).with(Right::SpotMarginTrading));
        assert_eq!(stated.address_restricted, Some(false));
        assert!(stated.known && stated.moves_value().is_empty());
    }

    #[test]
    fn what_is_missing_or_odd_counts_as_granted() {
        let mut odd = answer();
        odd["enableWithdrawals"] = json!("false");
        assert_eq!(Stated::read(&odd).unwrap().moves_value(), ["withdrawals"]);
        odd.as_object_mut().unwrap().remove("permitsUniversalTransfer");
        assert_eq!(
            Stated::read(&odd).unwrap().moves_value(),
            ["withdrawals", "universal-transfer"]
        );
    }

    #[test]
    fn an_error_is_no_answer() {
        assert_eq!(Stated::read(&json!({"code": -2015, "msg": "no"})), None);
        assert_eq!(Stated::read(&Value::Null), None);
    }
}
