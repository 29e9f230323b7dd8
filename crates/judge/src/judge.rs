//! The judge of one account group.

use std::collections::HashMap;
use std::hash::Hasher as _;
use std::sync::Arc;

use wire::model::{Decimal, OrderReference};

use crate::account::AccountSetup;
use crate::account::event::{
    AccountEvent, Balance, OpenOrder, OrderUpdate, ReservationId, Restored, RestoredHold,
};
use crate::account::instruments::Instrument;
use crate::account::state::{BotState, State};
use crate::bounds;
use crate::detect::{self, Noted, NotedAct, NotedOrder, ValueOut};
use crate::policy::cache::Cache;
use crate::policy::compile::PolicySet;
use crate::policy::preset::destination_id_of;
use crate::time::UnixNanos;

/// Judges the requests of one account group, in order, and keeps what its
/// limits count.
#[derive(Debug)]
pub struct Judge {
    pub(crate) policies: Arc<PolicySet>,
    pub(crate) setup: AccountSetup,
    pub(crate) state: State,
    pub(crate) cache: Cache,
    names: HashMap<String, u32>,
    pub(crate) active: usize,
}

/// An order that the venue should be asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// Which order.
    pub order: OrderReference,
    /// The request that placed it, while its outcome is unknown.
    pub reservation: Option<ReservationId>,
    /// When it was sent, venue time.
    pub sent_at: UnixNanos,
}

/// A withdrawal that the venue's history should be asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWithdrawal {
    /// The request whose outcome is unknown.
    pub reservation: ReservationId,
    /// The asset.
    pub asset: String,
    /// The client's own id for it; without one it cannot be asked for, and
    /// stays reserved.
    pub client_withdrawal_id: Option<String>,
    /// When it was sent, venue time.
    pub sent_at: UnixNanos,
}

/// An order that may be live at the venue.
#[derive(Clone, Debug)]
pub struct Resting<'a> {
    /// The market.
    pub market: &'a str,
    /// Its ids.
    pub order: OrderReference,
    /// The bot that placed it, where it is on record.
    pub bot: Option<&'a str>,
    /// Buy or sell, where it is on record.
    pub side: Option<wire::model::Side>,
    /// Where it rests, quote per base.
    pub price: Option<Decimal>,
    /// What may still fill, base, asset units.
    pub left: Option<Decimal>,
}

/// How full a bot's limits are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotUsage {
    /// Filled in the last hour, micro-USD.
    pub filled_hour_micro_usd: u128,
    /// Filled in the last day, micro-USD.
    pub filled_day_micro_usd: u128,
    /// Held by orders, micro-USD.
    pub held_micro_usd: u128,
    /// Orders open or awaiting an answer.
    pub open_orders: u64,
    /// Orders in the last second.
    pub orders_this_second: u128,
    /// Orders in the last minute.
    pub orders_this_minute: u128,
}

impl Judge {
    /// A judge for one account group, with the bots of `policies` that trade
    /// in it.
    pub fn new(policies: Arc<PolicySet>, setup: AccountSetup) -> Self {
        let mut judge = Self {
            policies: Arc::clone(&policies),
            setup,
            state: State::default(),
            cache: Cache::default(),
            names: HashMap::new(),
            active: 0,
        };
        judge.set_policies(policies);
        judge
    }

    /// Judges by other policies from now on; what was counted stays.
    pub fn set_policies(&mut self, policies: Arc<PolicySet>) {
        for bot in &mut self.state.bots {
            bot.policy = None;
        }
        let account = self.setup.name.clone();
        let ours: Vec<String> = policies
            .bots()
            .filter(|bot| bot.account == account)
            .map(|bot| bot.name.clone())
            .collect();
        self.active = ours.len();
        for name in ours {
            let number = policies.bot_number(&name);
            let known =
                self.names.get(&name).and_then(|index| self.state.bots.get_mut(*index as usize));
            match known {
                Some(bot) => bot.policy = number,
                None => {
                    self.new_bot(name, number);
                }
            }
        }
        self.policies = policies;
        self.cache.clear();
    }

    /// The policies in force.
    pub fn policies(&self) -> &Arc<PolicySet> {
        &self.policies
    }

