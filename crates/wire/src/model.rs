//! The nouns: what a request would do, typed, whatever the venue.
//!
//! Reading order: [`effect`] (how dangerous), [`market`] (where), [`order`] (what trades),
//! [`valuation`] (what that is worth), [`value`] (what moves money out),
//! [`intent`] (the whole request).

pub mod effect;
pub mod intent;
pub mod market;
pub mod order;
pub mod valuation;
pub mod value;

pub use effect::{Class, Effect, Right, Rights};
pub use intent::{Intent, Operation, Venue};
pub use market::Product;
pub use order::{
    CancelReplace, Contingency, Modification, Order, OrderGroup, OrderKind, OrderReference,
    PositionSide, Side, TimeInForce,
};
pub use rust_decimal::Decimal;
pub use value::{Movement, Transfer, Withdrawal};
