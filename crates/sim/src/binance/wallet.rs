//! The wallet endpoints of `/sapi`: coins, key rights, withdrawals, transfers.

use std::collections::VecDeque;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::binance::money::{add, on_grid, short, show, sub};
use crate::binance::options::{Coin, Network};
use crate::binance::reject::{Answer, Reject};
use crate::binance::routes::Call;

/// A withdrawal as the venue remembers it.
#[derive(Debug, Clone)]
pub(crate) struct Withdrawal {
    pub(crate) id: String,
    pub(crate) coin: String,
    pub(crate) network: String,
    pub(crate) address: String,
    pub(crate) tag: Option<String>,
    pub(crate) amount: Decimal,
    pub(crate) fee: Decimal,
    pub(crate) order_id: Option<String>,
    pub(crate) applied_ms: i64,
    pub(crate) tx: String,
}

/// A transfer between wallets of one account.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    pub(crate) id: u64,
    pub(crate) kind: String,
    pub(crate) asset: String,
    pub(crate) amount: Decimal,
    pub(crate) at_ms: i64,
}

/// What left an account or moved inside it, newest last, bounded.
#[derive(Debug, Default)]
pub(crate) struct Movements {
    pub(crate) withdrawals: VecDeque<Withdrawal>,
    pub(crate) transfers: VecDeque<Transfer>,
}

fn push_bounded<T>(list: &mut VecDeque<T>, item: T, keep: usize) {
    if list.len() >= keep.max(1) {
        list.pop_front();
    }
    list.push_back(item);
}

/// An endpoint that has nothing to tell here.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn empty_list(_call: &mut Call<'_>) -> Answer {
    Ok(json!([]))
}

/// Listen keys of the spot stream, which the venue has withdrawn.
pub(crate) fn gone(_call: &mut Call<'_>) -> Answer {
    Err(Reject::new(410, -1016, "This service is no longer available."))
}

/// `GET /sapi/v1/system/status`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn system_status(_call: &mut Call<'_>) -> Answer {
    Ok(json!({ "status": 0, "msg": "normal" }))
}

/// `GET /sapi/v1/account/status`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn account_status(_call: &mut Call<'_>) -> Answer {
    Ok(json!({ "data": "Normal" }))
}

/// `GET /sapi/v1/account/apiTradingStatus`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn trading_status(call: &mut Call<'_>) -> Answer {
    Ok(json!({
        "data": {
            "isLocked": false,
            "plannedRecoverTime": 0,
            "triggerCondition": { "GCR": 150, "IFER": 150, "UFR": 300 },
            "updateTime": call.now,
        }
    }))
}

fn find_coin<'a>(call: &'a Call<'_>, asset: &str) -> Option<&'a Coin> {
    call.exchange.options.coins.iter().find(|coin| coin.asset == asset)
}

/// `GET /sapi/v1/capital/config/getall`.
pub(crate) fn coins(call: &mut Call<'_>) -> Answer {
    call.account_state()?;
    let known = |asset: &String| {
        let fallback = Coin { asset: asset.clone(), name: asset.clone(), networks: Vec::new() };
        find_coin(call, asset).cloned().unwrap_or(fallback)
    };
    let rows = call.assets().iter().map(known).map(|coin| coin_row(call, &coin)).collect();
    Ok(Value::Array(rows))
}

fn coin_row(call: &Call<'_>, coin: &Coin) -> Value {
    let balance = call.exchange.balance(call.account, &coin.asset);
    let networks = coin.networks.iter().enumerate().map(|(index, network)| {
        json!({
            "network": network.network,
            "coin": coin.asset,
            "withdrawIntegerMultiple": "0.00000001",
            "isDefault": index == 0,
            "depositEnable": true,
            "withdrawEnable": true,
            "depositDesc": "",
            "withdrawDesc": "",
            "specialTips": "",
            "name": network.network,
            "resetAddressStatus": false,
            "addressRegex": "^[a-zA-Z0-9]{20,100}$",
            "memoRegex": "",
            "withdrawFee": short(network.withdraw_fee),
            "withdrawMin": short(network.withdraw_min),
            "withdrawMax": short(network.withdraw_max),
            "depositDust": "0",
            "minConfirm": 1,
            "unLockConfirm": 0,
            "sameAddress": false,
            "estimatedArrivalTime": 1,
            "busy": false,
            "contractAddressUrl": "",
            "contractAddress": "",
        })
    });
    json!({
        "coin": coin.asset,
        "depositAllEnable": true,
        "withdrawAllEnable": true,
        "name": coin.name,
        "free": short(balance.free),
        "locked": short(balance.locked),
        "freeze": "0",
        "withdrawing": "0",
        "ipoing": "0",
        "ipoable": "0",
        "storage": "0",
        "isLegalMoney": false,
        "trading": true,
        "networkList": networks.collect::<Vec<_>>(),
    })
}

