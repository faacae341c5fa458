//! The test kit tested: the oracle on cases worked out by hand, the generator on what it makes, and both on planted bugs.

mod generator;
mod laws;
mod oracle;
mod planted;
mod scenarios;
