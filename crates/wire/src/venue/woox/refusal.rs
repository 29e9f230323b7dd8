//! Why a request is not read: the same words as for Binance. What code goes
//! with them stands in [`super::errors`].

pub(crate) use crate::venue::binance::refusal::printable;
pub use crate::venue::binance::refusal::{Fault, Refusal, RefusalCode};
