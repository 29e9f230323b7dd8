//! The one binary: the supervisor and the subcommands.
fn main() {}
