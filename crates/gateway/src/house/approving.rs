//! Approvals over the admin socket: what waits, a grant, a rejection.

use serde_json::{Value, json};
use vault::grant::{Grant, GrantId};
use vault::protocol::{Answer, Ask};
use wire::model::{Class, Effect};

use super::signer::HouseSigner;
use crate::approvals::{Asked, Standing};
use crate::clock::host_nanos;
use crate::entry;
use crate::gateway::Gateway;
use crate::keys::RealKey;
use crate::pipeline::approving::write;
use crate::record::Purpose;

/// Most characters of a reason that are kept.
const REASON_CHARACTERS: usize = 200;

fn now_ms() -> u64 {
    host_nanos() / 1_000_000
}

/// What waits, and what became of the rest until it expires.
pub(crate) fn pending(gateway: &Gateway) -> Value {
    let all = gateway.approvals.all(now_ms());
    let shown: Vec<Value> = all.iter().map(|asked| show(gateway, asked)).collect();
    json!({ "approvals": shown })
}

fn real_key(gateway: &Gateway, asked: &Asked) -> Option<std::sync::Arc<RealKey>> {
    let ring = gateway.keys.load();
    let account = &asked.approval.content.account;
    let key = ring.for_request(account, Class::Withdraw, Effect::ValueOut)?;
    (key.name == asked.key).then(|| std::sync::Arc::clone(key))
}

fn show(gateway: &Gateway, asked: &Asked) -> Value {
    let approval = &asked.approval;
    let content = &approval.content;
    let key = real_key(gateway, asked);
    json!({
        "id": approval.id.to_string(),
        "standing": asked.standing.name(),
        // What is signed: everything else here is for the eye.
        "approval": String::from_utf8_lossy(&asked.bytes),
        "action": content.action,
        "venue": content.venue,
        "account": content.account,
        "bot": content.principal,
        "asset": content.asset,
        "amount": content.amount.normalize().to_string(),
        "network": content.network,
        "address": content.address,
        "memo": content.memo,
        "issued_ms": approval.issued_unix_ms,
        "expires_ms": approval.expires_unix_ms,
        "why": asked.why,
        "key": asked.key,
        "approved_by": asked.persons,
        "not_before_ms": asked.not_before_ms,
        "quorum": key.as_ref().map(|key| key.quorum),
        "approvers": key.as_ref().map(|key| key.approvers.clone()),
    })
}

