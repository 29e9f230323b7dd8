//! What is worse than an order: signed only where the ceiling grants exactly
//! that, and charged as that.

mod binance;
mod woox;

use wire::model::{Decimal, Effect};

use super::clock::Moment;
use super::counters::Counters;
use super::grants::{self, Fate, Verified};
use super::keys::Key;
use super::refuse::{bot, gateway, operator};
use crate::ceiling::UNCOUNTED;
use crate::grant::Content;
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
    /// A parameter that says more than an approval does, where there is one.
    pub(super) beyond_approval: Option<&'static str>,
}

/// What comes with a text that may need approval.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The bot that asks, as the gateway says.
    pub(super) principal: &'a str,
    pub(super) grants: &'a [Vec<u8>],
    /// When, Unix ms.
    pub(super) now_ms: u64,
}

/// What a text would move, and what it is approved by.
#[derive(Default)]
pub(super) struct Moves {
    pub(super) all: Vec<Move>,
    pub(super) approved: Option<Box<Verified>>,
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
    /// Whether more of it may leave with approval.
    approvable: bool,
    /// For `signed.log`.
    pub(super) word: String,
}

/// Everything worse than an order that the text could be (`worse`: endpoint and
/// effect); each must be granted by the ceiling.
pub(super) fn moves<T: Movement>(
    text: &T,
    worse: &[(&str, Effect)],
    key: &Key,
    asked: &Asked<'_>,
) -> Result<Moves, SignRefusal> {
    let mut found = Moves::default();
    let moves = &mut found.all;
    for (endpoint, effect) in worse {
        if *endpoint == T::WITHDRAW && *effect == Effect::ValueOut {
            let (one, approved) = withdrawal(&text.withdrawal()?, T::WITHDRAW, key, asked)?;
            moves.push(one);
            found.approved = approved;
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
            approvable: false,
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
            approvable: false,
            word: format!("out:{}:{amount}", rule.asset),
        });
    }
    if found.approved.is_none() && !asked.grants.is_empty() {
        return Err(needless());
    }
    Ok(found)
}

/// Grants beside a text that nothing can be approved for.
pub(super) fn needless() -> SignRefusal {
    gateway(RefusalCode::GrantRefused, "approval refused: only withdrawals are approved")
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

/// A withdrawal, to a listed destination only: within the first tier, or
/// approved and within the second.
fn withdrawal(
    wanted: &Withdrawal<'_>,
    endpoint: &str,
    key: &Key,
    asked: &Asked<'_>,
) -> Result<(Move, Option<Box<Verified>>), SignRefusal> {
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
    let to = rule.destinations.iter().find(|to| {
        wanted.network == Some(to.network.as_str())
            && wanted.address == Some(to.address.as_str())
            && wanted.memo == to.memo.as_deref()
    });
    let Some(to) = to else {
        return Err(bot(
            RefusalCode::Destination,
            format!(
                "the destination (network, address, memo) of this {asset} withdrawal is not \
                 listed in the ceiling of key `{}`",
                key.info.name
            ),
        ));
    };
    let amount = amount(wanted.amount)?;
    let of = |window: String, limit: Decimal, approvable: bool| Move {
        window,
        amount,
        limit,
        withdrawal: true,
        approvable,
        word: format!("out:{asset}:{amount}"),
    };
    if asked.grants.is_empty() {
        match &rule.approved {
            Some(more) if amount > rule.per_request && amount <= more.per_request => {
                return Err(approval_needed(format!(
                    "{asset}: {amount} in one request needs approval, which is over {}",
                    rule.per_request
                )));
            }
            Some(more) => within_request(asset, amount, more.per_request)?,
            None => within_request(asset, amount, rule.per_request)?,
        }
        let first = of(format!("out|{asset}"), rule.per_day, rule.approved.is_some());
        return Ok((first, None));
    }
    if let Some(name) = wanted.beyond_approval {
        return Err(bot(
            RefusalCode::GrantRefused,
            format!(
                "approval refused: it says nothing of `{name}`; send the withdrawal without it"
            ),
        ));
    }
    let verified = grants::verify(asked.grants, key, asked.now_ms)?;
    if let Some(approvals) = &key.ceiling.approvals {
        verified.require_quorum(approvals)?;
    }
    verified.require(&Content {
        action: endpoint.to_owned(),
        venue: key.venue.name().to_owned(),
        account: key.info.account.clone(),
        principal: asked.principal.to_owned(),
        asset: asset.to_owned(),
        amount,
        network: to.network.clone(),
        address: to.address.clone(),
        memo: to.memo.clone(),
        // No text with such a parameter is signed.
        fee_payer: None,
    })?;
    let mut second = match &rule.approved {
        Some(more) => {
            within_request(asset, amount, more.per_request)?;
            of(format!("approved|{asset}"), more.per_day, false)
        }
        // Nothing leaves beyond the first tier, but an approval asked for by
        // policy is used up all the same.
        None => {
            within_request(asset, amount, rule.per_request)?;
            of(format!("out|{asset}"), rule.per_day, false)
        }
    };
    second.word.push_str(&format!(";grant:{}", verified.approval.id));
    Ok((second, Some(Box::new(verified))))
}

fn approval_needed(what: String) -> SignRefusal {
    bot(RefusalCode::ApprovalNeeded, what)
}

/// Holds the moves against the day's counters and charges them. The caller
/// saves the counters before anything is signed.
///
/// An approval is used up here.
pub(super) fn charge(
    moves: &Moves,
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
    let Moves { all: moves, approved } = moves;
    if let Some(verified) = approved {
        grants::admit(verified, counters, now.max(moment.wall_ms))?;
    }
    let Some(used) = counters.key(key) else { return Err(no_counters(key)) };
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
        if !fits && one.approvable {
            return Err(approval_needed(format!(
                "{} more in 24 h than {} needs approval",
                one.amount, one.limit
            )));
        }
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
    if let Some(verified) = approved {
        let (id, expires_unix_ms) = (verified.approval.id, verified.approval.expires_unix_ms);
        grants::spend(counters, id, expires_unix_ms, Fate::Used)?;
    }
    let Some(used) = counters.key(key) else { return Err(no_counters(key)) };
    for one in moves {
        used.window(&one.window).add(now, one.amount);
    }
    if moves.iter().any(|one| one.withdrawal) {
        used.busy_until_ms = now.saturating_add(busy_ms);
    }
    Ok(())
}

fn no_counters(key: &str) -> SignRefusal {
    operator(RefusalCode::StateSpent, format!("key `{key}` has no counters: they count as spent"))
}
