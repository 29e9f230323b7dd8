//! Every bound of the data path, with their relations asserted at compile time.
//!
//! INVARIANT (bounded): every queue, buffer, cache and loop here stops at one
//! of these.

use std::time::Duration;

/// Longest configuration file, bytes.
pub const CONFIG_BYTES: usize = 48 * 1024;
/// Most gateway workers.
pub const WORKERS: usize = 64;
/// Most bots in one configuration.
pub const BOTS: usize = 10_000;
/// Most accounts in one configuration.
pub const ACCOUNTS: usize = 64;
/// Most address ranges that one bot is bound to.
pub const RANGES_PER_BOT: usize = 64;
/// Most client certificates that one bot is bound to.
pub const CERTIFICATES_PER_BOT: usize = 16;
/// Longest name of a bot, account or key, bytes.
pub const NAME_BYTES: usize = 40;
/// Longest virtual key file, bytes.
pub const VIRTUAL_KEY_BYTES: u64 = 4 * 1024;

/// Downstream connections where the configuration says nothing.
pub const CONNECTIONS_DEFAULT: usize = 10_240;
/// Downstream connections from one address where the configuration says
/// nothing.
pub const CONNECTIONS_PER_PEER_DEFAULT: usize = 4_096;
/// Connections waiting to be accepted, per listener.
pub const BACKLOG: i32 = 1_024;
/// Headers in one request or answer.
pub const HEADERS: usize = 64;
/// Largest request head, bytes: the longest target and its headers.
pub const HEAD_BYTES: usize = 32 * 1024;
/// Largest head of a venue's answer, bytes.
pub const ANSWER_HEAD_BYTES: usize = 64 * 1024;
/// Longest line before a chunk of a venue's answer, bytes.
pub const CHUNK_LINE_BYTES: usize = 256;
/// How long a connection may stay without finishing a request.
pub const IDLE: Duration = Duration::from_secs(120);
/// How often idle connections are looked for.
pub const IDLE_CHECK: Duration = Duration::from_secs(15);
/// How long a request's body may take to arrive.
pub const BODY_TIME: Duration = Duration::from_secs(10);
/// How long a TLS handshake with a bot may take.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Upstream connections per host and worker.
pub const UPSTREAM_CONNECTIONS: usize = 64;
/// Room made for one read of an answer, bytes.
pub const UPSTREAM_READ_BYTES: usize = 8 * 1024;
/// Largest input buffer that an upstream connection keeps between exchanges,
/// bytes.
pub const UPSTREAM_KEPT_BYTES: usize = 64 * 1024;
/// How long a request may wait for an upstream connection.
pub const UPSTREAM_WAIT: Duration = Duration::from_secs(5);
/// How long connecting upstream may take, TLS included.
pub const UPSTREAM_CONNECT: Duration = Duration::from_secs(5);
/// How long the venue may take to answer. Binance itself gives up after 10 s.
pub const UPSTREAM_ANSWER: Duration = Duration::from_secs(15);
/// How long an upstream connection is kept without use. Venues close theirs
/// after 60 s or more; a connection that they close under a request makes an
/// unknown outcome.
pub const UPSTREAM_IDLE: Duration = Duration::from_secs(25);
/// Largest private answer, bytes.
pub const ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Largest public answer, bytes: it is streamed, not kept.
pub const PUBLIC_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Whose share of the venue's request weight is counted one by one, per host.
pub const SHARES: usize = 4_096;
/// How long the venue is left alone where it wants quiet and does not say for
/// how long, s.
pub const QUIET_S: u64 = 60;
/// The longest that it is left alone, s.
pub const QUIET_MOST_S: u64 = 3_600;
/// Addresses that connections to one venue leave from.
pub const EGRESS_ADDRESSES: usize = 16;
/// Windows in which a venue counts an account's orders.
pub const ORDER_WINDOWS: usize = 8;
/// How long a count of orders is believed that may have fallen since, ms.
pub const ORDER_COUNT_AGE_MS: u64 = 60_000;
/// Frames under way to one WebSocket API, per worker.
pub const FRAMES_UPSTREAM: usize = 256;
/// Largest frame of a bot, bytes: a batch of orders in JSON.
pub const FRAME_BYTES: usize = 64 * 1024;
/// Frames of one bot's socket under way at once; more wait unread.
pub const FRAMES_UNDER_WAY: usize = 32;
/// Messages waiting for a slow bot to read them; with more its socket ends.
pub const FRAMES_WAITING: usize = 1_024;
/// Events of an account that wait for a slow bot; with more it is told that they
/// ended.
pub const EVENTS_WAITING: usize = 1_024;
/// Subscriptions to events on one socket.
pub const SUBSCRIPTIONS: usize = 8;
/// Stream keys of one virtual key, each for another address.
pub const STREAM_KEYS: usize = 16;
/// Public streams on one socket; the venue's own bound.
pub const STREAMS_PER_SOCKET: usize = 1_024;
/// Longest name of a stream, bytes.
pub const STREAM_NAME_BYTES: usize = 80;
/// How long a socket may stay without a word from the bot: clients answer the
/// pings that are sent at a third of it.
pub const SOCKET_IDLE: Duration = Duration::from_secs(180);

