//! The test kit tested: the oracle on cases worked out by hand, the generator on what it makes, and both on planted bugs.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, also in its helper functions")]

#[cfg(test)]
mod attacks;
mod generator;
#[cfg(test)]
mod history;
mod laws;
mod oracle;
mod planted;
mod rights;
mod scenarios;
