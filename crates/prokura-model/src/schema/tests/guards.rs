//! Guards and attributes, as they are written and refused.

use super::*;
use crate::{
    limits::{GUARD_CLAUSES_MAX, GUARDS_ON_ONE_MAX},
    text::tests::each,
};

/// A schema with something to be guarded, and these guards.
fn with_guards(guards: &str) -> String {
    format!(
        "use guards\ndefinition user {{\n\tattribute level int\n}}\ndefinition agent {{\n\tattribute risk string\n\tattribute level int\n\trelation owner: user\n}}\n\
         definition service {{\n\tattribute environment string\n\tattribute level string\n\trelation deployer: user | agent\n\trelation nobody: service\n\
         \tpermission deploy = deployer\n\tpermission approve = deployer\n\tpermission void = nobody & deployer\n}}\n\
         definition secret {{\n\tattribute environment string\n\trelation reader: user\n\tpermission read = reader\n}}\n{guards}\n"
    )
}

fn refused(guards: &str) -> String {
    match Schema::parse(&with_guards(guards)) {
        Ok(_) => panic!("accepted: {guards}"),
        Err(problems) => said(&problems),
    }
}

fn warned(guards: &str) -> String {
    said(parsed(&with_guards(guards)).warnings())
}

const WHOLE: &str = "// Nothing goes out unseen.
guard production(amount int, tags list<string>) on service#deploy, secret#read {
	when resource.environment == \"production\" && (amount > 5 ||
		tags.exists(tag, tag == actor.risk))
	require credential.method in [\"spiffe\", \"mtls\"] && now - credential.authenticated_at < duration(\"15m\")
	require confirmation from origin within 1h
	record before answer
	require !has(task.id) || chain.length <= 3 && !chain.dispatched && origin.id != actor.id
}
guard people on service#deploy {
	require approval from service#approve within 15m, reusable
	require approval from service#deployer
}";

#[test]
fn a_guard_says_what_was_written() {
    let schema = parsed(&with_guards(WHOLE));
    let guard = &schema.guards()["production"];
    assert_eq!(guard.doc.as_deref(), Some("Nothing goes out unseen."));
    let on: Vec<String> = guard.on.iter().map(|(kind, name)| format!("{kind}#{name}")).collect();
    assert_eq!(on, ["service#deploy", "secret#read"]);
    let said: Vec<String> = guard.clauses.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 4);
    assert_eq!(said[1], "confirmation from origin within 1h");
    assert_eq!(said[2], "record before answer");
    assert!(guard.text.starts_with("guard production(") && guard.text.ends_with('}'));
    let when = guard.when.as_ref().unwrap();
    assert_eq!(when.parameters_used(), ["amount", "tags", "resource.environment", "actor.risk"]);
    let people: Vec<String> = schema.guards()["people"].clauses.iter().map(ToString::to_string).collect();
    assert_eq!(people, ["approval from service#approve within 15m, reusable", "approval from service#deployer, once"]);
    assert_eq!(schema.definitions()["agent"].attributes["risk"], ParameterType::String);
}

#[test]
fn an_attribute_of_a_list_ends_with_its_line() {
    let text = with_guards(
        "definition paper {\n\tattribute tags list<string>\n\tattribute more map<list<int>> // why\n\n\trelation author: user\n}\ndefinition last {\n\tattribute tags list<string>\n}",
    );
    let formatted = format(&text).unwrap();
    assert_eq!(diff(&parsed(&text), &parsed(&formatted)), []);
    assert_eq!(parsed(&text).definitions()["paper"].attributes.len(), 2);
    assert!(Schema::parse(&text.replace("list<string>\n", "list<string> ")).is_err(), "on one line it does not");
}