/// Texts waiting for the signer, per worker.
pub const SIGNER_WAITING: usize = 4_096;
/// Asks in one frame to the signer.
pub const SIGNER_BATCH: usize = 64;
/// Looks for the answer of a polling signer before the worker waits to be
/// woken: some 20 to 30 µs.
pub const SIGNER_LOOKS: usize = 128;
/// How long the signer may take.
pub const SIGNER_TIME: Duration = Duration::from_secs(5);

/// Shards of the replay cache.
pub const REPLAY_SHARDS: usize = 16;
/// Signed texts remembered per shard.
pub const REPLAY_PER_SHARD: usize = 16_384;
/// Sources whose failed authentications are counted one by one.
pub const SOURCES: usize = 1_024;

/// Denials of one bot that are written one by one before the rest is counted.
pub const DENIALS_AT_ONCE: u32 = 200;
/// How many more are written a second.
pub const DENIALS_PER_SECOND: u32 = 1;
/// How often the log is told of those that were only counted.
pub const DENIALS_TOLD_EVERY: Duration = Duration::from_secs(10);
/// How often the log is told of what ended before authentication.
pub const REFUSALS_TOLD_EVERY: Duration = Duration::from_secs(60);
/// Reasons that are counted one by one.
pub const DENIAL_CODES: usize = 32;

