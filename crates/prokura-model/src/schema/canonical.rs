//! A schema as SpiceDB gives it back: partials put in, caveats and definitions in the order of their names, one layout.

mod condition;
mod guard;

use std::collections::BTreeSet;

use super::{
    Diagnostic,
    diagnostic::Problems,
    lower::{Partials, Placed},
    parser,
    syntax::{
        CaveatNode, DefinitionNode, ExpressionNode, Item, MemberBody, MemberNode, Operator, ParameterTypeNode,
        TypeForm, TypeNode,
    },
    token::{Comment, Flag, TokenId, Tokens},
};
pub(super) use condition::canonical_condition;

/// The schema of a text as SpiceDB's `ReadSchema` returns it: with the flags it needs, caveats and then definitions in the
/// order of their names, partials put in, comments kept where they document something, annotations left out. Guards and
/// attributes, which SpiceDB does not have, stand there, too. Without a
/// line break at its end; empty for a schema that declares nothing.
///
/// # Errors
/// The text is not syntactically a schema, or uses partials it does not have: everything found wrong with it, never
/// empty. What other names mean is not checked.
pub fn canonical(text: &str) -> Result<String, Vec<Diagnostic>> {
    let (tokens, file) = parser::parse(text)?;
    let mut problems = Problems::new(text);
    let mut partials = Partials::new(&tokens, &file, &mut problems);
    let (mut caveats, mut definitions, mut guards, mut flags) = (Vec::new(), Vec::new(), Vec::new(), BTreeSet::new());
    for item in &file.items {
        let mut printer = Printer { tokens: &tokens, text: String::new(), flags: BTreeSet::new() };
        match item {
            Item::Caveat(node) => {
                printer.caveat(node);
                caveats.push((tokens.text_of_path(node.name), printer.text));
            }
            Item::Definition(node) => {
                printer.definition(node, &partials.flattened(node, &tokens, &mut problems));
                definitions.push((tokens.text_of_path(node.name), printer.text));
                flags.extend(printer.flags);
            }
            Item::Guard(node) => {
                printer.guard(node);
                guards.push((tokens.text_of(node.name).to_owned(), printer.text));
                flags.extend(printer.flags);
            }
            // What can be asked for, and who may do what with links, is not SpiceDB's.
            Item::Use { .. } | Item::Import { .. } | Item::Partial(_) | Item::Access(_) | Item::Authority(_) => {}
        }
    }
    problems.into_result()?;
    caveats.sort();
    definitions.sort();
    guards.sort();
    // Backwards, as SpiceDB has them.
    let flags = flags.into_iter().rev().map(|flag| format!("use {}", flag.name()));
    let parts: Vec<String> =
        flags.chain(caveats.into_iter().chain(definitions).chain(guards).map(|(_, text)| text)).collect();
    Ok(parts.join("\n\n"))
}

/// Longest comment between `/*` and `*/` that stays on one line, in bytes.
const COMMENT_LINE_BYTES: usize = 70;

struct Printer<'p> {
    tokens: &'p Tokens<'p>,
    text: String,
    /// What has to be asked for.
    flags: BTreeSet<Flag>,
}