/// `GET /sapi/v1/margin/allPairs`: none is lent here, so all are spot alone.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn margin_pairs(call: &mut Call<'_>) -> Answer {
    let rows = call.exchange.options.instruments.iter().enumerate().map(|(index, spec)| {
        json!({
            "id": 376_870_555_451_677_893_u64.saturating_add(u64::try_from(index).unwrap_or(0)),
            "symbol": spec.symbol,
            "base": spec.base,
            "quote": spec.quote,
            "isMarginTrade": true,
            "isBuyAllowed": true,
            "isSellAllowed": true,
        })
    });
    Ok(rows.collect())
}

/// `GET /sapi/v1/margin/isolated/allPairs`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn isolated_pairs(call: &mut Call<'_>) -> Answer {
    let rows = call.exchange.options.instruments.iter().map(|spec| {
        json!({
            "symbol": spec.symbol,
            "base": spec.base,
            "quote": spec.quote,
            "isMarginTrade": true,
            "isBuyAllowed": true,
            "isSellAllowed": true,
        })
    });
    Ok(rows.collect())
}

/// `GET /sapi/v1/account/apiRestrictions`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn api_restrictions(call: &mut Call<'_>) -> Answer {
    let rights = call.rights;
    Ok(json!({
        "ipRestrict": call.ip_restrict,
        "createTime": 1_698_645_219_000_u64,
        "enableReading": rights.read,
        "enableWithdrawals": rights.withdraw,
        "enableInternalTransfer": rights.internal_transfer,
        "enableMargin": rights.margin,
        "enableFutures": rights.futures,
        "permitsUniversalTransfer": rights.universal_transfer,
        "enableVanillaOptions": false,
        "enableFixApiTrade": false,
        "enableFixReadOnly": false,
        "enableSpotAndMarginTrading": rights.spot_trade,
        "enablePortfolioMarginTrading": false,
    }))
}

/// `GET /sapi/v1/account/apiRestrictions/ipRestriction`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn ip_restriction(call: &mut Call<'_>) -> Answer {
    let list: Vec<String> = call
        .allowed
        .iter()
        .map(|net| {
            let whole = net.prefix_len() == net.max_prefix_len();
            if whole { net.addr().to_string() } else { net.to_string() }
        })
        .collect();
    Ok(json!({
        "ipRestrict": if call.ip_restrict { "true" } else { "false" },
        "ipList": list,
        "updateTime": call.now,
    }))
}

/// A whole withdrawal request, checked.
struct Asked {
    coin: String,
    network: Network,
    address: String,
    tag: Option<String>,
    amount: Decimal,
}

fn asked(call: &Call<'_>) -> Result<Asked, Reject> {
    let params = &call.params;
    let asset = params.required("coin")?;
    let address = params.required("address")?;
    let amount = params.amount("amount")?;
    let coin = find_coin(call, asset)
        .ok_or_else(|| Reject::new(400, -4018, "We don't have this asset."))?;
    let network = match params.text("network")? {
        Some(name) => coin.networks.iter().find(|network| network.network == name),
        None => coin.networks.first(),
    };
    let network = network
        .ok_or_else(|| Reject::new(400, -4019, "Current asset is not open for withdrawal."))?;
    let plain = address.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b':');
    if !plain || !(20..=100).contains(&address.len()) {
        return Err(Reject::new(400, -4007, "Address validation is not passed."));
    }
    if amount < network.withdraw_min {
        let least = short(network.withdraw_min);
        let msg = format!("Not less than the minimum pick-up quantity {least}.");
        return Err(Reject::new(400, -4022, msg));
    }
    if amount > network.withdraw_max || !on_grid(amount, Decimal::new(1, 8)) {
        let msg = "Within 24 hours, the withdrawal exceeds the maximum amount.";
        return Err(Reject::new(400, -4023, msg));
    }
    if amount <= network.withdraw_fee {
        let msg = "The amount of withdrawal must be greater than the Commission.";
        return Err(Reject::new(400, -4028, msg));
    }
    Ok(Asked {
        coin: asset.to_owned(),
        network: network.clone(),
        address: address.to_owned(),
        tag: params.text("addressTag")?.map(str::to_owned),
        amount,
    })
}

