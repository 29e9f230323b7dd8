//! Every bound inside the judge.
//!
//! INVARIANT (bounded): whatever grows here stops at one of these.

/// Most orders that one account group tracks: open, awaiting an answer, or of
/// unknown outcome. Beyond it new orders are denied; a venue's own limit (200
/// a market on Binance) lies far below.
pub const TRACKED_ORDERS: usize = 20_000;
/// Most requests whose outcome is awaited. Beyond it new orders are denied.
pub const RESERVATIONS: usize = 20_000;
/// Trade ids remembered, so that a fill told twice counts once.
pub const REMEMBERED_TRADES: usize = 65_536;
/// Ids of closed orders remembered, so that a late snapshot does not revive
/// them.
pub const REMEMBERED_CLOSED_ORDERS: usize = 16_384;
/// Markets whose assets are known. Binance spot has about 3,500, of which
/// some 1,500 trade.
pub const INSTRUMENTS: usize = 10_000;
/// Balances kept for one account.
pub const BALANCES: usize = 4_096;
/// Decisions cached before the cache starts afresh.
pub const CACHED_DECISIONS: usize = 65_536;
/// Most bots in one policy set.
pub const BOTS: usize = 100_000;
/// Most markets that one bot lists.
pub const MARKETS_PER_BOT: usize = 1_024;
/// Most withdrawal destinations that one bot lists.
pub const DESTINATIONS_PER_BOT: usize = 1_024;
/// Longest bot, account, asset or network name, bytes.
pub const NAME_BYTES: usize = 64;
/// Longest destination address or memo, bytes.
pub const ADDRESS_BYTES: usize = 256;
/// Longest additional policy text, bytes.
pub const EXTRA_POLICY_BYTES: usize = 1 << 20;
/// Reasons in one verdict.
pub const REASONS: usize = 32;
/// How much wider the collar of a reducing order is while only the last good
/// price is known: factor.
pub const WIDENED_COLLAR: u32 = 2;

const _: () = assert!(REMEMBERED_CLOSED_ORDERS <= TRACKED_ORDERS);
/// Trades kept whose order's answer has not come yet.
pub const EARLY_TRADES: usize = 4_096;
/// Orders of one bot that are remembered to find the same one again.
pub const PLACED_LATELY: usize = 256;
/// Destinations in use that are kept of one bot.
pub const SETTLED_DESTINATIONS: usize = 256;
/// Destinations of late that are kept of one bot.
pub const RECENT_DESTINATIONS: usize = 32;
/// Markets of one bot that are kept with when it traded them first.
pub const MARKETS_KNOWN: usize = 64;
/// Positions of one bot that are marked one by one.
pub const POSITIONS_KEPT: usize = 40;
/// Addresses and certificates that are kept of one bot.
pub const PLACES_KNOWN: usize = 12;
/// Client libraries that are kept of one bot.
pub const CLIENTS_KNOWN: usize = 8;
/// Fills of one bot that wait for a later price.
pub const FILLS_WAITING: usize = 8;
/// Longest name of a client library that is kept, bytes.
pub const CLIENT_BYTES: usize = 64;
/// A market's trades that come later than this behind the last one are passed
/// over by the pump detector; milliseconds. Feeds reorder less.
pub const PUMP_LATE_MS: u64 = 1_000;
/// So many late trades in a row mean that the clock was ahead: start afresh.
pub const PUMP_LATE_TRADES: u32 = 64;
/// After a silence this long the baselines say nothing of today;
/// milliseconds.
pub const PUMP_SILENCE_MS: u64 = 86_400_000;
/// The latest time of a trade, milliseconds since 1970: the year 9999.
pub const PUMP_LATEST_MS: u64 = 253_402_300_799_999;
/// Least price and amount that a trade can have.
pub const PUMP_LEAST_NUMBER: f64 = 1e-18;
/// Most price and amount that a trade can have; their product and sums of it
/// stay far from infinity.
pub const PUMP_MOST_NUMBER: f64 = 1e18;
/// Movements of value of one bot whose outcome may still take them back.
pub const MOVES_KEPT: usize = 32;
