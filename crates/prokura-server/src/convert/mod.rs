//! Wire types into the words of the model, and back. Nowhere else does one become the other.

mod into_model;
mod into_wire;

pub(crate) use into_model::*;
pub(crate) use into_wire::*;
