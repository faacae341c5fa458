//! The `prokura` binary.
fn main() {}
