//! The data path: listeners, the life of a request, upstreams, settlement.
//!
//! Reading order: [`limits`], [`config`], `route`, [`doors`], `listen`, `connection` (with
//! `http`),
//! then the life of a request in `pipeline` (accept, parse, authenticate,
//! judge, record, sign, send, settle) with what it uses (`virtual_key`,
//! `replay`, `keys`, `signer`, `record`, `entry`, `upstream`, `venue`, `clock`,
//! `prices`, `approvals`, `gateway`), what one gateway leaves to the next (`hand_over`), then what runs beside it in `house` and `notify`, and [`serve`],
//! which starts everything, on its own or as the supervisor's child
//! ([`control`]).

pub mod config;
pub mod control;
pub mod counters;
pub mod doors;
pub mod fuzz;
pub mod history;
pub mod limits;
pub mod serve;

mod approvals;
mod clock;
mod connection;
mod denials;
mod elsewhere;
mod entry;
mod gateway;
mod halts;
mod hand_over;
mod house;
mod http;
mod keys;
mod listen;
mod metrics;
mod notify;
mod pipeline;
mod prices;
mod pumps;
mod record;
mod recovery;
mod refusals;
mod replay;
mod route;
mod shared;
mod signer;
mod slow_prices;
mod stream_keys;
mod upstream;
mod venue;
mod virtual_key;
mod websocket;

pub use config::{Config, ConfigError};
pub use serve::{GatewayError, ServeOptions, cancel_all_child, run_child, serve};
pub use upstream::dial;
pub use virtual_key::{PublicKeyError, public_key_scheme};
