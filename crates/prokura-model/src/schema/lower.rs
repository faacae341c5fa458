//! Syntax tree → definitions and caveats: names are checked, partials are put in, comments become documentation, chains
//! become flat. What names mean is checked afterwards.

mod access;
mod authority;
mod caveat;
mod guard;
mod partial;

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use super::{
    AccessItem, Allowed, AllowedSubject, AuthorityOver, Caveat, Definition, Expression, Member, Permission, Relation,
    Span,
    diagnostic::Problems,
    syntax::{
        AccessNode, AuthorityNode, CaveatNode, DefinitionNode, ExpressionNode, File, Item, MemberBody, MemberNode,
        Operator, Path, TypeForm, TypeNode,
    },
    token::{Flag, Place, TokenId, Tokens},
};
use crate::{CaveatName, RelationName, TypeName, condition::ParameterType, limits::SCHEMA_NESTING_MAX};
pub(super) use access::access_conditions;
pub(super) use guard::guards;
pub(super) use partial::{Partials, Placed};

/// What a text declares, as far as its names are legal, with the nodes they come from.
pub(super) struct Lowered<'f> {
    pub(super) definitions: BTreeMap<TypeName, Definition>,
    pub(super) caveats: BTreeMap<CaveatName, Caveat>,
    pub(super) flags: BTreeSet<Flag>,
    /// Where the definitions and members above come from, in the order of the text.
    pub(super) nodes: Vec<DefinitionSource<'f>>,
    /// Where the caveats above come from.
    pub(super) caveat_nodes: Vec<(CaveatName, &'f CaveatNode)>,
    /// The names of caveats that are declared, but with mistakes.
    pub(super) mistaken_caveats: BTreeSet<CaveatName>,
    /// What can be asked for, in the order of the text.
    pub(super) access: Vec<(AccessItem, &'f AccessNode)>,
    /// Who may create, see and revoke links of others, in the order of the text.
    pub(super) authorities: Vec<(AuthorityOver, &'f AuthorityNode)>,
}

/// Where a definition comes from.
pub(super) struct DefinitionSource<'f> {
    pub(super) name: TypeName,
    pub(super) keyword: TokenId,
    /// A member of a partial stands in each definition it is put into.
    pub(super) members: Vec<(RelationName, &'f MemberNode)>,
}

pub(super) fn lower<'f, 't>(tokens: &Tokens<'t>, file: &'f File, problems: &mut Problems<'t>) -> Lowered<'f> {
    let mut lowered = Lowered {
        definitions: BTreeMap::new(),
        caveats: BTreeMap::new(),
        flags: BTreeSet::new(),
        nodes: Vec::new(),
        caveat_nodes: Vec::new(),
        mistaken_caveats: BTreeSet::new(),
        access: Vec::new(),
        authorities: Vec::new(),
    };
    let mut partials = Partials::new(tokens, file, problems);
    let mut lowering = Lowering { tokens, problems };
    let mut before = None;
    for item in &file.items {
        match item {
            Item::Use { flag, .. } => lowered.flags.extend(Flag::named(tokens.text_of(*flag))),
            Item::Import { keyword, path } => lowering.import(*keyword, *path),
            Item::Caveat(node) => lowering.caveat(node, before, &partials, &mut lowered),
            Item::Definition(node) => lowering.definition(node, before, &mut partials, &mut lowered),
            Item::Partial(_) | Item::Guard(_) => {}
            Item::Access(node) => lowering.access(node, before, &mut lowered),
            Item::Authority(node) => lowering.authority(node, before, &mut lowered),
        }
        before = Some(item.last());
    }
    lowered
}

struct Lowering<'l, 't> {
    tokens: &'l Tokens<'t>,
    problems: &'l mut Problems<'t>,
}

impl Lowering<'_, '_> {
    fn import(&mut self, keyword: TokenId, path: TokenId) {
        let span = Span { start: self.span(keyword).start, end: self.span(path).end };
        let message = "`import` is for files: a schema that is sent is one text".to_owned();
        let help = "put the imported definitions into the text".to_owned();
        self.problems.report(span, "import_refused", message, Some(help));
    }

    fn definition<'f>(
        &mut self,
        node: &'f DefinitionNode,
        before: Option<TokenId>,
        partials: &mut Partials<'f>,
        lowered: &mut Lowered<'f>,
    ) {
        let placed = partials.flattened(node, self.tokens, self.problems);
        let (members, nodes) = self.members(node, &placed);
        let attributes = self.attributes(node, &placed, &members);
        let span = self.tokens.span_of_path(node.name);
        let Some(name) = self.type_name(node.name) else {
            return;
        };
        if !self.is_free(name.as_str(), span, partials, lowered) {
            return;
        }
        let doc = self.doc(before, node.keyword);
        lowered.definitions.insert(name.clone(), Definition { name: name.clone(), doc, members, attributes });
        lowered.nodes.push(DefinitionSource { name, keyword: node.keyword, members: nodes });
    }

    /// Definitions, caveats and partials share one name space.
    fn is_free(&mut self, name: &str, span: Span, partials: &Partials<'_>, lowered: &Lowered<'_>) -> bool {
        let (code, message) = if lowered.definitions.contains_key(name) {
            ("definition_duplicate", format!("`{name}` is defined twice"))
        } else if lowered.caveats.contains_key(name) {
            ("definition_duplicate", format!("`{name}` is a caveat already"))
        } else if partials.contains(name) {
            ("partial_name_taken", format!("`{name}` is a partial already"))
        } else {
            return true;
        };
        let help = "definitions, caveats and partials share one name space".to_owned();
        self.problems.report(span, code, message, Some(help));
        false
    }

    fn members<'f>(
        &mut self,
        node: &DefinitionNode,
        placed: &[Placed<'f>],
    ) -> (BTreeMap<RelationName, Member>, Vec<(RelationName, &'f MemberNode)>) {
        let (mut members, mut nodes) = (BTreeMap::new(), Vec::new());
        for Placed { member, before } in placed {
            if matches!(member.body, MemberBody::Attribute(_)) {
                continue;
            }
            let doc = self.doc(Some(*before), member.keyword);
            let name = self.relation_name(member.name);
            let types = self.annotation(member);
            let body = self.body(&member.body);
            let (Some(name), Some(types), Some(body)) = (name, types, body) else {
                continue;
            };
            let declared = match body {
                Body::Relation(allowed) => {
                    Member::Relation(Relation { name: name.clone(), doc, allowed, computed: None })
                }
                Body::Permission(expression) => {
                    Member::Permission(Permission { name: name.clone(), doc, types, expression })
                }
            };
            match members.entry(name.clone()) {
                Entry::Vacant(place) => {
                    place.insert(declared);
                    nodes.push((name, *member));
                }
                Entry::Occupied(_) => self.declared_twice(node, member),
            }
        }
        (members, nodes)
    }

    /// What is known of an object of the definition, beside what stands in its relations.
    fn attributes(
        &mut self,
        node: &DefinitionNode,
        placed: &[Placed<'_>],
        members: &BTreeMap<RelationName, Member>,
    ) -> BTreeMap<String, ParameterType> {
        let mut attributes = BTreeMap::new();
        for Placed { member, .. } in placed {
            let MemberBody::Attribute(kind) = &member.body else { continue };
            let (name, kind) = (self.attribute_name(member.name), self.parameter_type(kind));
            let (Some(name), Some(kind)) = (name, kind) else { continue };
            if members.contains_key(name.as_str()) || attributes.contains_key(&name) {
                self.declared_twice(node, member);
            } else {
                attributes.insert(name, kind);
            }
        }
        attributes
    }

    fn declared_twice(&mut self, node: &DefinitionNode, member: &MemberNode) {
        let (kind, name) = (self.tokens.text_of_path(node.name), self.tokens.text_of(member.name));
        let message = format!("`{kind}` declares `{name}` twice");
        let help = "relations, permissions and attributes of a definition share one name space".to_owned();
        self.problems.report(self.span(member.name), "member_duplicate", message, Some(help));
    }

    /// The types that a permission is said to have, if anything is said.
    fn annotation(&mut self, member: &MemberNode) -> Option<Option<Vec<TypeName>>> {
        let Some(annotation) = &member.annotation else {
            return Some(None);
        };
        let names = annotation.types.iter().map(|id| self.type_name(Path { first: *id, last: *id }));
        let names: Vec<_> = names.collect();
        names.into_iter().collect::<Option<_>>().map(Some)
    }

    fn body(&mut self, body: &MemberBody) -> Option<Body> {
        match body {
            MemberBody::Relation(types) => {
                let allowed: Vec<_> = types.iter().map(|node| self.allowed(node)).collect();
                allowed.into_iter().collect::<Option<_>>().map(Body::Relation)
            }
            MemberBody::Permission(expression) => self.expression(expression).map(Body::Permission),
            MemberBody::Attribute(_) => None,
        }
    }

    fn allowed(&mut self, node: &TypeNode) -> Option<Allowed> {
        let kind = self.type_name(node.path);
        let subject = match node.form {
            TypeForm::Object | TypeForm::Ellipsis { .. } => kind.map(AllowedSubject::Object),
            TypeForm::Wildcard { .. } => kind.map(AllowedSubject::Wildcard),
            TypeForm::Userset { relation, .. } => {
                let relation = self.relation_name(relation);
                kind.zip(relation).map(|(kind, relation)| AllowedSubject::Userset(kind, relation))
            }
        };
        let caveat = match node.terms.and_then(|terms| terms.caveat) {
            Some(path) => Some(self.caveat_name(path)?),
            None => None,
        };
        let expires = node.terms.is_some_and(|terms| terms.expiration.is_some());
        subject.map(|subject| Allowed { subject, caveat, expires })
    }

    /// As deep as the parentheses are nested, which the parser bounds.
    fn expression(&mut self, node: &ExpressionNode) -> Option<Expression> {
        match node {
            ExpressionNode::Name(name) => self.relation_name(*name).map(Expression::Member),
            ExpressionNode::Itself(_) => Some(Expression::Itself),
            ExpressionNode::Nil(_) => Some(Expression::Nil),
            ExpressionNode::Arrow(arrow) => {
                let (tupleset, target) = (self.relation_name(arrow.left), self.relation_name(arrow.right));
                let quantifier = arrow.quantifier();
                tupleset.zip(target).map(|(tupleset, target)| Expression::Arrow { tupleset, target, quantifier })
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

    fn caveat_name(&mut self, path: Path) -> Option<CaveatName> {
        let name = CaveatName::new(self.tokens.text_of_path(path));
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
    Relation(Vec<Allowed>),
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

/// `a - b - c` is `(a - b) - c`. A chain longer than expressions may be deep takes the rest away at once, which means the
/// same.
fn exclusion(operands: Vec<Expression>) -> Option<Expression> {
    let mut operands = operands.into_iter();
    let mut base = operands.next()?;
    let nested = SCHEMA_NESTING_MAX.saturating_sub(depth(&base)).max(1);
    for _ in 1..nested.min(operands.len()) {
        base = Expression::Exclusion(Box::new(base), Box::new(operands.next()?));
    }
    let last = operands.next()?;
    let rest: Vec<_> = operands.collect();
    let excluded = if rest.is_empty() { last } else { union([vec![last], rest].concat()) };
    Some(Expression::Exclusion(Box::new(base), Box::new(excluded)))
}

/// How deep an expression is; one that is made here is never so deep that this matters.
fn depth(expression: &Expression) -> usize {
    match expression {
        Expression::Union(operands) | Expression::Intersection(operands) => {
            operands.iter().map(depth).max().unwrap_or(0) + 1
        }
        Expression::Exclusion(base, excluded) => depth(base).max(depth(excluded)) + 1,
        _ => 0,
    }
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
