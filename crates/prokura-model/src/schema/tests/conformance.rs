//! SpiceDB's own tests, as data beside the project. Without it, what is left out is said.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use serde_json::Value as Json;

use super::{super::syntax::*, *};
use crate::{Relationship, schema::token::Tokens};

/// The folder of the data, if it is there.
#[expect(clippy::disallowed_methods, reason = "a test is told by the environment where the data is")]
fn folder(left_out: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("PROKURA_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"), PathBuf::from);
    if !folder.is_dir() {
        println!("left out, because {} is not there: {left_out}", folder.display());
        return None;
    }
    Some(folder)
}

#[expect(clippy::disallowed_methods, reason = "a test reads its data")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Whether the refusal only says that this version is too early. Then the text must use a later feature.
fn later(text: &str, problems: &[Diagnostic]) -> bool {
    let unsupported = problems.iter().any(|problem| problem.code == "unsupported");
    let words = ["caveat", "with ", "use ", "self", "nil", "partial", "import", ".any(", ".all(", "..."];
    let annotated = text.lines().any(|line| line.trim().starts_with("permission") && line.contains(':'));
    assert!(
        !unsupported || annotated || words.iter().any(|word| text.contains(word)),
        "no later feature in {text}: {}",
        said(problems)
    );
    unsupported
}

#[test]
fn spicedb_syntax_trees() {
    let Some(folder) = folder("the syntax trees of SpiceDB's parser") else {
        return;
    };
    let (mut same, mut left_out) = (0, 0);
    for path in files(&folder.join("spicedb/schemadsl/parser"), "zed") {
        let text = read(&path);
        let expected = read(&path.with_extension("zed.expected"));
        match parser::parse(&text) {
            Err(problems) if later(&text, &problems) => left_out += 1,
            Err(problems) => {
                let chained = problems.iter().all(|problem| problem.code == "arrow_chained");
                assert!(chained || expected.contains("NodeTypeError"), "{}: {}", path.display(), said(&problems));
                same += 1;
            }
            Ok((tokens, file)) => {
                assert!(!expected.contains("NodeTypeError"), "{} should be refused", path.display());
                assert_eq!(ours(&tokens, &file), theirs(&expected), "{}", path.display());
                same += 1;
            }
        }
    }
    println!("{same} texts read like SpiceDB's parser; {left_out} use later features");
    assert!(same >= 11, "{same}");
}

/// SpiceDB's dump of a syntax tree, with the parts that both trees have.
fn theirs(dump: &str) -> String {
    let kept = ["definition-name", "relation-name", "type-name", "identifier-value"];
    let mut lines = Vec::new();
    for line in dump.lines().map(str::trim_end) {
        let said = line.trim_start();
        let depth = line.len() - said.len();
        if said.starts_with("NodeType") && said != "NodeTypeComment" {
            lines.push((depth, said.to_owned(), Vec::new()));
        } else if let Some((key, value)) = said.split_once(" = ")
            && kept.contains(&key)
        {
            let (at, _, values) = lines.last_mut().unwrap();
            assert!(*at < depth);
            values.push(value.to_owned());
        }
    }
    let mut text = String::new();
    for (depth, node, mut values) in lines {
        values.sort();
        // A wildcard's dump names only the type.
        writeln!(text, "{}{node} {}", " ".repeat(depth), values.join(" ")).unwrap();
    }
    text
}

fn ours(tokens: &Tokens<'_>, file: &File) -> String {
    let mut text = "NodeTypeFile \n".to_owned();
    for definition in &file.definitions {
        line(&mut text, 4, "NodeTypeDefinition", &[&tokens.text_of_path(definition.name)]);
        for member in &definition.members {
            let name = tokens.text_of(member.name);
            match &member.body {
                MemberBody::Relation(types) => {
                    line(&mut text, 8, "NodeTypeRelation", &[name]);
                    line(&mut text, 12, "NodeTypeTypeReference", &[]);
                    for node in types {
                        let path = tokens.text_of_path(node.path);
                        let relation = match node.form {
                            TypeForm::Userset { relation, .. } => Some(tokens.text_of(relation)),
                            TypeForm::Ellipsis { dots, .. } => Some(tokens.text_of(dots)),
                            TypeForm::Object | TypeForm::Wildcard { .. } => None,
                        };
                        let mut values = vec![path.as_str()];
                        values.extend(relation);
                        values.sort_unstable();
                        line(&mut text, 16, "NodeTypeSpecificTypeReference", &values);
                    }
                }
                MemberBody::Permission(expression) => {
                    line(&mut text, 8, "NodeTypePermission", &[name]);
                    write_expression(&mut text, tokens, expression, 12);
                }
            }
        }
    }
    text
}

fn write_expression(text: &mut String, tokens: &Tokens<'_>, node: &ExpressionNode, depth: usize) {
    match node {
        ExpressionNode::Name(name) => line(text, depth, "NodeTypeIdentifier", &[tokens.text_of(*name)]),
        ExpressionNode::Arrow { left, right, .. } => {
            line(text, depth, "NodeTypeArrowExpression", &[]);
            line(text, depth + 4, "NodeTypeIdentifier", &[tokens.text_of(*left)]);
            line(text, depth + 4, "NodeTypeIdentifier", &[tokens.text_of(*right)]);
        }
        ExpressionNode::Group { inner, .. } => write_expression(text, tokens, inner, depth),
        ExpressionNode::Chain { operator, operands, .. } => {
            let name = match operator {
                Operator::Union => "NodeTypeUnionExpression",
                Operator::Intersection => "NodeTypeIntersectExpression",
                Operator::Exclusion => "NodeTypeExclusionExpression",
            };
            // Theirs is a tree of pairs that grows to the left.
            let pairs = operands.len() - 1;
            for pair in 0..pairs {
                line(text, depth + 4 * pair, name, &[]);
            }
            for (position, operand) in operands.iter().enumerate() {
                write_expression(text, tokens, operand, depth + 4 * (pairs + 1 - position.max(1)));
            }
        }
    }
}

