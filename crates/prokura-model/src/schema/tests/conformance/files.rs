//! SpiceDB's validation files and relationship strings.

use super::*;
use crate::RelationshipOnTerms;

#[test]
fn spicedb_schemas_and_their_relationships() {
    let Some(folder) = folder("SpiceDB's validation files") else {
        return;
    };
    #[derive(serde::Deserialize)]
    struct File {
        schema: Option<String>,
        relationships: Option<String>,
    }
    let (mut files_read, mut relationships_read) = (0, 0);
    for folder in ["testconfigs", "examples"].map(|name| folder.join("spicedb").join(name)) {
        for path in files(&folder, "yaml") {
            let File { schema, relationships } = serde_saphyr::from_str(&read(&path)).unwrap();
            let Some(text) = schema else { continue };
            let schema =
                Schema::parse(&text).unwrap_or_else(|problems| panic!("{}: {}", path.display(), said(&problems)));
            let formatted = format(&text).unwrap();
            assert_eq!(parsed(&formatted).definitions(), schema.definitions(), "{}", path.display());
            for line in relationships.unwrap_or_default().lines().map(str::trim) {
                if line.is_empty() || line.starts_with("//") {
                    continue;
                }
                let on_terms: RelationshipOnTerms = line.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
                let RelationshipOnTerms { relationship, terms } = &on_terms;
                assert_eq!(on_terms.to_string().parse(), Ok(on_terms.clone()), "{line}");
                if let Err(fault) = schema.check_relationship(relationship, terms) {
                    panic!("{}: {line}: {fault}", path.display());
                }
                relationships_read += 1;
            }
            files_read += 1;
        }
    }
    println!("{files_read} validation files with {relationships_read} relationships");
    assert!(files_read >= 60 && relationships_read >= 430, "{files_read}, {relationships_read}");
}

#[test]
fn spicedb_imports() {
    let Some(folder) = folder("the cases of SpiceDB's importer") else {
        return;
    };
    let (mut put_together, mut refused) = (0, 0);
    for root in files(&folder.join("spicedb/schemadsl/importer"), "zed") {
        if !root.ends_with("root.zed") {
            continue;
        }
        let folder = root.parent().unwrap();
        let from_folder = |path: &str| {
            let path = folder.join(path);
            if path.is_file() { Ok(read(&path)) } else { Err("there is no such file".to_owned()) }
        };
        let schema = Schema::parse_with_imports(&read(&root), "root.zed", &from_folder);
        let expected = folder.join("expected.zed");
        if !expected.is_file() {
            assert!(schema.is_err(), "{}", root.display());
            refused += 1;
            continue;
        }
        let schema = schema.unwrap_or_else(|problems| panic!("{}: {}", root.display(), said(&problems)));
        assert_eq!(format(schema.text()).unwrap().trim_end(), read(&expected).trim_end(), "{}", root.display());
        put_together += 1;
    }
    println!("{put_together} schemas put together from files as SpiceDB does, {refused} refused");
    assert!(put_together >= 7 && refused >= 2, "{put_together}, {refused}");
}

/// What SpiceDB's API says of writes, as far as it is the schema's doing.
#[test]
fn spicedb_writes() {
    let Some(folder) = folder("what SpiceDB says of writes") else {
        return;
    };
    let (mut written, mut refused) = (0, 0);
    for case in cases(&folder, "v1_relationships") {
        let Some(text) = case["schema"].as_str() else { continue };
        let schema = parsed(text);
        let updates = case["ops"].as_array().unwrap().iter().filter(|operation| operation["op"] == "write");
        for operation in updates {
            let said = operation["error"]["contains"].as_str();
            let about_types = |said: &str| {
                ["not found", "are not allowed", "permission", "caveat"].iter().any(|word| said.contains(word))
            };
            if said.is_some_and(|said| !about_types(said)) {
                continue;
            }
            let mut fits = true;
            for update in operation["updates"].as_array().unwrap() {
                let Some(text) = update[1].as_str() else { continue };
                let RelationshipOnTerms { relationship, terms } = text.parse().unwrap();
                let checked = match update[0].as_str().unwrap() {
                    "DELETE" => schema.check_deletion(&relationship, &terms),
                    _ => schema.check_relationship(&relationship, &terms),
                };
                fits &= checked.is_ok();
            }
            assert_eq!(fits, said.is_none(), "{}: {said:?}", case["id"]);
            if fits { written += 1 } else { refused += 1 }
        }
    }
    println!("{written} writes fit their schema and {refused} do not, as in SpiceDB");
    assert!(written >= 7 && refused >= 13, "{written}, {refused}");
}
