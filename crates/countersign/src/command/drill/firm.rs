//! The firm that a drill is about: its configuration, the real judge and the
//! real signer under it, and the venue's books.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use gateway::Config;
use judge::policy::config::{BotPolicy, Preset};
use judge::{
    AccountEvent, AccountSetup, Alarm, ClockState, DetectConfig, Facts, HaltLevel, Judge, LogState,
    OrderStatus, OrderUpdate, Outcome, PolicySet, Reference, Response, SlowPrice, Surroundings,
    UnixNanos,
};
use rust_decimal::Decimal;
use sim::ledger::{Executed, Ledger};
use vault::ceiling::{self, MarketNeed, ValueOutNeed};
use vault::memory::Secret;
use vault::protocol::control::Scheme;
use vault::protocol::{KeyHandle, SignAsk, Surface};
use vault::signer::rehearsal::Rehearsal;
use vault::store::NewKey;
use wire::model::{Effect, Intent, Operation, Right, Rights};
use wire::venue::binance::{RawRequest, read, receive, text_to_sign};

use super::record::Role;
use crate::failure::Failure;

/// Where a request of the firm's own comes from, and where a thief's does.
pub(crate) const OWN_ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 7));
pub(crate) const THIEF_ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 66));
/// The client library of its bots.
pub(crate) const CLIENT: &str = "ccxt/4.5";
/// The first of the thief's addresses; nobody listed it.
pub(crate) const THIEF_WALLET: &str = "0x2b0502fdab4e221dcd492c058255d2073d50a3ae";

/// One of the thief's addresses.
pub(crate) fn thief_wallet(number: u32) -> String {
    if number == 0 { THIEF_WALLET.to_owned() } else { format!("0x{:040x}", 0x2b05_0000 + number) }
}

/// A configuration that drills run against.
#[derive(Debug)]
pub(crate) struct Setup {
    /// Where it is from.
    pub(crate) of: String,
    pub(crate) config: Config,
}

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcomes {
    /// Executed at the venue.
    Done,
    /// Stopped, and by what: rule, detector, `ceiling`, `authentication`.
    Stopped(String),
    /// It waits for an approval, and for which reason.
    Held(String),
}

impl Setup {
    /// Reads a configuration.
    ///
    /// # Errors
    /// What is wrong with it; the operator's fault.
    pub(crate) fn read(text: &str, base: &Path, of: String) -> Result<Self, Failure> {
        let config = Config::parse(text, base).map_err(|error| {
            Failure::negative(format!("the configuration does not read: {error}"))
                .next("see `countersign policy check`")
        })?;
        Ok(Self { of, config })
    }

    /// The first bot of a kind; none where the configuration has none.
    pub(crate) fn bot(&self, role: Role) -> Option<&BotPolicy> {
        let presets: &[Preset] = match role {
            Role::Treasury => &[Preset::Treasury],
            Role::Maker => &[Preset::MarketMaker],
            Role::Taker => &[Preset::Taker, Preset::MarketMaker],
        };
        presets.iter().find_map(|preset| {
            let mut bots = self.config.bots.values().map(|bot| &bot.policy);
            bots.find(|bot| bot.preset == *preset)
        })
    }

    /// The bot's own address: one that it may come from.
    pub(crate) fn own_address(&self, bot: &str) -> Option<IpAddr> {
        let config = self.config.bots.get(bot)?;
        let first = config.from.first().and_then(|range| range.hosts().next());
        [Some(OWN_ADDRESS), first].into_iter().flatten().find(|at| config.may_come_from(Some(*at)))
    }
}

/// What the world says beside the firm, at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// Unix ms.
    pub(crate) now_ms: u64,
    /// Where the request comes from, and as what.
    pub(crate) peer: Option<IpAddr>,
    pub(crate) client: String,
    /// The market's price at the venue, which a thief may have moved.
    pub(crate) price: Option<Decimal>,
    /// Its slow price.
    pub(crate) slow: Option<Decimal>,
    pub(crate) approved: bool,
    /// Other accounts that sent to the same destination within a day.
    pub(crate) elsewhere: u32,
    /// The venue does not answer.
    pub(crate) outage: bool,
}

