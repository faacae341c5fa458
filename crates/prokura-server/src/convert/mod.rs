//! Wire types into the words of the model, and back. Nowhere else does one become the other.

mod access;
mod approvals;
mod budget;
mod cap;
mod into_model;
mod into_wire;

pub(crate) use access::*;
pub(crate) use approvals::*;
pub(crate) use budget::*;
pub(crate) use cap::cap;
pub(crate) use into_model::*;
pub(crate) use into_wire::*;
