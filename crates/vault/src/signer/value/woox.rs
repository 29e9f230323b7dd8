//! What a text of WOO X would move. Its withdrawals have no client id.

use wire::venue::woox::{Params, Text};

use super::{Movement, Withdrawal};
use crate::protocol::{RefusalCode, SignRefusal};
use crate::signer::refuse::gateway;

/// What a withdrawal's body may hold; anything else could change what it does.
const WITHDRAW_PARAMETERS: [&str; 5] = ["token", "network", "address", "amount", "extra"];
/// Where other movements name asset and amount.
const MOVED: [&str; 2] = ["token", "amount"];

/// The single value of that name.
fn get<'t>(text: &'t Text, name: &str) -> Option<&'t str> {
    match text {
        Text::V1 { params, .. } => params.get(name),
        Text::V3 { params, .. } => params.get(name),
    }
}

impl Movement for Text {
    const WITHDRAW: &'static str = "POST /v3/asset/wallet/withdraw";

    fn withdrawal(&self) -> Result<Withdrawal<'_>, SignRefusal> {
        let Self::V3 { params: params @ Params::Json(_), .. } = self else {
            return Err(gateway(
                RefusalCode::EffectNotAllowed,
                "a withdrawal is signed in version 3 only, with a JSON body",
            ));
        };
        let odd = params
            .iter()
            .find(|(name, value)| !WITHDRAW_PARAMETERS.contains(name) || value.is_none());
        if let Some((name, _)) = odd {
            return Err(gateway(
                RefusalCode::EffectNotAllowed,
                format!("a withdrawal with this parameter `{name}` is not signed"),
            ));
        }
        Ok(Withdrawal {
            asset: params.get("token").unwrap_or_default(),
            network: params.get("network"),
            address: params.get("address"),
            memo: params.get("extra"),
            amount: params.get("amount"),
            beyond_approval: None,
        })
    }

    fn moved(&self) -> Result<(Option<&str>, Option<&str>), SignRefusal> {
        let names: Vec<&str> = match self {
            Self::V1 { params, .. } => params.iter().map(|(name, _)| name).collect(),
            Self::V3 { params, .. } => params.iter().map(|(name, _)| name).collect(),
        };
        let odd = names.into_iter().find(|name| {
            MOVED.iter().any(|known| known.eq_ignore_ascii_case(name) && known != name)
        });
        match odd {
            Some(name) => Err(gateway(
                RefusalCode::NotCanonical,
                format!("the parameter `{name}` could be taken for another one"),
            )),
            None => Ok((get(self, MOVED[0]), get(self, MOVED[1]))),
        }
    }
}
