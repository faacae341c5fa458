use crate::authority::words;

/// Whose doing an error is; every public error answers with one. Doors turn it into their status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// What was asked cannot be meant, is not allowed, or names what does not exist. Asking again will not help.
    Caller,
    /// A limit was reached. The message names it.
    Limit,
    /// Ours: a disk, a bug, damaged data.
    Server,
}

words!(Fault { Caller => "caller", Limit => "limit", Server => "server" });
