//! The WebSocket API: frames, sessions, user stream subscriptions.

pub(crate) mod answer;
pub(crate) mod frame;
pub(crate) mod methods;
pub(crate) mod session;

pub use frame::{Frame, FrameError, read_frame};