#[test]
fn a_parameter_may_name_an_object_whose_attributes_are_read() {
    let text = with_guards(
        "guard known(by agent, amount int, gone agent) on service#deploy {\n\trequire by.risk == 'low' && amount > by.level && by.id != gone.id\n}",
    );
    let schema = parsed(&text);
    let guard = &schema.guards()["known"];
    let objects: Vec<_> = guard.parameters.objects.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    assert_eq!(objects, ["by agent", "gone agent"]);
    assert_eq!(guard.parameters.values, [("amount".to_owned(), ParameterType::Int)]);
    assert_eq!(guard.parameters.read_as("by.risk"), Some("by"));
    assert_eq!(guard.parameters.read_as("resource.environment"), None);
    assert_eq!(diff(&schema, &parsed(&canonical(&text).unwrap())), []);
    let other = parsed(&text.replace("by agent", "by user").replace("by.risk == 'low' && ", ""));
    assert_eq!(diff(&schema, &other).len(), 1);
    insta::assert_snapshot!(each(
        &[
            "guard known(by agnt) on service#deploy {\n\trequire by.risk == 'x'\n}",
            "guard known(by agent) on service#deploy {\n\trequire has(by.risk)\n}",
            "guard known(by agent) on service#deploy {\n\trequire by == 'x'\n}",
            "guard known(by agent) on service#deploy {\n\trequire by.owner == 'x'\n}",
            "guard known(by agent) on service#deploy {\n\tforbid\n}",
            "guard known(by list<agent>) on service#deploy {\n\trequire by.size() > 1\n}",
            "guard known(run agent) on service#deploy {\n\trequire run.risk == 'x'\n}",
        ],
        refused
    ));
}

#[test]
fn guards_are_formatted_and_mean_the_same() {
    let loose = WHOLE
        .replace("\n\trequire", "  // why\n\n\n  // so\n      require")
        .replace(", secret#read", " ,secret # read")
        .replace("record before answer", "record   before answer;")
        .replace("attribute", "attribute  ");
    let formatted = format(&with_guards(&loose)).unwrap();
    assert_eq!(format(&formatted).unwrap(), formatted);
    let (before, after) = (parsed(&with_guards(WHOLE)), parsed(&formatted));
    assert_eq!(diff(&before, &after), []);
    let (_, guards) = formatted.split_once("guard production").unwrap();
    insta::assert_snapshot!(guards, @r#"
(amount int, tags list<string>) on service#deploy, secret#read {
	when resource.environment == "production" && (amount > 5 ||
		tags.exists(tag, tag == actor.risk)) // why

	// so
	require credential.method in ["spiffe", "mtls"] && now - credential.authenticated_at < duration("15m") // why

	// so
	require confirmation from origin within 1h
	record before answer // why

	// so
	require !has(task.id) || chain.length <= 3 && !chain.dispatched && origin.id != actor.id
}

guard people on service#deploy { // why
	// so
	require approval from service#approve within 15m, reusable // why

	// so
	require approval from service#deployer
}
"#);
}

#[test]
fn guards_are_part_of_the_schema_as_spicedb_has_it() {
    let told = canonical(&with_guards(WHOLE)).unwrap();
    assert_eq!(diff(&parsed(&with_guards(WHOLE)), &parsed(&told)), []);
    assert!(told.starts_with("use guards\n"), "{told}");
}

#[test]
fn what_is_no_guard_is_refused() {
    insta::assert_snapshot!(each(
        &[
            "guard production on servce#deploy {\n\tforbid\n}",
            "guard production on service#deplyo {\n\tforbid\n}",
            "guard production on service#deploy {\n\twhen resource.enviroment == 'x'\n\tforbid\n}",
            "guard production on service#deploy {\n\twhen resource.environment == 5\n\tforbid\n}",
            "guard production on service#deploy {\n\twhen resource.environment\n\tforbid\n}",
            "guard production on service#deploy {\n\twhen resource\n\tforbid\n}",
            "guard production on service#deploy, secret#read {\n\twhen resource.level == 'x'\n\tforbid\n}",
            "guard production on service#deploy {\n\twhen actor.level == 1\n\tforbid\n}",
            "guard production on service#deploy {\n\twhen task.name == 'x'\n\tforbid\n}",
            "guard production on service#deploy {\n\twhen amount > 5\n\tforbid\n}",
            "guard production on service#deploy {\n\twhen run.id == 'x'\n\tforbid\n}",
            "guard production on service#deploy {\n\twhen run.environment == 'x'\n\tforbid\n}",
            "guard production on service#deploy {\n\twhen 'x' in run.level\n\tforbid\n}",
            "guard production(amount int) on service#deploy {\n\tforbid\n}",
            "guard production(now int) on service#deploy {\n\trequire now > 5\n}",
            "guard production on service#deploy {\n\twhen true\n}",
            "guard production on service#deploy {\n}",
            "guard production on service#deploy {\n\tforbid\n\tforbid\n}",
            "guard production on service#deploy, service#deploy {\n\tforbid\n}",
            "guard production on service#deploy {\n\tforbid\n}\nguard production on secret#read {\n\tforbid\n}",
            "guard production on service#deploy {\n\trequire approval from secret#read\n}",
            "guard production on service#deploy {\n\trequire approval from service#approve within 0m\n}",
            "guard production on service#deploy {\n\trequire approval from service#approve within 15m, twice\n}",
            "guard production on service#deploy {\n\trequire approval\n}",
            "guard production on service#deploy {\n\trecord after answer\n}",
            "guard production on service#deploy {\n\tforbidden\n}",
            "guard production on service#deploy {\n\tforbid",
            "guard production on service {\n\tforbid\n}",
            "guard it on service#deploy {\n\tforbid\n}",
            "definition thing {\n\tattribute id string\n\tattribute 1st int\n\tattribute kind strin\n\tattribute two int\n\tattribute two int\n}",
            "definition thing {\n\tattribute two_people int\n\trelation two_people: user\n}",
        ],
        refused
    ));
}

