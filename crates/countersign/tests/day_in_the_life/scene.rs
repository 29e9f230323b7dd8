//! Two venues, four accounts, fifty bots.

use rust_decimal::Decimal;
use sim::binance::{self, ApiKey, PaperOptions, Rights};
use sim::woox;

use crate::stack::{
    Bot, Stack, Unseal, WOOX_READ_KEY, WOOX_READ_SECRET, WOOX_TRADE_KEY, WOOX_TRADE_SECRET,
};

/// Where withdrawals may go.
pub const HOME: &str = "0x00000000000000000000000000000000000000aa";

/// How many bots there are.
pub const BOTS: usize = 50;

/// A market, and with it the account that trades there: an account each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Market {
    Spot,
    UsdM,
    WooSpot,
    WooPerp,
}

/// What a bot is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Maker,
    Taker,
    Treasury,
    Reader,
}

impl Market {
    pub const ALL: [Self; 4] = [Self::Spot, Self::UsdM, Self::WooSpot, Self::WooPerp];

    pub fn is_woox(self) -> bool {
        matches!(self, Self::WooSpot | Self::WooPerp)
    }

    /// The account, in the gateway's words.
    pub fn account(self) -> &'static str {
        match self {
            Self::Spot => "main",
            Self::UsdM => "futures",
            Self::WooSpot => "woo",
            Self::WooPerp => "woo-perp",
        }
    }

    /// The account's place in its venue's options.
    pub fn place(self) -> usize {
        usize::from(matches!(self, Self::UsdM | Self::WooPerp))
    }

    /// The market, in the gateway's words.
    pub fn name(self) -> &'static str {
        if self == Self::UsdM { "UM/BTCUSDT" } else { self.symbol() }
    }

    /// The market, in the venue's words.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Spot | Self::UsdM => "BTCUSDT",
            Self::WooSpot => "SPOT_BTC_USDT",
            Self::WooPerp => "PERP_BTC_USDT",
        }
    }

    /// A market there that no bot may trade.
    pub fn other(self) -> &'static str {
        match self {
            Self::Spot | Self::UsdM => "ETHUSDT",
            Self::WooSpot => "SPOT_ETH_USDT",
            Self::WooPerp => "PERP_ETH_USDT",
        }
    }

    pub fn order_path(self) -> &'static str {
        match self {
            Self::Spot => "/api/v3/order",
            Self::UsdM => "/fapi/v1/order",
            Self::WooSpot | Self::WooPerp => "/v3/trade/order",
        }
    }
}

/// One of the fifty.
#[derive(Clone, Debug)]
pub struct Member {
    pub bot: Bot,
    pub market: Market,
    pub role: Role,
}

/// Market and role of each bot.
pub fn cast() -> Vec<(Market, Role)> {
    let mut cast = Vec::new();
    let mut add = |market, role, count| cast.extend(std::iter::repeat_n((market, role), count));
    add(Market::Spot, Role::Maker, 13);
    add(Market::Spot, Role::Taker, 4);
    add(Market::Spot, Role::Treasury, 2);
    add(Market::Spot, Role::Reader, 1);
    add(Market::UsdM, Role::Maker, 8);
    add(Market::UsdM, Role::Taker, 2);
    add(Market::WooSpot, Role::Maker, 8);
    add(Market::WooSpot, Role::Taker, 3);
    add(Market::WooSpot, Role::Reader, 1);
    add(Market::WooPerp, Role::Maker, 6);
    add(Market::WooPerp, Role::Taker, 2);
    assert_eq!(cast.len(), BOTS);
    cast
}

const FUTURES_TRADE_KEY: &str = "paperFuturesTradeKey000000000000000000000000000000000000trade";
const FUTURES_READ_KEY: &str = "paperFuturesReadKey0000000000000000000000000000000000000read";
const OUT_KEY: &str = "paperOutKey000000000000000000000000000000000000000000000000out";
const PERP_TRADE_KEY: &str = "paperWooPerpTradeKey0trade";
const PERP_READ_KEY: &str = "paperWooPerpReadKey00read";
/// The secret of every key above.
const SECRET: &str = "PAPERSECRET0000000000000000000000000000000000000000000000000REAL";

