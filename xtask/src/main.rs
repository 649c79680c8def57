//! The one index of tasks.
fn main() {}
