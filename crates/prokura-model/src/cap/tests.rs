use super::*;

#[test]
fn caps_name_what_a_clause_names() {
    let object = |text: &str| text.parse::<ObjectRef>().unwrap();
    let relation = |text| RelationName::new(text).unwrap();
    let clause = |permissions, resources: &[&str]| CapClause {
        permissions,
        resources: resources.iter().map(|text| text.parse().unwrap()).collect(),
        condition: None,
    };
    let cap = Cap {
        clauses: vec![
            clause(
                CapPermissions::Only(BTreeSet::from([relation("read"), relation("list")])),
                &["repo:*", "file:\"a b\""],
            ),
            clause(CapPermissions::Any, &["branch:main"]),
        ],
    };
    let names = |cap: &Cap, permission: &RelationName, resource: &ObjectRef| {
        cap.clauses.iter().any(|clause| clause.permissions.cover(permission) && clause.names(resource))
    };
    assert!(names(&cap, &relation("read"), &object("repo:one")));
    assert!(names(&cap, &relation("list"), &object("file:\"a b\"")));
    assert!(names(&cap, &relation("push"), &object("branch:main")));
    assert!(!names(&cap, &relation("push"), &object("repo:one")));
    assert!(!names(&cap, &relation("read"), &object("file:other")));
    assert!(!names(&cap, &relation("push"), &object("branch:next")));
    assert_eq!(cap.to_string(), "list, read on repo:*, file:\"a b\"; * on branch:main");
    assert_eq!(Cap::default().to_string(), "nothing");
    assert!(!names(&Cap::default(), &relation("read"), &object("repo:one")));
}

#[test]
fn queries_and_conditions_are_written_as_they_are_read() {
    for text in [
        "document:*",
        "document:plan",
        "document:* where origin has view",
        "document:* under folder:plans by parent",
        "document:* where origin has view under folder:\"a b\" by parent",
    ] {
        let read: CapResource = text.parse().unwrap();
        assert_eq!(read.to_string(), text);
        assert_eq!(matches!(read, CapResource::Query(_)), text.contains(" under ") || text.contains(" where "));
    }
    let condition: CaveatUse = "at_most:{\"limit\": 100}".parse().unwrap();
    let clause = CapClause {
        permissions: CapPermissions::Any,
        resources: ["document:* under folder:plans by parent".parse().unwrap()].into(),
        condition: Some(condition),
    };
    assert_eq!(clause.to_string(), "* on document:* under folder:plans by parent when at_most:{\"limit\":100}");
    assert!(clause.is_narrow());
}

#[test]
fn a_query_that_is_none_is_told_where_it_goes_wrong() {
    for (text, column, wanted) in [
        ("document:plan where origin has view", 14, "a query is about every object of a type"),
        ("document:* where actor has view", 18, "`a` where `origin` was expected"),
        ("document:* where origin holds view", 25, "`h` where `has` was expected"),
        ("document:* under folder:plans", 30, "the text ends where `by` was expected"),
        ("document:* under folder:* by parent", 25, "here one object is wanted"),
        ("document:* below folder:plans", 11, "where the text should end"),
        ("document:* under folder:plans by ", 34, "where the name of a relation was expected"),
    ] {
        let error = text.parse::<CapResource>().unwrap_err();
        assert_eq!(error.column, column, "{text}: {error}");
        assert!(error.message.contains(wanted), "{text}: {error}");
    }
}

#[test]
fn a_cap_widens_another_by_what_is_not_surely_inside_it() {
    let caps = |clauses: &[(&str, &[&str], Option<&str>)]| {
        let clause = |(permissions, resources, condition): &(&str, &[&str], Option<&str>)| CapClause {
            permissions: match *permissions {
                "*" => CapPermissions::Any,
                names => CapPermissions::Only(names.split(", ").map(|name| RelationName::new(name).unwrap()).collect()),
            },
            resources: resources.iter().map(|text| text.parse().unwrap()).collect(),
            condition: condition.map(|text| text.parse().unwrap()),
        };
        Cap { clauses: clauses.iter().map(clause).collect() }
    };
    let parent = caps(&[
        ("view, edit", &["document:*", "folder:plans"], None),
        ("share", &["document:plan"], None),
        ("pay", &["account:*"], Some("at_most:{\"limit\":100}")),
        ("read", &["page:* where origin has view", "page:* under page:top by parent"], None),
        ("*", &["thing:one"], None),
    ]);
    let inside: &[(&str, &[&str], Option<&str>)] = &[
        ("view", &["document:*"], None),
        ("view, edit", &["document:plan", "folder:plans"], None),
        ("view, share", &["document:plan"], None),
        ("view", &["document:* where origin has share", "document:* under folder:plans by parent"], None),
        ("view", &["document:*"], Some("at_most")),
        ("pay", &["account:rent"], Some("at_most:{\"limit\":100}")),
        ("read", &["page:* where origin has view"], None),
        ("read", &["page:* where origin has view under page:top by parent"], None),
        ("read", &["page:* where origin has edit under page:top by parent"], None),
        ("*", &["thing:one"], None),
        ("view", &["thing:one"], Some("at_most")),
        ("view", &[], None),
    ];
    for clause in inside {
        let cap = caps(&[*clause]);
        assert_eq!(cap.widening(&parent), None, "{cap}");
    }
    assert_eq!(parent.widening(&parent), None);
    assert_eq!(Cap::default().widening(&parent), None);
    assert_eq!(caps(inside).widening(&parent), None, "of clauses that are inside, all are");
    let beyond: &[(&str, &[&str], Option<&str>, &str)] = &[
        ("*", &["document:*"], None, "* on document:*"),
        ("view, share", &["document:*"], None, "share on document:*"),
        ("view", &["folder:*"], None, "view on folder:*"),
        ("view", &["document:plan", "folder:work"], None, "view on folder:work"),
        ("pay", &["account:rent"], None, "pay on account:rent"),
        ("pay", &["account:*"], Some("at_most:{\"limit\":10}"), "pay on account:* when at_most:{\"limit\":10}"),
        ("pay", &["account:*"], Some("at_most"), "pay on account:* when at_most"),
        ("read", &["page:*"], None, "read on page:*"),
        ("read", &["page:one"], None, "read on page:one"),
        ("read", &["page:* where origin has edit"], None, "read on page:* where origin has edit"),
        ("read", &["page:* under page:other by parent"], None, "read on page:* under page:other by parent"),
        ("view", &["thing:*"], None, "view on thing:*"),
    ];
    for (permissions, resources, condition, wanted) in beyond {
        let cap = caps(&[("view", &["document:plan"], None), (*permissions, *resources, *condition)]);
        assert_eq!(cap.widening(&parent).map(|clause| clause.to_string()).as_deref(), Some(*wanted), "{cap}");
        assert!(cap.widening(&Cap::default()).is_some(), "nothing is inside a cap that carries nothing");
    }
}
