//! The logs from outside: what is appended comes back, and nothing else does.

#[cfg(test)]
mod basics;
#[cfg(test)]
mod bit_flip;
#[cfg(test)]
mod checkpoint;
#[cfg(test)]
mod crash_loop;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod faulty;
#[cfg(test)]
mod interleaving;
#[cfg(test)]
mod samples;