/// One account of the firm's, guarded.
pub(crate) struct Firm {
    judge: Judge,
    signer: Rehearsal,
    /// The signer's state; gone with the firm.
    _directory: tempfile::TempDir,
    /// The halts that alarms began, by bot.
    suspended: Vec<String>,
    /// Whether withdrawals of the account are halted.
    withdrawals_halted: bool,
    next_id: u64,
}

impl Firm {
    /// The account with these bots, under this detection.
    pub(crate) fn new(
        account: &str,
        bots: &[BotPolicy],
        detection: DetectConfig,
        price: impl Fn(&str) -> Option<Decimal>,
        now_ms: u64,
    ) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::negative(format!("the drill cannot be set up: {error}"))
                .next("see `countersign policy check`")
        };
        let policies = PolicySet::compile(bots, "").map_err(|error| failed(&error))?;
        let policies = Arc::new(policies.with_detection(detection));
        let directory = tempfile::tempdir().map_err(|error| failed(&error))?;
        let keys = keys(account, bots, price).map_err(|error| failed(&error))?;
        let signer =
            Rehearsal::start(directory.path(), keys, now_ms).map_err(|error| failed(&error))?;
        Ok(Self {
            judge: Judge::new(policies, AccountSetup::named(account)),
            signer,
            _directory: directory,
            suspended: Vec::new(),
            withdrawals_halted: false,
            next_id: 0,
        })
    }

    /// Judges by other rules from now on, as after a push of policy.
    pub(crate) fn push(&mut self, bots: &[BotPolicy], detection: DetectConfig) -> Option<()> {
        let policies = PolicySet::compile(bots, "").ok()?.with_detection(detection);
        self.judge.set_policies(Arc::new(policies));
        Some(())
    }

    /// One request by a bot, all the way to the books; the intent for who wants
    /// to know, and what detectors said.
    pub(crate) fn request(
        &mut self,
        bot: &str,
        path: &str,
        text: &str,
        at: &Moment,
        ledger: &mut Ledger,
    ) -> (Outcomes, Alarm) {
        let stopped = |why: &str| (Outcomes::Stopped(why.to_owned()), Alarm::default());
        let (intent, text) = match understood(path, text, at.now_ms) {
            Ok(understood) => understood,
            Err(why) => return stopped(&why),
        };
        let now = UnixNanos::from_millis(at.now_ms);
        let reference = at.price.map(|mid| Reference { bid: mid, ask: mid, mid, at: now });
        let one = Decimal::ONE;
        let facts = Facts {
            bot,
            intent: &intent,
            text: text.as_bytes(),
            // No verdict depends on it.
            text_digest: [0; 32],
            client_order_ids: &client_order_ids(&intent),
            now,
            reference,
            quote_in_usd: None,
            halt: self.halt(bot),
            log: LogState::Ok,
            clock: ClockState::Sane,
            around: Surroundings {
                approved: at.approved,
                peer: at.peer,
                client: &at.client,
                asset_in_usd: Some(Reference { bid: one, ask: one, mid: one, at: now }),
                slow_price: at.slow.map(|price| SlowPrice { price, venues: 1 }),
                elsewhere: judge::Elsewhere {
                    accounts_to_destination: at.elsewhere,
                    trades_with_own: 0,
                },
                ..Surroundings::default()
            },
        };
        let verdict = self.judge.decide(&facts);
        let alarm = verdict.alarm;
        if alarm.response >= Response::Suspend && !matches!(verdict.outcome, Outcome::Allow(_)) {
            self.suspended.push(bot.to_owned());
            self.withdrawals_halted |= alarm.response == Response::Halt;
        }
        let why = || {
            let code = verdict.reasons.first().map_or("denied", |reason| reason.code);
            code.to_owned()
        };
        let permit = match verdict.outcome {
            Outcome::Allow(permit) => permit.into_parts(),
            Outcome::Hold => return (Outcomes::Held(why()), alarm),
            Outcome::Deny(_) => return (Outcomes::Stopped(why()), alarm),
        };
        let signed = self.sign(&permit.text, at.now_ms);
        if let (true, Some(reservation)) = (at.outage, permit.reservation) {
            // Unknown, until the venue says that it never came.
            self.judge.apply(&AccountEvent::Unknown { reservation }, now);
            self.judge.apply(&AccountEvent::Released { reservation }, now);
            return (Outcomes::Stopped("outage".to_owned()), alarm);
        }
        let done = match signed {
            Ok(signed) => ledger.execute(self.judge.account_name(), path, &signed),
            Err(why) => Executed::Refused(why),
        };
        self.settle(&intent, permit.reservation, &done, now);
        match done {
            Executed::Filled { .. } | Executed::Withdrawn => (Outcomes::Done, alarm),
            Executed::Refused(why) => (Outcomes::Stopped(why), alarm),
        }
    }

    /// Asks the signer, past the judge: what somebody does who took over the
    /// gateway.
    pub(crate) fn past_the_judge(
        &mut self,
        path: &str,
        text: &str,
        now_ms: u64,
        ledger: &mut Ledger,
    ) -> Outcomes {
        let text = match understood(path, text, now_ms) {
            Ok((_, text)) => text,
            Err(why) => return Outcomes::Stopped(why),
        };
        let done = match self.sign(text.as_bytes(), now_ms) {
            Ok(signed) => ledger.execute(self.judge.account_name(), path, &signed),
            Err(why) => Executed::Refused(why),
        };
        match done {
            Executed::Filled { .. } | Executed::Withdrawn => Outcomes::Done,
            Executed::Refused(why) => Outcomes::Stopped(why),
        }
    }

    fn halt(&self, bot: &str) -> HaltLevel {
        if self.suspended.iter().any(|name| name == bot) {
            HaltLevel::CancelOnly
        } else if self.withdrawals_halted {
            HaltLevel::Withdrawals
        } else {
            HaltLevel::None
        }
    }

    /// Whether an alarm halted anything.
    pub(crate) fn halts(&self) -> usize {
        self.suspended.len()
    }

    /// INVARIANT (second reading): the real signer under the real ceiling.
    fn sign(&mut self, text: &[u8], now_ms: u64) -> Result<Vec<u8>, String> {
        self.signer.at(now_ms);
        let is_out = text.starts_with(b"coin=");
        self.next_id += 1;
        let signed = self.signer.sign(SignAsk {
            id: self.next_id,
            key: KeyHandle(u16::from(!is_out)),
            entry: self.next_id,
            claim: if is_out { Effect::ValueOut } else { Effect::Order },
            deadline_unix_ms: now_ms + 5_000,
            surface: Surface::Rest,
            text: text.to_vec(),
            principal: String::new(),
            grants: Vec::new(),
        });
        signed.map(|signed| signed.text).map_err(|refusal| {
            tracing::debug!(detail = refusal.detail, "the signer refused");
            "ceiling".to_owned()
        })
    }

    /// Tells the judge what the venue would.
    fn settle(
        &mut self,
        intent: &Intent,
        reservation: Option<judge::ReservationId>,
        done: &Executed,
        now: UnixNanos,
    ) {
        let Some(reservation) = reservation else { return };
        let event = match done {
            Executed::Refused(_) => AccountEvent::Rejected { reservation },
            Executed::Withdrawn => AccountEvent::Acknowledged { reservation, orders: Vec::new() },
            Executed::Filled { base, quote } => AccountEvent::Acknowledged {
                reservation,
                orders: vec![OrderUpdate {
                    symbol: intent.symbol().unwrap_or_default().to_owned(),
                    order_id: Some(reservation.0 + 1),
                    client_order_id: client_order_ids(intent).pop().unwrap_or_default(),
                    new_client_order_id: None,
                    order_list_id: None,
                    status: OrderStatus::Closed,
                    quantity: Some(*base),
                    executed_quantity: Some(*base),
                    executed_quote: Some(*quote),
                }],
            },
        };
        self.judge.apply(&event, now);
    }
}

