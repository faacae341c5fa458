use std::collections::BTreeSet;

use super::*;

/// The types that can reach each member, and those that are named on the way where they are more.
fn reached(text: &str) -> String {
    let schema = parsed(text);
    let reach = schema.reach();
    let mut lines = String::new();
    for definition in schema.definitions().values() {
        for name in definition.members.keys() {
            let listed =
                |kinds: &BTreeSet<TypeName>| kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            let (types, named) =
                (reach.subject_types(&definition.name, name), reach.named_types(&definition.name, name));
            assert_eq!(reach.always_empty(&definition.name, name), types.is_empty());
            assert_eq!(schema.subject_types(&definition.name, name), types);
            let more = if named == types { String::new() } else { format!(" (named: {})", listed(&named)) };
            lines.push_str(&format!("{}#{name}: {}{more}\n", definition.name, listed(&types)));
        }
    }
    lines
}

#[test]
fn types_that_reach() {
    let text = "use self
        definition user {}
        definition robot {}
        definition team { relation member: user | team#member | robot:*; }
        definition folder {
            relation parent: folder; relation owner: robot
            permission view = owner + parent->view + self
        }
        definition document {
            relation parent: folder | team; relation viewer: user | team
            relation lead: user; relation friend: document#friend
            permission view = viewer & parent->view
            permission edit = viewer - lead
            permission see = parent.all(view) + nil
            permission lone = lead & parent->owner
            permission wait = wait2 + friend
            permission wait2 = wait & lead
            permission gone = parent->ghost
            permission none = nil
        }";
    insta::assert_snapshot!(reached(text), @r##"
document#edit: team user
document#friend: 
document#gone: 
document#lead: user
document#lone:  (named: robot user)
document#none: 
document#parent: folder team
document#see: folder robot (named: robot)
document#view:  (named: robot team user)
document#viewer: team user
document#wait:  (named: user)
document#wait2:  (named: user)
folder#owner: robot
folder#parent: folder
folder#view: folder robot (named: robot)
team#member: robot user
"##);
}

#[test]
fn what_is_not_declared_is_reached_by_nobody() {
    let schema = parsed("definition user {}");
    let (kind, name) = (TypeName::new("user").unwrap(), RelationName::new("ghost").unwrap());
    assert!(schema.subject_types(&kind, &name).is_empty());
    // And it is not said to be empty, because it is nothing.
    assert!(!schema.reach().always_empty(&kind, &name));
}

#[test]
fn what_is_entangled_is_not_called_empty() {
    // Each permission holds for whom the next holds, in a circle that is longer than it is looked at.
    let mut text = "definition user {}\ndefinition document {\n\trelation viewer: user\n".to_owned();
    for step in 0..300 {
        text.push_str(&format!("\tpermission p{step:03} = viewer & p{:03} + viewer\n", (step + 1) % 300));
    }
    text.push_str("}\n");
    let schema = parsed(&text);
    let kind = TypeName::new("document").unwrap();
    for step in [0, 150, 299] {
        assert!(!schema.reach().always_empty(&kind, &RelationName::new(format!("p{step:03}")).unwrap()));
    }
}

/// Thousands of types, each permission reached by all of them, and circles through all.
#[test]
fn large_schemas_are_analysed() {
    let kinds: Vec<String> = (0..2_000).map(|number| format!("kind{number}")).collect();
    let mut text = String::new();
    for kind in &kinds {
        text.push_str(&format!(
            "definition {kind} {{\n\trelation any: {kind}\n\tpermission see = any + any->see\n}}\n"
        ));
    }
    text.push_str(&format!("definition document {{\n\trelation any: {}\n", kinds.join(" | ")));
    (0..2_000).for_each(|number| {
        text.push_str(&format!("\tpermission see{number} = any->see + see{}\n", (number + 1) % 2_000))
    });
    text.push_str("}\n");
    let schema = parsed(&text);
    let reach = schema.reach();
    let kind = TypeName::new("document").unwrap();
    assert_eq!(reach.subject_types(&kind, &RelationName::new("see77").unwrap()).len(), 2_000);
}
