//! Detectors: streaming, bounded, deterministic; time and data are arguments.
//!
//! Each has a directory of its own that says what it sees, why, with which
//! parameters, and what it cannot see.

pub mod pump;
