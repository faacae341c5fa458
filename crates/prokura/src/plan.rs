//! A plan of several actions: what would be decided of each, on one state and at one moment.

use prokura_engine::Question;
use prokura_model::{Disposition, TenantName};

use crate::{Asked, DecideError, Decided, decide, limits::PLAN_ACTIONS_MAX, shared::Shared};

/// What each action of a plan comes to, in their order.
///
/// It says what would be decided now, of each action as if those before it had taken what they would of budgets and uses;
/// and nothing was consumed. It must not be enforced: by the time an action is done,
/// something else may hold, so each is decided again when it is.
#[derive(Debug)]
pub struct PlanDecided {
    /// What was decided of each action, or why it could not be. Each is recorded, as what was asked for a plan.
    pub answers: Vec<Result<Decided, DecideError>>,
}

impl PlanDecided {
    /// What the plan as a whole comes to: an allow only if each action is allowed; a deny if any is denied; otherwise
    /// nothing if any could not be decided; otherwise held if any is; and conditional if all the others depend on something.
    #[must_use]
    pub fn disposition(&self) -> Option<Disposition> {
        let any = |wanted| self.found().any(|found| found == wanted);
        if any(Some(Disposition::Deny)) {
            return Some(Disposition::Deny);
        }
        if any(None) {
            return None;
        }
        let lesser = [Disposition::Held, Disposition::Conditional].into_iter().find(|found| any(Some(*found)));
        Some(lesser.unwrap_or(Disposition::Allow))
    }

    /// The positions of the actions that are not allowed, ascending.
    #[must_use]
    pub fn not_allowed(&self) -> Vec<usize> {
        let found = self.found().enumerate().filter(|(_, found)| *found != Some(Disposition::Allow));
        found.map(|(position, _)| position).collect()
    }

    fn found(&self) -> impl Iterator<Item = Option<Disposition>> {
        self.answers.iter().map(|answer| answer.as_ref().ok().map(Decided::disposition))
    }
}

pub(crate) fn decide_plan(
    shared: &Shared,
    tenant: &TenantName,
    actions: Vec<(Question, Asked)>,
) -> Result<PlanDecided, DecideError> {
    if !(1..=PLAN_ACTIONS_MAX).contains(&actions.len()) {
        return Err(DecideError::PlanSize(actions.len()));
    }
    Ok(PlanDecided { answers: decide::decide_many(shared, tenant, actions, true)? })
}