#[test]
fn guards_have_to_be_asked_for() {
    let unasked = with_guards("").replace("use guards\n", "");
    insta::assert_snapshot!(said(&Schema::parse(&unasked).unwrap_err()), @r#"
2:2: `attribute` where `relation`, `permission` or `}` was expected; `attribute` needs `use guards` at the top of the text [unexpected_token]
5:2: `attribute` where `relation`, `permission` or `}` was expected; `attribute` needs `use guards` at the top of the text [unexpected_token]
10:2: `attribute` where `relation`, `permission` or `}` was expected; `attribute` needs `use guards` at the top of the text [unexpected_token]
19:2: `attribute` where `relation`, `permission` or `}` was expected; `attribute` needs `use guards` at the top of the text [unexpected_token]
"#);
    let unasked = "definition user {}\nguard production on user#x {\n}";
    insta::assert_snapshot!(said(&Schema::parse(unasked).unwrap_err()), @"2:1: `guard` where `definition` or `caveat` was expected; `guard` needs `use guards` at the top of the text [unexpected_token]");
}

#[test]
fn guards_that_do_less_or_more_than_they_seem_to() {
    insta::assert_snapshot!(each(&[
        "guard production on service#deploy {\n\twhen 1 > 2\n\tforbid\n}",
        "guard production on service#deploy {\n\trequire false\n}",
        "guard production on service#deploy {\n\trequire approval from service#void\n}",
        "guard production on service#deployer {\n\tforbid\n}",
        "// ignore-warning: guard_never_met\nguard production on service#deploy {\n\trequire false\n}",
        "guard production on service#deploy {\n\tforbid\n}\ndefinition system {\n\trelation part: service\n\tpermission ship = part->deploy\n}",
        "guard production on service#deploy {\n\tforbid\n}\ndefinition system {\n\trelation part: service\n\t// ignore-warning: guard_passed_by\n\tpermission ship = part->deploy\n}",
    ], warned), @r#"
guard production on service#deploy {
	when 1 > 2
	forbid
}
    17:13: nobody can ever have permission `void`; no type of subject reaches all that it asks for; `nil` alone says so on purpose [permission_always_empty]
    25:2: guard `production` never applies; its `when` is false whatever is asked [guard_never_applies]
guard production on service#deploy {
	require false
}
    17:13: nobody can ever have permission `void`; no type of subject reaches all that it asks for; `nil` alone says so on purpose [permission_always_empty]
    25:2: what guard `production` requires here is never so; `forbid` says on purpose that it is never allowed [guard_never_met]
guard production on service#deploy {
	require approval from service#void
}
    17:13: nobody can ever have permission `void`; no type of subject reaches all that it asks for; `nil` alone says so on purpose [permission_always_empty]
    25:2: nobody can ever have `service#void`, so nobody can give what guard `production` requires; `forbid` says on purpose that it is never allowed [guard_never_met]
