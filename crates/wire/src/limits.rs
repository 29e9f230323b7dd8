//! Every bound on what a request may look like, with their relations asserted
//! at compile time.
//!
//! INVARIANT (bounded): a reader of outside bytes takes its bound from here.

/// Longest request target (path and query), bytes. Binance accepts less.
pub const TARGET_BYTES: usize = 8 * 1024;
/// Longest private request body, bytes.
pub const BODY_BYTES: usize = 16 * 1024;
/// Most parameters in one request.
pub const PARAMETERS: usize = 64;
/// Longest parameter name, bytes after decoding.
pub const NAME_BYTES: usize = 64;
/// Longest parameter value, bytes after decoding.
pub const VALUE_BYTES: usize = 1024;
/// Longest value of a parameter that holds JSON, bytes after decoding.
pub const JSON_VALUE_BYTES: usize = 4 * 1024;
/// Most orders in one batch of futures orders (Binance's own).
pub const BATCH_ORDERS: usize = 5;
/// Most orders that one cancel names; the venue's own bound is lower.
pub const BATCH_CANCELS: usize = 100;
/// Highest leverage that is read as one; the venue's own differs by market.
pub const LEVERAGE: u32 = 1_000;
/// Longest name of a market at any venue, bytes: a symbol behind the mark of its
/// product at Binance, a symbol of WOO X.
pub const MARKET_BYTES: usize = WOOX_SYMBOL_BYTES;
/// Longest text that is ever signed, bytes.
pub const SIGNED_TEXT_BYTES: usize = 24 * 1024;
/// Most orders in one request: order lists have up to three legs.
pub const ORDERS_PER_REQUEST: usize = 8;
/// Longest client order id that Binance takes, bytes (`^[a-zA-Z0-9-_]{1,36}$`).
pub const CLIENT_ORDER_ID_BYTES: usize = 36;
/// Longest signature a bot may send, bytes as sent: RSA-4096 in base64,
/// percent-encoded, with room.
pub const SIGNATURE_BYTES: usize = 1024;
/// Most decimals of an amount. Binance keeps 8, its filters may say 16.
pub const AMOUNT_DECIMALS: usize = 16;
/// Most digits before the point of an amount.
pub const AMOUNT_WHOLE_DIGITS: usize = 12;
/// Widest trailing distance, bps.
pub const TRAILING_DELTA_BPS: u32 = 100_000;
/// Longest symbol that is read as one at Binance, bytes.
pub const SYMBOL_BYTES: usize = 20;
/// Longest symbol that is read as one at WOO X, bytes (`PERP_1000000MOG_USDT`
/// has 20).
pub const WOOX_SYMBOL_BYTES: usize = 40;
/// How long WOO X may accept a signed text, ms. Its documents state no window
/// and about 10 s was seen; the longer time is the safe side for replays.
pub const WOOX_ACCEPTANCE_MS: u64 = 60_000;
/// Most digits of a JSON number: what every reader's double keeps exactly.
/// Longer numbers are sent as text.
pub const JSON_NUMBER_DIGITS: usize = 15;
/// Longest API key header of a bot, bytes.
pub const API_KEY_BYTES: usize = 128;
/// Widest receive window that a bot may state, ms (Binance's own maximum).
pub const BOT_RECEIVE_WINDOW_MS: u64 = 60_000;
/// Receive window where the bot states none, ms (Binance's own default).
pub const BOT_RECEIVE_WINDOW_DEFAULT_MS: u64 = 5_000;
/// How far ahead of venue time a bot's timestamp may be, ms (Binance's own).
pub const BOT_TIMESTAMP_AHEAD_MS: u64 = 1_000;
/// Widest receive window that the signer writes, ms.
pub const SIGNED_RECEIVE_WINDOW_MS: u64 = 2_000;
/// Longest JSON text that is read, bytes: a body, a frame or a value.
pub const JSON_BYTES: usize = 16 * 1024;
/// Deepest nesting of a JSON text that is read (WOO X's attached orders reach
/// five).
pub const JSON_DEPTH: usize = 6;
/// Most values in one JSON text.
pub const JSON_VALUES: usize = 512;
/// How far the measured venue offset may be from the signer's own clock, ms.
pub const CLOCK_OFFSET_MS: i64 = 1_000;

// Every amount fits a decimal, which keeps 28 digits of any kind.
const _: () = assert!(AMOUNT_DECIMALS + AMOUNT_WHOLE_DIGITS <= 28);
const _: () = assert!(SIGNED_TEXT_BYTES >= TARGET_BYTES + BODY_BYTES);
const _: () = assert!(SIGNED_RECEIVE_WINDOW_MS <= BOT_RECEIVE_WINDOW_DEFAULT_MS);
const _: () = assert!(BOT_RECEIVE_WINDOW_DEFAULT_MS <= BOT_RECEIVE_WINDOW_MS);
const _: () = assert!(PARAMETERS * NAME_BYTES <= SIGNED_TEXT_BYTES);
const _: () = assert!(JSON_BYTES >= BODY_BYTES && JSON_BYTES >= JSON_VALUE_BYTES);
const _: () = assert!(BATCH_ORDERS <= ORDERS_PER_REQUEST);
const _: () = assert!(MARKET_BYTES >= SYMBOL_BYTES + 4);
