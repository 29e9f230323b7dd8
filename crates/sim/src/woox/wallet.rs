//! Withdrawals, transfers, deposit addresses and their history.
//!
//! The parameters of `POST /v1/asset/withdraw` and of `internal_withdraw` are
//! unverified: neither is in the vendor's present documents.

use std::collections::VecDeque;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::money::{on_grid, sub};
use crate::woox::exchange::{Transfer, Withdrawal};
use crate::woox::options::Network;
use crate::woox::params::Params;
use crate::woox::reject::{Answer, Reject};
use crate::woox::report::{seconds, text};
use crate::woox::routes::{Call, rows_v1};

/// Adds to a bounded list, dropping the oldest.
pub(crate) fn keep<T>(list: &mut VecDeque<T>, item: T, most: usize) {
    if list.len() >= most.max(1) {
        list.pop_front();
    }
    list.push_back(item);
}

/// A token and a network of it. A token may be written with its network in
/// front, such as `ETH_USDT`, as the venue's token list has it.
fn network(call: &Call<'_>) -> Result<(String, Network), Reject> {
    let name = call.params.required("token")?;
    let wanted = call.params.text("network")?;
    let (prefix, plain) = match name.split_once('_') {
        Some((prefix, plain)) => (Some(prefix.to_owned()), plain),
        None => (None, name.as_str()),
    };
    let tokens = &call.exchange.options.tokens;
    let token = tokens.iter().find(|token| token.token == plain);
    let token = token.ok_or_else(|| Reject::invalid("The token is not supported"))?;
    let wanted = wanted.or(prefix);
    let network = match &wanted {
        Some(wanted) => token.networks.iter().find(|network| network.network == *wanted),
        // Which network the venue takes where none is named is unverified.
        None => token.networks.first(),
    };
    let network = network.ok_or_else(|| Reject::invalid("The network is not supported"))?;
    Ok((token.token.clone(), network.clone()))
}

fn apply(call: &mut Call<'_>) -> Result<u64, Reject> {
    let (token, network) = network(call)?;
    let address = call.params.required("address")?;
    let amount = call.params.required_amount("amount")?;
    let plain = address.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b':');
    if !plain || !(20..=100).contains(&address.len()) {
        return Err(Reject::invalid("address is invalid"));
    }
    if amount < network.withdraw_min || amount <= network.withdraw_fee {
        let message = format!("amount must be at least {}", text(network.withdraw_min));
        return Err(Reject::invalid(message));
    }
    if !on_grid(amount, Decimal::new(1, 8)) {
        return Err(Reject::invalid("amount has too many decimals"));
    }
    if !call.exchange.take(call.account, &token, amount) {
        return Err(Reject::order(302_301, "The balance isn’t enough."));
    }
    let id = call.exchange.movement_id();
    let withdrawal = Withdrawal {
        id,
        token: token.clone(),
        network: network.network,
        address,
        extra: call.params.text("extra")?.unwrap_or_default(),
        amount,
        fee: network.withdraw_fee,
        applied_ms: call.now,
        tx: format!("0x{}{}", call.exchange.made_up_hex(), call.exchange.made_up_hex()),
        cancelled: false,
        internal: false,
    };
    remember(call, withdrawal)?;
    Ok(id)
}

fn remember(call: &mut Call<'_>, withdrawal: Withdrawal) -> Result<(), Reject> {
    let most = call.exchange.options.keep.movements;
    let token = withdrawal.token.clone();
    let state = call.exchange.account_mut(call.account)?;
    keep(&mut state.movements.withdrawals, withdrawal, most);
    call.exchange.tell_balance(call.account, &token, call.now);
    Ok(())
}

/// `POST /v3/asset/wallet/withdraw`.
pub(crate) fn withdraw(call: &mut Call<'_>) -> Answer {
    // ccxt and the vendor's description name the network; v3 has no default.
    call.params.required("network")?;
    let id = apply(call)?;
    call.data(json!({ "withdrawId": id.to_string() }))
}

