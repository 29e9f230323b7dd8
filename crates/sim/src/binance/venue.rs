//! The handle of a running paper venue.

mod futures;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use rust_decimal::Decimal;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::binance::desk::Desk;
use crate::binance::fault::{Fault, FaultPlan, StreamFault};
use crate::binance::options::{ApiKey, PaperOptions};
use crate::binance::record::Recorded;
use crate::binance::server;
use crate::tls;

/// A paper venue that is running. Dropping it stops it.
#[derive(Debug)]
pub struct PaperVenue {
    desk: Arc<Desk>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// An account's balance of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceNow {
    /// Asset.
    pub asset: String,
    /// What can be used.
    pub free: Decimal,
    /// What open orders hold.
    pub locked: Decimal,
}

/// An order as the venue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderNow {
    /// The venue's id.
    pub id: u64,
    /// The client's id.
    pub client_id: String,
    /// Symbol.
    pub symbol: String,
    /// `BUY` or `SELL`.
    pub side: &'static str,
    /// Limit price; zero without one.
    pub price: Decimal,
    /// Quantity asked for, in base.
    pub quantity: Decimal,
    /// Quantity executed, in base.
    pub executed: Decimal,
    /// The same in quote.
    pub executed_quote: Decimal,
    /// Status in the venue's word, such as `NEW`.
    pub status: &'static str,
}

/// A futures position as the venue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionNow {
    /// Symbol.
    pub symbol: String,
    /// `BOTH`, `LONG` or `SHORT`.
    pub side: &'static str,
    /// Base quantity; negative for a short one.
    pub amount: Decimal,
    /// Average entry price.
    pub entry: Decimal,
    /// Margin set aside for it; zero where margin is crossed.
    pub isolated_wallet: Decimal,
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
        let thread = std::thread::Builder::new().name("paper-binance".to_owned()).spawn(run)?;
        Ok(Self { desk, address, stop, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The base URL, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn base_url(&self) -> String {
        let scheme = if self.desk.options.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// A URL on the same address with the WebSocket scheme, such as
    /// `ws://127.0.0.1:40123/ws-api/v3`. Paths: `/ws-api/v3` and `/ws-fapi/v1`
    /// are the WebSocket APIs; `/stream/ws` and `/stream/stream` the streams of
    /// spot, `/fstream/ws` and `/fstream/stream` those of the futures (with
    /// `/public`, `/market` or `/private` in between if wanted); `/ws` and
    /// `/stream` are the futures' where the `Host` begins with `fstream`, else
    /// spot's.
    #[must_use]
    pub fn ws_url(&self, path: &str) -> String {
        let scheme = if self.desk.options.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// The requests kept, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.desk.state().records.all()
    }

    /// The requests kept, oldest first, which are then forgotten: none is lost in
    /// between.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Recorded> {
        self.desk.state().records.take()
    }

    /// How many requests there have been since the start, kept or not.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.desk.state().records.total()
    }

    /// Forgets the kept requests; the count goes on.
    pub fn forget_requests(&self) {
        self.desk.state().records.clear();
    }

    /// Forgets used request weight and bans.
    pub fn forget_weights(&self) {
        self.desk.state().weights.clear();
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

    /// Moves a spot market's mid price; resting orders that it crosses are filled,
    /// stops that it reaches are set off. False for an unknown symbol or a price
    /// below a tick.
    pub fn set_price(&self, symbol: &str, price: Decimal) -> bool {
        self.desk.change(|state, now| state.exchange.set_price(symbol, price, now))
    }

    /// The last price of a market.
    #[must_use]
    pub fn price(&self, symbol: &str) -> Option<Decimal> {
        self.desk.state().exchange.markets.get(symbol).map(|market| market.last)
    }

    /// One step of the seeded random walk, in every market.
    pub fn walk(&self) {
        self.desk.change(|state, now| {
            state.exchange.walk(now);
            state.futures.walk(now);
        });
    }

    /// Trades against a resting order, as maker, up to `quantity`. False where
    /// there is no such working order.
    pub fn fill_resting(&self, order: u64, quantity: Decimal) -> bool {
        self.desk.change(|state, now| {
            let filled =
                quantity > Decimal::ZERO && state.exchange.fill_resting(order, Some(quantity), now);
            state.exchange.settle(now);
            filled
        })
    }

    /// Balances of an account, by its place in the options; assets in order.
    #[must_use]
    pub fn balances(&self, account: usize) -> Vec<BalanceNow> {
        let state = self.desk.state();
        let account = state.exchange.accounts.get(account);
        let balances = account.into_iter().flat_map(|account| account.balances.iter());
        balances
            .map(|(asset, balance)| BalanceNow {
                asset: asset.clone(),
                free: balance.free,
                locked: balance.locked,
            })
            .collect()
    }

    /// Adds to an account's free balance, as a deposit does.
    pub fn deposit(&self, account: usize, asset: &str, amount: Decimal) {
        self.desk.change(|state, now| state.exchange.deposit(account, asset, amount, now));
    }

    /// The orders of an account that the venue remembers, oldest first.
    #[must_use]
    pub fn orders(&self, account: usize) -> Vec<OrderNow> {
        let state = self.desk.state();
        let orders = state.exchange.orders.values().filter(|order| order.account == account);
        let mut orders: Vec<OrderNow> = orders
            .map(|order| OrderNow {
                id: order.id,
                client_id: order.client_id.clone(),
                symbol: order.symbol.clone(),
                side: order.side.word(),
                price: order.price,
                quantity: order.quantity,
                executed: order.executed,
                executed_quote: order.quote_executed,
                status: order.status.word(),
            })
            .collect();
        orders.sort_unstable_by_key(|order| order.id);
        orders
    }

    /// Withdrawals applied for by an account: coin, address, amount.
    #[must_use]
    pub fn withdrawals(&self, account: usize) -> Vec<(String, String, Decimal)> {
        let state = self.desk.state();
        let account = state.exchange.accounts.get(account);
        let list = account.into_iter().flat_map(|account| account.movements.withdrawals.iter());
        list.map(|w| (w.coin.clone(), w.address.clone(), w.amount)).collect()
    }

    /// Gives an account a key, or replaces the key with the same text: new
    /// rights, address lists and secrets count from the next request.
    pub fn set_key(&self, account: usize, key: ApiKey) {
        self.desk.state().keys.put(account, key);
    }

    /// Revokes a key at the venue; the spot user streams that it opened end.
    /// Whether there was one.
    pub fn revoke_key(&self, key: &str) -> bool {
        self.desk.change(|state, now| {
            let event = serde_json::json!({ "e": "eventStreamTerminated", "E": now });
            state.hub.end_key(key, &event);
            state.listeners_changed();
            state.keys.remove(key)
        })
    }

    /// Lets a fault happen to the next requests that fit it.
    pub fn inject(&self, fault: Fault) {
        self.desk.state().faults.inject(fault);
    }

    /// Lets a fault happen to the next events of streams that fit it.
    pub fn inject_stream(&self, fault: StreamFault) {
        self.desk.state().hub.faults.inject(fault);
    }

    /// Sets the seeded faults of requests and streams, or ends them.
    pub fn set_fault_plan(&self, plan: Option<FaultPlan>) {
        let mut state = self.desk.state();
        state.faults.set_plan(plan.clone());
        state.hub.faults.set_plan(plan);
    }

    /// Cuts every WebSocket connection off, without a close frame.
    pub fn drop_sockets(&self) {
        let mut state = self.desk.state();
        state.hub.drop_all();
        state.listeners_changed();
    }

    /// WebSocket connections open now.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.desk.state().hub.len()
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
