//! What is worse than an order: signed only where the ceiling grants exactly
//! that, and charged as that.

use wire::model::{Decimal, Effect};
use wire::venue::binance::ParamText;
use wire::venue::binance::collide;

use super::clock::Moment;
use super::counters::Counters;
use super::decide::lookalikes;
use super::keys::Key;
use super::refuse::{bot, gateway, operator};
use crate::ceiling::UNCOUNTED;
use crate::protocol::{RefusalCode, SignRefusal};

/// The one endpoint that takes value out to listed destinations.
const WITHDRAW: &str = "POST /sapi/v1/capital/withdraw/apply";
/// What a withdrawal's text may hold; anything else could change what it does.
const WITHDRAW_PARAMETERS: [&str; 9] = [
    "coin",
    "network",
    "address",
    "addressTag",
    "amount",
    "withdrawOrderId",
    "walletType",
    "timestamp",
    "recvWindow",
];

/// One thing that a text would take out of a day's windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// The window's name in the counters.
    window: String,
    amount: Decimal,
    limit: Decimal,
    /// Whether this is a withdrawal, which go one at a time.
    withdrawal: bool,
    /// For `signed.log`.
    pub(super) word: String,
}

/// Everything worse than an order that the text could be; each must be granted
/// by the ceiling.
pub(super) fn moves(params: &ParamText, key: &Key) -> Result<Vec<Move>, SignRefusal> {
    let mut moves = Vec::new();
    let meanings = collide::meanings(params, key.reach);
    let worse = meanings.endpoints.iter().filter(|(_, effect)| *effect > Effect::Order);
    for (endpoint, effect) in worse {
        if endpoint.name == WITHDRAW && *effect == Effect::ValueOut {
            moves.push(withdrawal(params, key)?);
            continue;
        }
        let Some(allowed) =
            key.ceiling.allowance(&endpoint.name).filter(|one| one.effect == *effect)
        else {
            return Err(bot(
                RefusalCode::EffectNotAllowed,
                format!(
                    "the text could be {} ({}), which the ceiling of key `{}` does not allow",
                    endpoint.name,
                    effect.name(),
                    key.info.name
                ),
            ));
        };
        if allowed.requests_per_day == UNCOUNTED {
            continue;
        }
        let name = &allowed.endpoint;
        moves.push(Move {
            window: format!("count|{name}"),
            amount: Decimal::ONE,
            limit: Decimal::from(allowed.requests_per_day),
            withdrawal: false,
            word: format!("use:{}", name.replace(' ', "_")),
        });
        if allowed.amounts.is_empty() {
            continue;
        }
        lookalikes(params, &["asset", "coin", "amount"], &["asset", "coin", "amount"])?;
        let asset = params.get("asset").or_else(|| params.get("coin"));
        let rule = asset
            .and_then(|asset| allowed.amounts.iter().find(|one| one.asset == asset))
            .ok_or_else(|| {
                bot(RefusalCode::Ceiling, format!("{name}: its asset is not in the ceiling"))
            })?;
        let amount = amount(params)?;
        within_request(name, amount, rule.per_request)?;
        moves.push(Move {
            window: format!("amount|{name}|{}", rule.asset),
            amount,
            limit: rule.per_day,
            withdrawal: false,
            word: format!("out:{}:{amount}", rule.asset),
        });
    }
    Ok(moves)
}

fn amount(params: &ParamText) -> Result<Decimal, SignRefusal> {
    let text = params.get("amount").unwrap_or_default();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match text.parse::<Decimal>() {
        // Parsing rounds what it cannot hold; what was read must be what is
        // written.
        Ok(amount)
            if plain && amount > Decimal::ZERO && amount.scale() <= 18 && text.len() <= 28 =>
        {
            Ok(amount)
        }
        _ => Err(gateway(RefusalCode::NotCanonical, "`amount` is not a plain decimal over zero")),
    }
}

fn within_request(what: &str, amount: Decimal, limit: Decimal) -> Result<(), SignRefusal> {
    if amount <= limit {
        return Ok(());
    }
    Err(bot(
        RefusalCode::Ceiling,
        format!("{what}: {amount} in one request is over the key's ceiling of {limit}"),
    ))
}

