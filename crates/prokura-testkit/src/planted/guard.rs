//! Guards as an engine would take them: one after the other, and what forbids ends it.

use std::collections::BTreeSet;

use prokura_model::{
    Consumption, Disposition, Reason, Timestamp, Value,
    condition::{Condition, Evaluation},
    schema::{Clause, Guard},
};

use super::{Bug, Planted};
use crate::{Context, Question, Standing, Verdict, oracle::missing_of};

/// Why it is not allowed, and the names of values that are missing for it.
type Stopped = (Reason, BTreeSet<String>);

impl Planted {
    pub(super) fn narrowed(&self, question: &Question, now: Timestamp, allowed: Verdict) -> Verdict {
        if allowed.reason.disposition() != Disposition::Allow || self.has(Bug::GuardsAreIgnored) {
            return allowed;
        }
        match self.stopped_by_guards(question, &self.world.known(question, now), Some(now)) {
            Some((reason, _)) => Verdict::because(reason),
            None if self.world.guards_read_now(question, now) => Verdict { valid_until: Some(now), ..allowed },
            None => allowed,
        }
    }

    /// What is left of an entry in a list of the living.
    pub(super) fn left_in_list(&self, question: &Question, stranger: bool, now: Timestamp) -> Standing {
        let mut known = self.world.known(question, now);
        if stranger {
            known.remove("actor.id");
        }
        if self.has(Bug::GuardsAreIgnored) || self.has(Bug::ListsPassOverGuards) {
            return Standing::Has;
        }
        match self.stopped_by_guards(question, &known, None) {
            None => Standing::Has,
            Some((Reason::ContextMissing, names)) => Standing::Conditional(names),
            Some((Reason::ApprovalRequired, _)) if self.has(Bug::WhatIsHeldIsListed) => Standing::Has,
            Some(_) => Standing::HasNot,
        }
    }

    /// Approvals count as of this moment; in lists they do not.
    fn stopped_by_guards(&self, question: &Question, known: &Context, at: Option<Timestamp>) -> Option<Stopped> {
        let (mut missing, mut held) = (BTreeSet::new(), None);
        let mut guards = self.world.guards_on(question);
        if self.has(Bug::OnlyTheFirstGuardCounts) {
            guards.truncate(1);
        }
        let because = |reason| Some((reason, BTreeSet::new()));
        for guard in guards {
            if let Some(when) = &guard.when {
                match self.holds(guard, when, question, known) {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err((Reason::GuardFailed, _)) if self.has(Bug::GuardThatFailsIsPassedOver) => continue,
                    Err((Reason::ContextMissing, names)) => {
                        missing.extend(names);
                        continue;
                    }
                    Err(stopped) => return Some(stopped),
                }
            }
            for (place, clause) in guard.clauses.iter().enumerate() {
                match clause {
                    Clause::Forbid => return because(Reason::GuardForbids),
                    Clause::Require(condition) => match self.holds(guard, condition, question, known) {
                        Ok(true) => {}
                        Ok(false) => return because(Reason::GuardRequires),
                        Err((Reason::ContextMissing, names)) => missing.extend(names),
                        Err(stopped) => return Some(stopped),
                    },
                    Clause::Confirmation { .. } if question.delegation.is_none() => {
                        return because(Reason::GuardFailed);
                    }
                    Clause::Approval { .. } | Clause::Confirmation { .. } => {
                        match at.map_or(Some(false), |now| self.approved(question, guard, place, now)) {
                            None => return because(Reason::GuardFailed),
                            Some(true) => {}
                            Some(false) => held = held.or_else(|| Some(demands(clause))),
                        }
                    }
                    Clause::RecordBeforeAnswer => {}
                }
            }
            if self.has(Bug::HeldBeforeForbidden)
                && let Some(reason) = held
            {
                return because(reason);
            }
        }
        if !missing.is_empty() && !self.has(Bug::GuardsMissNothing) {
            return Some((Reason::ContextMissing, missing));
        }
        held.and_then(because)
    }

    fn holds(
        &self,
        guard: &Guard,
        condition: &Condition,
        question: &Question,
        known: &Context,
    ) -> Result<bool, Stopped> {
        let (mut known, mut own) = (known.clone(), question.values());
        if self.has(Bug::QuestionsBringAttributes) {
            known.retain(|name, _| !own.contains_key(name));
        } else {
            own.retain(|name, _| guard.parameters.has(name));
        }
        if self.has(Bug::ChainCountsTheTask) {
            known.extend(length(&known).map(|length| ("chain.length".to_owned(), Value::Integer(length + 1))));
        }
        self.misread_run(&mut known, question);
        let failed = (Reason::GuardFailed, BTreeSet::new());
        match self.world.named_by(question, guard, condition) {
            Some(named) => known.extend(named),
            None => return Err(failed),
        }
        if self.has(Bug::WhatIsNamedIsTheResource) {
            let names: Vec<_> = guard.parameters.objects.keys().filter(|name| own.contains_key(*name)).collect();
            for name in names {
                let label = known.get("resource.label").cloned();
                known.extend(label.map(|label| (format!("{name}.label"), label)));
            }
        }
        match condition.evaluate(&known, &own) {
            Evaluation::True => Ok(true),
            Evaluation::False => Ok(false),
            Evaluation::Missing(names) => {
                let missing = missing_of(guard, &own, &names);
                Err(if missing.is_empty() { failed } else { (Reason::ContextMissing, missing) })
            }
            Evaluation::Failed(_) => Err(failed),
        }
    }
}

impl Planted {
    fn misread_run(&self, known: &mut Context, question: &Question) {
        let names: Vec<String> = known.keys().filter(|name| name.starts_with("run.")).cloned().collect();
        let link = question.delegation.as_ref().and_then(|id| self.world.delegations.get(id));
        for name in &names {
            let attribute = name.trim_start_matches("run.");
            let touched = match (self.bug, link) {
                (Bug::RunsAreForgotten, _) => Vec::new(),
                (Bug::RunOfTheTaskAlone, Some(link)) => self.world.touched(&link.task, attribute),
                (Bug::WhatIsGivenBackWasNotTouched, Some(link)) => {
                    let run = self.world.tasks.get(&link.task).and_then(|task| self.world.run_of(task));
                    let given_back = |found: &&Consumption| self.world.settled.get(&found.decision) != Some(&None);
                    let kept = self.world.consumptions.iter().filter(given_back);
                    let touched = kept.flat_map(|found| &found.taken.touched);
                    let of_it = touched.filter(|touch| Some(&touch.run) == run && touch.attribute == attribute);
                    of_it.map(|touch| touch.value.clone()).collect()
                }
                _ => continue,
            };
            known.insert(name.clone(), Value::List(touched));
        }
        if self.has(Bug::WithoutATaskNothingIsTouched) && names.is_empty() {
            known.insert("run.label".to_owned(), Value::List(Vec::new()));
        }
    }
}

fn demands(clause: &Clause) -> Reason {
    match clause {
        Clause::Confirmation { .. } => Reason::ConfirmationRequired,
        _ => Reason::ApprovalRequired,
    }
}

fn length(known: &Context) -> Option<i64> {
    match known.get("chain.length") {
        Some(Value::Integer(length)) => Some(*length),
        _ => None,
    }
}
