//! What a paper WOO X is set up with: markets, tokens, accounts, limits, faults.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use rust_decimal::Decimal;

pub use crate::book::MarketMaker;
use crate::fault::FaultPlan;
pub use crate::tls::Tls;
use crate::woox::defaults;

/// Everything a paper venue is started with.
#[derive(Debug, Clone)]
pub struct PaperOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificate and key; plain HTTP where absent.
    pub tls: Option<Tls>,
    /// How far the venue's clock is ahead of the host's, in milliseconds.
    pub skew_ms: i64,
    /// How old or how far ahead a request's timestamp may be, in milliseconds.
    /// The venue does not document its window; ten seconds is unverified.
    pub timestamp_window_ms: i64,
    /// Markets.
    pub instruments: Vec<Instrument>,
    /// Tokens the wallet knows, with the networks they leave by.
    pub tokens: Vec<Token>,
    /// Fees.
    pub fees: Fees,
    /// Rate limits.
    pub limits: Limits,
    /// Who trades here.
    pub accounts: Vec<Account>,
    /// The seeded liquidity.
    pub market_maker: MarketMaker,
    /// Funding of perpetual positions.
    pub funding: Funding,
    /// Seed of the random walk and of made-up ids.
    pub seed: u64,
    /// Faults that happen by a seeded plan.
    pub faults: Option<FaultPlan>,
    /// How long a withdrawal stays unconfirmed, in milliseconds.
    pub withdrawal_ms: i64,
    /// How often sockets look for changed market data, in milliseconds.
    pub push_every_ms: u64,
    /// What is kept in memory.
    pub keep: Keep,
}

/// A market.
#[derive(Debug, Clone)]
pub struct Instrument {
    /// Symbol, such as `SPOT_BTC_USDT` or `PERP_BTC_USDT`.
    pub symbol: String,
    /// Whether it is a perpetual.
    pub perpetual: bool,
    /// Base token.
    pub base: String,
    /// Quote token; perpetuals settle in it.
    pub quote: String,
    /// Price at the start.
    pub price: Decimal,
    /// Smallest price difference.
    pub tick: Decimal,
    /// Smallest quantity difference.
    pub step: Decimal,
    /// Smallest order, in base.
    pub min_qty: Decimal,
    /// Largest order, in base.
    pub max_qty: Decimal,
    /// Smallest order, in quote.
    pub min_notional: Decimal,
    /// How far a price may be on the wrong side of the mid price, as a share.
    pub price_range: Decimal,
}

impl Instrument {
    /// A spot market with a tick of `10^-tick_digits` and a step of `10^-step_digits`.
    #[must_use]
    pub fn spot(base: &str, price: Decimal, tick_digits: u32, step_digits: u32) -> Self {
        Self::new("SPOT", base, price, tick_digits, step_digits)
    }

    /// A perpetual settled in USDT.
    #[must_use]
    pub fn perpetual(base: &str, price: Decimal, tick_digits: u32, step_digits: u32) -> Self {
        Self::new("PERP", base, price, tick_digits, step_digits)
    }

    fn new(kind: &str, base: &str, price: Decimal, tick_digits: u32, step_digits: u32) -> Self {
        let step = Decimal::new(1, step_digits);
        Self {
            symbol: format!("{kind}_{base}_USDT"),
            perpetual: kind == "PERP",
            base: base.to_owned(),
            quote: "USDT".to_owned(),
            price,
            tick: Decimal::new(1, tick_digits),
            step,
            min_qty: step,
            max_qty: Decimal::from(5000),
            min_notional: Decimal::ONE,
            price_range: Decimal::new(5, 1),
        }
    }
}

/// A token of the wallet.
#[derive(Debug, Clone)]
pub struct Token {
    /// Ticker, such as `USDT`; the venue's `balance_token`.
    pub token: String,
    /// Name in words.
    pub name: String,
    /// Networks, the default one first.
    pub networks: Vec<Network>,
}

/// A network that a token can leave by.
#[derive(Debug, Clone)]
pub struct Network {
    /// The venue's name of it, such as `ETH`.
    pub network: String,
    /// Protocol, such as `ERC20`.
    pub protocol: String,
    /// Fee of a withdrawal, in the token.
    pub withdraw_fee: Decimal,
    /// Smallest withdrawal.
    pub withdraw_min: Decimal,
}

/// Fees in basis points: of what is received on spot, of the notional on perpetuals.
#[derive(Debug, Clone)]
pub struct Fees {
    /// Spot, maker.
    pub spot_maker_bps: Decimal,
    /// Spot, taker.
    pub spot_taker_bps: Decimal,
    /// Perpetual, maker.
    pub perp_maker_bps: Decimal,
    /// Perpetual, taker.
    pub perp_taker_bps: Decimal,
}

impl Default for Fees {
    fn default() -> Self {
        Self {
            spot_maker_bps: Decimal::from(8),
            spot_taker_bps: Decimal::TEN,
            perp_maker_bps: Decimal::from(2),
            perp_taker_bps: Decimal::from(5),
        }
    }
}

