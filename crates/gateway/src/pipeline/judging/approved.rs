//! What was approved, judged without a bot that asks.

use std::sync::Arc;

use wire::model::{Intent, Operation, Venue, Withdrawal};

use super::{At, Cleared, Ready, clear, sha256};
use crate::approvals::{Asked as Waiting, Wanted};
use crate::clock;
use crate::counters::{Ending, Stopwatch};
use crate::gateway::Worker;
use crate::pipeline::accept::Arrival;
use crate::pipeline::authenticate::Authenticated;
use crate::pipeline::refused::{Refused, Why};
use crate::venue::Endpoint;

/// Judges what was approved as if the bot had asked for it again, and records
/// the verdict.
///
/// # Errors
/// As for [`super::judge_and_record`]; or it was not approved, or was used.
pub(crate) async fn judge_approved(
    worker: &Worker,
    arrival: &Arrival<'_>,
    bot: Authenticated,
    waiting: &Waiting,
    watch: &mut Stopwatch<'_>,
) -> Result<Cleared, Refused> {
    let gateway = &worker.gateway;
    let content = &waiting.approval.content;
    let never = |why: &str| Refused::new(Ending::Denied, Why::Never, why);
    let group = gateway.accounts.get(&content.account).ok_or_else(|| never("no such account"))?;
    let (method, path) = content.action.split_once(' ').unwrap_or_default();
    let endpoint = match group.venue {
        Venue::Binance => Endpoint::binance(method, path),
        Venue::WooX => Endpoint::woox(method, path),
    };
    let endpoint = endpoint.map_err(|error| never(&error))?;
    let granted = gateway.approvals.granted(content, clock::host_nanos() / 1_000_000);
    let Some(granted) = granted.filter(|granted| granted.id == waiting.approval.id) else {
        return Err(never("it is not approved, or was used"));
    };
    let ring = gateway.keys.load();
    let key = ring.for_request(&group.name, endpoint.class(), endpoint.effect());
    let key = key.ok_or_else(|| never("the account has no key for this"))?;
    if worker.signer.epoch() != Some(ring.epoch) {
        return Err(Refused::not_executed(Ending::Unsigned, "the signer is not there"));
    }
    let withdrawal = Withdrawal {
        asset: content.asset.clone(),
        network: content.network.clone(),
        address: content.address.clone(),
        memo: content.memo.clone(),
        amount: content.amount,
        client_withdrawal_id: waiting.client_id.clone(),
    };
    let ready = Ready {
        intent: Intent {
            venue: group.venue,
            endpoint: endpoint.name(),
            class: endpoint.class(),
            operation: Operation::Withdraw(withdrawal),
        },
        text_digest: sha256(&waiting.text),
        text: waiting.text.clone(),
        client_order_ids: Vec::new(),
        key: Arc::clone(key),
        signer_epoch: ring.epoch,
        frame: None,
        request: arrival.request,
        orders: None,
        wanted: Some(Wanted { content: content.clone(), client_id: waiting.client_id.clone() }),
        granted: Some(granted),
    };
    let at = At { endpoint, is_signed: true, path: None };
    clear(worker, group, arrival, bot, ready, at, watch).await
}
