//! What runs have touched: everything that was ever allowed is looked at again.

use prokura_model::{Task, TaskId, Touch, Value};

use crate::{Question, World, oracle::TASK_LINE};

impl World {
    /// The task at the root of the tree that the task is part of.
    pub(crate) fn run_of<'a>(&'a self, task: &'a Task) -> Option<&'a TaskId> {
        let above = |task: &&'a Task| self.tasks.get(task.parent.as_ref()?);
        let highest = std::iter::successors(Some(task), above).take(TASK_LINE).last()?;
        highest.parent.is_none().then_some(&highest.id)
    }

    /// The values that an attribute had of what the run has touched, each once, the first first.
    pub(crate) fn touched(&self, run: &TaskId, attribute: &str) -> Vec<Value> {
        let mut values = Vec::new();
        for touch in self.consumptions.iter().flat_map(|consumption| &consumption.taken.touched) {
            if touch.run == *run && touch.attribute == attribute && !values.contains(&touch.value) {
                values.push(touch.value.clone());
            }
        }
        values
    }

    /// What an allow of the question adds to what its run has touched: of the attributes that guards read of runs, those that
    /// the resource has and its type declares, unless the run has touched such a value before.
    pub(super) fn touches(&self, question: &Question) -> Vec<Touch> {
        let link = question.delegation.as_ref().and_then(|id| self.delegations.get(id));
        let run = link.and_then(|link| self.run_of(self.tasks.get(&link.task)?));
        let (Some(run), Some(schema)) = (run, &self.schema) else { return Vec::new() };
        let declared = schema.definition(question.resource.kind.as_str()).map(|definition| &definition.attributes);
        let read = schema.read_of_runs();
        let is_read = |name: &str| read.contains(name);
        let attributes = self.attributes.get(&question.resource).into_iter().flatten();
        let counts = |name: &str| is_read(name) && declared.is_some_and(|declared| declared.contains_key(name));
        let new = attributes.filter(|(name, value)| counts(name) && !self.touched(run, name).contains(value));
        new.map(|(name, value)| Touch { run: run.clone(), attribute: name.clone(), value: value.clone() }).collect()
    }
}
