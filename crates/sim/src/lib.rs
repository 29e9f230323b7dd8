//! Paper venues: an independent reading of what the real ones accept.
