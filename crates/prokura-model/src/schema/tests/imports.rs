use super::*;
use crate::limits::{SCHEMA_BYTES_MAX, SCHEMA_FILES_MAX};

/// The schema of `root.zed` among these files.
fn schema(files: &[(&str, &str)]) -> Result<Schema, Vec<Diagnostic>> {
    let read = |path: &str| match files.iter().find(|(name, _)| *name == path) {
        Some((_, text)) => Ok((*text).to_owned()),
        None => Err("there is no such file".to_owned()),
    };
    Schema::parse_with_imports(&read("root.zed").unwrap(), "root.zed", &read)
}

fn refused(files: &[(&str, &str)]) -> String {
    said(&schema(files).unwrap_err())
}

#[test]
fn files_become_one_text() {
    let files = [
        (
            "root.zed",
            "// All.\nuse import; use self\nimport \"./people/user.zed\" // first\n// A document.\ndefinition document {\n\trelation viewer: user with still\n\tpermission view = viewer + self\n}\nimport \"people/user.zed\"",
        ),
        (
            "people/user.zed",
            "use import\nuse expiration\nimport \"terms/still.zed\"\n\n// A person.\ndefinition user {\n\trelation friend: user with expiration\n}",
        ),
        ("people/terms/still.zed", "caveat still(day string) { day == 'monday' }"),
    ];
    let schema = schema(&files).unwrap();
    assert_eq!(
        format(schema.text()).unwrap(),
        "use expiration\nuse self\n\ncaveat still(day string) {\n\tday == 'monday'\n}\n\n// A person.\ndefinition user {\n\
         \trelation friend: user with expiration\n}\n\n// All.\n\n// A document.\ndefinition document {\n\
         \trelation viewer: user with still\n\tpermission view = viewer + self\n}\n"
    );
    assert_eq!(parsed(schema.text()).definitions(), schema.definitions());
    assert_eq!(schema.definition("user").unwrap().doc.as_deref(), Some("A person."));
    assert_eq!(schema.definition("document").unwrap().doc.as_deref(), Some("A document."));
}

#[test]
fn what_is_wrong_is_said_of_the_file() {
    let document = "use import\n\nimport \"user.zed\"\n\ndefinition document {\n\trelation viewer: usr\n}\n";
    assert_eq!(
        refused(&[("root.zed", document), ("user.zed", "\n\ndefinition user {\n\trelation friend: ghost\n}")]),
        "user.zed:4:19: the schema defines no type `ghost` [type_unknown]\n\
         root.zed:6:19: the schema defines no type `usr`; did you mean `user`? [type_unknown]"
    );
    assert_eq!(
        refused(&[("root.zed", document), ("user.zed", "definition user {")]),
        "user.zed:1:1: the definition `user` is never closed by `}` [definition_unclosed]"
    );
    assert_eq!(
        refused(&[
            ("root.zed", "use import\nimport \"a.zed\"\nimport \"b.zed\""),
            ("a.zed", "definition user {}"),
            ("b.zed", "definition user {}")
        ]),
        "b.zed:1:12: `user` is defined twice; definitions, caveats and partials share one name space [definition_duplicate]"
    );
    let warned = schema(&[
        ("root.zed", "use import\nimport \"a.zed\""),
        ("a.zed", "definition doc {\n\trelation parent: doc\n\tpermission view = parent->ghost\n}"),
    ]);
    assert!(said(warned.unwrap().warnings()).starts_with("a.zed:3:20: "));
}

#[test]
fn imports_stay_within_their_folder() {
    for path in
        ["../user.zed", "/user.zed", "a/../../user.zed", "a//user.zed", "", "..", "C:user.zed", "a\\user.zed", "user/"]
    {
        let text = format!("use import\nimport \"{path}\"");
        let said = refused(&[("root.zed", &text)]);
        assert!(said.starts_with("root.zed:2:1: ") && said.ends_with("[import_path_invalid]"), "{path}: {said}");
    }
    assert_eq!(
        refused(&[("root.zed", "use import\nimport \"ghost.zed\"")]),
        "root.zed:2:1: `ghost.zed` cannot be read: there is no such file [import_unreadable]"
    );
}

#[test]
fn limit_schema_files_max() {
    let chain = |count: usize| {
        let read = move |path: &str| {
            let number: usize = path.strip_suffix(".zed").unwrap().parse().unwrap();
            let next = if number + 1 < count { format!("import \"{}.zed\"\n", number + 1) } else { String::new() };
            Ok(format!("use import\n{next}definition kind{number} {{}}\n"))
        };
        Schema::parse_with_imports(&read("0.zed").unwrap(), "0.zed", &read)
    };
    assert_eq!(chain(SCHEMA_FILES_MAX).unwrap().definitions().len(), SCHEMA_FILES_MAX);
    let problems = chain(SCHEMA_FILES_MAX + 1).unwrap_err();
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["too_many_files"]);
    assert_eq!(problems[0].fault(), crate::Fault::Limit);
}

#[test]
fn files_are_not_too_large_together() {
    let half = format!("//{}", "a".repeat(SCHEMA_BYTES_MAX / 2));
    let said =
        refused(&[("root.zed", "use import\nimport \"a.zed\"\nimport \"b.zed\""), ("a.zed", &half), ("b.zed", &half)]);
    assert!(said.starts_with("root.zed:3:1: ") && said.ends_with("[schema_too_large]"), "{said}");
}
