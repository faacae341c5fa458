//! Syntax tree → definitions: names are checked, comments become documentation, chains become flat. What names mean is
//! checked afterwards.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{
    AllowedSubject, Definition, Expression, Member, Permission, Relation, Span,
    diagnostic::Problems,
    syntax::{DefinitionNode, ExpressionNode, File, MemberBody, MemberNode, Operator, Path, TypeForm, TypeNode},
    token::{Place, TokenId, Tokens},
};
use crate::{RelationName, TypeName};

/// What a text declares, as far as its names are legal, with the nodes they come from.
pub(super) struct Lowered<'f> {
    pub(super) definitions: BTreeMap<TypeName, Definition>,
    /// The nodes of the definitions and members above, in the order of the text.
    pub(super) nodes: Vec<(TypeName, Vec<(RelationName, &'f MemberNode)>)>,
}

pub(super) fn lower<'f, 't>(tokens: &Tokens<'t>, file: &'f File, problems: &mut Problems<'t>) -> Lowered<'f> {
    let mut lowered = Lowered { definitions: BTreeMap::new(), nodes: Vec::new() };
    let mut lowering = Lowering { tokens, problems };
    let mut before = None;
    for node in &file.definitions {
        lowering.definition(node, before, &mut lowered);
        before = Some(node.close);
    }
    lowered
}

struct Lowering<'l, 't> {
    tokens: &'l Tokens<'t>,
    problems: &'l mut Problems<'t>,
}

impl Lowering<'_, '_> {
    fn definition<'f>(&mut self, node: &'f DefinitionNode, before: Option<TokenId>, lowered: &mut Lowered<'f>) {
        let (members, nodes) = self.members(node);
        let Some(name) = self.type_name(node.name) else {
            return;
        };
        let doc = self.doc(before, node.keyword);
        match lowered.definitions.entry(name.clone()) {
            Entry::Vacant(place) => {
                place.insert(Definition { name: name.clone(), doc, members });
                lowered.nodes.push((name, nodes));
            }
            Entry::Occupied(_) => {
                let message = format!("`{name}` is defined twice");
                self.problems.report(self.tokens.span_of_path(node.name), "definition_duplicate", message, None);
            }
        }
    }

    fn members<'f>(
        &mut self,
        node: &'f DefinitionNode,
    ) -> (BTreeMap<RelationName, Member>, Vec<(RelationName, &'f MemberNode)>) {
        let (mut members, mut nodes) = (BTreeMap::new(), Vec::new());
        let mut before = node.open;
        for member in &node.members {
            let doc = self.doc(Some(before), member.keyword);
            before = member.last;
            let name = self.relation_name(member.name);
            let body = self.body(&member.body);
            let (Some(name), Some(body)) = (name, body) else {
                continue;
            };
            let declared = match body {
                Body::Relation(allowed) => Member::Relation(Relation { name: name.clone(), doc, allowed }),
                Body::Permission(expression) => Member::Permission(Permission { name: name.clone(), doc, expression }),
            };
            match members.entry(name.clone()) {
                Entry::Vacant(place) => {
                    place.insert(declared);
                    nodes.push((name, member));
                }
                Entry::Occupied(_) => {
                    let kind = self.tokens.text_of_path(node.name);
                    let message = format!("`{kind}` declares `{name}` twice");
                    let help = "relations and permissions of a definition share one name space".to_owned();
                    self.problems.report(self.span(member.name), "member_duplicate", message, Some(help));
                }
            }
        }
        (members, nodes)
    }

    fn body(&mut self, body: &MemberBody) -> Option<Body> {
        match body {
            MemberBody::Relation(types) => {
                let allowed: Vec<_> = types.iter().map(|node| self.allowed(node)).collect();
                allowed.into_iter().collect::<Option<_>>().map(Body::Relation)
            }
            MemberBody::Permission(expression) => self.expression(expression).map(Body::Permission),
        }
    }

    fn allowed(&mut self, node: &TypeNode) -> Option<AllowedSubject> {
        let kind = self.type_name(node.path);
        match node.form {
            TypeForm::Object | TypeForm::Ellipsis { .. } => kind.map(AllowedSubject::Object),
            TypeForm::Wildcard { .. } => kind.map(AllowedSubject::Wildcard),
            TypeForm::Userset { relation, .. } => {
                let relation = self.relation_name(relation);
                kind.zip(relation).map(|(kind, relation)| AllowedSubject::Userset(kind, relation))
            }
        }
    }

    /// As deep as the parentheses are nested, which the parser bounds.
    fn expression(&mut self, node: &ExpressionNode) -> Option<Expression> {
        match node {
            ExpressionNode::Name(name) => self.relation_name(*name).map(Expression::Member),
            ExpressionNode::Arrow { left, right, .. } => {
                let (tupleset, target) = (self.relation_name(*left), self.relation_name(*right));
                tupleset.zip(target).map(|(tupleset, target)| Expression::Arrow { tupleset, target })
            }
            ExpressionNode::Group { inner, .. } => self.expression(inner),
            ExpressionNode::Chain { operator, operands, .. } => {
                let operands: Vec<_> = operands.iter().map(|operand| self.expression(operand)).collect();
                let operands: Vec<_> = operands.into_iter().collect::<Option<_>>()?;
                Some(match operator {
                    Operator::Union => union(operands),
                    Operator::Intersection => intersection(operands),
                    Operator::Exclusion => exclusion(operands)?,
                })
            }
        }
    }

    /// The comments directly above a declaration, without their marks.
    fn doc(&self, before: Option<TokenId>, keyword: TokenId) -> Option<String> {
        let (_, above) = self.tokens.comments_split(before, keyword);
        if self.tokens.token(keyword).place == Place::Apart {
            return None;
        }
        let detached = above.iter().rposition(|comment| comment.place == Place::Apart).unwrap_or(0);
        let lines: Vec<String> = above
            .get(detached..)
            .unwrap_or_default()
            .iter()
            .flat_map(|comment| comment_lines(self.tokens.slice(comment.span)))
            .collect();
        let text = lines.join("\n").trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    fn type_name(&mut self, path: Path) -> Option<TypeName> {
        let name = TypeName::new(self.tokens.text_of_path(path));
        name.map_err(|error| self.illegal_name(self.tokens.span_of_path(path), &error.to_string())).ok()
    }

    fn relation_name(&mut self, id: TokenId) -> Option<RelationName> {
        let name = RelationName::new(self.tokens.text_of(id));
        name.map_err(|error| self.illegal_name(self.span(id), &error.to_string())).ok()
    }

    fn illegal_name(&mut self, span: Span, message: &str) {
        self.problems.report(span, "name_invalid", message.to_owned(), None);
    }

    fn span(&self, id: TokenId) -> Span {
        self.tokens.token(id).span
    }
}

enum Body {
    Relation(Vec<AllowedSubject>),
    Permission(Expression),
}

fn union(operands: Vec<Expression>) -> Expression {
    let flat = operands.into_iter().flat_map(|operand| match operand {
        Expression::Union(inner) => inner,
        other => vec![other],
    });
    Expression::Union(flat.collect())
}

fn intersection(operands: Vec<Expression>) -> Expression {
    let flat = operands.into_iter().flat_map(|operand| match operand {
        Expression::Intersection(inner) => inner,
        other => vec![other],
    });
    Expression::Intersection(flat.collect())
}

/// `a - b - c` as `a - (b + c)`, which is the same and no deeper for a longer chain.
fn exclusion(operands: Vec<Expression>) -> Option<Expression> {
    let mut operands = operands.into_iter();
    let base = operands.next()?;
    let first = operands.next()?;
    let rest: Vec<_> = operands.collect();
    let excluded = if rest.is_empty() { first } else { union([vec![first], rest].concat()) };
    Some(Expression::Exclusion(Box::new(base), Box::new(excluded)))
}

/// The lines of a comment without `//`, `/*`, `*/` and the `*` in front of each line.
pub(super) fn comment_lines(comment: &str) -> Vec<String> {
    if let Some(line) = comment.strip_prefix("//") {
        return vec![line.trim().to_owned()];
    }
    let body = comment.strip_prefix("/*").unwrap_or(comment);
    let body = body.strip_suffix("*/").unwrap_or(body);
    let body = body.strip_prefix('*').unwrap_or(body);
    let bare = |line: &str| {
        let line = line.trim();
        line.strip_prefix('*').map_or(line, str::trim).to_owned()
    };
    body.trim().lines().map(bare).collect()
}