    /// The account group's name.
    pub fn account_name(&self) -> &str {
        &self.setup.name
    }

    pub(crate) fn bot_index(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// Bots that have a policy in this account.
    pub(crate) fn active_bots(&self) -> usize {
        self.active
    }

    /// Applies what the venue told. `now` is venue time: fills are counted
    /// from it.
    pub fn apply(&mut self, event: &AccountEvent, now: UnixNanos) {
        match event {
            AccountEvent::Restored(restored) => self.restore(restored),
            _ => self.state.apply(event, now),
        }
    }

    fn restore(&mut self, restored: &Restored) {
        // INVARIANT (bounded): the log may name more bots than there can be.
        if self.state.bots.len() >= bounds::BOTS && self.bot_index(&restored.bot).is_none() {
            self.state.overflowed = true;
            return;
        }
        // A bot that is no longer configured still owns its orders.
        let bot = self
            .bot_index(&restored.bot)
            .unwrap_or_else(|| self.new_bot(restored.bot.clone(), None));
        let usd = match &restored.holds {
            RestoredHold::Orders { symbol, quote_in_usd, .. } => {
                if self.quotes_in_dollars(symbol) == Some(true) {
                    Decimal::ONE
                } else {
                    quote_in_usd.unwrap_or(Decimal::ZERO)
                }
            }
            RestoredHold::Changes(_) | RestoredHold::Withdrawal { .. } => Decimal::ZERO,
        };
        self.state.restore(bot, restored, usd);
        self.recall(bot, restored);
    }

    /// What the bot's habits take from a request of before a restart.
    fn recall(&mut self, bot: u32, restored: &Restored) {
        let habit = &restored.habit;
        let act = match (&restored.holds, &habit.destination) {
            (RestoredHold::Orders { symbol, orders, worth_micro_usd, .. }, _) => {
                NotedAct::Order(NotedOrder {
                    market: symbol,
                    count: u32::try_from(orders.len()).unwrap_or(u32::MAX),
                    adverse: detect::adverse(*worth_micro_usd, habit.beyond_bps),
                })
            }
            (_, Some((asset, network, address, memo))) => {
                let id = destination_id_of(asset, network, address, memo.as_deref());
                NotedAct::ValueOut(ValueOut {
                    destination: detect::fingerprint(&[id.as_bytes()]),
                    micro_usd: habit.micro_usd,
                    // What configuration vouches for it says again when asked.
                    known: false,
                })
            }
            _ => NotedAct::Other,
        };
        let noted = Noted {
            now: restored.at,
            approved: habit.approved,
            place: detect::place(habit.peer, habit.certificate.as_ref()),
            client: detect::client(&habit.client),
            act,
        };
        let policies = Arc::clone(&self.policies);
        if let Some(state) = self.state.bots.get_mut(bot as usize) {
            state.habits.note(policies.detection(), &noted, true);
        }
    }

    fn new_bot(&mut self, name: String, policy: Option<u32>) -> u32 {
        let index = u32::try_from(self.state.bots.len()).unwrap_or(u32::MAX);
        self.state.bots.push(BotState::new(&name, policy));
        self.names.insert(name, index);
        index
    }

    /// Whether a market's quote asset counts as one dollar; none where nobody
    /// knows.
    pub(crate) fn quotes_in_dollars(&self, symbol: &str) -> Option<bool> {
        self.state.instruments.quotes_in_dollars(&self.setup, symbol)
    }

    /// The markets that are known, in no order.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.state.instruments.iter()
    }

    /// Those of the venue's markets that are new or have changed.
    pub fn instrument_news(&self, told: &[Instrument]) -> Vec<Instrument> {
        let known = &self.state.instruments;
        told.iter().filter(|one| known.get(&one.symbol) != Some(*one)).cloned().collect()
    }

    /// The assets that count as one dollar.
    pub fn dollars(&self) -> &[String] {
        &self.setup.dollars
    }

