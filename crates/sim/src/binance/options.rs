//! What a paper venue is set up with: markets, coins, accounts, limits.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use rust_decimal::Decimal;
use rustls::pki_types::pem::PemObject as _;

use crate::binance::fault::FaultPlan;
pub use crate::binance::futures::options::{Contract, FuturesOptions};
pub use crate::book::MarketMaker;
pub use crate::tls::Tls;

/// Everything a paper venue is started with.
#[derive(Debug, Clone)]
pub struct PaperOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificate and key; plain HTTP where absent.
    pub tls: Option<Tls>,
    /// How far the venue's clock is ahead of the host's, in milliseconds.
    pub skew_ms: i64,
    /// Markets.
    pub instruments: Vec<Instrument>,
    /// Coins the wallet knows. The assets of the instruments are added.
    pub coins: Vec<Coin>,
    /// Maker fee, in basis points of what is received.
    pub maker_fee_bps: Decimal,
    /// Taker fee, in basis points of what is received.
    pub taker_fee_bps: Decimal,
    /// Rate limits.
    pub limits: Limits,
    /// USD-M futures: contracts, fees, funding.
    pub futures: FuturesOptions,
    /// WebSocket connections.
    pub sockets: Sockets,
    /// Faults by a seed; none where absent.
    pub faults: Option<FaultPlan>,
    /// Who trades here.
    pub accounts: Vec<Account>,
    /// The seeded liquidity.
    pub market_maker: MarketMaker,
    /// Seed of the random walk.
    pub seed: u64,
    /// How long a withdrawal stays in `Processing`, in milliseconds.
    pub withdrawal_ms: i64,
    /// What is kept in memory.
    pub keep: Keep,
}

/// A spot market and its filters.
#[derive(Debug, Clone)]
pub struct Instrument {
    /// Symbol, such as `BTCUSDT`.
    pub symbol: String,
    /// Base asset.
    pub base: String,
    /// Quote asset.
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
    /// Largest order, in quote.
    pub max_notional: Decimal,
}

impl Instrument {
    /// A market with a price, a tick of `10^-tick_digits`, a step of `10^-step_digits`.
    #[must_use]
    pub fn new(
        base: &str,
        quote: &str,
        price: Decimal,
        tick_digits: u32,
        step_digits: u32,
    ) -> Self {
        let step = Decimal::new(1, step_digits);
        Self {
            symbol: format!("{base}{quote}"),
            base: base.to_owned(),
            quote: quote.to_owned(),
            price,
            tick: Decimal::new(1, tick_digits),
            step,
            min_qty: step,
            max_qty: Decimal::from(9000),
            min_notional: if quote == "BTC" { Decimal::new(1, 4) } else { Decimal::from(5) },
            max_notional: Decimal::from(9_000_000),
        }
    }
}

/// A coin of the wallet.
#[derive(Debug, Clone)]
pub struct Coin {
    /// Ticker, such as `USDT`.
    pub asset: String,
    /// Name in words.
    pub name: String,
    /// Networks, the default one first.
    pub networks: Vec<Network>,
}

/// A network that a coin can leave by.
#[derive(Debug, Clone)]
pub struct Network {
    /// The venue's name of it, such as `ETH`.
    pub network: String,
    /// Fee of a withdrawal, in the coin.
    pub withdraw_fee: Decimal,
    /// Smallest withdrawal.
    pub withdraw_min: Decimal,
    /// Largest withdrawal.
    pub withdraw_max: Decimal,
}

/// Rate limits, as the venue publishes them in `exchangeInfo`.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Request weight per minute and address.
    pub weight_per_minute: u32,
    /// New orders per ten seconds and account.
    pub orders_per_10s: u32,
    /// New orders per day and account.
    pub orders_per_day: u32,
    /// Whether an order that trades leaves the count again (the venue counts
    /// *unfilled* orders: one back for a first fill as taker, five as maker).
    pub fills_release_count: bool,
    /// Open orders per account and symbol.
    pub open_orders: usize,
    /// Open stop orders per account and symbol.
    pub open_stop_orders: usize,
    /// Requests past the weight limit until the address is banned (418).
    pub refusals_until_ban: u32,
    /// How long the ban lasts, in milliseconds.
    pub ban_ms: i64,
    /// Request weight per minute and address on the futures' hosts.
    pub futures_weight_per_minute: u32,
    /// New futures orders per ten seconds and account.
    pub futures_orders_per_10s: u32,
    /// New futures orders per minute and account.
    pub futures_orders_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            weight_per_minute: 6000,
            orders_per_10s: 50,
            orders_per_day: 160_000,
            fills_release_count: true,
            open_orders: 200,
            open_stop_orders: 5,
            refusals_until_ban: 100,
            ban_ms: 120_000,
            futures_weight_per_minute: 2400,
            futures_orders_per_10s: 300,
            futures_orders_per_minute: 1200,
        }
    }
}