/// A withdrawal, to a listed destination only.
fn withdrawal(params: &ParamText, key: &Key) -> Result<Move, SignRefusal> {
    if let Some((name, _)) = params.iter().find(|(name, _)| !WITHDRAW_PARAMETERS.contains(name)) {
        return Err(gateway(
            RefusalCode::EffectNotAllowed,
            format!("a withdrawal with the parameter `{name}` is not signed"),
        ));
    }
    if !params.has("withdrawOrderId") {
        return Err(gateway(
            RefusalCode::NoClientOrderId,
            "a withdrawal needs a client id of its own (`withdrawOrderId`)",
        ));
    }
    let asset = params.get("coin").unwrap_or_default();
    let rule = key.ceiling.asset(asset).ok_or_else(|| {
        bot(
            RefusalCode::EffectNotAllowed,
            format!(
                "the text could withdraw `{asset}`, which the ceiling of key `{}` does not allow",
                key.info.name
            ),
        )
    })?;
    let (network, address, memo) =
        (params.get("network"), params.get("address"), params.get("addressTag"));
    let listed = rule.destinations.iter().any(|to| {
        network == Some(to.network.as_str())
            && address == Some(to.address.as_str())
            && memo == to.memo.as_deref()
    });
    if !listed {
        return Err(bot(
            RefusalCode::Destination,
            format!(
                "the destination (network, address, memo) of this {asset} withdrawal is not \
                 listed in the ceiling of key `{}`",
                key.info.name
            ),
        ));
    }
    let amount = amount(params)?;
    within_request(asset, amount, rule.per_request)?;
    Ok(Move {
        window: format!("out|{asset}"),
        amount,
        limit: rule.per_day,
        withdrawal: true,
        word: format!("out:{asset}:{amount}"),
    })
}

/// Holds the moves against the day's counters and charges them. The caller
/// saves the counters before anything is signed.
pub(super) fn charge(
    moves: &[Move],
    key: &str,
    counters: &mut Counters,
    moment: &Moment,
    busy_ms: u64,
    checkpoint_shown: bool,
) -> Result<(), SignRefusal> {
    if !checkpoint_shown {
        return Err(operator(
            RefusalCode::StateSpent,
            "the newest checkpoint of the log has not been shown since start: what moves value \
             counts as spent",
        ));
    }
    let now = moment.window_ms;
    if now < counters.spent_until_ms {
        let hours = (counters.spent_until_ms - now).div_ceil(3_600_000);
        return Err(operator(
            RefusalCode::StateSpent,
            format!(
                "the signer's counters were missing or older than the log and count as spent \
                 for {hours} h more"
            ),
        ));
    }
    let Some(used) = counters.key(key) else {
        return Err(operator(
            RefusalCode::StateSpent,
            format!("key `{key}` has no counters: they count as spent"),
        ));
    };
    if moves.iter().any(|one| one.withdrawal) && now < used.busy_until_ms {
        return Err(SignRefusal {
            retry: true,
            ..bot(
                RefusalCode::OneAtATime,
                format!(
                    "the receive window of the last withdrawal has not passed; try again in {} ms",
                    used.busy_until_ms - now
                ),
            )
        });
    }
    for (at, one) in moves.iter().enumerate() {
        // Two meanings that share a window are charged together.
        let sum = moves
            .iter()
            .take(at + 1)
            .filter(|other| other.window == one.window)
            .try_fold(Decimal::ZERO, |sum, other| sum.checked_add(other.amount));
        let fits = sum.is_some_and(|sum| used.window(&one.window).fits(now, sum, one.limit));
        if !fits {
            return Err(SignRefusal {
                retry: true,
                ..bot(
                    RefusalCode::Window,
                    format!(
                        "{} more in 24 h is over the key's ceiling of {}",
                        one.amount, one.limit
                    ),
                )
            });
        }
    }
    for one in moves {
        used.window(&one.window).add(now, one.amount);
    }
    if moves.iter().any(|one| one.withdrawal) {
        used.busy_until_ms = now.saturating_add(busy_ms);
    }
    Ok(())
}