    /// Orders that the venue should be asked about: of unknown outcome, or
    /// gone from a snapshot without a word about their end. What they hold
    /// stays held until an event says how they ended.
    pub fn unsettled(&self) -> Vec<Unsettled> {
        self.state
            .unsettled()
            .map(|(order, reservation)| Unsettled {
                order: OrderReference {
                    symbol: order.symbol.clone(),
                    order_id: order.order_id,
                    client_order_id: Some(order.client_order_id.clone()),
                },
                reservation,
                sent_at: order.sent_at,
            })
            .collect()
    }

    /// Withdrawals of unknown outcome. They stay reserved until an event says
    /// what the venue's history has of them.
    pub fn unknown_withdrawals(&self) -> Vec<UnknownWithdrawal> {
        self.state
            .unknown_withdrawals()
            .map(|(reservation, asset, client_id, sent_at)| UnknownWithdrawal {
                reservation,
                asset: asset.to_owned(),
                client_withdrawal_id: client_id.map(str::to_owned),
                sent_at,
            })
            .collect()
    }

    /// Orders that ended without a word on what they filled, by market and the
    /// venue's id. What they hold stays held until their trades are told.
    pub fn untold_fills(&self) -> Vec<(String, u64)> {
        self.state
            .untold()
            .filter_map(|order| Some((order.symbol.clone(), order.order_id?)))
            .collect()
    }

    /// What a snapshot's open orders tell of own orders that is not known yet:
    /// the part of a snapshot that windows and reservations depend on, for the
    /// log.
    pub fn news(&self, open_orders: &[OpenOrder]) -> Vec<OrderUpdate> {
        self.state.news(open_orders)
    }

    /// How full a bot's limits are.
    pub fn usage(&mut self, bot: &str, now: UnixNanos) -> Option<BotUsage> {
        let index = self.bot_index(bot)?;
        let state = self.state.bots.get_mut(index as usize)?;
        Some(BotUsage {
            filled_hour_micro_usd: state.hour.total(now),
            filled_day_micro_usd: state.day.total(now),
            held_micro_usd: state.held,
            open_orders: state.live,
            orders_this_second: state.second.total(now),
            orders_this_minute: state.minute.total(now),
        })
    }

    /// The bots of this account that have a policy, in the order in which they
    /// were first known.
    pub fn bots(&self) -> impl Iterator<Item = &str> {
        self.state.bots.iter().filter(|bot| bot.policy.is_some()).map(|bot| bot.name.as_str())
    }

    /// Orders that may be live at the venue.
    pub fn resting(&self) -> impl Iterator<Item = Resting<'_>> {
        self.state.book.iter().map(|(_, order)| Resting {
            market: &order.symbol,
            order: OrderReference {
                symbol: order.symbol.clone(),
                order_id: order.order_id,
                client_order_id: Some(order.client_order_id.clone()),
            },
            bot: order
                .owner
                .and_then(|owner| self.state.bots.get(owner as usize))
                .map(|bot| bot.name.as_str()),
            side: order.side,
            price: order.price,
            left: order.quantity.and_then(|all| all.checked_sub(order.executed)),
        })
    }

    /// The bot that placed an order, where it is on record.
    pub fn owner(&self, order: &OrderReference) -> Option<&str> {
        let crate::account::book::Named::One(slot) = self.state.book.named(order) else {
            return None;
        };
        let owner = self.state.book.get(slot)?.owner?;
        self.state.bots.get(owner as usize).map(|bot| bot.name.as_str())
    }

    /// The market of an order that the venue is told by its ids alone.
    pub fn market_of(&self, order: &OrderReference) -> Option<&str> {
        self.state.book.market_of(order)
    }

    /// A balance, as last told.
    pub fn balance(&self, asset: &str) -> Option<&Balance> {
        self.state.balances.get(asset)
    }

    /// Cached decisions given and full evaluations made, for metrics.
    pub fn cache_counts(&self) -> (u64, u64) {
        (self.cache.hits, self.cache.misses)
    }

    /// A digest of everything that decisions depend on: two judges that saw
    /// the same events have the same. The decision cache has no part in it.
    pub fn state_digest(&self) -> u64 {
        #[expect(deprecated, reason = "SipHash with fixed keys: the same everywhere")]
        let mut hasher = std::hash::SipHasher::new();
        self.state.digest(&mut hasher);
        hasher.finish()
    }
}
