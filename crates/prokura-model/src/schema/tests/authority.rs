use super::*;

const SCHEMA: &str = "use authority
definition user {}
definition team {
    relation on_call: user
}
definition agent {
    relation team: team
    relation auditor: user
    permission operate = team->on_call
    permission stop = operate + auditor
}
definition tool {}
";

fn with(authority: &str) -> String {
    format!("{SCHEMA}{authority}")
}

#[test]
fn who_may_do_what_for_a_type_is_read() {
    let schema =
        parsed(&with("// The team.\nauthority over agent { create by operate; see by auditor\nrevoke by stop }"));
    let kind = |text: &str| TypeName::new(text).unwrap();
    let over = schema.authority_over(&kind("agent")).unwrap();
    assert_eq!(over.doc.as_deref(), Some("The team."));
    let said: Vec<_> = over.said().into_iter().map(|(word, name)| format!("{word} by {}", name.unwrap())).collect();
    assert_eq!(said, ["create by operate", "see by auditor", "revoke by stop"]);
    assert_eq!(schema.authority_over(&kind("user")), None);
    let some = parsed(&with("authority over agent { revoke by stop }"));
    let over = some.authority_over(&kind("agent")).unwrap();
    assert_eq!((&over.create, &over.see), (&None, &None));
}

#[test]
fn without_the_flag_the_words_are_names() {
    let schema = parsed("definition user {}\ndefinition authority {\n relation over: user\n}");
    assert!(schema.definition("authority").is_some());
    let refused = Schema::parse("definition user {}\nauthority over user { see by x }").unwrap_err();
    assert_eq!(refused[0].help.as_deref(), Some("`authority` needs `use authority` at the top of the text"));
}

#[test]
fn it_is_formatted_and_formatting_again_changes_nothing() {
    let text =
        with("authority   over agent{ // why\ncreate   by operate;see by auditor;\n\n// whoever\nrevoke by stop\n}");
    let formatted = format(&text).unwrap();
    let item = formatted.split("authority over agent").nth(1).unwrap();
    assert_eq!(item, " { // why\n\tcreate by operate\n\tsee by auditor\n\n\t// whoever\n\trevoke by stop\n}\n");
    assert_eq!(format(&formatted).unwrap(), formatted);
    assert_eq!(parsed(&formatted).authorities(), parsed(&text).authorities());
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let mut wrong = String::new();
    for (authority, expected) in [
        ("authority over agent { }", "13:16: it gives nobody anything over `agent`"),
        ("authority over agent { see by stop; see by operate }", "13:37: `see` is said twice"),
        (
            "authority over agent { see by stop }\nauthority over agent { revoke by stop }",
            "14:16: there are two authorities over `agent`",
        ),
        (
            "authority over agent { see by stpo }",
            "13:31: type `agent` has no relation or permission `stpo`; did you mean `stop`?",
        ),
        ("authority over tool { see by stop }", "13:30: type `tool` has no relation or permission `stop`"),
        ("authority over agnet { see by stop }", "13:16: the schema defines no type `agnet`; did you mean `agent`?"),
        ("authority over agent { revok by stop }", "did you mean `revoke`?"),
        ("authority over agent { delete by stop }", "`delete` where `create`, `see`, `revoke` or `}` was expected"),
        ("authority over agent { see stop }", "13:28: `stop` where `by` was expected"),
        ("authority of agent { see by stop }", "13:11: `of` where `over` was expected"),
        ("authority over agent { see by stop", "13:1: the authority over `agent` is never closed by `}`"),
        ("authority over agent { see by stop revoke by stop }", "13:36: `revoke` where the end of the statement"),
        (
            "authority over agent { see by \ndefinition other {}",
            "where the name of a permission or relation was expected",
        ),
    ] {
        let found = said(&Schema::parse(&with(authority)).unwrap_err());
        if !found.contains(expected) {
            wrong += &format!("{authority}\n{expected}\n{found}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn its_differences_are_told() {
    let before = with("authority over agent { see by stop }\nauthority over team { see by on_call }");
    let after = with("// New.\nauthority over agent { see by operate }\nauthority over user { see by own }")
        .replace("definition user {}", "definition user { relation own: user }")
        .replace("{ relation own: user }", "{\n relation own: user\n}");
    let told: Vec<_> = diff(&parsed(&before), &parsed(&after))
        .iter()
        .filter(|found| found.word().starts_with("authority"))
        .map(|found| format!("{} {}: {found}", found.word(), found.place()))
        .collect();
    let expected = [
        "authority_doc_changed agent: authority over `agent` has another comment",
        "authority_changed agent: authority over `agent` says something else",
        "authority_removed team: authority over `team` is gone",
        "authority_added user: authority over `user` is new",
    ];
    assert_eq!(told, expected);
}
