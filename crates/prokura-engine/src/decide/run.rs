//! What the run has touched so far, which guards can read, and what an allow adds to it.

use prokura_model::{Spending, Taken, TaskId, Touch, Value};

use super::{Posed, Taking, Walk};

/// What was touched under the tasks of a run.
#[derive(Clone, Copy)]
pub(super) struct Run<'r> {
    id: &'r TaskId,
    spending: &'r Spending,
    /// By the actions before this one, in a plan.
    before: &'r [Taken],
}

impl Run<'_> {
    /// The values of an attribute: each once, in the order they were first touched.
    pub(super) fn touched(&self, attribute: &str) -> Vec<Value> {
        let mut values = self.spending.touched.get(attribute).cloned().unwrap_or_default();
        let before = self.before.iter().flat_map(|taken| &taken.touched);
        for touch in before.filter(|touch| touch.run == *self.id && touch.attribute == attribute) {
            if !values.contains(&touch.value) {
                values.push(touch.value.clone());
            }
        }
        values
    }
}

impl<'w> Walk<'w> {
    /// The run of the task, if there is one. All tasks of a tree are one run, so that nothing is forgotten by cutting a task
    /// into parts.
    pub(super) fn run<'r>(&'r self) -> Option<Run<'r>>
    where
        'w: 'r,
    {
        let id = self.found.run.as_ref()?;
        let before = match self.taking {
            Taking::After(before) => before,
            Taking::AtOnce | Taking::Reserved | Taking::Before => &[],
        };
        Some(Run { id, spending: self.spending(id), before })
    }

    /// Adds to what an allow takes the values that the run touches with it for the first time, where some guard reads them. Of a
    /// request that is sent again as well: the resource may have other values than it had then.
    pub(super) fn touch(&mut self, posed: &Posed<'_>) {
        let read = posed.program.read_of_runs();
        if read.is_empty() {
            return;
        }
        let Some(run) = self.run() else { return };
        let resource = &posed.question.resource;
        let values = posed.view.declared_attributes(posed.program, resource);
        let new = values.into_iter().filter(|(name, value)| read.contains(name) && !run.touched(name).contains(value));
        let touch = |(attribute, value)| Touch { run: run.id.clone(), attribute, value };
        self.found.taken.touched = new.map(touch).collect();
    }
}