/// Outcomes waiting to be asked for at the venue.
pub const UNKNOWN_WAITING: usize = 4_096;
/// How long after the receive window an unknown outcome is first asked for.
pub const UNKNOWN_MARGIN: Duration = Duration::from_millis(1_000);
/// How often an unknown outcome is asked for again while the venue does not
/// say.
pub const UNKNOWN_AGAIN: Duration = Duration::from_secs(5);
/// How often a withdrawal of unknown outcome is asked for: the venue allows
/// ten such questions a minute (UID weight 18000 of 180000).
pub const WITHDRAWAL_AGAIN: Duration = Duration::from_secs(15);
/// How long a withdrawal must be missing from the venue's history, from when
/// it was first asked for, before it counts as never having happened.
pub const WITHDRAWAL_ABSENT: Duration = Duration::from_secs(30);
/// The least that either of the log's reserves may hold, bytes: some
/// entries.
pub const RESERVE_LEAST_BYTES: u64 = 64 * 1024;
/// Longest entry, bytes: what the log takes, less room for its own fields.
pub const ENTRY_BYTES: usize = 60 * 1024;
/// How often the log is synced.
pub const SYNC_EVERY: Duration = Duration::from_millis(8);
/// How often a checkpoint is published while the log grows.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// How often the venue's clock is asked for.
pub const CLOCK_EVERY: Duration = Duration::from_secs(30);
/// How often the rights of every key are asked for.
pub const RIGHTS_EVERY: Duration = Duration::from_secs(3_600);
/// How often reference prices are asked for.
pub const PRICES_EVERY: Duration = Duration::from_millis(1_000);
/// How often the venue's markets are asked for: a new one is not valued, so
/// not traded under a limit, before.
pub const INSTRUMENTS_EVERY: Duration = Duration::from_secs(600);
/// How often an account is asked for where nothing happens.
pub const SNAPSHOT_EVERY: Duration = Duration::from_secs(30);
/// How soon after own orders an account is asked for.
pub const SNAPSHOT_AFTER_ORDERS: Duration = Duration::from_secs(2);
/// How long running requests may take after a stop.
pub const DRAIN: Duration = Duration::from_secs(20);
/// Most connections that a gateway passes on.
pub const PASSED: usize = 65_536;
/// Most bytes read from a connection that is passed on; with more it is served
/// on first.
pub const PASSED_BYTES: usize = HEAD_BYTES + wire::limits::BODY_BYTES + 16 * 1024;
/// Longest memory of signed texts that is taken over, bytes.
pub const MEMORY_BYTES: u64 = (REPLAY_SHARDS * REPLAY_PER_SHARD * 256) as u64;
/// How long a gateway that leaves goes on for connections that cannot be passed
/// on: each is told to close with its next answer.
pub const CLOSING: Duration = Duration::from_secs(5);
/// How long a request on such a connection that has begun may take to be read
/// after that.
pub const CLOSING_READ: Duration = Duration::from_secs(1);
/// How long a gateway waits for clock and prices before it accepts; connections
/// wait meanwhile.
pub const WARMING: Duration = Duration::from_secs(3);
/// Most approvals in the book: what waits, and what is over until it expires.
pub const APPROVALS: usize = 256;
/// How long an approval waits before it expires, ms: a day.
pub const APPROVAL_LIFE_MS: u64 = 24 * 3_600_000;
/// Connections on the admin socket at once.
pub const ADMIN_CONNECTIONS: usize = 16;
/// Longest line on the admin socket, bytes: a configuration, escaped.
pub const ADMIN_LINE_BYTES: usize = 4 * CONFIG_BYTES;
/// Targets of notifications.
pub const NOTIFY_TARGETS: usize = 16;
/// Addresses that one target writes to.
pub const NOTIFY_RECIPIENTS: usize = 16;
/// Longest file with a secret of a target, bytes.
pub const NOTIFY_SECRET_BYTES: u64 = 512;
/// Longest path of a target, bytes.
pub const NOTIFY_PATH_BYTES: usize = 512;
/// Notifications that wait for one target; with more the least severe is
/// dropped.
pub const NOTIFY_WAITING: usize = 64;
/// Notifications that are remembered as told, per target, to tell repeats by.
pub const NOTIFY_REMEMBERED: usize = 256;
/// What repeats within this long is told once, with how often.
pub const NOTIFY_REPEATS: Duration = Duration::from_secs(60);
/// How long one attempt to notify may take; shorter than the command line waits.
pub const NOTIFY_TIME: Duration = Duration::from_secs(8);
/// The first wait before another attempt; each is twice the one before.
pub const NOTIFY_AGAIN: Duration = Duration::from_secs(1);
/// The longest wait before another attempt.
pub const NOTIFY_AGAIN_MOST: Duration = Duration::from_secs(60);
/// When a notification that cannot be delivered is given up.
pub const NOTIFY_GIVE_UP: Duration = Duration::from_secs(30 * 60);
/// How long a gateway that stops goes on delivering.
pub const NOTIFY_DRAIN: Duration = Duration::from_secs(2);
/// Longest answer of a target that is read, bytes.
pub const NOTIFY_ANSWER_BYTES: usize = 16 * 1024;
/// Longest value in a notification, characters.
pub const NOTIFY_VALUE_CHARACTERS: usize = 300;
/// Scrapes of the metrics at once.
pub const SCRAPES: usize = 4;
/// How long a scrape may take.
pub const SCRAPE_TIME: Duration = Duration::from_secs(10);
/// Longest packet on the supervisor's control socket, bytes.
pub const CONTROL_PACKET_BYTES: usize = 128 * 1024;
/// Most descriptors beside one control packet.
pub const CONTROL_DESCRIPTORS: usize = WORKERS + 1;

const _: () = assert!(APPROVAL_LIFE_MS <= vault::limits::GRANT_LIFE_MS);
const _: () = assert!(APPROVALS <= vault::limits::GRANTS_KEPT);
const _: () = assert!(SIGNER_BATCH <= vault::limits::MESSAGES);
const _: () = assert!(SIGNER_BATCH * 1_024 < vault::limits::ASK_FRAME_BYTES);
const _: () = assert!(SYNC_EVERY.as_millis() <= 10);
const _: () = assert!(HEAD_BYTES > wire::limits::TARGET_BYTES);
const _: () = assert!(CONFIG_BYTES < CONTROL_PACKET_BYTES);
const _: () = assert!(NOTIFY_TIME.as_secs() < 10);
const _: () = assert!(NAME_BYTES <= vault::limits::NAME_BYTES);
/// Halts in force at once.
pub(crate) const HALTS: usize = 1_024;
/// Entries named as a halt's evidence.
pub(crate) const HALT_EVIDENCE: usize = 32;
/// Longest reason of a halt, characters.
pub(crate) const HALT_WHY_CHARACTERS: usize = 512;
/// Markets with a slow price.
pub(crate) const SLOW_PRICES: usize = 4_096;
/// Withdrawals of all accounts that are remembered.
pub(crate) const SENDS_KEPT: usize = 2_048;
/// Trades of all accounts that are remembered.
pub(crate) const TRADES_KEPT: usize = 16_384;
/// Trades between own accounts that are remembered.
pub(crate) const OWN_TRADES_KEPT: usize = 1_024;
/// How old a price may be to count as a sample of now, ms.
pub(crate) const SAMPLE_AGE_MS: u64 = 10_000;
/// Markets whose public trades are followed.
pub(crate) const PUMP_MARKETS: usize = 200;
