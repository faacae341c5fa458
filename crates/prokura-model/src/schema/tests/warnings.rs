use super::*;
use crate::text::tests::each;

fn warned(body: &str) -> String {
    let text = format!(
        "use self\nuse typechecking\ndefinition user {{}}\ndefinition robot {{}}\ndefinition group {{\n\trelation member: user\n\tpermission all2 = member\n}}\n\
         definition document {{\n\trelation parent: document\n\trelation viewer: user\n\tpermission see = viewer + parent->see\n{body}\n}}\n"
    );
    said(parsed(&text).warnings())
}

#[test]
fn warnings() {
    insta::assert_snapshot!(each(&[
        "\tpermission view = parent->veiw",
        "\tpermission view = parent.all(veiw) + viewer",
        "\tpermission view = viewer + (viewer & view)",
        "\trelation team: group#member\n\tpermission view = team->all2",
        "\trelation team: group\n\tpermission view = team->member",
        "\trelation robot: robot\n\tpermission view = robot & viewer",
        "\trelation alone: user",
        "\trelation viewer_document: user\n\tpermission view_document = viewer_document",
        "\tpermission view = viewer + parent->see - viewer\n\tpermission edit = viewer - viewer - viewer",
        "\tpermission view: user | ghost = viewer",
        "\tpermission view = nil\n\tpermission edit = nil + nil",
        "\tpermission view = self - viewer",
    ], warned), @r##"
permission view = parent->veiw
    13:20: no type of relation `parent` has `veiw`, so the arrow leads nowhere; its types: `document` [arrow_target_unknown]
permission view = parent.all(veiw) + viewer
    13:20: no type of relation `parent` has `veiw`, so the arrow leads nowhere; its types: `document` [arrow_target_unknown]
permission view = viewer + (viewer & view)
    13:39: permission `view` uses itself; what leads back to itself adds nothing, and after `-` it cannot be decided [permission_uses_itself]
relation team: group#member
	permission view = team->all2
    14:20: relation `team` allows `group#member`, but an arrow follows the `group`; who is in the userset plays no part [arrow_ignores_userset]
relation team: group
	permission view = team->member
    14:20: the arrow asks `group` for its relation `member`; an arrow to a permission of `group` outlives changes to its relations [arrow_to_relation]
relation robot: robot
	permission view = robot & viewer
    14:13: nobody can ever have permission `view`; no type of subject reaches all that it asks for; `nil` alone says so on purpose [permission_always_empty]
relation alone: user
    13:11: no permission of the schema uses relation `alone` [relation_unused]
relation viewer_document: user
	permission view_document = viewer_document
    13:11: `viewer_document` repeats the name of its type; it is read as `document#viewer_document` [name_repeats_type]
    14:13: `view_document` repeats the name of its type; it is read as `document#view_document` [name_repeats_type]
permission view = viewer + parent->see - viewer
	permission edit = viewer - viewer - viewer
    13:41: different operators stand side by side; `+` binds tightest, then `&`, then `-`: put parentheses around what belongs together [operators_mixed]
    14:29: `viewer` stands here already; what is taken away is taken away once [operand_repeated]
    14:38: `viewer` stands here already; what is taken away is taken away once [operand_repeated]
permission view: user | ghost = viewer
    13:26: the schema defines no type `ghost` [annotation_type_unknown]
permission view = nil
	permission edit = nil + nil
    14:13: nobody can ever have permission `edit`; no type of subject reaches all that it asks for; `nil` alone says so on purpose [permission_always_empty]
permission view = self - viewer
"##);
    let unused = parsed(
        "definition user {\n\trelation friend: user\n\tpermission view: user = friend\n}\ncaveat only(day string) {\n\tday == \"monday\"\n}",
    );
    insta::assert_snapshot!(said(unused.warnings()), @r##"
3:19: the types of permission `view` are not checked; write `use typechecking` at the top of the text [annotation_unchecked]
5:8: no relation uses caveat `only` [caveat_unused]
"##);
}

#[test]
fn comments_silence_warnings() {
    assert_eq!(warned("\t// ignore-warning: relation_unused\n\trelation alone: user"), "");
    assert_eq!(
        warned("\t/* spicedb-ignore-warning: relation-name-references-parent */\n\tpermission view_document = viewer"),
        ""
    );
    assert_eq!(
        warned("\t/**\n\t * A relation.\n\t * ignore-warning: relation_unused\n\t */\n\trelation alone: user"),
        ""
    );
    let other = warned("\t// ignore-warning: name_repeats_type\n\trelation alone: user");
    assert!(other.ends_with("[relation_unused]"), "{other}");
    let text = "// spicedb-ignore-warning: relation_unused\ndefinition user {\n\trelation alone: user\n\trelation friend: user\n\
                \tpermission view = friend\n}";
    assert_eq!(said(parsed(text).warnings()), "");
}
