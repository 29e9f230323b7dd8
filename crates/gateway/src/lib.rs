//! The data path: listeners, the life of a request, upstreams, settlement.
