//! Key custody: sealed store, ceilings, signing, and the signer process.