impl Printer<'_> {
    fn caveat(&mut self, node: &CaveatNode) {
        self.comments(node.keyword, "");
        let parameters = self.parameters(&node.parameters);
        let expression = canonical_condition(self.tokens.expression_of(node));
        let name = self.tokens.text_of_path(node.name);
        self.text.push_str(&format!("caveat {name}({}) {{\n\t{}\n}}", parameters, expression.trim()));
    }

    /// As deep as types are nested, which the parser bounds.
    fn parameter_type(&self, node: &ParameterTypeNode) -> String {
        let name = self.tokens.text_of(node.name);
        if node.of.is_empty() {
            return name.to_owned();
        }
        let of: Vec<String> = node.of.iter().map(|of| self.parameter_type(of)).collect();
        format!("{name}<{}>", of.join(", "))
    }

    fn definition(&mut self, node: &DefinitionNode, members: &[Placed<'_>]) {
        self.comments(node.keyword, "");
        self.text.push_str(&format!("definition {} {{", self.tokens.text_of_path(node.name)));
        if !members.is_empty() {
            self.text.push('\n');
            for (position, placed) in members.iter().enumerate() {
                let documented = !self.comments_of(placed.member.keyword).is_empty();
                if position > 0 && documented {
                    self.text.push('\n');
                }
                self.member(placed.member);
            }
        }
        self.text.push('}');
    }

    fn member(&mut self, member: &MemberNode) {
        self.comments(member.keyword, "\t");
        let name = self.tokens.text_of(member.name);
        match &member.body {
            MemberBody::Relation(types) => {
                let types: Vec<String> = types.iter().map(|node| self.subject_type(node)).collect();
                self.text.push_str(&format!("\trelation {name}: {}\n", types.join(" | ")));
            }
            MemberBody::Attribute(kind) => {
                self.flags.insert(Flag::Guards);
                self.text.push_str(&format!("\tattribute {name} {}\n", self.parameter_type(kind)));
            }
            MemberBody::Permission(expression) => {
                let expression = self.operand(expression).text;
                self.text.push_str(&format!("\tpermission {name} = {expression}\n"));
            }
        }
    }

    fn subject_type(&mut self, node: &TypeNode) -> String {
        let mut text = self.tokens.text_of_path(node.path);
        match node.form {
            TypeForm::Object | TypeForm::Ellipsis { .. } => {}
            TypeForm::Userset { relation, .. } => text.push_str(&format!("#{}", self.tokens.text_of(relation))),
            TypeForm::Wildcard { .. } => text.push_str(":*"),
        }
        let Some(terms) = node.terms else {
            return text;
        };
        let caveat = terms.caveat.map(|path| self.tokens.text_of_path(path));
        let expiration = terms.expiration.map(|_| Flag::Expiration.name().to_owned());
        self.flags.extend(expiration.iter().map(|_| Flag::Expiration));
        let terms: Vec<String> = [caveat, expiration].into_iter().flatten().collect();
        text.push_str(&format!(" with {}", terms.join(" and ")));
        text
    }

    /// As deep as the parentheses are nested, which the parser bounds.
    fn operand(&mut self, node: &ExpressionNode) -> Operand {
        match node {
            ExpressionNode::Name(name) | ExpressionNode::Nil(name) => Operand::leaf(self.tokens.text_of(*name)),
            ExpressionNode::Itself(name) => {
                self.flags.insert(Flag::Itself);
                Operand::leaf(self.tokens.text_of(*name))
            }
            ExpressionNode::Arrow(arrow) => {
                let (left, right) = (self.tokens.text_of(arrow.left), self.tokens.text_of(arrow.right));
                Operand::leaf(&match &arrow.function {
                    Some(function) => format!("{left}.{}({right})", self.tokens.text_of(function.name)),
                    None => format!("{left}->{right}"),
                })
            }
            ExpressionNode::Group { inner, .. } => self.operand(inner),
            ExpressionNode::Chain { operator, operands, .. } => {
                let operands: Vec<Operand> = operands.iter().map(|operand| self.operand(operand)).collect();
                joined(*operator, operands)
            }
        }
    }

    /// The comments of a declaration: all since the last statement or brace ended.
    fn comments_of(&self, keyword: TokenId) -> &[Comment] {
        self.tokens.comments_between(keyword.checked_sub(1), keyword)
    }

    fn comments(&mut self, keyword: TokenId, indent: &str) {
        let comments: Vec<String> = self
            .comments_of(keyword)
            .iter()
            .map(|comment| canonical_comment(self.tokens.slice(comment.span), indent))
            .collect();
        self.text.push_str(&comments.concat());
    }
}

/// Part of an expression as text.
struct Operand {
    text: String,
    /// What it is made of, if of more than one part.
    operator: Option<Operator>,
    /// Whether no operator but `+` is in it.
    only_unions: bool,
}

impl Operand {
    fn leaf(text: &str) -> Self {
        Self { text: text.to_owned(), operator: None, only_unions: true }
    }
}

/// Nothing but unions, and a chain inside a chain of its kind, stand without parentheses: `+` binds tightest.
/// `a - b - c` is `(a - b) - c`.
fn joined(operator: Operator, operands: Vec<Operand>) -> Operand {
    let sign = match operator {
        Operator::Union => " + ",
        Operator::Intersection => " & ",
        Operator::Exclusion => " - ",
    };
    let (mut text, mut only_unions) = (String::new(), operator == Operator::Union);
    let last = operands.len().saturating_sub(1);
    for (position, operand) in operands.into_iter().enumerate() {
        let of_its_kind = operand.operator == Some(operator) && operator != Operator::Exclusion;
        let bare = operand.only_unions || of_its_kind;
        only_unions &= operand.only_unions;
        if position > 0 {
            text.push_str(sign);
        }
        text.push_str(&if bare { operand.text } else { format!("({})", operand.text) });
        if operator == Operator::Exclusion && position > 0 && position < last {
            text = format!("({text})");
        }
    }
    Operand { text, operator: Some(operator), only_unions }
}

/// A comment as SpiceDB lays it out.
fn canonical_comment(comment: &str, indent: &str) -> String {
    let lines: Vec<&str> = comment.trim().lines().map(str::trim).collect();
    let whole = lines.join("\n");
    if let Some(line) = whole.strip_prefix("//") {
        return format!("{indent}// {}\n", line.trim());
    }
    let (opening, body) = match whole.strip_prefix("/**") {
        Some(body) => ("/**", body),
        None => ("/*", whole.strip_prefix("/*").unwrap_or(&whole)),
    };
    let body = body.strip_suffix("*/").unwrap_or(body).trim();
    let bare = |line: &str| {
        let line = line.trim();
        line.strip_prefix('*').unwrap_or(line).trim().to_owned()
    };
    if body.len() <= COMMENT_LINE_BYTES && !body.contains('\n') {
        return format!("{indent}{opening} {} */\n", bare(body));
    }
    let lines: String = body.lines().map(|line| format!("{indent} * {}\n", bare(line))).collect();
    format!("{indent}{opening}\n{lines}{indent} */\n")
}
