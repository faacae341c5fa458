//! The binary as people and scripts use it: as a process, over HTTP, against files.

#[cfg(test)]
mod access;
#[cfg(test)]
mod apply;
#[cfg(test)]
mod approvals;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod certification;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod completions;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod demo;
mod effects;
#[cfg(test)]
mod expectations;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod story;
#[cfg(test)]
mod support;
#[cfg(test)]
mod webhooks;