/// Rate limits. Each endpoint has the venue's published count and window, per
/// API key where it is signed and per address where it is not.
#[derive(Debug, Clone)]
pub struct Limits {
    /// What the published counts are multiplied with; zero switches limits off.
    pub scale: u32,
    /// Open orders of an account, algo orders included (the number is unverified).
    pub open_orders: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { scale: 1, open_orders: 1000 }
    }
}

/// Funding: at every multiple of the interval since the epoch, longs pay shorts
/// `rate` of the position's value at the mark price (or receive, if negative).
#[derive(Debug, Clone)]
pub struct Funding {
    /// Interval in milliseconds; the venue's is eight hours.
    pub interval_ms: i64,
    /// Rate of an interval at the start, for every perpetual.
    pub rate: Decimal,
}

impl Default for Funding {
    fn default() -> Self {
        Self { interval_ms: 8 * 3_600_000, rate: Decimal::new(1, 4) }
    }
}

/// Bounds of what is remembered.
#[derive(Debug, Clone)]
pub struct Keep {
    /// Recorded requests and socket frames.
    pub records: usize,
    /// Closed orders, over all accounts.
    pub closed_orders: usize,
    /// Trades per market, and per account.
    pub trades: usize,
    /// Withdrawals, transfers and funding payments per account.
    pub movements: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self { records: 10_000, closed_orders: 20_000, trades: 2_000, movements: 2_000 }
    }
}

/// An account: its keys and what it starts with.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// The application id, a UUID; `uid` in ccxt, the last segment of socket paths.
    pub application_id: String,
    /// Name, such as `Main`.
    pub name: String,
    /// The main account, by its place in the options, where this is a subaccount.
    pub sub_of: Option<usize>,
    /// API keys of the account.
    pub keys: Vec<ApiKey>,
    /// Balances at the start: token and amount.
    pub balances: Vec<(String, Decimal)>,
    /// Whether spot margin is enabled. Without it market buys are by amount and
    /// market sells by quantity (codes 302147, 302150). Borrowing is not offered.
    pub margin: bool,
}

/// An API key as the venue knows it.
#[derive(Clone)]
pub struct ApiKey {
    /// The text of `x-api-key`.
    pub key: String,
    /// The secret of its HMAC-SHA256.
    pub secret: String,
    /// What it may do.
    pub permissions: Permissions,
    /// Addresses that may use it; any where empty.
    pub allowed: Vec<IpNet>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("key", &self.key)
            .field("secret", &"<redacted>")
            .field("permissions", &self.permissions)
            .field("allowed", &self.allowed)
            .finish()
    }
}

impl ApiKey {
    /// A key without an address restriction.
    #[must_use]
    pub fn new(key: &str, secret: &str, permissions: Permissions) -> Self {
        Self { key: key.to_owned(), secret: secret.to_owned(), permissions, allowed: Vec::new() }
    }

    /// Whether a request from `address` may use the key.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        self.allowed.is_empty() || self.allowed.iter().any(|net| net.contains(&address))
    }
}

/// What a key may do, in the words of `GET /v3/account/credentials`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permissions {
    /// `READ`.
    pub read: bool,
    /// `TRADE`.
    pub trade: bool,
    /// `WITHDRAWAL`.
    pub withdrawal: bool,
}

impl Permissions {
    /// Reads only.
    pub const READ: Self = Self { read: true, trade: false, withdrawal: false };
    /// Reads and orders.
    pub const TRADE: Self = Self { read: true, trade: true, withdrawal: false };
    /// Everything.
    pub const ALL: Self = Self { read: true, trade: true, withdrawal: true };

    /// The venue's words.
    pub(crate) fn words(self) -> Vec<&'static str> {
        let all = [(self.read, "READ"), (self.trade, "TRADE"), (self.withdrawal, "WITHDRAWAL")];
        all.into_iter().filter_map(|(held, word)| held.then_some(word)).collect()
    }
}

impl Default for PaperOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            tls: None,
            skew_ms: 0,
            timestamp_window_ms: 10_000,
            instruments: defaults::instruments(),
            tokens: defaults::tokens(),
            fees: Fees::default(),
            limits: Limits::default(),
            accounts: Vec::new(),
            market_maker: MarketMaker::default(),
            funding: Funding::default(),
            seed: 1,
            faults: None,
            withdrawal_ms: 2000,
            push_every_ms: 100,
            keep: Keep::default(),
        }
    }
}

impl PaperOptions {
    /// Default markets and one account with one key, well funded.
    #[must_use]
    pub fn with_key(key: ApiKey) -> Self {
        Self { accounts: vec![Account::main(vec![key])], ..Self::default() }
    }
}

impl Account {
    /// A well funded main account with the application id
    /// [`DEFAULT_APPLICATION_ID`].
    #[must_use]
    pub fn main(keys: Vec<ApiKey>) -> Self {
        Self {
            application_id: DEFAULT_APPLICATION_ID.to_owned(),
            name: "Main".to_owned(),
            keys,
            balances: defaults::funds(),
            ..Self::default()
        }
    }
}

/// The application id of [`Account::main`].
pub const DEFAULT_APPLICATION_ID: &str = "251bf5c4-0000-4544-bb8b-80001007c3c0";
