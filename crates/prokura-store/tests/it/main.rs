//! The logs from outside: what is appended comes back, and nothing else does.

#[cfg(test)]
mod basics;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod faulty;
#[cfg(test)]
mod interleaving;
#[cfg(test)]
mod samples;
