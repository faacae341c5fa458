//! What is said about texts that are not schemas.

use super::*;
use crate::text::tests::each;

/// Everything wrong with the body of a definition that has something to refer to.
fn refused_in_document(body: &str) -> String {
    let text = format!(
        "definition user {{}}\ndefinition group {{\n\trelation member: user | group#member\n\trelation anyone: user:*\n}}\n\
         definition document {{\n\trelation parent: document\n\trelation viewer: user\n{body}\n}}\n"
    );
    refused(&text)
}

fn refused(text: &str) -> String {
    match Schema::parse(text) {
        Ok(_) => panic!("accepted: {text}"),
        Err(problems) => said(&problems),
    }
}

fn warned(body: &str) -> String {
    let text = format!(
        "definition user {{}}\ndefinition group {{\n\trelation member: user\n}}\n\
         definition document {{\n\trelation parent: document\n\trelation viewer: user\n{body}\n}}\n"
    );
    said(parsed(&text).warnings())
}

#[test]
fn syntax() {
    insta::assert_snapshot!(each(&[
        "defintion user {}",
        "relation viewer: user",
        "definition user",
        "definition user {\n",
        "definition user {\n\trelation owner: user }",
        "definition user {}\n/* never closed",
        "definition user {}\n?",
        "definition user {};;",
    ], refused), @r##"
defintion user {}
    1:1: `defintion` where `definition` was expected; did you mean `definition`? [unexpected_token]
relation viewer: user
    1:1: `relation` where `definition` was expected; relations and permissions stand between the braces of a definition [unexpected_token]
definition user
    1:16: the text ends where `{` was expected [unexpected_token]
definition user {
    1:1: the definition of `user` is never closed by `}` [definition_unclosed]
definition user {
	relation owner: user }
    2:23: the statement before this `}` is not ended; put `}` on a line of its own, or `;` before it [statement_not_ended]
definition user {}
/* never closed
    2:1: a comment that is never closed by `*/` where `definition` was expected [unexpected_token]
definition user {}
?
    2:1: `?` where `definition` was expected [unexpected_token]
definition user {};;
    1:20: `;` where `definition` was expected [unexpected_token]
"##);
    insta::assert_snapshot!(each(&[
        "\trelation permission: user",
        "\trelation owner user",
        "\trelation owner:",
        "\tpermision view = viewer",
        "\tpermission view = viewer or parent",
        "\tpermission view = viewer\n\t\t+ parent",
        "\tpermission view = (viewer\n\t\t+ parent)",
        "\tpermission view = viewer +",
        "\tpermission view = parent->(viewer)",
        "\tpermission view = parent->parent->viewer",
    ], refused_in_document), @r##"
relation permission: user
    9:11: `permission` where the name of the relation was expected; `permission` is a word of the language and cannot be a name [unexpected_token]
relation owner user
    9:17: `user` where `:` was expected [unexpected_token]
relation owner:
    10:1: `}` where a type was expected [unexpected_token]
permision view = viewer
    9:2: `permision` where `relation`, `permission` or `}` was expected; did you mean `permission`? [unexpected_token]
permission view = viewer or parent
    9:27: `or` where the end of the statement was expected; write `+`: the operators are `+` (or), `&` (and) and `-` (but not) [unexpected_token]
permission view = viewer
		+ parent
    10:3: `+` where `relation`, `permission` or `}` was expected; put it at the end of the line above: a line break after a name ends the statement [unexpected_token]
permission view = (viewer
		+ parent)
    9:27: the line ends where `)` was expected; an expression goes on in the next line only after an operator [unexpected_token]
permission view = viewer +
    10:1: `}` where a relation, a permission or `(` was expected [unexpected_token]
permission view = parent->(viewer)
    9:28: `(` where the name of a relation or permission after `->` was expected [unexpected_token]
permission view = parent->parent->viewer
    9:34: arrows cannot be chained; declare a permission for the rest on the type that `parent` leads to, as `permission … = parent->…`, and let the arrow end at it [arrow_chained]
"##);
}

#[test]
fn several_at_once() {
    let text = "definition user {\n\trelation ok: user\n\trelation : user\n\tpermission = ok\n\tpermission fine = ok\n}\n\
                nonsense\ndefinition {}\ndefinition document {\n\trelation é: user\n\tpermission x = (\n}\n";
    insta::assert_snapshot!(refused(text), @r##"
3:11: `:` where the name of the relation was expected [unexpected_token]
4:13: `=` where the name of the permission was expected [unexpected_token]
7:1: `nonsense` where `definition` was expected [unexpected_token]
8:12: `{` where the name of the definition was expected [unexpected_token]
12:1: `}` where a relation, a permission or `(` was expected [unexpected_token]
"##);
}

#[test]
fn later_features() {
    insta::assert_snapshot!(each(&[
        "use expiration\n\ncaveat only(x int) {\n\tx == \"}\"\n}\ndefinition user {}\npartial p {\n}\nimport \"a\"\nnonsense",
    ], refused), @r##"
use expiration

caveat only(x int) {
	x == "}"
}
definition user {}
partial p {
}
import "a"
nonsense
    1:1: `use expiration` is not supported yet by this version [unsupported]
    3:1: `caveat` is not supported yet by this version [unsupported]
    7:1: `partial` is not supported yet by this version [unsupported]
    9:1: `import` is not supported yet by this version [unsupported]
"##);
    insta::assert_snapshot!(each(&[
        "\trelation owner: user with tuesdays\n\trelation temp: user with expiration",
        "\tpermission view = parent.all(viewer) + viewer\n\tpermission edit = parent.any(viewer)",
        "\tpermission view: user = viewer\n\tpermission edit = nil + viewer\n\t...shared",
        "\tpermission view = viewer + self",
    ], refused_in_document), @r##"
relation owner: user with tuesdays
	relation temp: user with expiration
    9:23: `with` (caveats and expiration) is not supported yet by this version [unsupported]
    10:22: `with` (caveats and expiration) is not supported yet by this version [unsupported]
permission view = parent.all(viewer) + viewer
	permission edit = parent.any(viewer)
    9:27: `.all(…)` is not supported yet by this version [unsupported]
    10:27: `.any(…)`, which is the same as `->`, is not supported yet by this version [unsupported]
permission view: user = viewer
	permission edit = nil + viewer
	...shared
    9:17: type annotations of permissions are not supported yet by this version [unsupported]
    10:20: `nil` is not supported yet by this version [unsupported]
    11:2: partials are not supported yet by this version [unsupported]
permission view = viewer + self
    9:29: `self` is not supported yet by this version [unsupported]
"##);
}

#[test]
fn names() {
    insta::assert_snapshot!(each(&[
        "\trelation owner: usr | grup#member | group#membr",
        "\tpermission view = veiwer & ghost - parent->view",
        "\trelation viewer: user\n\tpermission parent = viewer",
    ], refused_in_document), @r##"
relation owner: usr | grup#member | group#membr
    9:18: the schema defines no type `usr`; did you mean `user`? [type_unknown]
    9:24: the schema defines no type `grup`; did you mean `group`? [type_unknown]
    9:44: type `group` has no relation or permission `membr`; did you mean `member`? [member_unknown]
permission view = veiwer & ghost - parent->view
    9:20: type `document` has no relation or permission `veiwer`; did you mean `viewer`? [member_unknown]
    9:29: type `document` has no relation or permission `ghost` [member_unknown]
relation viewer: user
	permission parent = viewer
    9:11: `document` declares `viewer` twice; relations and permissions of a definition share one name space [member_duplicate]
    10:13: `document` declares `parent` twice; relations and permissions of a definition share one name space [member_duplicate]
"##);
    insta::assert_snapshot!(each(&[
        "definition user {}\ndefinition user {}",
        "definition Us {\n\trelation a: user\n}",
    ], refused), @r##"
definition user {}
definition user {}
    2:12: `user` is defined twice [definition_duplicate]
definition Us {
	relation a: user
}
    1:12: `Us` is not a type name: 3 to 64 lower-case letters, digits and `_`, first a letter, last no `_`; prefixes of the same shape end in `/`; 128 bytes in all [name_invalid]
    2:11: `a` is not a relation or permission name: 3 to 64 lower-case letters, digits and `_`, first a letter, last no `_` [name_invalid]
"##);
    insta::assert_snapshot!(each(&[
        "\trelation owner: user | user",
    ], refused_in_document), @r##"
relation owner: user | user
    9:25: relation `owner` lists `user` twice [subject_duplicate]
"##);
}

#[test]
fn meaning() {
    insta::assert_snapshot!(each(&[
        "\tpermission view = viewer\n\tpermission edit = view->viewer",
        "\trelation owner: group#anyone",
        "\trelation all: user:*\n\tpermission view = all->member",
        "\tpermission view = (edit)\n\tpermission edit = admin\n\tpermission admin = view\n\tpermission see = view",
    ], refused_in_document), @r##"
permission view = viewer
	permission edit = view->viewer
    10:20: `view` is a permission, and an arrow starts at a relation; arrows follow stored relationships: name the relation that leads to the object [arrow_from_permission]
relation owner: group#anyone
    9:18: `group#anyone` cannot be a subject: it may hold a wildcard, by relation `group#anyone`; wildcards cannot be included through usersets: declare a relation without one [wildcard_in_userset]
relation all: user:*
	permission view = all->member
    10:20: relation `all` may hold a wildcard, by relation `document#all`; an arrow cannot follow a wildcard: declare a relation without one [wildcard_in_arrow]
permission view = (edit)
	permission edit = admin
	permission admin = view
	permission see = view
    9:13: permissions of `document` mean only each other: `view` = `edit` = `admin` [permission_cycle]
"##);
}

#[test]
fn warnings() {
    insta::assert_snapshot!(each(&[
        "\tpermission view = parent->veiw",
        "\tpermission view = viewer + (viewer & view)",
        "\trelation team: group#member\n\tpermission view = team->member",
    ], warned), @r##"
permission view = parent->veiw
    8:20: no type of relation `parent` has `veiw`, so the arrow leads nowhere; its types: `document` [arrow_target_unknown]
permission view = viewer + (viewer & view)
    8:39: permission `view` uses itself; what leads back to itself adds nothing, and after `-` it cannot be decided [permission_uses_itself]
relation team: group#member
	permission view = team->member
    9:20: relation `team` allows `group#member`, but an arrow follows the `group`; who is in the userset plays no part [arrow_ignores_userset]
"##);
    assert_eq!(warned("\trelation either: user | group\n\tpermission view = either->member + parent->view"), "");
}

#[test]
fn a_permission_is_not_suggested_for_itself() {
    let said = refused_in_document("\tpermission view = viewr\n\tpermission edit = vie->view + parent->view");
    assert!(said.contains("`viewr`; did you mean `viewer`?"), "{said}");
    // Elsewhere it is as good as any.
    assert!(said.contains("`vie`; did you mean `view`?"), "{said}");
    let alone = refused_in_document("\tpermission approve = aprove");
    assert!(alone.contains("`aprove`") && !alone.contains("did you mean"), "{alone}");
}
