//! The handle of a running paper venue.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use rust_decimal::Decimal;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::fault::{Fault, FaultPlan, StreamFault};
use crate::record::Recorded;
use crate::tls;
use crate::woox::desk::Desk;
use crate::woox::options::{ApiKey, PaperOptions};
use crate::woox::server;

/// A paper venue that is running. Dropping it stops it.
#[derive(Debug)]
pub struct PaperVenue {
    desk: Arc<Desk>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// An account's balance of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceNow {
    /// Token.
    pub token: String,
    /// What it holds, frozen included.
    pub holding: Decimal,
    /// What open spot orders need.
    pub frozen: Decimal,
}

/// An order as the venue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderNow {
    /// The venue's id.
    pub id: u64,
    /// The client's id; zero for none.
    pub client_id: u64,
    /// Symbol.
    pub symbol: String,
    /// `BUY` or `SELL`.
    pub side: &'static str,
    /// Limit price.
    pub price: Option<Decimal>,
    /// Quantity asked for, in base.
    pub quantity: Decimal,
    /// Quantity executed, in base.
    pub executed: Decimal,
    /// The same in quote.
    pub executed_quote: Decimal,
    /// Whether it only reduces a position.
    pub reduce_only: bool,
    /// Status in the venue's word, such as `NEW`.
    pub status: &'static str,
}

/// A perpetual position as the venue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionNow {
    /// Symbol.
    pub symbol: String,
    /// `BOTH`, `LONG` or `SHORT`.
    pub side: &'static str,
    /// Base quantity; negative where short.
    pub holding: Decimal,
    /// Average entry price.
    pub average: Decimal,
}

/// A withdrawal as the venue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawalNow {
    /// Token.
    pub token: String,
    /// Network; empty for one to another account of the venue.
    pub network: String,
    /// Address, or the receiver's application id.
    pub address: String,
    /// Memo or tag.
    pub extra: String,
    /// Amount, fee included.
    pub amount: Decimal,
    /// Whether it was cancelled.
    pub cancelled: bool,
}

/// The parts of a venue before it serves.
struct Prepared {
    desk: Arc<Desk>,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

fn prepare(options: PaperOptions) -> io::Result<Prepared> {
    let tls = options.tls.as_ref().map(tls::acceptor).transpose()?;
    let listener = TcpListener::bind(options.listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok(Prepared { desk: Arc::new(Desk::new(options)), listener, address, tls })
}

impl PaperVenue {
    /// Starts on the current tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound, or certificate or key cannot be read.
    #[expect(clippy::unused_async, reason = "it must run inside a runtime")]
    pub async fn start(options: PaperOptions) -> io::Result<Self> {
        let Prepared { desk, listener, address, tls } = prepare(options)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(server::serve(Arc::clone(&desk), listener, tls, stopped));
        Ok(Self { desk, address, stop, thread: None })
    }

    /// Starts on a thread and a runtime of its own, for callers without one.
    ///
    /// # Errors
    /// As [`PaperVenue::start`], and when the thread cannot be started.
    pub fn spawn_blocking(options: PaperOptions) -> io::Result<Self> {
        let Prepared { desk, listener, address, tls } = prepare(options)?;
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let served = Arc::clone(&desk);
        let run = move || {
            runtime.block_on(async move {
                if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                    server::serve(served, listener, tls, stopped).await;
                }
            });
        };
        let thread = std::thread::Builder::new().name("paper-woox".to_owned()).spawn(run)?;
        Ok(Self { desk, address, stop, thread: Some(thread) })
    }

    /// Where it listens, for requests and sockets alike.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    fn url(&self, scheme: &str) -> String {
        let secure = if self.desk.options.tls.is_some() { "s" } else { "" };
        format!("{scheme}{secure}://{}", self.address)
    }

