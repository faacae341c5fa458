//! The library as its users see it.

#[cfg(test)]
mod access;
#[cfg(test)]
mod approvals;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod budgets_around;
#[cfg(test)]
mod candidates;
#[cfg(test)]
mod caps;
#[cfg(test)]
mod checkpoints;
#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod consistency;
#[cfg(test)]
mod deciding;
#[cfg(test)]
mod declaring;
#[path = "../../../prokura-store/tests/it/faulty.rs"]
#[expect(dead_code, reason = "the store's tests use more of it")]
#[cfg(test)]
mod faulty;
#[cfg(test)]
mod guards;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod modelling;
#[cfg(test)]
mod off_boarding;
#[cfg(test)]
mod planning;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod recovering;
#[cfg(test)]
mod relationships;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod stopped;
#[cfg(test)]
mod support;
#[cfg(test)]
mod switched;
#[cfg(test)]
mod tasks;
#[cfg(test)]
mod validation;
#[cfg(test)]
mod watching;
#[cfg(test)]
mod writing;