/// How WebSocket connections are kept.
#[derive(Debug, Clone)]
pub struct Sockets {
    /// How often the venue sends a ping frame.
    pub ping_every: Duration,
    /// How long it waits for a pong.
    pub pong_within: Duration,
    /// How long a connection lives.
    pub max_age: Duration,
    /// Messages a second that a market-stream connection may send.
    pub commands_per_second: u32,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            ping_every: Duration::from_secs(20),
            pong_within: Duration::from_secs(60),
            max_age: Duration::from_secs(24 * 60 * 60),
            commands_per_second: 5,
        }
    }
}

/// Bounds of what is remembered.
#[derive(Debug, Clone)]
pub struct Keep {
    /// Recorded requests.
    pub records: usize,
    /// Closed orders, over all accounts.
    pub closed_orders: usize,
    /// Trades per market, and per account and market.
    pub trades: usize,
    /// Withdrawals and transfers per account.
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
    /// API keys of the account.
    pub keys: Vec<ApiKey>,
    /// Spot balances at the start: asset and amount.
    pub balances: Vec<(String, Decimal)>,
    /// Balances of the funding wallet at the start.
    pub funding: Vec<(String, Decimal)>,
    /// Balances of the USD-M futures wallet at the start.
    pub futures: Vec<(String, Decimal)>,
}

/// An API key as the venue knows it.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The text of `X-MBX-APIKEY`.
    pub key: String,
    /// What signatures are checked with.
    pub secret: Secret,
    /// What the key may do.
    pub rights: Rights,
    /// Whether only listed addresses may use it.
    pub ip_restrict: bool,
    /// The listed addresses.
    pub allowed: Vec<IpNet>,
}

impl ApiKey {
    /// An HMAC key without an address restriction.
    #[must_use]
    pub fn hmac(key: &str, secret: &str, rights: Rights) -> Self {
        Self {
            key: key.to_owned(),
            secret: Secret::Hmac(secret.to_owned()),
            rights,
            ip_restrict: false,
            allowed: Vec::new(),
        }
    }

    /// A key without an address restriction whose holder signs with the private
    /// key of this public one (PEM, `SubjectPublicKeyInfo`): Ed25519 or RSA.
    /// None where the text is not such a key.
    #[must_use]
    pub fn public(key: &str, pem: &str, rights: Rights) -> Option<Self> {
        let der =
            rustls::pki_types::SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok()?;
        let secret = match der.as_ref().strip_prefix(ED25519_SPKI) {
            Some(raw) => Secret::Ed25519(raw.to_vec()),
            None => Secret::Rsa(der.as_ref().to_vec()),
        };
        Some(Self { secret, ..Self::hmac(key, "", rights) })
    }

    /// Whether a request from `address` may use the key.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        !self.ip_restrict || self.allowed.iter().any(|net| net.contains(&address))
    }
}

/// What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410).
const ED25519_SPKI: &[u8] =
    &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// What the venue checks signatures with.
#[derive(Clone)]
pub enum Secret {
    /// HMAC-SHA256 with this text, hexadecimal signatures.
    Hmac(String),
    /// A raw 32-byte Ed25519 public key, base64 signatures.
    Ed25519(Vec<u8>),
    /// An RSA public key in DER (PKCS#1 or `SubjectPublicKeyInfo`), PKCS#1 v1.5 with SHA-256, base64 signatures.
    Rsa(Vec<u8>),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hmac(_) => "Hmac(<redacted>)",
            Self::Ed25519(_) => "Ed25519(public)",
            Self::Rsa(_) => "Rsa(public)",
        })
    }
}