/// The same, with what was done.
fn done<const N: usize>(
    gateway: &Gateway,
    asked: &Asked,
    ok: bool,
    more: [(&str, Value); N],
) -> Value {
    let mut shown = show(gateway, asked);
    if let Some(object) = shown.as_object_mut() {
        object.insert("ok".to_owned(), Value::Bool(ok));
        object.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    shown
}

/// Takes an approver's signature. The signer looks at it, with those that came
/// before; it will look again when there is a text.
///
/// # Errors
/// It is not taken, in one line.
pub(crate) fn approve(
    gateway: &Gateway,
    signer: &HouseSigner,
    id: &str,
    approval: &str,
    signature: &str,
) -> Result<Value, String> {
    let asked = open(gateway, id)?;
    if asked.bytes != approval.as_bytes() {
        return Err("what was signed is not what waits; ask `countersign pending` again".to_owned());
    }
    let key = real_key(gateway, &asked)
        .ok_or_else(|| format!("key `{}` is not in use any more", asked.key))?;
    let mut grants = asked.grants.clone();
    let grant = Grant { approval: asked.bytes.clone(), signature: signature.to_owned() };
    if grants.len() >= vault::limits::GRANTS {
        return Err("it has all the grants that one request may carry".to_owned());
    }
    grants.push(grant);
    let encoded: Result<Vec<Vec<u8>>, _> = grants.iter().map(Grant::encode).collect();
    let grants_asked = encoded.map_err(|error| error.to_string())?;
    let handle = key.handle;
    let seen = match signer.ask(Ask::Grants { key: handle, grants: grants_asked })? {
        Answer::Grants(seen) => seen,
        _ => return Err("the signer answered another question".to_owned()),
    };
    let by = seen.persons.join(", ");
    write(gateway, "grant", &asked, &[("approved_by", &by), ("signature", signature)])?;
    let changed = gateway.approvals.change(asked.approval.id, |one| {
        one.grants = grants;
        one.persons = seen.persons;
        if seen.enough {
            one.standing = Standing::Approved;
            one.not_before_ms = now_ms().saturating_add(seen.wait_ms);
        }
    });
    let changed = changed.ok_or("it has expired meanwhile")?;
    if seen.enough {
        gateway.tell_granted(&changed, seen.wait_ms);
    }
    Ok(done(gateway, &changed, true, [("wait_ms", json!(seen.wait_ms))]))
}

/// Rejects an approval for good: no grant of it counts any more.
///
/// # Errors
/// It cannot be, in one line.
pub(crate) fn reject(
    gateway: &Gateway,
    signer: &HouseSigner,
    id: &str,
    reason: &str,
) -> Result<Value, String> {
    let asked = match open(gateway, id) {
        Ok(asked) => asked,
        // Changes of ceilings are in no book: the whole number names one.
        Err(unknown) if gateway.approvals.find(id, now_ms()).is_err() => {
            let id = GrantId::parse(id).ok_or(unknown)?;
            return reject_change(gateway, signer, id, reason);
        }
        Err(over) => return Err(over),
    };
    let (id, expires_unix_ms) = (asked.approval.id, asked.approval.expires_unix_ms);
    // Here at once, so that a signer that is not there stops nothing.
    let changed = gateway.approvals.change(id, |one| one.standing = Standing::Rejected);
    let told = signer.ask(Ask::RejectApproval { id, expires_unix_ms });
    let reason: String = reason.chars().take(REASON_CHARACTERS).collect();
    gateway.tell_rejected(&asked, "a person", &reason);
    write(gateway, "rejected", &asked, &[("reason", &reason)])?;
    told.map_err(|error| format!("rejected here, but the signer did not take it: {error}"))?;
    Ok(done(gateway, &changed.unwrap_or(asked), true, []))
}

/// Rejects a change of a ceiling: the signer refuses it from now on.
fn reject_change(
    gateway: &Gateway,
    signer: &HouseSigner,
    id: GrantId,
    reason: &str,
) -> Result<Value, String> {
    // For as long as any change lives: the signer has the bound.
    signer.ask(Ask::RejectApproval { id, expires_unix_ms: u64::MAX })?;
    let reason: String = reason.chars().take(REASON_CHARACTERS).collect();
    let entry = entry::plain("rejected", host_nanos(), |json| {
        json.display("change", &id);
        json.text("reason", &reason);
    });
    let index = gateway.log.append(&entry, Purpose::Ordinary).map_err(|error| error.to_string())?;
    gateway.log.sync_handle().sync_through(index).map_err(|error| error.to_string())?;
    Ok(json!({ "ok": true, "id": id.to_string(), "standing": "rejected" }))
}

/// Has what was approved sent now, once.
///
/// # Errors
/// It was not sent, or nobody knows, in one line.
pub(crate) async fn send(gateway: &Gateway, id: &str) -> Result<Value, String> {
    let asked = open(gateway, id)?;
    if asked.standing != Standing::Approved {
        return Err("it is not approved yet; more approvers have to".to_owned());
    }
    let (http, body) = gateway.approvals.send(asked.approval.id).await?;
    let again = gateway.approvals.find(&asked.approval.id.to_string(), now_ms());
    let ok = (200..300).contains(&http);
    let more = [("http", json!(http)), ("answer", Value::String(body))];
    Ok(done(gateway, &again.unwrap_or(asked), ok, more))
}

fn open(gateway: &Gateway, id: &str) -> Result<Asked, String> {
    let asked = gateway.approvals.find(id, now_ms())?;
    match asked.standing {
        Standing::Pending | Standing::Approved => Ok(asked),
        Standing::Used => Err("it was used before; nothing waits for it".to_owned()),
        Standing::Rejected => Err("it was rejected before".to_owned()),
    }
}