/// What every account starts with, in quote and in base.
pub const FUNDS: [(&str, i64); 2] = [("USDT", 100_000_000), ("BTC", 2_000)];

fn funds() -> Vec<(String, Decimal)> {
    FUNDS.iter().map(|(asset, amount)| ((*asset).to_owned(), Decimal::from(*amount))).collect()
}

/// More than any day needs, so that what is refused is refused by the gateway.
/// Without fees, so that the log alone says what an account has.
fn binance(options: &mut PaperOptions, requests: usize) {
    let limits = &mut options.limits;
    limits.weight_per_minute = 1_000_000_000;
    limits.futures_weight_per_minute = 1_000_000_000;
    limits.orders_per_10s = 10_000_000;
    limits.orders_per_day = 10_000_000;
    limits.futures_orders_per_10s = 10_000_000;
    limits.futures_orders_per_minute = 10_000_000;
    limits.open_orders = 100_000;
    limits.open_stop_orders = 100_000;
    options.futures.open_orders = 100_000;
    (options.maker_fee_bps, options.taker_fee_bps) = (Decimal::ZERO, Decimal::ZERO);
    options.futures.maker_fee_bps = Decimal::ZERO;
    options.futures.taker_fee_bps = Decimal::ZERO;
    options.keep = binance::options::Keep {
        records: 1_000_000,
        closed_orders: requests,
        trades: requests,
        movements: requests,
    };
    let rights = Rights { withdraw: true, ..Rights::READ };
    options.accounts[0].keys.push(ApiKey::hmac(OUT_KEY, SECRET, rights));
    options.accounts[0].balances = funds();
    let futures = Rights { futures: true, ..Rights::READ };
    options.accounts.push(binance::Account {
        keys: vec![
            ApiKey::hmac(FUTURES_TRADE_KEY, SECRET, futures),
            ApiKey::hmac(FUTURES_READ_KEY, SECRET, Rights::READ),
        ],
        futures: funds(),
        ..binance::Account::default()
    });
}

fn woox_venue(requests: usize) -> woox::PaperVenue {
    use woox::Permissions as P;
    let key = |key: &str, secret: &str, rights| woox::ApiKey::new(key, secret, rights);
    let mut spot = woox::Account::main(vec![
        key(WOOX_TRADE_KEY, WOOX_TRADE_SECRET, P::TRADE),
        key(WOOX_READ_KEY, WOOX_READ_SECRET, P::READ),
    ]);
    spot.balances = funds();
    let mut perp = woox::Account::main(vec![
        key(PERP_TRADE_KEY, SECRET, P::TRADE),
        key(PERP_READ_KEY, SECRET, P::READ),
    ]);
    perp.application_id = "251bf5c4-0000-4544-bb8b-80001007c3c1".to_owned();
    perp.balances = funds();
    let zero = Decimal::ZERO;
    let options = woox::PaperOptions {
        accounts: vec![spot, perp],
        fees: woox::options::Fees {
            spot_maker_bps: zero,
            spot_taker_bps: zero,
            perp_maker_bps: zero,
            perp_taker_bps: zero,
        },
        limits: woox::options::Limits { scale: 0, open_orders: 100_000 },
        keep: woox::options::Keep {
            records: 1_000_000,
            closed_orders: requests,
            trades: requests,
            movements: requests,
        },
        ..woox::PaperOptions::default()
    };
    woox::PaperVenue::spawn_blocking(options).expect("the paper venue starts")
}

