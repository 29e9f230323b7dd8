//! Whether a request may be signed, and why. No I/O, no clock, deterministic.
