//! What SpiceDB would say about a text that is no schema: its clients show these messages, and some read them.
//!
//! Everything here is drawn from what was found wrong anyway. Where SpiceDB says something that is not known here, such as
//! how its own library words an error inside a caveat's expression, the message is ours at SpiceDB's place.

mod expressions;
mod names;
mod syntax;

use super::{
    Diagnostic, Span, parser,
    syntax::{CaveatNode, DefinitionNode, File, Item, MemberBody, MemberNode, Statement, TypeForm},
    token::{Keyword, TokenId, TokenKind, Tokens},
};

/// How SpiceDB refuses a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpicedbRefusal {
    /// Which of its errors it is.
    pub kind: SpicedbRefusalKind,
    /// Its message.
    pub message: String,
}

/// Which of SpiceDB's errors a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpicedbRefusalKind {
    /// The text cannot be read: `INVALID_ARGUMENT`.
    Text,
    /// What it says does not fit together: `FAILED_PRECONDITION`.
    Types,
    /// It leads in a circle, for which SpiceDB has no code: `UNKNOWN`.
    Circle,
}

/// What SpiceDB says about a text in which this was found wrong; it says one thing only.
///
/// ```
/// use prokura_model::{Schema, schema::spicedb_refusal};
///
/// let text = "definition document {\n\trelation viewer: user\n}";
/// let refusal = spicedb_refusal(text, &Schema::parse(text).unwrap_err());
/// assert_eq!(
///     refusal.message,
///     "could not lookup definition `user` for relation `viewer`: object definition `user` not found"
/// );
/// ```
#[must_use]
pub fn spicedb_refusal(text: &str, problems: &[Diagnostic]) -> SpicedbRefusal {
    let (tokens, file) = match parser::parse(text) {
        Ok((tokens, file)) => (tokens, Some(file)),
        Err(_) => (Tokens::new(text), None),
    };
    let source = Source { tokens: &tokens, file: file.as_ref() };
    // That something is not closed is found at the end of the text.
    let place = |problem: &Diagnostic| match problem.code {
        "definition_unclosed" => usize::MAX,
        _ => problem.span.start,
    };
    let first = problems.iter().min_by_key(|problem| (phase(problem.code), place(problem)));
    match first {
        Some(problem) => source.refusal(problem),
        None => SpicedbRefusal { kind: SpicedbRefusalKind::Text, message: "the text is no schema".to_owned() },
    }
}

/// SpiceDB reads a whole text before it looks at names, and looks at names before it looks at types.
fn phase(code: &str) -> u8 {
    match code {
        "unexpected_token"
        | "definition_unclosed"
        | "statement_not_ended"
        | "flag_unknown"
        | "flag_late"
        | "expiration_before_caveat"
        | "schema_too_large"
        | "nesting_too_deep" => 0,
        "type_unknown"
        | "member_unknown"
        | "member_duplicate"
        | "subject_duplicate"
        | "caveat_unknown"
        | "wildcard_in_userset"
        | "wildcard_in_arrow"
        | "arrow_from_permission"
        | "annotation_incomplete"
        | "permission_cycle"
        | "parameter_unused" => 2,
        _ => 1,
    }
}

struct Source<'s> {
    tokens: &'s Tokens<'s>,
    /// The tree, if the syntax is right.
    file: Option<&'s File>,
}

