//! Binance: spot and USD-M futures are read in full, over REST and the WebSocket
//! API, and the reads of the wallet; every other private endpoint is known to the
//! collision table, classed and refused.
//!
//! Reading order: [`params`] (bytes to decoded parameters and back, one reading),
//! [`listed`] (the closed parameter tables), [`mod@receive`] (a raw request to a
//! received one), [`mod@read`] (to a typed intent), [`text`] (what goes to the
//! signer), [`frames`] (the same over the WebSocket API), [`ids`] (client order ids), [`charge`] (the signer's own reading of
//! orders), [`public`] (market data that is relayed), [`refusal`] and
//! [`errors`] (what a bot is told), [`endpoints`] (every private endpoint there
//! is) and [`collide`] (what a text could mean at any of them).

pub mod charge;
pub mod collide;
pub mod endpoints;
pub mod errors;
pub mod frames;
pub mod ids;
pub mod listed;
pub mod params;
pub mod public;
pub mod read;
pub mod receive;
pub mod refusal;
pub mod text;
pub mod weight;

pub use charge::{OrderCharge, Products, orders_in};
pub use listed::{Listed, Security, Served, served};
pub use params::ParamText;
pub use public::public_endpoint;
pub use read::read;
pub use receive::{RawRequest, Received, receive};
pub use refusal::{Fault, Refusal, RefusalCode};
pub use text::text_to_sign;