/// `POST /v1/asset/withdraw`.
pub(crate) fn withdraw_v1(call: &mut Call<'_>) -> Answer {
    let id = apply(call)?;
    Ok(json!({ "success": true, "withdraw_id": id.to_string() }))
}

/// `POST /v1/asset/internal_withdraw`: to another account of the venue, named by
/// its application id.
pub(crate) fn internal_withdraw(call: &mut Call<'_>) -> Answer {
    let token = call.params.required("token")?;
    let receiver = call.params.required("receiver")?;
    let amount = call.params.required_amount("amount")?;
    let to = call.exchange.account_of(&receiver).ok_or_else(Reject::no_data)?;
    if to == call.account {
        return Err(Reject::invalid("receiver is the sender"));
    }
    if !call.exchange.take(call.account, &token, amount) {
        return Err(Reject::order(302_301, "The balance isn’t enough."));
    }
    call.exchange.change(to, &token, amount, Decimal::ZERO);
    call.exchange.tell_balance(to, &token, call.now);
    let id = call.exchange.movement_id();
    let withdrawal = Withdrawal {
        id,
        token,
        network: String::new(),
        address: receiver,
        extra: String::new(),
        amount,
        fee: Decimal::ZERO,
        applied_ms: call.now,
        tx: String::new(),
        cancelled: false,
        internal: true,
    };
    remember(call, withdrawal)?;
    Ok(json!({ "success": true, "withdraw_id": id.to_string() }))
}

fn cancel_id(call: &mut Call<'_>, id: u64) -> Result<(), Reject> {
    let (settles, now) = (call.exchange.options.withdrawal_ms, call.now);
    let state = call.exchange.account_mut(call.account)?;
    let pending = |withdrawal: &&mut Withdrawal| {
        let young = now.saturating_sub(withdrawal.applied_ms) < settles;
        withdrawal.id == id && !withdrawal.cancelled && !withdrawal.internal && young
    };
    let found = state.movements.withdrawals.iter_mut().find(pending);
    let withdrawal = found.ok_or_else(Reject::no_data)?;
    withdrawal.cancelled = true;
    let (token, amount) = (withdrawal.token.clone(), withdrawal.amount);
    call.exchange.change(call.account, &token, amount, Decimal::ZERO);
    call.exchange.tell_balance(call.account, &token, now);
    Ok(())
}

/// `DELETE /v3/asset/wallet/withdraw/{withdrawId}`.
pub(crate) fn cancel_withdraw(call: &mut Call<'_>) -> Answer {
    let id = call.segment_id(0)?;
    cancel_id(call, id)?;
    call.data(json!({ "status": "CANCELED" }))
}

/// `DELETE /v1/asset/withdraw`.
pub(crate) fn cancel_withdraw_v1(call: &mut Call<'_>) -> Answer {
    let id = call.params.integer("id")?.ok_or_else(|| Reject::missing("id"))?;
    cancel_id(call, id)?;
    Ok(json!({ "success": true }))
}

/// A withdrawal's status in the venue's word.
fn stage(withdrawal: &Withdrawal, settles: i64, now: i64) -> &'static str {
    if withdrawal.cancelled {
        "CANCELED"
    } else if withdrawal.internal || now.saturating_sub(withdrawal.applied_ms) >= settles {
        "COMPLETED"
    } else {
        "PROCESSING"
    }
}