    /// The base URL of requests, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.url("http")
    }

    /// The public socket without its application id; ccxt's `ws.public`.
    #[must_use]
    pub fn ws_public_url(&self) -> String {
        format!("{}/ws/stream", self.url("ws"))
    }

    /// The private socket without its application id; ccxt's `ws.private`.
    #[must_use]
    pub fn ws_private_url(&self) -> String {
        format!("{}/v2/ws/private/stream", self.url("ws"))
    }

    /// The requests kept, oldest first. Frames that clients sent on sockets are
    /// among them, with the method `WS` and the frame as body.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.desk.act(|state, _| state.records.all())
    }

    /// The requests kept, oldest first, which are then forgotten: none is lost in
    /// between.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Recorded> {
        self.desk.act(|state, _| state.records.take())
    }

    /// How many requests there have been since the start, kept or not.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.desk.act(|state, _| state.records.total())
    }

    /// Forgets the kept requests; the count goes on.
    pub fn forget_requests(&self) {
        self.desk.act(|state, _| state.records.clear());
    }

    /// Forgets used rate limits.
    pub fn forget_rates(&self) {
        self.desk.act(|state, _| state.rates.clear());
    }

    /// Venue time, milliseconds since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.desk.clock.now_ms()
    }

    /// Sets how far the venue's clock is ahead of the host's, in milliseconds.
    pub fn set_skew_ms(&self, skew_ms: i64) {
        self.desk.clock.set_skew_ms(skew_ms);
    }

    /// Moves a market's mid price; resting orders that it crosses are filled,
    /// algo orders that it reaches are set off. False for an unknown symbol or a
    /// price below a tick.
    pub fn set_price(&self, symbol: &str, price: Decimal) -> bool {
        self.desk.act(|state, now| state.exchange.set_price(symbol, price, now))
    }

    /// The last price of a market.
    #[must_use]
    pub fn price(&self, symbol: &str) -> Option<Decimal> {
        self.desk.act(|state, _| state.exchange.markets.get(symbol).map(|market| market.last))
    }

    /// One step of the seeded random walk, in every market.
    pub fn walk(&self) {
        self.desk.act(|state, now| state.exchange.walk(now));
    }

    /// Sets the funding rate of a perpetual's next interval. False for an unknown
    /// symbol.
    pub fn set_funding_rate(&self, symbol: &str, rate: Decimal) -> bool {
        self.desk.act(|state, _| match state.exchange.markets.get_mut(symbol) {
            Some(market) => {
                market.funding_rate = rate;
                true
            }
            None => false,
        })
    }

    /// Pays funding now, besides the schedule.
    pub fn pay_funding(&self) {
        self.desk.act(|state, now| state.exchange.fund_once(now));
    }

    /// Trades against a resting order, as maker, up to `quantity`. False where
    /// there is no such order.
    pub fn fill_resting(&self, order: u64, quantity: Decimal) -> bool {
        self.desk.act(|state, now| {
            let filled =
                quantity > Decimal::ZERO && state.exchange.fill_resting(order, Some(quantity), now);
            state.exchange.settle(now);
            filled
        })
    }

    /// Balances of an account, by its place in the options; tokens in order.
    #[must_use]
    pub fn balances(&self, account: usize) -> Vec<BalanceNow> {
        self.desk.act(|state, _| {
            let account = state.exchange.accounts.get(account);
            let balances = account.into_iter().flat_map(|account| account.balances.iter());
            balances
                .map(|(token, balance)| BalanceNow {
                    token: token.clone(),
                    holding: balance.holding,
                    frozen: balance.frozen,
                })
                .collect()
        })
    }

    /// What an account holds of a token.
    #[must_use]
    pub fn holding(&self, account: usize, token: &str) -> Decimal {
        let balances = self.balances(account);
        balances.iter().find(|b| b.token == token).map(|b| b.holding).unwrap_or_default()
    }

    /// Adds to what an account holds, as a deposit does.
    pub fn deposit(&self, account: usize, token: &str, amount: Decimal) {
        self.desk.act(|state, now| {
            state.exchange.change(account, token, amount, Decimal::ZERO);
            state.exchange.tell_balance(account, token, now);
        });
    }

    /// The ordinary orders of an account that the venue remembers, oldest first.
    #[must_use]
    pub fn orders(&self, account: usize) -> Vec<OrderNow> {
        self.desk.act(|state, _| {
            let orders = state.exchange.orders.values().filter(|order| order.account == account);
            let mut orders: Vec<OrderNow> = orders
                .map(|order| OrderNow {
                    id: order.id,
                    client_id: order.client_id,
                    symbol: order.symbol.clone(),
                    side: order.side.word(),
                    price: order.price,
                    quantity: order.quantity,
                    executed: order.executed,
                    executed_quote: order.quote_executed,
                    reduce_only: order.reduce_only,
                    status: order.status.word(),
                })
                .collect();
            orders.sort_unstable_by_key(|order| order.id);
            orders
        })
    }

    /// How many algo orders of an account wait.
    #[must_use]
    pub fn open_algos(&self, account: usize) -> usize {
        self.desk.act(|state, _| {
            state.exchange.accounts.get(account).map_or(0, |state| state.open_algos.len())
        })
    }

    /// The positions of an account that are not empty.
    #[must_use]
    pub fn positions(&self, account: usize) -> Vec<PositionNow> {
        self.desk.act(|state, _| {
            let account = state.exchange.accounts.get(account);
            let positions = account.into_iter().flat_map(|account| account.positions.iter());
            positions
                .filter(|(_, position)| !position.holding.is_zero())
                .map(|((symbol, side), position)| PositionNow {
                    symbol: symbol.clone(),
                    side: side.word(),
                    holding: position.holding,
                    average: position.average,
                })
                .collect()
        })
    }

    /// Withdrawals of an account, oldest first.
    #[must_use]
    pub fn withdrawals(&self, account: usize) -> Vec<WithdrawalNow> {
        self.desk.act(|state, _| {
            let account = state.exchange.accounts.get(account);
            let list = account.into_iter().flat_map(|account| account.movements.withdrawals.iter());
            list.map(|w| WithdrawalNow {
                token: w.token.clone(),
                network: w.network.clone(),
                address: w.address.clone(),
                extra: w.extra.clone(),
                amount: w.amount,
                cancelled: w.cancelled,
            })
            .collect()
        })
    }

    /// Gives an account a key, or replaces the key with the same text: new
    /// permissions, addresses and secrets count from the next request.
    pub fn set_key(&self, account: usize, key: ApiKey) {
        self.desk.act(|state, _| state.keys.put(account, key));
    }

    /// Revokes a key at the venue. Whether there was one.
    pub fn revoke_key(&self, key: &str) -> bool {
        self.desk.act(|state, _| state.keys.remove(key))
    }

    /// Lets a fault happen to the next requests that fit it.
    pub fn inject(&self, fault: Fault) {
        self.desk.act(|state, _| state.faults.inject(fault));
    }

    /// Lets a fault happen to the next events of sockets that fit it; a stream's
    /// name is its topic.
    pub fn inject_stream(&self, fault: StreamFault) {
        self.desk.act(|state, _| state.stream_faults.inject(fault));
    }

    /// Sets or ends the seeded plan of faults.
    pub fn set_fault_plan(&self, plan: Option<FaultPlan>) {
        self.desk.act(|state, _| {
            state.stream_faults.set_plan(plan.clone());
            state.faults.set_plan(plan);
        });
    }

    /// Stops, and waits for the thread where there is one.
    pub fn shutdown(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic on the venue's thread has been printed by it.
            let _ = thread.join();
        }
    }
}

impl Drop for PaperVenue {
    fn drop(&mut self) {
        self.halt();
    }
}
