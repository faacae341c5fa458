//! What the generator makes: what it was meant to, the same every time, and everything often enough.

use prokura_model::{
    Schema,
    schema::{Expression, Member},
};
use prokura_testkit::{
    Rng, Tally, World,
    compare::differential,
    generate::{Case, Sketch},
    scenario,
};

#[test]
fn a_schema_text_means_what_it_was_written_for() {
    for seed in 0..2_000 {
        let mut rng = Rng::new(seed);
        let sketch = Sketch::random(&mut rng);
        let text = sketch.text(&mut rng);
        let schema = Schema::parse(&text).unwrap_or_else(|faults| panic!("seed {seed}: {faults:?}\n{text}"));
        for kind in &sketch.kinds {
            let definition = schema.definition(kind.name.as_str()).expect("the definition is there");
            assert_eq!(definition.members.len(), kind.relations.len() + kind.permissions.len());
            for (name, allowed) in &kind.relations {
                let member = definition.member(name.as_str());
                assert!(matches!(member, Some(Member::Relation(found)) if found.allowed == *allowed), "{text}");
            }
            for (name, expression) in &kind.permissions {
                let Some(Member::Permission(found)) = definition.member(name.as_str()) else {
                    panic!("seed {seed}: `{name}` is missing\n{text}");
                };
                let (found, meant) = (canonical(&found.expression), canonical(expression));
                assert_eq!(found, meant, "seed {seed}: `{name}`\n{text}");
            }
        }
    }
}

/// `(a - b) - c` and `a - (b + c)` mean the same, and the parser may make one of the other.
fn canonical(expression: &Expression) -> Expression {
    match expression {
        Expression::Member(_)
        | Expression::Arrow { .. }
        | Expression::Itself
        | Expression::Nil
        | Expression::Direct => expression.clone(),
        Expression::Union(operands) => Expression::Union(flat(operands.iter().map(canonical).collect())),
        Expression::Intersection(operands) => Expression::Intersection(operands.iter().map(canonical).collect()),
        Expression::Exclusion(from, taken) => match canonical(from) {
            Expression::Exclusion(from, already) => {
                Expression::Exclusion(from, Box::new(Expression::Union(flat(vec![*already, canonical(taken)]))))
            }
            from => Expression::Exclusion(Box::new(from), Box::new(canonical(taken))),
        },
    }
}

fn flat(operands: Vec<Expression>) -> Vec<Expression> {
    let inner = |operand| if let Expression::Union(inner) = operand { inner } else { vec![operand] };
    operands.into_iter().flat_map(inner).collect()
}

#[test]
fn the_same_seed_makes_the_same_case() {
    for seed in 0..50 {
        assert_eq!(format!("{:?}", Case::of(seed)), format!("{:?}", Case::of(seed)));
    }
}

#[test]
fn every_edge_fits_its_schema() {
    for seed in 0..500 {
        let case = Case::of(seed);
        for world in [case.world_before(), case.world_after()] {
            let schema = world.schema.as_ref().expect("a case begins with its schema");
            for (edge, terms) in &world.relationships {
                let checked = schema.check_relationship(edge, terms);
                checked.unwrap_or_else(|fault| panic!("seed {seed}: {edge}: {fault}"));
            }
        }
    }
}

#[test]
fn cases_are_balanced() {
    let (tally, difference) = differential(World::default, 5_000);
    print!("{tally}");
    assert!(difference.is_none(), "the oracle differs from itself");
    tally.require_spread();
    let nothing = std::panic::catch_unwind(|| Tally::default().require_spread());
    assert!(nothing.is_err(), "an empty run was taken for balanced");
}

#[test]
fn a_case_printed_as_a_scenario_reads_back_as_the_same() {
    for seed in 0..100 {
        let case = Case::of(seed);
        let changes = case.before.concat();
        let world = World::of(&changes);
        for ask in &case.asks {
            let right = prokura_testkit::Candidate::answer(&world, ask);
            let text = scenario::text_of(&changes, ask, &right);
            let scenario = scenario::Scenario::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            scenario::run(&scenario, &mut World::default()).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
        }
    }
}
