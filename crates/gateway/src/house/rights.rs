//! What each key may do at the venue, asked at every start and hourly: more
//! than was sealed widens what the signer takes a text for.

use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use vault::protocol::Ask;
use wire::model::{Right, Rights, Venue};

use super::House;
use crate::limits;
use crate::venue::{Endpoint, woox};

/// How soon a failed question is asked again.
const AGAIN: Duration = Duration::from_secs(60);

/// The venue's answer to `apiRestrictions`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Restrictions {
    enable_reading: bool,
    enable_withdrawals: bool,
    enable_internal_transfer: bool,
    enable_margin: bool,
    enable_futures: bool,
    permits_universal_transfer: bool,
    enable_vanilla_options: bool,
    enable_spot_and_margin_trading: bool,
    enable_portfolio_margin_trading: bool,
}

impl Restrictions {
    fn rights(&self) -> Rights {
        let stated = [
            (self.enable_reading, Right::Reading),
            (self.enable_withdrawals, Right::Withdrawals),
            (self.enable_internal_transfer, Right::InternalTransfer),
            (self.enable_margin, Right::Margin),
            (self.enable_futures, Right::Futures),
            (self.permits_universal_transfer, Right::UniversalTransfer),
            (self.enable_vanilla_options, Right::VanillaOptions),
            (self.enable_spot_and_margin_trading, Right::SpotMarginTrading),
            (self.enable_portfolio_margin_trading, Right::PortfolioMargin),
        ];
        stated
            .into_iter()
            .filter(|(stated, _)| *stated)
            .fold(Rights::NONE, |rights, (_, right)| rights.with(right))
    }
}

fn restrictions(body: &[u8]) -> Result<Rights, String> {
    serde_json::from_slice::<Restrictions>(body)
        .map(|restrictions| restrictions.rights())
        .map_err(|_| "an answer that cannot be read".to_owned())
}

/// Asks for every key's rights, now and hourly.
pub(crate) async fn run(house: Rc<House>) {
    loop {
        // Nothing can be asked before the venue's clock is known.
        while !house.gateway.clock.is_measured() || house.gateway.keys.load().epoch == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let pause = if house.ask_rights().await { limits::RIGHTS_EVERY } else { AGAIN };
        let epoch = house.gateway.keys.load().epoch;
        let until = tokio::time::Instant::now() + pause;
        // A new signer starts from what was sealed, so it is told again.
        while tokio::time::Instant::now() < until && house.gateway.keys.load().epoch == epoch {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

impl House {
    /// Whether every key's rights are known.
    async fn ask_rights(&self) -> bool {
        let mut known = true;
        let ring = self.gateway.keys.load_full();
        for group in self.gateway.accounts.values() {
            let endpoint = match group.venue {
                Venue::Binance => Endpoint::binance("GET", "/sapi/v1/account/apiRestrictions"),
                Venue::WooX => Endpoint::woox("GET", "/v3/account/credentials"),
            };
            let Ok(endpoint) = endpoint else { continue };
            for key in ring.of_account(&group.name) {
                let name = key.name.clone();
                let handle = key.handle;
                let api_key = key.api_key.clone();
                let parameters: &[(&str, &str)] =
                    if group.venue == Venue::WooX { &[("size", "1000")] } else { &[] };
                let told = match self
                    .read_with(group, key, ring.epoch, endpoint, None, parameters)
                    .await
                {
                    Ok(read) if read.answer.is_success() => match group.venue {
                        Venue::Binance => restrictions(&read.answer.body),
                        Venue::WooX => woox::account::rights(&read.answer.body, &api_key),
                    },
                    // A venue without this endpoint (a test network) cannot
                    // tell; what was sealed stays.
                    Ok(read) => Err(format!("the venue answers {}", read.answer.status)),
                    Err(error) => Err(error),
                };
                match told {
                    Ok(observed) => {
                        if let Err(error) = self.signer.ask(Ask::Rights { key: handle, observed }) {
                            self.gateway.note(format!("rights of key `{name}`: {error}"));
                        }
                    }
                    Err(error) => {
                        tracing::warn!(key = name, error, "the rights of a key are not known");
                        known = false;
                    }
                }
            }
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_what_the_venue_states() {
        let text = r#"{"ipRestrict":true,"createTime":1,"enableReading":true,
            "enableWithdrawals":true,"enableSpotAndMarginTrading":true,"enableFixApiTrade":true,
            "permitsUniversalTransfer":false}"#;
        let rights = serde_json::from_str::<Restrictions>(text).unwrap().rights();
        assert!(rights.has(Right::Reading) && rights.has(Right::Withdrawals));
        assert!(rights.has(Right::SpotMarginTrading));
        assert!(!rights.has(Right::UniversalTransfer) && !rights.has(Right::Margin));
    }
}
