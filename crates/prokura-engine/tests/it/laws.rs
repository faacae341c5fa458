//! The laws of the decision, on the engine alone: the oracle is not asked.

use std::collections::BTreeSet;

use prokura_engine::{EngineError, Given, Limits, Permissionship};
use prokura_model::{CapClause, Disposition, Timestamp};
use prokura_testkit::{Ask, Candidate, generate::Case, laws};

use crate::candidate::{Engine, asked};

#[test]
fn in_schemas_without_exclusion_removing_an_edge_never_allows() {
    let tried = laws::removing_an_edge_never_allows(Engine::default, 150);
    assert!(tried > 1_000, "tried only {tried} times");
}

#[test]
fn nobody_downstream_may_more() {
    let tried = laws::nobody_downstream_may_more(Engine::default, 400);
    assert!(tried > 200, "tried only {tried} times");
}

#[test]
fn one_cut_ends_it() {
    let tried = laws::one_cut_ends_it(Engine::default, 1_600);
    assert!(tried > 200, "tried only {tried} times");
}

#[test]
fn time_only_takes() {
    let tried = laws::time_only_takes(Engine::default, 300);
    assert!(tried > 2_000, "tried only {tried} times");
}

/// What the authority of a standing has, as far as the standing covers it, is what is decided under the delegation.
#[test]
fn under_a_delegation_a_list_is_the_set_of_what_is_decided() {
    let limits = Limits::default();
    let (mut tried, mut allowed, mut narrow) = (0, 0, 0);
    for seed in 1..400 {
        let case = Case::of(seed);
        let mut engine = Engine::default();
        case.before.iter().for_each(|transaction| engine.apply(transaction, Timestamp(1)));
        let (view, world) = (engine.index.view(), case.world_before());
        for ask in &case.asks {
            let Ask::Decide { question, now } = ask else { continue };
            let Some(delegation) = &question.delegation else { continue };
            let Ok(standing) =
                view.standing(&question.actor, Some(delegation), Some(&question.arguments), *now, &limits)
            else {
                continue;
            };
            let values = question.values();
            let given = Given { now: *now, context: &values };
            let resources: BTreeSet<_> = world.relationships.keys().map(|edge| &edge.resource).collect();
            for resource in resources.into_iter().filter(|found| found.kind == question.resource.kind) {
                let question = prokura_testkit::Question { resource: resource.clone(), ..question.clone() };
                let decided = view.decide(&asked(&question), *now, &limits).map(|decision| decision.disposition());
                let permission = &question.permission;
                let listed = standing.as_ref().map_or(Ok(false), |standing| {
                    let authority = standing.authority.clone().into();
                    let has = view.check(resource, permission, &authority, given, &limits)? == Permissionship::Has;
                    Ok::<_, EngineError>(has && view.covers(standing, permission, resource, given, &limits)?)
                });
                tried += 1;
                let allows = decided == Ok(Disposition::Allow);
                allowed += usize::from(allows);
                let links = standing.iter().flat_map(|standing| &standing.chain);
                let narrowed = links.flat_map(|link| &link.cap.clauses).any(CapClause::is_narrow);
                narrow += usize::from(allows && narrowed);
                assert_eq!(listed == Ok(true), allows, "seed {seed}: {resource} for {ask}: {listed:?}, {decided:?}");
            }
        }
    }
    assert!(tried > 500 && allowed > 100 && narrow > 10, "tried {tried}, allowed {allowed}, narrow {narrow}");
}
