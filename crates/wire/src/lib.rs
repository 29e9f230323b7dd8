//! What a request is: nouns, limits, venues; bytes to intent and back. No I/O.