/// A limit order's text, without its time.
pub(crate) fn order_text(
    market: &str,
    side: &str,
    quantity: Decimal,
    price: Decimal,
    id: u64,
) -> String {
    format!(
        "symbol={market}&side={side}&type=LIMIT&timeInForce=GTC&quantity={}&price={}\
         &newClientOrderId=d{id}",
        quantity.normalize(),
        price.normalize()
    )
}

/// A withdrawal's text, without its time.
pub(crate) fn withdrawal_text(to: (&str, &str, &str), amount: Decimal, id: u64) -> String {
    let (asset, network, address) = to;
    format!(
        "coin={asset}&network={network}&address={address}&amount={}&withdrawOrderId=w{id}",
        amount.normalize()
    )
}

/// The path of each.
pub(crate) const ORDER: &str = "/api/v3/order";
pub(crate) const WITHDRAW: &str = "/sapi/v1/capital/withdraw/apply";

/// Reads a request as the gateway does, from the venue's own form: the intent,
/// and the canonical text.
fn understood(path: &str, text: &str, now_ms: u64) -> Result<(Intent, String), String> {
    let body = format!("{text}&timestamp={now_ms}&signature={}", "0".repeat(64));
    let raw = RawRequest {
        method: "POST",
        path,
        query: None,
        body: body.as_bytes(),
        content_type: Some("application/x-www-form-urlencoded"),
    };
    let received = receive(&raw).map_err(|refusal| refusal.to_string())?;
    let intent = read(&received).map_err(|refusal| refusal.to_string())?;
    let text = text_to_sign(&received, &intent, &[]).map_err(|refusal| refusal.to_string())?;
    Ok((intent, text.canonical()))
}

