use std::collections::HashSet;

use prokura_model::{
    Budget, Measure, Task,
    limits::{RECORD_ID_BYTES_MAX, TASK_BUDGETS_MAX},
};

use super::{Draft, cap::check_cap, within};
use crate::WriteError;

impl Draft<'_> {
    /// Every budget bounds something, and has a name of its own.
    pub(super) fn budgets(&self, task: &Task) -> Result<(), WriteError> {
        within("budgets of a task", TASK_BUDGETS_MAX, task.budgets.len())?;
        let mut names = HashSet::new();
        for budget in &task.budgets {
            let invalid = |fault| {
                let (task, budget) = (task.id.clone(), budget.name.clone());
                Err(WriteError::BudgetInvalid { task, budget, fault })
            };
            if !names.insert(&budget.name) {
                return invalid("there are two of this name");
            }
            if budget.per_ms == Some(0) {
                return invalid("a window has at least a millisecond; leave it out for the whole task");
            }
            if matches!(&budget.measure, Measure::Sum(argument) if argument.is_empty()) {
                return invalid("the argument that is summed up has no name");
            }
            self.budget(task, budget)?;
        }
        Ok(())
    }

    fn budget(&self, task: &Task, budget: &Budget) -> Result<(), WriteError> {
        if let Measure::Sum(argument) = &budget.measure {
            within("bytes of the name of a budget's argument", RECORD_ID_BYTES_MAX, argument.len())?;
        }
        let Some(covers) = &budget.covers else { return Ok(()) };
        check_cap(self.schema()?, covers, || format!("what budget `{}` of task `{}` covers", budget.name, task.id))
    }
}
