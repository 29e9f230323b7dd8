//! WOO X: REST in its versions 1 and 3.
//!
//! The two versions sign differently. Version 1 signs the sorted parameters and
//! the time, neither method nor path: one text is good for every endpoint that
//! takes its parameters, as at Binance. Version 3 signs time, method, path,
//! query and body: a text means what it says.
//!
//! Reading order: [`json`] and [`params`] (bytes to parameters and back, one
//! reading), [`listed`] (the closed parameter tables), [`mod@receive`] (a raw
//! request to a received one), [`mod@read`] (to a typed intent), [`text`] (what
//! is signed and sent), [`ids`] (client order ids), [`charge`] (the signer's
//! own reading of orders), [`public`] (market data that is relayed),
//! [`refusal`] and [`errors`] (what a bot is told), [`endpoints`] (every
//! private endpoint there is) and [`collide`] (what a text could mean).

pub mod charge;
pub mod collide;
pub mod endpoints;
pub mod errors;
pub mod frames;
pub mod ids;
pub mod json;
pub mod listed;
pub mod params;
pub mod public;
pub mod read;
pub mod receive;
pub mod refusal;
pub mod text;

pub use charge::{OrderCharge, orders_in};
pub use json::{Json, Object};
pub use listed::{Listed, Scheme, Served, served};
pub use params::{ParamText, Params};
pub use public::public_endpoint;
pub use read::read;
pub use receive::{RawRequest, Received, receive};
pub use refusal::{Fault, Refusal, RefusalCode};
pub use text::{Text, Upstream, text_to_sign};
