//! Who may do what with tasks, links and endorsements.

use prokura_model::{ObjectRef, Timestamp};
use serde::{Deserialize, Serialize};

use super::{is_default, read::parsed};
use crate::{Act, Candidate, Right};

/// Somebody, what they would do, and whether they may.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MayEntry {
    #[serde(default, skip_serializing_if = "is_default")]
    about: String,
    who: String,
    what: String,
    expect: String,
}

/// Whether somebody may do something, and the right answer.
#[derive(Clone, Debug)]
pub struct ExpectedRight {
    /// Why it is asked, in words.
    pub about: String,
    /// Who.
    pub by: ObjectRef,
    /// What.
    pub act: Act,
    /// Whether they may: `yes`, `no`, or `hidden`, if they may not even see it.
    pub answer: String,
}

impl MayEntry {
    pub(super) fn expected(&self) -> Result<ExpectedRight, String> {
        let (by, act): (_, Act) = (parsed(&self.who)?, self.what.parse()?);
        let known = match act.seeing() {
            Some(_) => ["yes", "no", "hidden"].as_slice(),
            None => &["yes", "no"],
        };
        if !known.contains(&self.expect.as_str()) {
            return Err(format!("`{}` is no answer to whether somebody may {act}", self.expect));
        }
        Ok(ExpectedRight { about: self.about.clone(), by, act, answer: self.expect.clone() })
    }
}

impl ExpectedRight {
    /// What the candidate says instead, if it says something else.
    pub(super) fn wrong(&self, candidate: &impl Candidate, now: Timestamp) -> Option<String> {
        let Self { about, by, act, answer } = self;
        let seen = match act.seeing() {
            Some(seeing) => candidate.may(by, &seeing, now)? == Right::Yes,
            None => true,
        };
        let found = match candidate.may(by, act, now)? {
            Right::Yes => "yes",
            Right::No | Right::Unsaid if seen => "no",
            Right::No | Right::Unsaid => "hidden",
        };
        (found != answer).then(|| format!("may {by} {act}? ({about}): right is `{answer}`, found `{found}`"))
    }
}