fn history_rows(call: &Call<'_>) -> Result<Vec<Value>, Reject> {
    let token = call.params.text("token")?;
    let side = call.params.text("tokenSide")?;
    let status = call.params.text("status")?;
    let (period, settles) = (call.period()?, call.exchange.options.withdrawal_ms);
    let state = call.exchange.account(call.account)?;
    if side.as_deref() == Some("DEPOSIT") {
        return Ok(Vec::new());
    }
    let rows = state.movements.withdrawals.iter().rev();
    let fits = |w: &&Withdrawal| {
        token.as_ref().is_none_or(|token| w.token == *token)
            && period.contains(&w.applied_ms)
            && status.as_ref().is_none_or(|status| stage(w, settles, call.now) == status)
    };
    let row = |w: &Withdrawal| {
        let status = stage(w, settles, call.now);
        let done = status == "COMPLETED";
        let updated = if done { w.applied_ms.saturating_add(settles) } else { w.applied_ms };
        json!({
            "createdTime": seconds(w.applied_ms),
            "updatedTime": seconds(updated),
            "id": w.id.to_string(),
            "externalId": w.id.to_string(),
            "applicationId": state.application_id,
            "token": if w.network.is_empty() || w.network == w.token {
                w.token.clone()
            } else {
                format!("{}_{}", w.network, w.token)
            },
            "targetAddress": w.address,
            "sourceAddress": null,
            "extra": w.extra,
            "type": "BALANCE",
            "tokenSide": "WITHDRAW",
            "amount": text(sub(w.amount, w.fee)),
            "txId": if done { w.tx.as_str() } else { "" },
            "feeToken": w.token,
            "feeAmount": text(w.fee),
            "status": status,
            "confirmingThreshold": null,
            "confirmedNumber": null,
        })
    };
    Ok(rows.filter(fits).map(row).collect())
}

/// `GET /v3/asset/wallet/history`.
pub(crate) fn history(call: &mut Call<'_>) -> Answer {
    let page = call.params.page(25, 1000)?;
    let rows = history_rows(call)?;
    call.rows(rows, page)
}

/// `GET /v1/asset/history`.
pub(crate) fn history_v1(call: &mut Call<'_>) -> Answer {
    let page = call.params.page(25, 1000)?;
    let rows = history_rows(call)?;
    let row = |row: Value| {
        json!({
            "id": row.get("id"),
            "created_time": row.get("createdTime"),
            "updated_time": row.get("updatedTime"),
            "token": row.get("token"),
            "target_address": row.get("targetAddress"),
            "extra": row.get("extra"),
            "type": "BALANCE",
            "token_side": "WITHDRAW",
            "amount": row.get("amount"),
            "tx_id": row.get("txId"),
            "fee_token": row.get("feeToken"),
            "fee_amount": row.get("feeAmount"),
            "status": row.get("status"),
        })
    };
    rows_v1(rows.into_iter().map(row).collect(), page)
}

fn address_of(call: &Call<'_>) -> Result<String, Reject> {
    let (token, network) = network(call)?;
    let seed = format!("{token}{}", network.network);
    let digits = seed
        .bytes()
        .fold(7_u64, |sum, byte| sum.wrapping_mul(1_099_511_628_211).wrapping_add(u64::from(byte)));
    Ok(format!("0x{digits:016x}{:024x}", call.account))
}

/// `GET /v3/asset/wallet/deposit`.
pub(crate) fn deposit_address(call: &mut Call<'_>) -> Answer {
    let address = address_of(call)?;
    call.data(json!({ "address": address, "extra": "" }))
}

/// `GET /v1/asset/deposit`.
pub(crate) fn deposit_address_v1(call: &mut Call<'_>) -> Answer {
    let address = address_of(call)?;
    Ok(json!({ "success": true, "address": address, "extra": "" }))
}

/// Whether two accounts are of one user: a main account and its subaccounts.
fn related(call: &Call<'_>, a: usize, b: usize) -> bool {
    let main = |account: usize| {
        call.exchange.accounts.get(account).and_then(|state| state.sub_of).unwrap_or(account)
    };
    main(a) == main(b)
}

