//! Tasks that are part of other tasks, with one thing wrong above now and then.

use prokura_model::{Task, TaskState, Timestamp};

use super::{
    Maker, NOON,
    chain::{Draft, MINUTE, task_id},
};
use crate::oracle::TASK_LINE;

/// The one thing that is wrong with the tasks above one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AboveFlaw {
    Closed,
    Over,
    Missing,
    ForSomeoneElse,
    TooMany,
    Loop,
}

impl Maker {
    /// Puts the task of the draft under so many others, each a part of the next.
    pub(super) fn put_under(&mut self, draft: &mut Draft, count: usize) {
        draft.above.clear();
        for number in 0..count {
            let id = task_id(&format!("{}-above{number}", draft.task.id));
            let expires_at = Timestamp(NOON + if self.rng.chance(20) { 1 } else { 90 * MINUTE });
            lowest(draft).parent = Some(id.clone());
            draft.above.push(Task { id, expires_at, parent: None, ..draft.task.clone() });
        }
    }

    pub(super) fn spoil_above(&mut self, draft: &mut Draft, flaw: AboveFlaw) {
        match flaw {
            // Exactly as many as there may be, sometimes.
            AboveFlaw::TooMany => {
                let count = TASK_LINE - usize::from(self.rng.chance(40));
                return self.put_under(draft, count);
            }
            _ if draft.above.is_empty() => {
                let count = *self.rng.pick(&[1, 2, 2, 3]);
                self.put_under(draft, count);
            }
            _ => {}
        }
        let at = self.rng.below(draft.above.len());
        let someone = self.person();
        let own = draft.task.id.clone();
        let Some(task) = draft.above.get_mut(at) else { return };
        match flaw {
            AboveFlaw::Closed if self.rng.chance(50) => task.state = TaskState::Completed,
            AboveFlaw::Closed => task.state = TaskState::Cancelled,
            AboveFlaw::Over => task.expires_at = Timestamp(NOON - if self.rng.chance(60) { 0 } else { MINUTE }),
            AboveFlaw::Missing => task.parent = Some(task_id("t-nowhere")),
            AboveFlaw::ForSomeoneElse => task.origin = someone,
            _ => task.parent = Some(own),
        }
    }
}

/// The task that nothing is above of yet.
fn lowest(draft: &mut Draft) -> &mut Task {
    draft.above.last_mut().unwrap_or(&mut draft.task)
}