/// `POST /sapi/v1/capital/withdraw/apply`.
pub(crate) fn withdraw(call: &mut Call<'_>) -> Answer {
    let asked = asked(call)?;
    let order_id = call.params.text("withdrawOrderId")?.map(str::to_owned);
    let known = |withdrawal: &Withdrawal| withdrawal.order_id == order_id;
    if order_id.is_some() && call.account_state()?.movements.withdrawals.iter().any(known) {
        return Err(Reject::new(400, -4001, "Invalid operation."));
    }
    let (account, now) = (call.account, call.now);
    if !call.exchange.withdraw(account, &asked.coin, asked.amount, now) {
        return Err(Reject::new(400, -4026, "You have insufficient balance."));
    }
    let withdrawal = Withdrawal {
        id: call.exchange.made_up_hex(),
        coin: asked.coin,
        network: asked.network.network,
        address: asked.address,
        tag: asked.tag,
        amount: asked.amount,
        fee: asked.network.withdraw_fee,
        order_id,
        applied_ms: now,
        tx: format!("0x{}{}", call.exchange.made_up_hex(), call.exchange.made_up_hex()),
    };
    let id = withdrawal.id.clone();
    let keep = call.exchange.options.keep.movements;
    push_bounded(&mut call.account_state_mut()?.movements.withdrawals, withdrawal, keep);
    Ok(json!({ "id": id }))
}

