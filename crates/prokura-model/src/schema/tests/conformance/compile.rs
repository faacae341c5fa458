//! What SpiceDB's compiler accepts and refuses, and what it says.

use std::collections::BTreeSet;

use super::*;

#[test]
fn spicedb_schemas_compile_or_not() {
    let Some(folder) = folder("what SpiceDB's compiler accepts and refuses") else {
        return;
    };
    let (mut same, mut read_back) = (0, 0);
    let mut different = Vec::new();
    for name in ["schema_compile", "caveat_compile"] {
        for case in cases(&folder, name) {
            let operation = &case["ops"][0];
            let text = operation["schema"].as_str().unwrap();
            let expected = operation["expect"]["ok"].as_bool().unwrap();
            if let Some(theirs) = operation["upstream_formatted"].as_str() {
                assert_eq!(canonical(text).unwrap(), theirs, "{}", case["id"]);
            }
            if let Some(theirs) = operation["expect"]["read_back"].as_str() {
                assert_eq!(canonical(text).unwrap(), theirs, "{}", case["id"]);
                read_back += 1;
            }
            match Schema::parse(text) {
                Ok(_) if !expected => {
                    different.push(format!("{} is accepted: {}", case["id"], operation["expect"]["message"]));
                }
                Err(problems) if expected => different.push(format!("{} is refused: {}", case["id"], said(&problems))),
                Ok(schema) => {
                    if let Some(theirs) = operation.get("upstream_warning") {
                        assert_warned(schema.warnings(), theirs);
                    }
                    same += 1;
                }
                Err(_) => same += 1,
            }
        }
    }
    println!("{same} schemas compile or not as in SpiceDB, {} do not", different.len());
    assert!(different.is_empty(), "{}", different.join("\n"));
    println!("{read_back} of them are given back as by SpiceDB");
    assert!(same >= 160 && read_back >= 42, "{same}, {read_back}");
}

/// What SpiceDB warns of is warned of here, at the same place, and nothing that SpiceDB would warn of besides.
fn assert_warned(ours: &[Diagnostic], theirs: &Json) {
    let named = [
        ("permission-references-itself", "permission_uses_itself"),
        ("arrow-references-unreachable-relation", "arrow_target_unknown"),
        ("arrow-walks-subject-relation", "arrow_ignores_userset"),
        ("arrow-references-relation", "arrow_to_relation"),
        ("relation-name-references-parent", "name_repeats_type"),
    ];
    let expected = theirs["message"].as_str().map(|message| {
        let code = named.into_iter().find(|(name, _)| message.ends_with(&format!("({name})"))).unwrap().1;
        (code, theirs["line"].as_u64().unwrap(), theirs["column"].as_u64().unwrap())
    });
    let shared = ours.iter().filter(|warning| named.iter().any(|(_, code)| *code == warning.code));
    let found: Vec<_> = shared.map(|warning| (warning.code, warning.line as u64, warning.column as u64)).collect();
    assert_eq!(found, Vec::from_iter(expected));
}

#[test]
fn spicedb_reachable_types() {
    let Some(folder) = folder("the types that SpiceDB finds reachable") else {
        return;
    };
    let mut same = 0;
    for case in cases(&folder, "schema_compile") {
        let operation = &case["ops"][0];
        let Some(reachable) = operation["upstream_reachable_types"].as_object() else { continue };
        let Ok(schema) = Schema::parse(operation["schema"].as_str().unwrap()) else { continue };
        let reach = schema.reach();
        for (place, theirs) in reachable {
            let (kind, member) = place.split_once('#').unwrap();
            let theirs: Vec<&str> = theirs.as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
            // Where SpiceDB leaves usersets unresolved, it names the userset, too.
            if schema.definition(kind).and_then(|found| found.member(member)).is_none()
                || theirs.iter().any(|kind| kind.contains('#'))
            {
                continue;
            }
            let (kind, member) = (TypeName::new(kind).unwrap(), RelationName::new(member).unwrap());
            let ours: BTreeSet<TypeName> = theirs.iter().map(|kind| TypeName::new(kind).unwrap()).collect();
            assert_eq!(reach.named_types(&kind, &member), ours, "{} {place}", case["id"]);
            assert_eq!(reach.subject_types(&kind, &member), ours, "{} {place}", case["id"]);
            same += 1;
        }
    }
    println!("{same} relations and permissions reach the types that SpiceDB says");
    assert!(same >= 25, "{same}");
}

