//! Binance: spot REST is read in full; every other private endpoint is known
//! to the collision table and refused.
