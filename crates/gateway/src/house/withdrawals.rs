//! Withdrawals whose outcome is unknown: looked for in the venue's history by
//! their own id.
//!
//! One that is there has left, whatever became of it since. One that is not is
//! released only when nothing can take it any more and the history has been
//! without it for a while; until then it stays reserved.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use judge::UnknownWithdrawal;
use serde::Deserialize;

use super::House;
use super::unsettled::patience_ms;
use crate::entry::SettleOutcome;
use crate::gateway::AccountGroup;
use crate::limits;
use crate::pipeline::settle::{self, Settlement};
use crate::shared::held;
use crate::venue::Endpoint;

/// How often it is looked for such withdrawals.
const LOOK: Duration = Duration::from_millis(500);
/// The history is read from so long before the withdrawal was sent: clocks
/// differ, and the venue writes its own time.
const BEFORE_MS: u64 = 3_600_000;
/// And until so long after. The venue allows less than 7 days beside an id.
const AFTER_MS: u64 = 3 * 86_400_000;
const _: () = assert!(BEFORE_MS + AFTER_MS < 7 * 86_400_000);

/// One row of the venue's history.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    coin: String,
    #[serde(default)]
    withdraw_order_id: String,
}

/// What the history says.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// It is there.
    There,
    /// Nothing is there under that id.
    Nothing,
}

/// What is known of a withdrawal that is asked for.
#[derive(Clone, Copy)]
struct Asked {
    last: Instant,
    /// Since when the history has been seen without it.
    absent_since: Option<Instant>,
}

/// Asks for such withdrawals as long as there are any.
pub(crate) async fn run(house: Rc<House>) {
    let mut asked: HashMap<(String, u64), Asked> = HashMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        if !house.gateway.clock.is_measured() || house.gateway.keys.load().epoch == 0 {
            continue;
        }
        for group in house.gateway.accounts.values() {
            let unknown = held(&group.judge).unknown_withdrawals();
            asked.retain(|(account, id), _| {
                *account != group.name || unknown.iter().any(|one| one.reservation.0 == *id)
            });
            // One question at a time: they cost the account's own weight.
            let now = house.gateway.clock.now();
            let due = unknown.into_iter().find(|one| {
                let name = (group.name.clone(), one.reservation.0);
                now.millis_since(one.sent_at).unwrap_or(0) >= patience_ms()
                    && one.client_withdrawal_id.is_some()
                    && asked
                        .get(&name)
                        .is_none_or(|asked| asked.last.elapsed() >= limits::WITHDRAWAL_AGAIN)
            });
            let Some(withdrawal) = due else { continue };
            let name = (group.name.clone(), withdrawal.reservation.0);
            // INVARIANT (bounded).
            if asked.len() >= limits::UNKNOWN_WAITING && !asked.contains_key(&name) {
                continue;
            }
            let before = asked.get(&name).and_then(|asked| asked.absent_since);
            let absent_since = match house.look_for(group, &withdrawal, before).await {
                Ok(absent_since) => absent_since,
                Err(error) => {
                    tracing::warn!(error, "a withdrawal's outcome stays unknown");
                    before
                }
            };
            asked.insert(name, Asked { last: Instant::now(), absent_since });
        }
    }
}

impl House {
    /// Looks for one withdrawal; since when it has been absent.
    async fn look_for(
        &self,
        group: &Arc<AccountGroup>,
        withdrawal: &UnknownWithdrawal,
        absent_since: Option<Instant>,
    ) -> Result<Option<Instant>, String> {
        let endpoint = Endpoint::binance("GET", "/sapi/v1/capital/withdraw/history")?;
        let id = withdrawal.client_withdrawal_id.as_deref().ok_or("it has no id of its own")?;
        let sent_ms = withdrawal.sent_at.0 / 1_000_000;
        let from = sent_ms.saturating_sub(BEFORE_MS).to_string();
        let until = sent_ms.saturating_add(AFTER_MS).to_string();
        let asked_at = Instant::now();
        let parameters =
            [("withdrawOrderId", id), ("startTime", from.as_str()), ("endTime", until.as_str())];
        let read = self.read(group, endpoint, &parameters).await?;
        let http = read.answer.status;
        if !read.answer.is_success() {
            return Err(format!("the venue answers {http}"));
        }
        let outcome = match said(&read.answer.body, id, &withdrawal.asset)? {
            Said::There => SettleOutcome::Found,
            Said::Nothing => match absent_since {
                Some(since) if asked_at - since >= limits::WITHDRAWAL_ABSENT => {
                    SettleOutcome::Released
                }
                Some(since) => return Ok(Some(since)),
                None => return Ok(Some(asked_at)),
            },
        };
        let mut course = read.course;
        course.reservation = Some(withdrawal.reservation.0);
        let mut settlement = Settlement::of(outcome, Some("withdrawal history"));
        settlement.http = Some(http);
        settle::record(&self.gateway, &course, settlement);
        Ok(None)
    }
}

/// What the venue's history says of the withdrawal with that id.
fn said(body: &[u8], id: &str, asset: &str) -> Result<Said, String> {
    let rows: Vec<Row> = serde_json::from_slice(body)
        .map_err(|error| format!("the withdrawal history cannot be read: {error}"))?;
    if rows.is_empty() {
        return Ok(Said::Nothing);
    }
    if rows.iter().any(|row| row.withdraw_order_id == id && row.coin == asset) {
        return Ok(Said::There);
    }
    // Whatever this venue understood, it was not the question.
    Err("the withdrawal history names others than it was asked for".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &[u8] = br#"[{"id":"b6ae22b3aa844210a7041aee7589627c","amount":"8.91000000",
        "transactionFee":"0.004","coin":"USDT","status":6,"address":"0x94df8b352de7f46f",
        "txId":"0xb5ef8c13","applyTime":"2019-10-12 11:12:02","network":"ETH","transferType":0,
        "withdrawOrderId":"WITHDRAWtest123","info":"","confirmNo":3,"walletType":1}]"#;

    #[test]
    fn a_withdrawal_is_known_by_its_own_id() {
        assert_eq!(said(ROWS, "WITHDRAWtest123", "USDT"), Ok(Said::There));
        assert_eq!(said(b"[]", "WITHDRAWtest123", "USDT"), Ok(Said::Nothing));
    }

    #[test]
    fn an_answer_to_another_question_releases_nothing() {
        assert!(said(ROWS, "cs-a", "USDT").is_err());
        assert!(said(ROWS, "WITHDRAWtest123", "BTC").is_err());
        assert!(said(br#"[{"coin":"USDT","status":6}]"#, "cs-a", "USDT").is_err());
        assert!(said(br#"{"code":-1003}"#, "cs-a", "USDT").is_err());
    }
}