/// Everything configured and serving.
pub fn set(requests: u64) -> (Stack, Vec<Member>) {
    let requests = usize::try_from(requests).expect("a number of requests") * 2 + 1000;
    let woox = woox_venue(requests);
    let mut stack = Stack::initialized(|options| binance(options, requests), Some(woox));
    let wide = ["--order-notional", "10000", "--hourly-notional", "10000000000"];
    stack.add_main_keys(&["BTCUSDT"], &wide);
    let keys = [
        ("binance", "futures", "trade", FUTURES_TRADE_KEY, SECRET, Market::UsdM),
        ("binance", "futures", "read", FUTURES_READ_KEY, SECRET, Market::UsdM),
        ("woox", "woo", "trade", WOOX_TRADE_KEY, WOOX_TRADE_SECRET, Market::WooSpot),
        ("woox", "woo", "read", WOOX_READ_KEY, WOOX_READ_SECRET, Market::WooSpot),
        ("woox", "woo-perp", "trade", PERP_TRADE_KEY, SECRET, Market::WooPerp),
        ("woox", "woo-perp", "read", PERP_READ_KEY, SECRET, Market::WooPerp),
    ];
    for (venue, account, class, key, secret, market) in keys {
        let name = format!("{account}-{class}");
        let mut arguments = vec!["key", "add", venue, &name, "--class", class];
        arguments.extend(["--account", account, "--secret-stdin"]);
        if class == "trade" {
            arguments.extend(["--market", market.name()]);
            arguments.extend(wide);
        }
        stack.must(&arguments, Unseal::Yes, &format!("{key}\n{secret}\n"));
    }
    let home = format!("USDT:ETH:{HOME}");
    let out = ["key", "add", "binance", "main-out", "--class", "value-out", "--secret-stdin"];
    let caps = ["--max-per-request", "USDT=100", "--max-per-day", "USDT=100000"];
    let out = [&out[..], &["--destination", &home], &caps].concat();
    stack.must(&out, Unseal::Yes, &format!("{OUT_KEY}\n{SECRET}\n"));

    let members = cast()
        .into_iter()
        .enumerate()
        .map(|(number, (market, role))| {
            let bot = add_bot(&stack, number, market, role, &home);
            Member { bot, market, role }
        })
        .collect();
    stack.fix_port();
    // What `key add` asked the venues was before the log began.
    stack.venue.forget_requests();
    stack.woox.as_ref().expect("a paper WOO X").forget_requests();
    stack.serve();
    stack.wait_for("the prices", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() >= Some(Market::ALL.len() as u64)).then_some(())
    });
    (stack, members)
}

/// Some with wide limits, some whose own limits they run into.
fn add_bot(stack: &Stack, number: usize, market: Market, role: Role, home: &str) -> Bot {
    let preset = match role {
        Role::Maker => "market-maker",
        Role::Taker => "taker",
        Role::Treasury => "treasury",
        Role::Reader => "read-only",
    };
    let mut arguments = vec!["--preset", preset, "--account", market.account()];
    match role {
        Role::Maker | Role::Taker => {
            arguments.extend(["--market", market.name()]);
            let limits = match number % 5 {
                0 => ["10", "15", "20000"],
                _ => ["10000", "10000", "1000000000"],
            };
            arguments.extend(["--max-orders-per-second", limits[0]]);
            arguments.extend(["--max-open-orders", limits[1]]);
            arguments.extend(["--max-notional-per-hour", limits[2]]);
        }
        Role::Treasury => {
            arguments.extend(["--withdraw", home, "--hours", "00:00-24:00"]);
            arguments.extend(["--withdraw-max-per-request", "USDT=100"]);
            arguments.extend(["--withdraw-max-per-day", "USDT=1000"]);
        }
        Role::Reader => {}
    }
    let name = format!("bot-{number}");
    let bot = stack.add_bot(&name, &arguments);
    // Only these may cancel everybody's orders.
    if role == Role::Maker && number % 6 == 1 {
        stack.set_bot(&name, &[("cancel", "\"account\"")]);
    }
    bot
}
