//! What SpiceDB's compiler says of names.

use super::{Source, quoted};
use crate::{
    RelationName,
    schema::{
        Diagnostic,
        syntax::{ArrowNode, ExpressionNode, MemberBody, MemberNode, Operator, TypeForm, TypeNode},
        token::{Keyword, TokenId, TokenKind},
    },
};

const TYPE_PATTERN: &str = "^([a-z][a-z0-9_]{1,62}[a-z0-9]/)*[a-z][a-z0-9_]{1,62}[a-z0-9]$";
/// One character shorter in prefixes, where a type is allowed.
const ALLOWED_PATTERN: &str = "^([a-z][a-z0-9_]{1,61}[a-z0-9]/)*[a-z][a-z0-9_]{1,62}[a-z0-9]$";
const RELATION_PATTERN: &str = "^[a-z][a-z0-9_]{1,62}[a-z0-9]$";
const USERSET_PATTERN: &str = r"^(\.\.\.|[a-z][a-z0-9_]{1,62}[a-z0-9])$";

impl Source<'_> {
    /// Where and what SpiceDB's compiler says of this.
    pub(super) fn of_names(&self, problem: &Diagnostic) -> Option<(usize, String)> {
        let at = problem.span.start;
        let names = quoted(&problem.message);
        let name = names.first().copied().unwrap_or_default();
        let declaration = || self.tokens.token(self.keyword_before(at)).span.start;
        Some(match problem.code {
            "import_refused" => (at, "import statements are not allowed in this context".to_owned()),
            "partial_unknown" if !self.is_in_partial(at) => {
                (at, format!("could not find partial reference with name {name}"))
            }
            "partial_name_taken" => {
                let kind = self.tokens.token(self.keyword_before(at)).kind;
                let what = if kind == TokenKind::Keyword(Keyword::Caveat) { "caveat" } else { "definition" };
                (declaration(), format!("found {what} with same name as existing partial: {name}"))
            }
            "definition_duplicate" => {
                let message = format!("found name reused between multiple definitions and/or caveats: {name}");
                (declaration(), message)
            }
            "parameter_duplicate" => {
                let message = format!("duplicate parameter `{name}` defined on caveat `{}`", self.enclosing_caveat(at));
                (at, message)
            }
            "parameter_type_unknown" => self.parameter(at, &format!("unknown type `{name}`")),
            "parameter_type_shape" => {
                let count = problem.message.rsplit(' ').next().unwrap_or("0");
                self.parameter(at, &format!("type `{name}` requires 1 generic types; found {count}"))
            }
            "caveat_invalid" => self.of_expression(problem)?,
            "name_invalid" => self.illegal(at)?,
            _ => return None,
        })
    }

    /// At the name of the parameter whose type stands here, or within.
    fn parameter(&self, at: usize, what: &str) -> (usize, String) {
        let mut id = self.tokens.at(at);
        while id.checked_sub(1).is_some_and(|before| self.tokens.token(before).kind != TokenKind::Identifier) {
            id -= 2;
        }
        let parameter = id.saturating_sub(1);
        let message = format!(
            "invalid type for caveat parameter `{}` on caveat `{}`: {what}",
            self.tokens.text_of(parameter),
            self.enclosing_caveat(at)
        );
        (self.tokens.token(parameter).span.start, message)
    }

    /// Of a name that is not legal: what is said depends on where it stands.
    fn illegal(&self, at: usize) -> Option<(usize, String)> {
        let id = self.tokens.at(at);
        let (definition, member) = self.enclosing_nodes(at)?;
        let Some(member) = member else {
            let name = self.tokens.text_of_path(definition.name);
            let message = format!(
                "error in object definition {name}: validation error: name: does not match regex pattern `{TYPE_PATTERN}`"
            );
            return Some((self.tokens.token(definition.keyword).span.start, message));
        };
        match &member.body {
            MemberBody::Attribute(_) => None,
            _ if member.name == id => Some(self.of_member(member, &["name".to_owned()])),
            MemberBody::Relation(types) => {
                let node = types.iter().find(|node| node.path.first <= id && id <= last_of(node))?;
                let (part, pattern) =
                    if id <= node.path.last { ("namespace", ALLOWED_PATTERN) } else { ("relation", USERSET_PATTERN) };
                let message = format!(
                    "invalid type relation: validation error: {part}: does not match regex pattern `{pattern}`"
                );
                Some((self.tokens.token(node.path.first).span.start, message))
            }
            MemberBody::Permission(expression) => {
                let mut paths = Vec::new();
                self.rewrite(expression, "userset_rewrite", &mut paths);
                Some(self.of_member(member, &paths))
            }
        }
    }

    fn of_member(&self, member: &MemberNode, paths: &[String]) -> (usize, String) {
        let what = self.tokens.text_of(member.keyword);
        let name = self.tokens.text_of(member.name);
        let said = |path: &String| format!("{path}: does not match regex pattern `{RELATION_PATTERN}`");
        let message = match paths {
            [path] => format!("error in {what} {name}: validation error: {}", said(path)),
            paths => {
                let lines: String = paths.iter().map(|path| format!("\n - {}", said(path))).collect();
                format!("error in {what} {name}: validation errors:{lines}")
            }
        };
        (self.tokens.token(member.keyword).span.start, message)
    }

    /// The paths, in SpiceDB's stored form, of the names in an expression that are not legal. As deep as the parentheses
    /// are nested, which the parser bounds, for chains of exclusions are walked.
    fn rewrite(&self, node: &ExpressionNode, path: &str, found: &mut Vec<String>) {
        match node {
            ExpressionNode::Group { inner, .. } => self.rewrite(inner, path, found),
            ExpressionNode::Chain { operator: Operator::Exclusion, operands, .. } => {
                // Pairs that grow to the left.
                let pairs = operands.len().saturating_sub(1);
                for (position, operand) in operands.iter().enumerate() {
                    let outer = pairs - position.max(1);
                    let inside = "exclusion.child[0].userset_rewrite.".repeat(outer);
                    self.operand(operand, &format!("{path}.{inside}exclusion.child[{}]", position.min(1)), found);
                }
            }
            ExpressionNode::Chain { operator, operands, .. } => {
                let kind = if *operator == Operator::Union { "union" } else { "intersection" };
                let mut flat = Vec::new();
                operands.iter().for_each(|operand| flatten(operand, *operator, &mut flat));
                for (position, operand) in flat.into_iter().enumerate() {
                    self.operand(operand, &format!("{path}.{kind}.child[{position}]"), found);
                }
            }
            leaf => self.operand(leaf, &format!("{path}.union.child[0]"), found),
        }
    }

    fn operand(&self, node: &ExpressionNode, path: &str, found: &mut Vec<String>) {
        let illegal = |id: TokenId| RelationName::new(self.tokens.text_of(id)).is_err();
        match node {
            ExpressionNode::Group { inner, .. } => self.operand(inner, path, found),
            ExpressionNode::Chain { .. } => self.rewrite(node, &format!("{path}.userset_rewrite"), found),
            ExpressionNode::Name(name) if illegal(*name) => found.push(format!("{path}.computed_userset.relation")),
            ExpressionNode::Arrow(ArrowNode { left, right, function, .. }) => {
                let kind = if function.is_some() { "functioned_tuple_to_userset" } else { "tuple_to_userset" };
                let parts = [(*left, "tupleset"), (*right, "computed_userset")];
                let wrong = parts.into_iter().filter(|(id, _)| illegal(*id));
                found.extend(wrong.map(|(_, part)| format!("{path}.{kind}.{part}.relation")));
            }
            ExpressionNode::Name(_) | ExpressionNode::Nil(_) | ExpressionNode::Itself(_) => {}
        }
    }
}

/// The operands of a chain and of the chains of its kind inside it.
fn flatten<'n>(node: &'n ExpressionNode, operator: Operator, flat: &mut Vec<&'n ExpressionNode>) {
    match node {
        ExpressionNode::Group { inner, .. } => match inner.as_ref() {
            ExpressionNode::Chain { operator: inner_operator, operands, .. } if *inner_operator == operator => {
                operands.iter().for_each(|operand| flatten(operand, operator, flat));
            }
            ExpressionNode::Group { .. } => flatten(inner, operator, flat),
            _ => flat.push(node),
        },
        _ => flat.push(node),
    }
}

/// The last token of what a type is, without its terms.
fn last_of(node: &TypeNode) -> TokenId {
    match node.form {
        TypeForm::Object => node.path.last,
        TypeForm::Ellipsis { dots, .. } => dots,
        TypeForm::Userset { relation, .. } => relation,
        TypeForm::Wildcard { star, .. } => star,
    }
}
