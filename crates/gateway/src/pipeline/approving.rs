//! A request that is held: answered at once, and kept for approvers.

use std::sync::Arc;

use super::refused::Refused;
use crate::approvals::{Asked, Wanted};
use crate::clock::host_nanos;
use crate::entry;
use crate::gateway::Gateway;
use crate::keys::RealKey;
use crate::record::Purpose;

/// What a bot whose request is held is told: the refusal, and how it is
/// approved.
///
/// A hold answers at once: whoever waits for a person holds a connection, and a
/// client that gives up would not know whether its money moved.
pub(crate) async fn held_back(
    gateway: &Arc<Gateway>,
    refused: Refused,
    wanted: Option<&Wanted>,
    text: &[u8],
    key: &RealKey,
) -> Refused {
    let why = refused.message().to_owned();
    let told =
        |what: &str| Refused::new(refused.ending, refused.why, format_args!("{why}; {what}"));
    let Some(wanted) = wanted else {
        return told("only withdrawals can be approved");
    };
    if key.approvers.is_empty() {
        return told(&format!(
            "nobody may approve it: no approvers are sealed with key `{}`; revoke it and add it \
             again with `countersign key add --approver`",
            key.name
        ));
    }
    let now_ms = host_nanos() / 1_000_000;
    let asked = match gateway.approvals.ask(wanted, text, &key.name, &why, now_ms) {
        Ok((asked, false)) => asked,
        Ok((asked, true)) => {
            if let Err(error) = record(gateway, asked.clone()).await {
                // INVARIANT (fail closed): what the log does not know is not asked.
                gateway.approvals.over(asked.approval.id);
                return told(&format!("it cannot be held for approval: {error}"));
            }
            gateway.tell_pending(&asked, key);
            asked
        }
        Err(error) => return told(&format!("it cannot be held for approval: {error}")),
    };
    let id = asked.approval.id;
    told(&format!(
        "held for approval {id} ({} so far): nothing was sent; once `countersign approve {id}` \
         was run by enough approvers, send the same request again",
        match asked.persons.as_slice() {
            [] => "nobody has approved it".to_owned(),
            persons => format!("approved by {}", persons.join(", ")),
        }
    ))
}

/// Puts what waits into the log, and the log on disk.
async fn record(gateway: &Arc<Gateway>, asked: Asked) -> Result<(), String> {
    let gateway = Arc::clone(gateway);
    let written = tokio::task::spawn_blocking(move || write(&gateway, "pending", &asked, &[]));
    written.await.map_err(|_| "a thread failed".to_owned())?
}

/// Writes an entry about an approval, and waits until it is on disk.
///
/// # Errors
/// It is not on disk, in one line.
pub(crate) fn write(
    gateway: &Gateway,
    kind: &'static str,
    asked: &Asked,
    more: &[(&'static str, &str)],
) -> Result<(), String> {
    let approval = &asked.approval;
    let content = &approval.content;
    let digest = approval.digest().map_err(|error| error.to_string())?;
    let entry = entry::plain(kind, host_nanos(), |json| {
        json.display("approval", &approval.id);
        json.hex("approval_sha256", &digest);
        json.text("action", &content.action);
        json.text("venue", &content.venue);
        json.text("account", &content.account);
        json.text("bot", &content.principal);
        json.text("asset", &content.asset);
        json.decimal("amount", &content.amount);
        json.text("network", &content.network);
        json.text("address", &content.address);
        if let Some(memo) = &content.memo {
            json.text("memo", memo);
        }
        if let Some(payer) = &content.fee_payer {
            json.text("fee_payer", payer);
        }
        json.number("issued_ms", approval.issued_unix_ms);
        json.number("expires_ms", approval.expires_unix_ms);
        json.text("key", &asked.key);
        json.text("why", &asked.why);
        for (name, value) in more {
            json.text(name, value);
        }
    });
    let index = gateway.log.append(&entry, Purpose::Ordinary).map_err(|error| error.to_string())?;
    gateway.log.sync_handle().sync_through(index).map_err(|error| error.to_string())
}