fn line(text: &mut String, depth: usize, node: &str, values: &[&str]) {
    writeln!(text, "{}{node} {}", " ".repeat(depth), values.join(" ")).unwrap();
}

#[test]
fn spicedb_schemas_compile_or_not() {
    let Some(folder) = folder("what SpiceDB's compiler accepts and refuses") else {
        return;
    };
    let (mut same, mut left_out) = (0, 0);
    for case in cases(&folder, "schema_compile") {
        let operation = &case["ops"][0];
        let text = operation["schema"].as_str().unwrap();
        let expected = operation["expect"]["ok"].as_bool().unwrap();
        match Schema::parse(text) {
            Err(problems) if later(text, &problems) => left_out += 1,
            Ok(schema) => {
                assert!(expected, "{} should be refused: {text}\n{}", case["id"], operation["expect"]["message"]);
                assert_warned(schema.warnings(), &operation["upstream_warning"]);
                same += 1;
            }
            Err(problems) => {
                assert!(!expected, "{} should be accepted: {text}\n{}", case["id"], said(&problems));
                same += 1;
            }
        }
        if let (Some(theirs), Ok(ours)) = (operation["upstream_formatted"].as_str(), format(text)) {
            assert_eq!(ours.trim_end(), theirs, "{}", case["id"]);
        }
    }
    println!("{same} schemas compile or not as in SpiceDB; {left_out} use later features");
    assert!(same >= 60, "{same}");
}

/// Of the things that SpiceDB warns of, those that are ours are said of the same place. The others are matters of style.
fn assert_warned(ours: &[Diagnostic], theirs: &Json) {
    let Some(message) = theirs["message"].as_str() else { return };
    let ours: Vec<_> = ours.iter().map(|warning| (warning.code, warning.line as u64, warning.column as u64)).collect();
    let place = |code| (code, theirs["line"].as_u64().unwrap(), theirs["column"].as_u64().unwrap());
    if message.ends_with("(permission-references-itself)") {
        assert_eq!(ours, [place("permission_uses_itself")]);
    } else if message.ends_with("(arrow-references-unreachable-relation)") {
        assert_eq!(ours, [place("arrow_target_unknown")]);
    } else if message.ends_with("(arrow-walks-subject-relation)") {
        assert_eq!(ours, [place("arrow_ignores_userset")]);
    }
}

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
    let (mut files_read, mut relationships_read, mut left_out) = (0, 0, 0);
    for folder in ["testconfigs", "examples"].map(|name| folder.join("spicedb").join(name)) {
        for path in files(&folder, "yaml") {
            let File { schema, relationships } = serde_saphyr::from_str(&read(&path)).unwrap();
            let Some(text) = schema else { continue };
            let schema = match Schema::parse(&text) {
                Ok(schema) => schema,
                Err(problems) if later(&text, &problems) => {
                    left_out += 1;
                    continue;
                }
                Err(problems) => panic!("{}: {}", path.display(), said(&problems)),
            };
            let formatted = format(&text).unwrap();
            assert_eq!(parsed(&formatted).definitions(), schema.definitions(), "{}", path.display());
            for line in relationships.unwrap_or_default().lines().map(str::trim) {
                if line.is_empty() || line.starts_with("//") {
                    continue;
                }
                let relationship: Relationship = line.parse().unwrap();
                assert_eq!(relationship.to_string(), line.trim_end_matches("#..."));
                schema.check_relationship(&relationship).unwrap();
                relationships_read += 1;
            }
            files_read += 1;
        }
    }
    println!("{files_read} validation files with {relationships_read} relationships; {left_out} use later features");
    assert!(files_read >= 35 && relationships_read >= 300, "{files_read}, {relationships_read}");
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
            match Schema::parse(text) {
                Ok(_) => read += 1,
                Err(problems) => assert!(later(text, &problems), "{}: {}\n{text}", case["id"], said(&problems)),
            }
        }
    }
    println!("{read} schemas of other cases");
    assert!(read >= 28, "{read}");
}

#[test]
fn spicedb_relationship_strings() {
    let Some(folder) = folder("SpiceDB's relationship strings") else {
        return;
    };
    for case in cases(&folder, "relationship_strings") {
        let input = case["input"].as_str().unwrap();
        let read = input.parse::<Relationship>();
        let later = read.as_ref().is_err_and(|error| error.message.contains("not supported yet"));
        assert!(!later || input.contains('['), "{input}");
        if !later {
            assert_eq!(read.is_ok(), case["valid"].as_bool().unwrap(), "{input}: {read:?}");
        }
        if let Ok(relationship) = read {
            assert_eq!(relationship.to_string(), case["canonical"].as_str().unwrap());
        }
    }
}

fn cases(folder: &Path, name: &str) -> Vec<Json> {
    let text = read(&folder.join("spicedb/cases").join(name).with_extension("json"));
    let json: Json = serde_json::from_str(&text).unwrap();
    json["cases"].as_array().unwrap().clone()
}
