//! Step 5: the task, and the tasks that it is a part of.

use std::iter;

use prokura_model::{Reason, Task, TaskId, TaskState};

use super::{Stop, Walk, deny};
use crate::limits::TASK_LINE_MAX;

impl<'w> Walk<'w> {
    /// The task is open and not over, and so is every task above it.
    pub(super) fn task(&mut self) -> Result<&'w Task, Stop> {
        let Some(id) = self.chain.last().map(|leaf| &leaf.task) else {
            return deny(Reason::TaskUnknown, String::new());
        };
        let Some(task) = self.stored_task(id) else {
            return deny(Reason::TaskUnknown, format!("there is no task `{id}`"));
        };
        self.found.origin = Some(task.origin.clone());
        self.found.run = self.run_of(task).cloned();
        self.check_task(task, String::new)?;
        let (mut below, mut line) = (task, 1);
        while let Some(parent) = &below.parent {
            let Some(above) = self.stored_task(parent) else {
                let message = format!("task `{parent}`, which task `{}` is a part of, does not exist", below.id);
                return deny(Reason::TaskUnknown, message);
            };
            line += 1;
            if line > TASK_LINE_MAX {
                let message = format!(
                    "task `{id}` has {TASK_LINE_MAX} tasks above it or more (the limit is `TASK_LINE_MAX`, itself included)"
                );
                return deny(Reason::TaskTreeBroken, message);
            }
            if above.origin != task.origin {
                let (own, other) = (&task.origin, &above.origin);
                let message = format!("task `{id}` is for {own}, but task `{parent}`, above it, is for {other}");
                return deny(Reason::TaskTreeBroken, message);
            }
            self.check_task(above, || format!(", and task `{id}` is a part of it"))?;
            below = above;
        }
        Ok(task)
    }

    /// The task at the root, if there is one within the limit.
    pub(super) fn run_of(&self, task: &'w Task) -> Option<&'w TaskId> {
        let above = |task: &&'w Task| task.parent.as_ref().and_then(|parent| self.stored_task(parent));
        let highest = iter::successors(Some(task), above).take(TASK_LINE_MAX).last()?;
        highest.parent.is_none().then_some(&highest.id)
    }

    fn check_task(&mut self, task: &Task, part: impl FnOnce() -> String) -> Result<(), Stop> {
        let id = &task.id;
        let (reason, word) = match task.state {
            TaskState::Open if self.now < task.expires_at => {
                self.tasks_end = self.tasks_end.min(task.expires_at);
                self.has_budgets |= !task.budgets.is_empty();
                return Ok(());
            }
            TaskState::Open => (Reason::TaskExpired, "has expired"),
            TaskState::Completed => (Reason::TaskCompleted, "is completed"),
            TaskState::Cancelled => (Reason::TaskCancelled, "is cancelled"),
        };
        deny(reason, format!("task `{id}` {word}{}", part()))
    }

    pub(super) fn stored_task(&self, id: &TaskId) -> Option<&'w Task> {
        self.head.index.tasks.at(id, self.head.revision, self.guard).map(|(_, task)| &**task)
    }
}