fn client_order_ids(intent: &Intent) -> Vec<String> {
    match &intent.operation {
        Operation::Place(group) => {
            group.orders.iter().filter_map(|order| order.client_order_id.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// The account's keys, with the ceilings that `key add` would propose for these
/// bots.
fn keys(
    account: &str,
    bots: &[BotPolicy],
    price: impl Fn(&str) -> Option<Decimal>,
) -> Result<Vec<NewKey>, String> {
    let mut needs: Vec<MarketNeed> = Vec::new();
    for bot in bots.iter().filter(|bot| bot.preset.trades()) {
        let hour = bot.max_notional_per_hour.unwrap_or_default();
        let order = bot.max_order_notional.unwrap_or_default();
        for market in &bot.markets {
            let Some(price) = price(market) else { continue };
            let base = |usd: Decimal| usd.checked_div(price).unwrap_or_default().round_dp(6);
            match needs.iter_mut().find(|need| need.market == *market) {
                Some(need) => {
                    need.order_base = need.order_base.max(base(order));
                    need.traded_base_per_hour += base(hour);
                }
                None => needs.push(MarketNeed {
                    market: market.clone(),
                    order_base: base(order),
                    traded_base_per_hour: base(hour),
                    quote: None,
                    maker_only: false,
                }),
            }
        }
    }
    let mut out: Vec<ValueOutNeed> = Vec::new();
    for to in bots.iter().flat_map(|bot| &bot.withdraw) {
        let destination = ceiling::Destination {
            network: to.network.clone(),
            address: to.address.clone(),
            memo: to.memo.clone(),
        };
        // The caps of an asset are the same for all its destinations.
        let first = out.iter().find(|need| need.asset == to.asset);
        let (per_request, per_day) = first
            .map_or((to.max_per_request, to.max_per_day), |need| (need.per_request, need.per_day));
        if out.iter().any(|need| need.asset == to.asset && need.destination == destination) {
            continue;
        }
        let asset = to.asset.clone();
        out.push(ValueOutNeed { asset, per_request, per_day, approved: None, destination });
    }
    let text = |error: vault::ceiling::CeilingError| error.to_string();
    let out = ceiling::propose_value_out(&out, None).map_err(text)?;
    let trade = ceiling::propose_trade(&needs).map_err(text)?;
    let reading = Rights::NONE.with(Right::Reading);
    let key = |name: &str, rights: Rights, ceiling| NewKey {
        name: name.to_owned(),
        account: account.to_owned(),
        venue: "binance".to_owned(),
        api_key: format!("drill{}", "0".repeat(59)),
        scheme: Scheme::HmacSha256,
        rights,
        rights_known: true,
        hosts: Vec::new(),
        accept_wide_rights: false,
        ceiling,
        secret: Secret::new(b"a-secret-of-a-drill-that-is-worth-nothing".to_vec()),
    };
    // Handles follow the names: value out first.
    Ok(vec![
        key("drill-out", reading.with(Right::Withdrawals), out),
        key("drill-trade", reading.with(Right::SpotMarginTrading), trade),
    ])
}
