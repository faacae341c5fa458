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
    1:1: `defintion` where `definition` or `caveat` was expected; did you mean `definition`? [unexpected_token]
relation viewer: user
    1:1: `relation` where `definition` or `caveat` was expected; relations and permissions stand between the braces of a definition [unexpected_token]
definition user
    1:16: the text ends where `{` was expected [unexpected_token]
definition user {
    1:1: the definition `user` is never closed by `}` [definition_unclosed]
definition user {
	relation owner: user }
    2:23: the statement before this `}` is not ended; put `}` on a line of its own, or `;` before it [statement_not_ended]
definition user {}
/* never closed
    2:1: a comment that is never closed by `*/` where `definition` or `caveat` was expected [unexpected_token]
definition user {}
?
    2:1: `?` where `definition` or `caveat` was expected [unexpected_token]
definition user {};;
    1:20: `;` where `definition` or `caveat` was expected; only one may follow a definition [unexpected_token]
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
    9:27: the line ends where `)` was expected; a line break goes only after an operator, `,` or `(` [unexpected_token]
permission view = viewer +
    10:1: `}` where a relation, a permission or `(` was expected [unexpected_token]
permission view = parent->(viewer)
    9:28: `(` where the name of a relation or permission after `->` was expected [unexpected_token]
permission view = parent->parent->viewer
    9:20: arrows cannot be chained; declare a permission for the rest on the type that `parent` leads to, as `permission … = parent->…`, and let the arrow end at it [arrow_chained]
"##);
}

#[test]
fn several_at_once() {
    let text = "definition user {\n\trelation ok: user\n\trelation : user\n\tpermission = ok\n\tpermission fine = ok\n}\n\
                nonsense\ndefinition {}\ndefinition document {\n\trelation é: user\n\tpermission x = (\n}\n";
    insta::assert_snapshot!(refused(text), @r##"
3:11: `:` where the name of the relation was expected [unexpected_token]
4:13: `=` where the name of the permission was expected [unexpected_token]
7:1: `nonsense` where `definition` or `caveat` was expected [unexpected_token]
8:12: `{` where the name of the definition was expected [unexpected_token]
12:1: `}` where a relation, a permission or `(` was expected [unexpected_token]
"##);
}

#[test]
fn what_must_be_asked_for() {
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
    7:1: `partial` where `definition` or `caveat` was expected; `partial` needs `use partial` at the top of the text [unexpected_token]
    9:1: `import` where `definition` or `caveat` was expected; `import` needs `use import` at the top of the text [unexpected_token]
"##);
}

#[test]
fn terms_functions_and_partials() {
    insta::assert_snapshot!(each(&[
        "\trelation owner: user with tuesdays\n\trelation temp: user with expiration",
        "\trelation owner: user with tuesdays and expiration",
        "\trelation owner: user with",
        "\tpermission view = parent.some(viewer) + viewer\n\tpermission edit = parent.any viewer",
        "\tpermission view: = viewer\n\tpermission edit: user | = viewer\n\tpermission see:: user = viewer",
        "\tpermission view = viewer + self\n\tpermission edit = nil->viewer\n\t...shared\n\t..shared",
    ], refused_in_document), @r##"
relation owner: user with tuesdays
	relation temp: user with expiration
    9:28: the schema declares no caveat `tuesdays` [caveat_unknown]
    10:27: the schema declares no caveat `expiration`; `with expiration` needs `use expiration` at the top of the text [caveat_unknown]
relation owner: user with tuesdays and expiration
    9:37: `and` where the end of the statement was expected; `and expiration` needs `use expiration` at the top of the text [unexpected_token]
relation owner: user with
    9:27: the line ends where the name of a caveat, or `expiration` after `use expiration` was expected [unexpected_token]
permission view = parent.some(viewer) + viewer
	permission edit = parent.any viewer
    9:27: `some` where `any` or `all` was expected; an arrow is written `->` [unexpected_token]
    10:31: `viewer` where `(` was expected [unexpected_token]
permission view: = viewer
	permission edit: user | = viewer
	permission see:: user = viewer
    9:19: `=` where a type was expected [unexpected_token]
    10:26: `=` where a type was expected [unexpected_token]
    11:17: `:` where a type was expected [unexpected_token]
permission view = viewer + self
	permission edit = nil->viewer
	...shared
	..shared
    10:23: `->` where the end of the statement was expected; a statement ends with a line break or `;` [unexpected_token]
"##);
}

#[test]
fn flags_and_imports() {
    insta::assert_snapshot!(each(&[
        "use expiration\ndefinition user {\n\trelation owner: user with expiration and tuesdays\n\trelation and: user\n}",
        "use self\ndefinition user {\n\trelation self: user\n\tpermission view = self->view\n}",
        "use nothing\nuse\ndefinition user {}\nuse self",
        "use import\nimport \"users.zed\"\nimport users\nimport \"users",
        "use import\nimport \"users.zed\"",
    ], refused), @r##"
use expiration
definition user {
	relation owner: user with expiration and tuesdays
	relation and: user
}
    3:39: the caveat comes before the expiration; write `with … and expiration` [expiration_before_caveat]
    4:11: `and` where the name of the relation was expected; `and` is a word of the language and cannot be a name [unexpected_token]
use self
definition user {
	relation self: user
	permission view = self->view
}
    3:11: `self` where the name of the relation was expected; `self` is a word of the language and cannot be a name [unexpected_token]
    4:24: `->` where the end of the statement was expected; a statement ends with a line break or `;` [unexpected_token]
use nothing
use
definition user {}
use self
    1:5: there is no `use nothing`; there are `use access`, `use authority`, `use expiration`, `use guards`, `use import`, `use partial`, `use self`, `use typechecking` [flag_unknown]
    2:4: the line ends where what is to be used was expected; there are `use access`, `use authority`, `use expiration`, `use guards`, `use import`, `use partial`, `use self`, `use typechecking` [unexpected_token]
    4:1: `use` stands before every definition and caveat; move it to the top of the text [flag_late]
use import
import "users.zed"
import users
import "users
    3:8: `users` where the path of a file in quotes was expected [unexpected_token]
    4:8: `"users` where the path of a file in quotes was expected; a quote that opens is closed by the same one, on the same line [unexpected_token]
use import
import "users.zed"
    2:1: `import` is for files: a schema that is sent is one text; put the imported definitions into the text [import_refused]
"##);
}

#[test]
fn caveats() {
    insta::assert_snapshot!(each(&[
        "caveat",
        "caveat only",
        "caveat only() { true }",
        "caveat only(day) { true }",
        "caveat only(day string,) { true }",
        "caveat only(day string) {\n}",
        "caveat only(day string) { day == \"monday }\ndefinition user {}",
        "caveat only(day string) { day == `monday` }",
        "caveat only(day string) { {\"a\": day}",
        "caveat only(day strng, day string, days list, more list<int, int>, most int<int>, 2nd int) { true }",
        "caveat a-b(day string) { true }",
        "caveat only(day string, hour int) { dya == \"monday\" }\ncaveat more(day list) { true }\ndefinition user {\n\trelation friend: user with only | user with more\n}",
        "caveat only(day string, hour int) {\n\tday == \"monday\"\n}",
        "caveat user(day string) { true }\ndefinition user {}\ncaveat user(day string) { true }",
    ], refused), @r##"
caveat
    1:7: the text ends where the name of the caveat was expected [unexpected_token]
caveat only
    1:12: the text ends where `(` was expected [unexpected_token]
caveat only() { true }
    1:13: `)` where a parameter, as in `day string` was expected [unexpected_token]
caveat only(day) { true }
    1:16: `)` where the type of the parameter was expected [unexpected_token]
caveat only(day string,) { true }
    1:24: `)` where a parameter, as in `day string` was expected [unexpected_token]
caveat only(day string) {
}
    2:1: `}` where the expression of the caveat was expected [unexpected_token]
caveat only(day string) { day == "monday }
definition user {}
    1:34: `"monday }` has no meaning in the expression of a caveat; the quote is never closed [unexpected_token]
caveat only(day string) { day == `monday` }
    1:34: ``` has no meaning in the expression of a caveat [unexpected_token]
caveat only(day string) { {"a": day}
    1:37: the text ends where the rest of the expression, or `}` was expected [unexpected_token]
caveat only(day strng, day string, days list, more list<int, int>, most int<int>, 2nd int) { true }
    1:17: there is no parameter type `strng`; did you mean `string`? [parameter_type_unknown]
    1:41: type `list` has one type in `<…>`, this one has 0; as in `list<string>` [parameter_type_shape]
    1:52: type `list` has one type in `<…>`, this one has 2; as in `list<string>` [parameter_type_shape]
    1:73: type `int` has no type in `<…>` [parameter_type_shape]
    1:83: `2nd` is not the name of a parameter: letters, digits and `_`, first no digit [name_invalid]
caveat a-b(day string) { true }
    1:9: `-` where `(` was expected [unexpected_token]
caveat only(day string, hour int) { dya == "monday" }
caveat more(day list) { true }
definition user {
	relation friend: user with only | user with more
}
    1:37: caveat `only`: undeclared reference to `dya`; did you mean `day`? [caveat_invalid]
    2:17: type `list` has one type in `<…>`, this one has 0; as in `list<string>` [parameter_type_shape]
caveat only(day string, hour int) {
	day == "monday"
}
    1:25: parameter `hour` is not used; leave it out, or use it in the expression [parameter_unused]
caveat user(day string) { true }
definition user {}
caveat user(day string) { true }
    1:13: parameter `day` is not used; leave it out, or use it in the expression [parameter_unused]
    2:12: `user` is a caveat already; definitions, caveats and partials share one name space [definition_duplicate]
    3:8: `user` is a caveat already; definitions, caveats and partials share one name space [definition_duplicate]
"##);
}

#[test]
fn partials() {
    insta::assert_snapshot!(each(&[
        "use partial\npartial {}\npartial shared {\n\trelation",
        "use partial\npartial shared {}\npartial shared {}\ndefinition shared {}",
        "use partial\npartial shared {\n\trelation viewer: user\n}\ndefinition user {\n\trelation viewer: user\n\t...shared\n\t...shard\n}",
        "use partial\npartial one {\n\t...two\n}\npartial two {\n\t...one\n}\ndefinition user {\n\t...one\n}",
        "use partial\npartial shared {\n\trelation viewer: ghost\n}\ndefinition one {\n\t...shared\n}\ndefinition two {\n\t...shared\n}",
    ], refused), @r##"
use partial
partial {}
partial shared {
	relation
    2:9: `{` where the name of the partial was expected [unexpected_token]
    3:1: the partial `shared` is never closed by `}` [definition_unclosed]
    4:10: the text ends where the name of the relation was expected [unexpected_token]
use partial
partial shared {}
partial shared {}
definition shared {}
    3:9: partial `shared` is declared twice [partial_duplicate]
    4:12: `shared` is a partial already; definitions, caveats and partials share one name space [partial_name_taken]
use partial
partial shared {
	relation viewer: user
}
definition user {
	relation viewer: user
	...shared
	...shard
}
    3:11: `user` declares `viewer` twice; relations, permissions and attributes of a definition share one name space [member_duplicate]
    8:2: there is no partial `shard`; did you mean `shared`? [partial_unknown]
use partial
partial one {
	...two
}
partial two {
	...one
}
definition user {
	...one
}
    6:2: partial `one` is put into itself [partial_cycle]
use partial
partial shared {
	relation viewer: ghost
}
definition one {
	...shared
}
definition two {
	...shared
}
    3:19: the schema defines no type `ghost` [type_unknown]
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
    9:11: `document` declares `viewer` twice; relations, permissions and attributes of a definition share one name space [member_duplicate]
    10:13: `document` declares `parent` twice; relations, permissions and attributes of a definition share one name space [member_duplicate]
"##);
    insta::assert_snapshot!(each(&[
        "definition user {}\ndefinition user {}",
        "definition Us {\n\trelation a: user\n}",
    ], refused), @r##"
definition user {}
definition user {}
    2:12: `user` is defined twice; definitions, caveats and partials share one name space [definition_duplicate]
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
fn a_permission_is_not_suggested_for_itself() {
    let said = refused_in_document("\tpermission view = viewr\n\tpermission edit = vie->view + parent->view");
    assert!(said.contains("`viewr`; did you mean `viewer`?"), "{said}");
    // Elsewhere it is as good as any.
    assert!(said.contains("`vie`; did you mean `view`?"), "{said}");
    let alone = refused_in_document("\tpermission approve = aprove");
    assert!(alone.contains("`aprove`") && !alone.contains("did you mean"), "{alone}");
}