fn move_between(call: &mut Call<'_>, from: &str, to: &str) -> Result<u64, Reject> {
    let token = call.params.required("token")?;
    let amount = call.params.required_amount("amount")?;
    let from = call.exchange.account_of(from).ok_or_else(Reject::no_data)?;
    let to = call.exchange.account_of(to).ok_or_else(Reject::no_data)?;
    let own = call.exchange.account(call.account)?.sub_of;
    // A subaccount moves only its own funds.
    if from == to || !related(call, from, to) || !related(call, from, call.account) {
        return Err(Reject::no_data());
    }
    if own.is_some() && from != call.account {
        return Err(Reject::unauthorised());
    }
    if !call.exchange.take(from, &token, amount) {
        return Err(Reject::order(302_301, "The balance isn’t enough."));
    }
    call.exchange.change(to, &token, amount, Decimal::ZERO);
    let id = call.exchange.movement_id();
    let transfer = Transfer { id, token: token.clone(), amount, from, to, at_ms: call.now };
    let most = call.exchange.options.keep.movements;
    for account in [from, to] {
        let state = call.exchange.account_mut(account)?;
        keep(&mut state.movements.transfers, transfer.clone(), most);
        call.exchange.tell_balance(account, &token, call.now);
    }
    Ok(id)
}

/// `POST /v3/asset/transfer`.
pub(crate) fn transfer(call: &mut Call<'_>) -> Answer {
    let side = |name: &str| -> Result<String, Reject> {
        let id = call.params.raw(name).and_then(|value| value.get("applicationId"));
        id.and_then(Value::as_str).map(str::to_owned).ok_or_else(|| Reject::missing(name))
    };
    let (from, to) = (side("from")?, side("to")?);
    let id = move_between(call, &from, &to)?;
    // The id stands at the top in ccxt's sample and inside `data` in others.
    Ok(json!({ "success": true, "id": id, "data": { "id": id }, "timestamp": call.now }))
}

/// `POST /v1/asset/main_sub_transfer`.
pub(crate) fn transfer_v1(call: &mut Call<'_>) -> Answer {
    let from = call.params.required("from_application_id")?;
    let to = call.params.required("to_application_id")?;
    let id = move_between(call, &from, &to)?;
    Ok(json!({ "success": true, "id": id }))
}

/// `GET /v3/asset/transfer/history`.
pub(crate) fn transfer_history(call: &mut Call<'_>) -> Answer {
    let page = call.params.page(25, 500)?;
    let period = call.period()?;
    let name = |account: usize| {
        let state = call.exchange.accounts.get(account);
        json!({
            "applicationId": state.map(|state| state.application_id.as_str()),
            "accountName": state.map(|state| state.name.as_str()),
        })
    };
    let transfers = call.exchange.account(call.account)?.movements.transfers.iter().rev();
    let rows = transfers
        .filter(|transfer| period.contains(&transfer.at_ms))
        .map(|transfer| {
            json!({
                "id": transfer.id,
                "token": transfer.token,
                "amount": text(transfer.amount),
                "status": "COMPLETED",
                "from": name(transfer.from),
                "to": name(transfer.to),
                "createdTime": seconds(transfer.at_ms),
                "updatedTime": seconds(transfer.at_ms),
            })
        })
        .collect();
    call.rows(rows, page)
}

/// `GET /v3/account/tokenConfig`.
pub(crate) fn token_config(call: &mut Call<'_>) -> Answer {
    let rows: Vec<Value> = call
        .exchange
        .options
        .tokens
        .iter()
        .map(|token| json!({ "token": token.token, "collateral": token.token == "USDT" }))
        .collect();
    call.data(json!({ "rows": rows }))
}

/// `GET /v1/client/token`.
pub(crate) fn tokens_v1(call: &mut Call<'_>) -> Answer {
    let most = call.params.either("limit", "size", Params::integer)?;
    let most = usize::try_from(most.unwrap_or(1000)).unwrap_or(usize::MAX);
    let tokens = call.exchange.options.tokens.iter().take(most);
    let rows: Vec<Value> =
        tokens.map(|token| json!({ "token": token.token, "collateral": true })).collect();
    Ok(json!({ "success": true, "rows": rows }))
}
