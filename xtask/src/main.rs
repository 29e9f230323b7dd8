//! Runs the tests and the benchmarks.
fn main() {}
