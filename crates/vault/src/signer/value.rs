//! What is worse than an order: signed only where the ceiling grants exactly
//! that, and charged as that.

mod binance;
mod woox;

use wire::model::{Decimal, Effect};

use super::clock::Moment;
use super::counters::Counters;
use super::keys::Key;
use super::refuse::{bot, gateway, operator};
use crate::ceiling::UNCOUNTED;
use crate::protocol::{RefusalCode, SignRefusal};

/// How a venue's text says what it would move. Whatever could hide or change
/// that is an error.
pub(super) trait Movement {
    /// The one endpoint that takes value out to listed destinations.
    const WITHDRAW: &'static str;

    /// The withdrawal that the text would be at [`Self::WITHDRAW`].
    fn withdrawal(&self) -> Result<Withdrawal<'_>, SignRefusal>;

    /// Asset and amount of another movement, where the text has them.
    fn moved(&self) -> Result<(Option<&str>, Option<&str>), SignRefusal>;
}

/// A withdrawal as it stands in a text.
pub(super) struct Withdrawal<'a> {
    pub(super) asset: &'a str,
    pub(super) network: Option<&'a str>,
    pub(super) address: Option<&'a str>,
    pub(super) memo: Option<&'a str>,
    pub(super) amount: Option<&'a str>,
}

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

/// Everything worse than an order that the text could be (`worse`: endpoint and
/// effect); each must be granted by the ceiling.
pub(super) fn moves<T: Movement>(
    text: &T,
    worse: &[(&str, Effect)],
    key: &Key,
) -> Result<Vec<Move>, SignRefusal> {
    let mut moves = Vec::new();
    for (endpoint, effect) in worse {
        if *endpoint == T::WITHDRAW && *effect == Effect::ValueOut {
            moves.push(withdrawal(&text.withdrawal()?, key)?);
            continue;
        }
        let Some(allowed) = key.ceiling.allowance(endpoint).filter(|one| one.effect == *effect)
        else {
            return Err(bot(
                RefusalCode::EffectNotAllowed,
                format!(
                    "the text could be {endpoint} ({}), which the ceiling of key `{}` does not \
                     allow",
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
        let (asset, amount) = text.moved()?;
        let rule = asset
            .and_then(|asset| allowed.amounts.iter().find(|one| one.asset == asset))
            .ok_or_else(|| {
                bot(RefusalCode::Ceiling, format!("{name}: its asset is not in the ceiling"))
            })?;
        let amount = self::amount(amount)?;
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

fn amount(text: Option<&str>) -> Result<Decimal, SignRefusal> {
    let text = text.unwrap_or_default();
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
fn withdrawal(wanted: &Withdrawal<'_>, key: &Key) -> Result<Move, SignRefusal> {
    let asset = wanted.asset;
    let rule = key.ceiling.asset(asset).ok_or_else(|| {
        bot(
            RefusalCode::EffectNotAllowed,
            format!(
                "the text could withdraw `{asset}`, which the ceiling of key `{}` does not allow",
                key.info.name
            ),
        )
    })?;
    let listed = rule.destinations.iter().any(|to| {
        wanted.network == Some(to.network.as_str())
            && wanted.address == Some(to.address.as_str())
            && wanted.memo == to.memo.as_deref()
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
    let amount = amount(wanted.amount)?;
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
