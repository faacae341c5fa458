//! The logs from outside: what is appended comes back, and nothing else does.

#[cfg(test)]
mod basics;
