//! The transparency log: append, checkpoint, prove, verify. Uses nothing of ours.
