//! What a venue says a key may do: Binance in `GET
//! /sapi/v1/account/apiRestrictions`, WOO X in `GET /v3/account/credentials`.

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

    /// Reads one row of WOO X's list of keys. The venue has three permissions,
    /// and does not say what each is needed for: trading is read as every kind
    /// of it, withdrawing as every way out and every transfer.
    ///
    /// A word that is not known counts as every right: fewer rights than the
    /// venue grants must never be believed.
    pub(super) fn read_woox(row: &Value) -> Self {
        let Some(permissions) = row.get("permissions").and_then(Value::as_array) else {
            return Self::UNKNOWN;
        };
        let mut rights = Rights::NONE;
        for permission in permissions {
            let granted: &[Right] = match permission.as_str() {
                Some("READ") => &[Right::Reading],
                Some("TRADE") => {
                    &[Right::Trading, Right::SpotMarginTrading, Right::Margin, Right::Futures]
                }
                Some("WITHDRAWAL") => {
                    &[Right::Withdrawals, Right::InternalTransfer, Right::UniversalTransfer]
                }
                _ => return Self::UNKNOWN,
            };
            rights = granted.iter().fold(rights, |rights, right| rights.with(*right));
        }
        let addresses = row.get("allowedIPs").and_then(Value::as_array);
        let restricted = addresses.is_some_and(|addresses| !addresses.is_empty());
        Self { rights, known: true, address_restricted: Some(restricted) }
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

    #[test]
    fn woox_has_three_permissions() {
        let row = |permissions: Value| {
            Stated::read_woox(&json!({"apiKey": "K", "permissions": permissions}))
        };
        let stated = row(json!(["READ", "TRADE"]));
        assert!(stated.known && stated.moves_value().is_empty());
        assert!(stated.rights.has(Right::Futures) && stated.rights.has(Right::Reading));
        assert_eq!(row(json!(["READ"])).rights, Rights::NONE.with(Right::Reading));
        assert_eq!(row(json!(["WITHDRAWAL"])).moves_value().len(), 3);
        assert_eq!(stated.address_restricted, Some(false));
        let listed = json!({"permissions": [], "allowedIPs": ["192.0.2.1"]});
        assert_eq!(Stated::read_woox(&listed).address_restricted, Some(true));
        for odd in [json!(null), json!("READ"), json!(["READ", "EARN"]), json!([1])] {
            assert_eq!(row(odd), Stated::UNKNOWN);
        }
    }
}