/// Seconds since the epoch as `YYYY-MM-DD hh:mm:ss`, in UTC (Howard Hinnant's
/// civil-from-days algorithm).
fn civil(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// `GET /sapi/v1/capital/withdraw/history`.
pub(crate) fn withdraw_history(call: &mut Call<'_>) -> Answer {
    let coin = call.params.text("coin")?;
    let order_id = call.params.text("withdrawOrderId")?;
    let status = call.params.integer("status")?;
    let limit = call.params.limit(1000, 1000)?;
    let offset = usize::try_from(call.params.integer("offset")?.unwrap_or(0)).unwrap_or(usize::MAX);
    // The venue lets 90 days be asked for, and 7 beside an id of the client's;
    // an id alone looks through the last 7 days.
    let (mut start, end) = call.period(24 * if order_id.is_some() { 7 } else { 90 })?;
    if order_id.is_some() && start == 0 {
        start = call.now.saturating_sub(7 * 24 * 3_600_000);
    }
    let settle = call.exchange.options.withdrawal_ms;
    let stage = |withdrawal: &Withdrawal| {
        if call.now.saturating_sub(withdrawal.applied_ms) >= settle { 6_u64 } else { 4 }
    };
    let rows = call
        .account_state()?
        .movements
        .withdrawals
        .iter()
        .rev()
        .filter(|w| coin.is_none_or(|coin| w.coin == coin))
        .filter(|w| order_id.is_none() || w.order_id.as_deref() == order_id)
        .filter(|w| status.is_none_or(|status| stage(w) == status))
        .filter(|w| (start..=end).contains(&w.applied_ms))
        .skip(offset)
        .take(limit)
        .map(|w| {
            let done = stage(w) == 6;
            let mut row = json!({
                "id": w.id,
                "amount": short(sub(w.amount, w.fee)),
                "transactionFee": short(w.fee),
                "coin": w.coin,
                "status": stage(w),
                "address": w.address,
                "addressTag": w.tag.clone().unwrap_or_default(),
                "txId": if done { w.tx.as_str() } else { "" },
                "applyTime": civil(w.applied_ms),
                "network": w.network,
                "transferType": 0,
                "info": "",
                "confirmNo": if done { 12 } else { 0 },
                "walletType": 0,
                "txKey": "",
            });
            if let Some(map) = row.as_object_mut() {
                if let Some(order_id) = &w.order_id {
                    map.insert("withdrawOrderId".to_owned(), json!(order_id));
                }
                if done {
                    let at = civil(w.applied_ms.saturating_add(settle));
                    map.insert("completeTime".to_owned(), json!(at));
                }
            }
            row
        });
    Ok(rows.collect())
}

/// `GET /sapi/v1/capital/deposit/address`.
pub(crate) fn deposit_address(call: &mut Call<'_>) -> Answer {
    let coin = call.params.required("coin")?;
    if find_coin(call, coin).is_none() {
        return Err(Reject::new(400, -4018, "We don't have this asset."));
    }
    let digits = coin
        .bytes()
        .fold(7_u64, |sum, byte| sum.wrapping_mul(1_099_511_628_211).wrapping_add(u64::from(byte)));
    Ok(json!({
        "address": format!("0x{digits:016x}{:024x}", call.account),
        "coin": coin,
        "tag": "",
        "url": "",
    }))
}

/// `POST /sapi/v1/asset/transfer`: between the spot, funding and futures wallets;
/// other wallets take the amount out of sight.
pub(crate) fn transfer(call: &mut Call<'_>) -> Answer {
    let kind = call.params.required("type")?.to_owned();
    let asset = call.params.required("asset")?.to_owned();
    let amount = call.params.amount("amount")?;
    let (from, to) = kind
        .split_once('_')
        .ok_or_else(|| Reject::new(400, -1130, "Data sent for parameter 'type' is not valid."))?;
    let (account, now) = (call.account, call.now);
    let insufficient = || Reject::new(400, -5013, "Asset transfer failed: insufficient balance");
    match from {
        "MAIN" => {
            if !call.exchange.withdraw(account, &asset, amount, now) {
                return Err(insufficient());
            }
        }
        "UMFUTURE" => {
            if !call.futures.transfer(account, &asset, -amount, now) {
                return Err(insufficient());
            }
        }
        "FUNDING" => {
            let funding = call.account_state_mut()?.funding.entry(asset.clone()).or_default();
            if *funding < amount {
                return Err(insufficient());
            }
            *funding = sub(*funding, amount);
        }
        _ => return Err(insufficient()),
    }
    match to {
        "MAIN" => call.exchange.deposit(account, &asset, amount, now),
        "UMFUTURE" => {
            call.futures.transfer(account, &asset, amount, now);
        }
        "FUNDING" => {
            let funding = call.account_state_mut()?.funding.entry(asset.clone()).or_default();
            *funding = add(*funding, amount);
        }
        _ => {}
    }
    let id = call.exchange.transaction_id();
    let keep = call.exchange.options.keep.movements;
    let transfer = Transfer { id, kind, asset, amount, at_ms: now };
    push_bounded(&mut call.account_state_mut()?.movements.transfers, transfer, keep);
    Ok(json!({ "tranId": id }))
}

/// `GET /sapi/v1/asset/transfer`.
pub(crate) fn transfer_history(call: &mut Call<'_>) -> Answer {
    let kind = call.params.required("type")?;
    let transfers = call.account_state()?.movements.transfers.iter().rev();
    let rows: Vec<Value> = transfers
        .filter(|transfer| transfer.kind == kind)
        .take(100)
        .map(|transfer| {
            json!({
                "asset": transfer.asset,
                "amount": short(transfer.amount),
                "type": transfer.kind,
                "status": "CONFIRMED",
                "tranId": transfer.id,
                "timestamp": transfer.at_ms,
            })
        })
        .collect();
    Ok(json!({ "total": rows.len(), "rows": rows }))
}

/// `GET /sapi/v1/asset/tradeFee`.
pub(crate) fn trade_fee(call: &mut Call<'_>) -> Answer {
    let wanted = call.params.symbol()?;
    if let Some(symbol) = wanted {
        call.exchange.market(symbol)?;
    }
    let (maker, taker) = call.fee_rates();
    let symbols = call.exchange.markets.keys();
    let symbols = symbols.filter(|symbol| wanted.is_none_or(|wanted| *symbol == wanted));
    let row = |symbol: &String| {
        json!({
            "symbol": symbol,
            "makerCommission": maker.trim_end_matches('0'),
            "takerCommission": taker.trim_end_matches('0'),
        })
    };
    Ok(symbols.map(row).collect())
}

/// `POST /sapi/v1/asset/get-funding-asset`.
pub(crate) fn funding_assets(call: &mut Call<'_>) -> Answer {
    let wanted = call.params.text("asset")?;
    let funding = call.account_state()?.funding.iter();
    let rows = funding
        .filter(|(asset, amount)| {
            !amount.is_zero() && wanted.is_none_or(|wanted| asset.as_str() == wanted)
        })
        .map(|(asset, amount)| {
            json!({
                "asset": asset,
                "free": show(*amount),
                "locked": "0",
                "freeze": "0",
                "withdrawing": "0",
                "btcValuation": "0",
            })
        });
    Ok(rows.collect())
}

/// `POST /sapi/v3/asset/getUserAsset`: what is not zero.
pub(crate) fn user_assets(call: &mut Call<'_>) -> Answer {
    let wanted = call.params.text("asset")?;
    let balances = call.account_state()?.balances.iter();
    let rows = balances
        .filter(|(asset, balance)| {
            !add(balance.free, balance.locked).is_zero()
                && wanted.is_none_or(|wanted| asset.as_str() == wanted)
        })
        .map(|(asset, balance)| {
            json!({
                "asset": asset,
                "free": short(balance.free),
                "locked": short(balance.locked),
                "freeze": "0",
                "withdrawing": "0",
                "ipoable": "0",
                "btcValuation": "0",
            })
        });
    Ok(rows.collect())
}

/// `GET /sapi/v1/asset/wallet/balance`.
#[expect(clippy::unnecessary_wraps, reason = "the shape of every endpoint")]
pub(crate) fn wallet_balance(_call: &mut Call<'_>) -> Answer {
    Ok(json!([
        { "activate": true, "balance": "0", "walletName": "Spot" },
        { "activate": true, "balance": "0", "walletName": "Funding" },
    ]))
}