/// What a key may do, in the venue's own terms (`account/apiRestrictions`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the venue's own list of switches")]
pub struct Rights {
    /// `enableReading`.
    pub read: bool,
    /// `enableSpotAndMarginTrading`.
    pub spot_trade: bool,
    /// `enableWithdrawals`.
    pub withdraw: bool,
    /// `enableInternalTransfer`.
    pub internal_transfer: bool,
    /// `permitsUniversalTransfer`.
    pub universal_transfer: bool,
    /// `enableMargin`.
    pub margin: bool,
    /// `enableFutures`.
    pub futures: bool,
}

impl Rights {
    /// Reads only.
    pub const READ: Self = Self {
        read: true,
        spot_trade: false,
        withdraw: false,
        internal_transfer: false,
        universal_transfer: false,
        margin: false,
        futures: false,
    };
    /// Reads and spot orders.
    pub const TRADE: Self = Self { spot_trade: true, ..Self::READ };
    /// Spot orders without the right to read.
    pub const TRADE_ONLY: Self = Self { read: false, ..Self::TRADE };
    /// Everything.
    pub const ALL: Self = Self {
        withdraw: true,
        internal_transfer: true,
        universal_transfer: true,
        margin: true,
        futures: true,
        ..Self::TRADE
    };
}

impl Default for PaperOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            tls: None,
            skew_ms: 0,
            instruments: default_instruments(),
            coins: default_coins(),
            maker_fee_bps: Decimal::TEN,
            taker_fee_bps: Decimal::TEN,
            limits: Limits::default(),
            futures: FuturesOptions::default(),
            sockets: Sockets::default(),
            faults: None,
            accounts: Vec::new(),
            market_maker: MarketMaker::default(),
            seed: 1,
            withdrawal_ms: 2000,
            keep: Keep::default(),
        }
    }
}

impl PaperOptions {
    /// Default markets and one account with one key, well funded.
    #[must_use]
    pub fn with_key(key: ApiKey) -> Self {
        let funds = [("USDT", 1_000_000), ("BTC", 20), ("ETH", 300), ("BNB", 500), ("LTC", 1000)];
        let balances =
            funds.iter().map(|(asset, amount)| ((*asset).to_owned(), Decimal::from(*amount)));
        let futures = vec![("USDT".to_owned(), Decimal::from(1_000_000))];
        let account = Account {
            keys: vec![key],
            balances: balances.collect(),
            futures,
            ..Account::default()
        };
        Self { accounts: vec![account], ..Self::default() }
    }
}

/// Six liquid markets, in sizes and ticks of the real ones.
fn default_instruments() -> Vec<Instrument> {
    vec![
        Instrument::new("BTC", "USDT", Decimal::new(6_000_000, 2), 2, 5),
        Instrument::new("ETH", "USDT", Decimal::new(300_000, 2), 2, 4),
        Instrument::new("BNB", "USDT", Decimal::new(60_000, 2), 2, 3),
        Instrument::new("SOL", "USDT", Decimal::new(15_000, 2), 2, 3),
        Instrument::new("LTC", "BTC", Decimal::new(1200, 6), 6, 3),
        Instrument::new("ETH", "BTC", Decimal::new(5000, 5), 5, 4),
    ]
}

/// The coins of the default markets, with the networks they leave by.
fn default_coins() -> Vec<Coin> {
    let network = |name: &str, fee: Decimal, min: Decimal| Network {
        network: name.to_owned(),
        withdraw_fee: fee,
        withdraw_min: min,
        withdraw_max: Decimal::from(10_000_000),
    };
    let coin = |asset: &str, name: &str, networks: Vec<Network>| Coin {
        asset: asset.to_owned(),
        name: name.to_owned(),
        networks,
    };
    let (cent, milli) = (Decimal::new(1, 2), Decimal::new(1, 3));
    vec![
        coin("BTC", "Bitcoin", vec![network("BTC", Decimal::new(1, 5), Decimal::new(2, 5))]),
        coin("ETH", "Ethereum", vec![network("ETH", Decimal::new(4, 4), milli)]),
        coin(
            "USDT",
            "TetherUS",
            vec![
                network("ETH", Decimal::ONE, Decimal::TEN),
                network("TRX", Decimal::ONE, Decimal::TEN),
                network("BSC", Decimal::new(1, 1), Decimal::TEN),
            ],
        ),
        coin("BNB", "BNB", vec![network("BSC", Decimal::new(5, 4), cent)]),
        coin("SOL", "Solana", vec![network("SOL", milli, Decimal::new(1, 1))]),
        coin("LTC", "Litecoin", vec![network("LTC", Decimal::new(1, 4), milli)]),
    ]
}
