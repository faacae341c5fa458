//! Schema text: what is accepted means the same in every form we give it back in, and every form is stable.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prokura_model::{
    Schema,
    schema::{Diagnostic, Member, canonical, diff, format, spicedb_refusal},
};

fuzz_target!(init: prokura_fuzz::plant("schema", prokura_fuzz::schemas().into_iter().map(String::into_bytes)), |data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let formatted = match format(text) {
        Ok(formatted) => {
            assert_eq!(format(&formatted).as_ref(), Ok(&formatted), "formatting twice changes something");
            Some(formatted)
        }
        Err(problems) => {
            check_problems(text, &problems);
            None
        }
    };
    let schema = match Schema::parse(text) {
        Ok(schema) => schema,
        Err(problems) => {
            check_problems(text, &problems);
            if let Some(formatted) = formatted {
                assert!(Schema::parse(&formatted).is_err(), "formatting makes a refused text legal");
            }
            return;
        }
    };
    let formatted = formatted.expect("an accepted schema can be formatted");
    same(&schema, &Schema::parse(&formatted).expect("a formatted schema is accepted"));
    same(&schema, &Schema::parse(schema.text()).expect("an accepted schema's own text is accepted"));
    check_spans(text, schema.warnings());
    assert!(diff(&schema, &schema).is_empty(), "a schema differs from itself");

    let given_back = canonical(text).expect("an accepted schema has a canonical form");
    let again = Schema::parse(&given_back).expect("a canonical form is accepted");
    assert_eq!(canonical(&given_back).as_ref(), Ok(&given_back), "the canonical form is not stable");
    assert_eq!(undocumented(&schema), undocumented(&again), "the canonical form means something else");
    ask(&schema);
});

/// What is worked out about a schema is worked out without failing.
fn ask(schema: &Schema) {
    let reach = schema.reach();
    for definition in schema.definitions().values() {
        for name in definition.members.keys() {
            let types = reach.subject_types(&definition.name, name);
            assert_eq!(types, schema.subject_types(&definition.name, name), "two ways to ask, two answers");
            assert!(schema.find_member(&definition.name, name).is_ok());
        }
    }
}

fn check_problems(text: &str, problems: &[Diagnostic]) {
    assert!(!problems.is_empty(), "refused without a reason");
    check_spans(text, problems);
    let _ = spicedb_refusal(text, problems);
}

fn check_spans(text: &str, problems: &[Diagnostic]) {
    for problem in problems {
        assert!(text.get(problem.span.start..problem.span.end).is_some(), "{problem:?} is nowhere");
        assert!(problem.line >= 1 && problem.column >= 1 && !problem.message.contains('\n'), "{problem:?}");
    }
}

fn same(one: &Schema, other: &Schema) {
    assert_eq!(one.definitions(), other.definitions());
    assert!(one.caveats().keys().eq(other.caveats().keys()));
    for (one, other) in one.caveats().values().zip(other.caveats().values()) {
        assert_eq!((&one.doc, &one.parameters), (&other.doc, &other.parameters));
    }
}

/// The members, without what the canonical form leaves out: comments and annotations.
fn undocumented(schema: &Schema) -> Vec<Member> {
    let bare = |member: &Member| match member.clone() {
        Member::Relation(mut relation) => {
            relation.doc = None;
            Member::Relation(relation)
        }
        Member::Permission(mut permission) => {
            (permission.doc, permission.types) = (None, None);
            Member::Permission(permission)
        }
    };
    schema.definitions().values().flat_map(|definition| definition.members.values().map(bare)).collect()
}