guard production on service#deployer {
	forbid
}
    15:13: `deploy` includes `service#deployer`, which guard `production` is on, and has no guard of its own; guards are on what is asked for: put one on `service#deploy`, or say that it is meant with a comment [guard_passed_by]
    16:13: `approve` includes `service#deployer`, which guard `production` is on, and has no guard of its own; guards are on what is asked for: put one on `service#approve`, or say that it is meant with a comment [guard_passed_by]
    17:13: nobody can ever have permission `void`; no type of subject reaches all that it asks for; `nil` alone says so on purpose [permission_always_empty]
    17:13: `void` includes `service#deployer`, which guard `production` is on, and has no guard of its own; guards are on what is asked for: put one on `service#void`, or say that it is meant with a comment [guard_passed_by]
// ignore-warning: guard_never_met
guard production on service#deploy {
	require false
}
    17:13: nobody can ever have permission `void`; no type of subject reaches all that it asks for; `nil` alone says so on purpose [permission_always_empty]
guard production on service#deploy {
	forbid
}
definition system {
	relation part: service
	permission ship = part->deploy
}
    17:13: nobody can ever have permission `void`; no type of subject reaches all that it asks for; `nil` alone says so on purpose [permission_always_empty]
    29:13: `ship` includes `service#deploy`, which guard `production` is on, and has no guard of its own; guards are on what is asked for: put one on `system#ship`, or say that it is meant with a comment [guard_passed_by]
guard production on service#deploy {
	forbid
}
definition system {
	relation part: service
	// ignore-warning: guard_passed_by
	permission ship = part->deploy
}
    17:13: nobody can ever have permission `void`; no type of subject reaches all that it asks for; `nil` alone says so on purpose [permission_always_empty]
"#);
}

#[test]
fn differences_between_guards() {
    let before = WHOLE;
    let after = WHOLE
        .replace("// Nothing", "// Little")
        .replace("amount > 5", "amount > 6")
        .replace(", secret#read", "")
        .replace("guard people", "guard persons");
    let (before, after) = (parsed(&with_guards(before)), parsed(&with_guards(&after)));
    let said: Vec<String> =
        diff(&before, &after).iter().map(|found| format!("{} {}: {found}", found.word(), found.place())).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
guard_removed people: guard `people` is gone
guard_added persons: guard `persons` is new
guard_doc_changed production: guard `production` has another comment
guard_moved production: guard `production` is on other permissions
guard_changed production: guard `production` says something else
"#);
    let fewer = parsed(
        &with_guards("").replace("attribute risk string\n", "").replace("environment string", "environment int"),
    );
    let said: Vec<String> = diff(&parsed(&with_guards("")), &fewer)
        .iter()
        .map(|found| format!("{} {}: {found}", found.word(), found.place()))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
attribute_removed agent#risk: attribute `risk` of `agent` is gone
attribute_type_changed secret#environment: attribute `environment` of `secret` is of type `int`, and was `string`
attribute_type_changed service#environment: attribute `environment` of `service` is of type `int`, and was `string`
"#);
    let back: Vec<&str> = diff(&fewer, &parsed(&with_guards(""))).iter().map(Difference::word).collect();
    assert_eq!(back, ["attribute_added", "attribute_type_changed", "attribute_type_changed"]);
}

fn codes(guards: &str) -> Vec<&'static str> {
    match Schema::parse(&with_guards(guards)) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(|problem| problem.code).collect(),
    }
}

/// [`GUARDS_ON_ONE_MAX`]
#[test]
fn guards_on_one_max() {
    let guards = |count: usize| -> String {
        (0..count).map(|number| format!("guard guard{number} on service#deploy {{\n\tforbid\n}}\n")).collect()
    };
    assert_eq!(codes(&guards(GUARDS_ON_ONE_MAX)), <[&str; 0]>::default());
    assert_eq!(codes(&guards(GUARDS_ON_ONE_MAX + 1)), ["too_many_guards"]);
}

/// [`GUARD_CLAUSES_MAX`]
#[test]
fn guard_clauses_max() {
    let guard =
        |count: usize| format!("guard many on service#deploy {{\n{}}}\n", "\trequire chain.length < 3\n".repeat(count));
    assert_eq!(codes(&guard(GUARD_CLAUSES_MAX)), <[&str; 0]>::default());
    assert_eq!(codes(&guard(GUARD_CLAUSES_MAX + 1)), ["too_many_clauses"]);
}