#[test]
fn spicedb_schemas_are_given_back() {
    let Some(folder) = folder("the schemas that SpiceDB gives back") else {
        return;
    };
    #[derive(serde::Deserialize)]
    struct File {
        schema: Option<String>,
        #[serde(rename = "schemaFile")]
        schema_file: Option<String>,
    }
    let golden: Json = serde_json::from_str(&read(&folder.join("spicedb/golden.json"))).unwrap();
    let mut same = 0;
    for (name, outputs) in golden["files"].as_object().unwrap() {
        let path = folder.join(name);
        let File { schema, schema_file } = serde_saphyr::from_str(&read(&path)).unwrap();
        let beside = |file: String| read(&path.parent().unwrap().join(file));
        let text = schema.or_else(|| schema_file.map(beside)).unwrap();
        assert_eq!(canonical(&text).unwrap(), outputs["read_schema"].as_str().unwrap(), "{name}");
        same += 1;
    }
    println!("{same} schemas are given back as by SpiceDB");
    assert!(same >= 66, "{same}");
}

/// What SpiceDB says is said, what its library says about expressions included.
#[test]
fn spicedb_refusals() {
    let Some(folder) = folder("what SpiceDB says about schemas it refuses") else {
        return;
    };
    let (mut same, mut other) = (0, Vec::new());
    for name in ["schema_compile", "caveat_compile"] {
        for case in cases(&folder, name) {
            let operation = &case["ops"][0];
            let expected = &operation["expect"];
            let text = operation["schema"].as_str().unwrap();
            let Err(problems) = Schema::parse(text) else { continue };
            let refusal = spicedb_refusal(text, &problems);
            let code = match refusal.kind {
                SpicedbRefusalKind::Text => "INVALID_ARGUMENT",
                SpicedbRefusalKind::Types => "FAILED_PRECONDITION",
                SpicedbRefusalKind::Circle => "UNKNOWN",
            };
            assert_eq!(code, expected["code"], "{}: {}", case["id"], refusal.message);
            let several = expected["messages"].as_array().into_iter().flatten();
            if several.chain([&expected["message"]]).any(|message| *message == refusal.message) {
                same += 1;
                continue;
            }
            // Where it says it is the same place, at least.
            let place = |message: &str| {
                message.split("column ").nth(1).and_then(|rest| rest.split(": ").next()).map(str::to_owned)
            };
            assert_eq!(place(&refusal.message), place(expected["message"].as_str().unwrap()), "{}", case["id"]);
            other.push(format!("{}: {}\n    {}", case["id"], refusal.message, expected["message"]));
        }
    }
    println!("{same} schemas refused in SpiceDB's words, {} in others:\n{}", other.len(), other.join("\n"));
    assert!(same >= 111 && other.is_empty(), "{same}, {}", other.len());
}

#[test]
fn spicedb_schemas_of_other_cases() {
    let Some(folder) = folder("the schemas of SpiceDB's other cases") else {
        return;
    };
    let mut read = 0;
    for name in
        ["check_over_schema", "expand", "lookup_resources", "lookup_subjects", "schema_changes", "v1_relationships"]
    {
        for case in cases(&folder, name) {
            let Some(text) = case["schema"].as_str() else { continue };
            if let Err(problems) = Schema::parse(text) {
                panic!("{}: {}\n{text}", case["id"], said(&problems));
            }
            read += 1;
        }
    }
    println!("{read} schemas of other cases");
    assert!(read >= 70, "{read}");
}
