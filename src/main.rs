//! poolcheck
fn main() {}
