//! Looking ahead over a plan.

use prokura::{
    Asked, Authority, DecideError, Decision, DecisionFilter, Page, PlanDecided, Question, limits::PLAN_ACTIONS_MAX,
    model::Disposition,
};
use prokura_testkit::{Ask, generate::Case};

use crate::support::*;

fn plan(authority: &Authority, questions: &[Question]) -> Result<PlanDecided, DecideError> {
    let actions = questions.iter().map(|question| (question.clone(), Asked::by_library())).collect();
    authority.decide_plan(&tenant(), actions)
}

fn views() -> Question {
    question("agent:coder", "view", "document:plan", Some("second"))
}

fn denied() -> Question {
    question("agent:coder", "edit", "document:plan", None)
}

fn misspelt() -> Question {
    question("agent:coder", "edlt", "document:plan", Some("second"))
}

#[test]
fn a_plan_is_allowed_only_if_each_action_is() {
    let (authority, _hand) = at_noon();
    let found = |questions: &[Question]| {
        let plan = plan(&authority, questions).unwrap();
        (plan.disposition(), plan.not_allowed())
    };
    assert_eq!(found(&[coder_edits(), views()]), (Some(Disposition::Allow), vec![]));
    assert_eq!(found(&[coder_edits(), denied(), views(), denied()]), (Some(Disposition::Deny), vec![1, 3]));
    assert_eq!(found(&[coder_edits(), misspelt()]), (None, vec![1]), "what could not be decided is never an allow");
    assert_eq!(found(&[misspelt(), denied()]), (Some(Disposition::Deny), vec![0, 1]));
}

#[test]
fn a_plan_is_recorded_as_one_and_says_so_with_each_action() {
    let (authority, _hand) = at_noon();
    let planned = plan(&authority, &[coder_edits(), denied(), misspelt()]).unwrap();
    ask(&authority, &coder_edits()).unwrap();
    let found = authority.decisions(&tenant(), &DecisionFilter::default(), &Page::first(10)).unwrap().records;
    let told: Vec<_> = found.iter().rev().map(|record| (record.step.planned, record.outcome.code())).collect();
    assert_eq!(
        told,
        [(true, "lent_authority"), (true, "no_path"), (true, "member_unknown"), (false, "lent_authority")]
    );
    let ids: Vec<_> = planned.answers.iter().flatten().map(|decided| decided.id.clone()).collect();
    assert_eq!(ids, [found[3].id.clone(), found[2].id.clone()]);
}

#[test]
fn limit_plan_actions_max_bounds_a_plan() {
    let (authority, _hand) = at_noon();
    let of = |count: usize| plan(&authority, &vec![coder_edits(); count]).map(|plan| plan.answers.len());
    assert_eq!(of(PLAN_ACTIONS_MAX).unwrap(), PLAN_ACTIONS_MAX);
    for count in [0, PLAN_ACTIONS_MAX + 1] {
        assert_eq!(of(count).unwrap_err().code(), "plan_size");
    }
}

/// On random worlds: of each action, a plan says what is decided of it when all are done, one after the other.
#[test]
fn a_plan_says_of_each_action_what_its_decision_says() {
    let (mut kinds, mut taken) = ([0; 2], 0);
    for seed in 1..800 {
        let case = Case::small(seed);
        let hand = Hand::at(1_700_000_000_000);
        let authority = Authority::in_memory(hand.options());
        for change in case.before.concat() {
            // What no writer lets in is left out.
            let _ = write(&authority, vec![change]);
        }
        let mut questions = Vec::new();
        for ask in &case.asks {
            let Ask::Decide { question: asked, .. } = ask else { continue };
            questions.push(Question {
                actor: asked.actor.clone(),
                delegation: asked.delegation.clone(),
                permission: asked.permission.clone(),
                resource: asked.resource.clone(),
                arguments: asked.arguments.clone(),
                context: asked.context.clone(),
                credential: asked.credential.clone(),
                tool_schema: None,
            });
        }
        if questions.is_empty() {
            continue;
        }
        let planned = plan(&authority, &questions).unwrap();
        let single: Vec<_> = questions.iter().map(|question| ask(&authority, question)).collect();
        taken += single.iter().flatten().filter(|decided| !decided.decision.taken.is_empty()).count();
        for (single, planned) in single.iter().zip(&planned.answers) {
            match (single, planned) {
                (Ok(single), Ok(planned)) => {
                    // What those before it took was written since.
                    let planned = Decision { revision: single.decision.revision, ..planned.decision.clone() };
                    assert_eq!(single.decision, planned, "seed {seed}");
                }
                (Err(single), Err(planned)) => assert_eq!(single.code(), planned.code(), "seed {seed}"),
                other => panic!("seed {seed}: {other:?}"),
            }
        }
        let all = single.iter().all(|one| one.as_ref().is_ok_and(|one| one.disposition() == Disposition::Allow));
        assert_eq!(planned.disposition() == Some(Disposition::Allow), all, "seed {seed}");
        kinds[usize::from(all)] += 1;
    }
    assert!(kinds[0] > 10 && kinds[1] > 10 && taken > 0, "{kinds:?}, {taken} take something");
}