impl Source<'_> {
    fn refusal(&self, problem: &Diagnostic) -> SpicedbRefusal {
        if let Some((at, message)) = self.of_syntax(problem).or_else(|| self.of_names(problem)) {
            return SpicedbRefusal { kind: SpicedbRefusalKind::Text, message: self.placed(at, &message) };
        }
        if let Some(message) = self.of_types(problem) {
            return SpicedbRefusal { kind: SpicedbRefusalKind::Types, message };
        }
        if let Some(message) = self.of_circles(problem) {
            return SpicedbRefusal { kind: SpicedbRefusalKind::Circle, message };
        }
        let kind = if phase(problem.code) == 2 { SpicedbRefusalKind::Types } else { SpicedbRefusalKind::Text };
        SpicedbRefusal { kind, message: self.placed(problem.span.start, &problem.message) }
    }

    /// What SpiceDB's type system says.
    fn of_types(&self, problem: &Diagnostic) -> Option<String> {
        let names = quoted(&problem.message);
        let name = |position: usize| names.get(position).copied().unwrap_or_default();
        let (definition, member) = self.enclosing(problem.span.start);
        Some(match problem.code {
            "type_unknown" => format!(
                "could not lookup definition `{0}` for relation `{member}`: object definition `{0}` not found",
                name(0)
            ),
            "member_unknown" => format!("relation/permission `{}` not found under definition `{}`", name(1), name(0)),
            "member_duplicate" => {
                format!("found duplicate relation/permission name `{}` under definition `{}`", name(1), name(0))
            }
            "subject_duplicate" => format!(
                "found duplicate allowed subject type `{}` on relation `{}` under definition `{definition}`",
                name(1),
                name(0)
            ),
            "caveat_unknown" => format!(
                "could not lookup caveat `{0}` for relation `{member}`: caveat with name `{0}` not found",
                name(0)
            ),
            "wildcard_in_userset" => format!(
                "for relation `{member}`: relation/permission `{}` includes wildcard type `{}` via relation `{}`: wildcard \
                 relations cannot be transitively included",
                name(0),
                self.wildcard_of(name(1)),
                name(1)
            ),
            "wildcard_in_arrow" => format!(
                "for arrow under permission `{member}`: relation `{definition}#{}` includes wildcard type `{}` via relation \
                 `{}`: wildcard relations cannot be used on the left side of arrows",
                name(0),
                self.wildcard_of(name(1)),
                name(1)
            ),
            "arrow_from_permission" => format!(
                "under permission `{member}` under definition `{definition}`: permissions cannot be used on the left hand \
                 side of an arrow (found `{}`)",
                name(0)
            ),
            "annotation_incomplete" => format!(
                "incomplete type annotation on relation `{member}` in definition `{definition}`: `{}` found as reachable \
                 type, but not contained in provided set [{}]",
                name(1),
                self.annotated(problem.span)
            ),
            "parameter_unused" => {
                format!("parameter `{}` for caveat `{}` is unused", name(0), self.enclosing_caveat(problem.span.start))
            }
            _ => return None,
        })
    }

    /// What SpiceDB says of circles, and of partials that partials do not find.
    fn of_circles(&self, problem: &Diagnostic) -> Option<String> {
        let mut names = quoted(&problem.message);
        match problem.code {
            "permission_cycle" => {
                let definition = names.first().copied().unwrap_or_default();
                let mut circle = names.split_off(1.min(names.len()));
                circle.sort_unstable();
                let circle = circle.join(", ");
                Some(format!("under definition `{definition}`, there exists a cycle in permissions: {circle}"))
            }
            "partial_cycle" | "partial_unknown" => Some(format!(
                "could not resolve partials: [{}]. this may indicate a circular reference",
                names.first().copied().unwrap_or_default()
            )),
            _ => None,
        }
    }

    /// Whether this stands in a partial.
    fn is_in_partial(&self, at: usize) -> bool {
        let items = self.file.into_iter().flat_map(|file| &file.items);
        let mut partials = items.filter(|item| matches!(item, Item::Partial(_)));
        partials.any(|item| {
            self.tokens.token(item.first()).span.start <= at && at < self.tokens.token(item.last()).span.end
        })
    }

    /// As SpiceDB says where it read something.
    fn placed(&self, at: usize, message: &str) -> String {
        let place = Diagnostic::at(self.tokens.text, Span { start: at, end: at }, "", String::new());
        format!("parse error in `schema`, line {}, column {}: {message}", place.line, place.column)
    }

    /// The definition and the member that stand around a part of the text; empty where none do.
    fn enclosing(&self, at: usize) -> (String, String) {
        let Some((definition, member)) = self.enclosing_nodes(at) else {
            return (String::new(), String::new());
        };
        let member = member.map(|member| self.tokens.text_of(member.name).to_owned());
        (self.tokens.text_of_path(definition.name), member.unwrap_or_default())
    }

    fn enclosing_nodes(&self, at: usize) -> Option<(&DefinitionNode, Option<&MemberNode>)> {
        let holds = |first: TokenId, last: TokenId| {
            self.tokens.token(first).span.start <= at && at < self.tokens.token(last).span.end
        };
        let items = self.file?.items.iter();
        let mut nodes = items.filter_map(|item| match item {
            Item::Definition(node) | Item::Partial(node) => Some(node),
            _ => None,
        });
        let definition = nodes.find(|node| holds(node.keyword, node.close))?;
        let mut members = definition.statements.iter().filter_map(|statement| match statement {
            Statement::Member(member) => Some(member),
            Statement::Reference { .. } => None,
        });
        Some((definition, members.find(|member| holds(member.keyword, member.last))))
    }

    /// The caveat that stands around a part of the text.
    fn enclosing_caveat_node(&self, at: usize) -> Option<&CaveatNode> {
        let mut nodes = self.file?.items.iter().filter_map(|item| match item {
            Item::Caveat(node) => Some(node),
            _ => None,
        });
        nodes.find(|node| {
            self.tokens.token(node.keyword).span.start <= at && at < self.tokens.token(node.close).span.end
        })
    }

    fn enclosing_caveat(&self, at: usize) -> String {
        self.enclosing_caveat_node(at).map(|node| self.tokens.text_of_path(node.name)).unwrap_or_default()
    }

    /// The first type of which a relation, as `type#relation`, allows the wildcard.
    fn wildcard_of(&self, place: &str) -> String {
        let Some((kind, relation)) = place.split_once('#') else {
            return String::new();
        };
        let items = self.file.into_iter().flat_map(|file| &file.items);
        let members = items.filter_map(|item| match item {
            Item::Definition(node) if self.tokens.text_of_path(node.name) == kind => Some(&node.statements),
            _ => None,
        });
        let bodies = members.flatten().filter_map(|statement| match statement {
            Statement::Member(member) if self.tokens.text_of(member.name) == relation => Some(&member.body),
            _ => None,
        });
        let mut types = bodies.flat_map(|body| match body {
            MemberBody::Relation(types) => types.as_slice(),
            MemberBody::Permission(_) | MemberBody::Attribute(_) => &[],
        });
        let wildcard = types.find(|node| matches!(node.form, TypeForm::Wildcard { .. }));
        wildcard.map(|node| self.tokens.text_of_path(node.path)).unwrap_or_default()
    }

    /// The types of an annotation, each in backticks.
    fn annotated(&self, span: Span) -> String {
        let types = self.tokens.slice(span).split('|').map(|kind| format!("`{}`", kind.trim()));
        types.collect::<Vec<_>>().join(" ")
    }

    /// The keyword of the declaration that a name belongs to.
    fn keyword_before(&self, at: usize) -> TokenId {
        let mut id = self.tokens.at(at);
        loop {
            let declares = matches!(
                self.tokens.token(id).kind,
                TokenKind::Keyword(
                    Keyword::Definition | Keyword::Caveat | Keyword::Relation | Keyword::Permission | Keyword::Partial
                )
            );
            match id.checked_sub(1) {
                Some(before) if !declares => id = before,
                _ => return id,
            }
        }
    }
}

/// The names that a message quotes.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}
