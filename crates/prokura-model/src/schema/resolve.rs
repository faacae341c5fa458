//! What names mean: everything used is declared, arrows can be walked, permissions lead somewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AllowedSubject, Definition, Diagnostic, Expression, Member, Relation, Schema, Span, UnknownName,
    diagnostic::Problems,
    lower::{Lowered, lower},
    parser,
    syntax::{ExpressionNode, MemberBody, MemberNode, TypeForm, TypeNode},
    token::{TokenId, Tokens},
};
use crate::{RelationName, TypeName, suggest::listed};

/// Reads and checks a text.
pub(super) fn resolve(text: &str) -> Result<Schema, Vec<Diagnostic>> {
    let (tokens, file) = parser::parse(text)?;
    let mut problems = Problems::new(text);
    let Lowered { definitions, nodes } = lower(&tokens, &file, &mut problems);
    let schema = Schema { text: text.to_owned(), definitions, warnings: Vec::new() };
    let wildcards = wildcards(&schema);
    let mut check = Check { schema: &schema, tokens: &tokens, wildcards, problems, warnings: Problems::new(text) };
    for (kind, members) in &nodes {
        let Some(definition) = schema.definition(kind.as_str()) else {
            continue;
        };
        for (name, node) in members {
            check.member(definition, name, node);
        }
        check.aliases(definition, members);
    }
    let Check { problems, warnings, .. } = check;
    problems.into_result()?;
    let warnings = warnings.into_sorted();
    Ok(Schema { warnings, ..schema })
}

/// A relation or permission of a definition.
type Place<'s> = (&'s TypeName, &'s RelationName);

struct Check<'s, 't> {
    schema: &'s Schema,
    tokens: &'s Tokens<'t>,
    wildcards: BTreeMap<Place<'s>, Place<'s>>,
    problems: Problems<'t>,
    warnings: Problems<'t>,
}

impl<'s> Check<'s, '_> {
    fn member(&mut self, definition: &'s Definition, name: &'s RelationName, node: &MemberNode) {
        if self.problems.is_full() {
            return;
        }
        match &node.body {
            MemberBody::Relation(types) => {
                let mut seen = BTreeSet::new();
                let Some(Member::Relation(relation)) = definition.member(name.as_str()) else {
                    return;
                };
                for (node, allowed) in types.iter().zip(&relation.allowed) {
                    if !seen.insert(allowed) {
                        let message = format!("relation `{name}` lists `{allowed}` twice");
                        self.problems.report(self.tokens.span_of_path(node.path), "subject_duplicate", message, None);
                    }
                    self.allowed(definition, node, allowed);
                }
            }
            MemberBody::Permission(expression) => self.expression(definition, name, expression, true),
        }
    }

    fn allowed(&mut self, definition: &'s Definition, node: &TypeNode, allowed: &'s AllowedSubject) {
        let kind = allowed.kind();
        if let Err(unknown) = self.schema.find_definition(kind) {
            return self.unknown(self.tokens.span_of_path(node.path), &unknown);
        }
        let (AllowedSubject::Userset(_, name), TypeForm::Userset { relation, .. }) = (allowed, node.form) else {
            return;
        };
        if let Err(unknown) = self.schema.find_member(kind, name) {
            return self.unknown(self.span(relation), &unknown);
        }
        // SpiceDB looks no further when the userset is of the same definition.
        let wildcard = self.wildcards.get(&(kind, name)).filter(|_| *kind != definition.name);
        if let Some((at, relation)) = wildcard {
            let message =
                format!("`{kind}#{name}` cannot be a subject: it may hold a wildcard, by relation `{at}#{relation}`");
            let help = "wildcards cannot be included through usersets: declare a relation without one".to_owned();
            let span = Span { end: self.span(relation_token(node)).end, ..self.tokens.span_of_path(node.path) };
            self.problems.report(span, "wildcard_in_userset", message, Some(help));
        }
    }

    /// As deep as the parentheses are nested, which the parser bounds.
    fn expression(&mut self, definition: &'s Definition, of: &RelationName, node: &ExpressionNode, whole: bool) {
        match node {
            ExpressionNode::Name(name) => {
                let Some(found) = self.named(definition, of, *name) else {
                    return;
                };
                if !whole && found.name() == of {
                    let message = format!("permission `{of}` uses itself");
                    let help = "what leads back to itself adds nothing, and after `-` it cannot be decided".to_owned();
                    self.warnings.report(self.span(*name), "permission_uses_itself", message, Some(help));
                }
            }
            ExpressionNode::Arrow { left, right, .. } => self.arrow(definition, of, *left, *right),
            ExpressionNode::Group { inner, .. } => self.expression(definition, of, inner, whole),
            ExpressionNode::Chain { operands, .. } => {
                for operand in operands {
                    self.expression(definition, of, operand, false);
                }
            }
        }
    }

    fn arrow(&mut self, definition: &'s Definition, of: &RelationName, left: TokenId, right: TokenId) {
        let relation = match self.named(definition, of, left) {
            None => return,
            Some(Member::Relation(relation)) => relation,
            Some(Member::Permission(permission)) => {
                let message = format!("`{}` is a permission, and an arrow starts at a relation", permission.name);
                let help = "arrows follow stored relationships: name the relation that leads to the object".to_owned();
                return self.problems.report(self.span(left), "arrow_from_permission", message, Some(help));
            }
        };
        if let Some((at, by)) = self.wildcards.get(&(&definition.name, &relation.name)) {
            let message = format!("relation `{}` may hold a wildcard, by relation `{at}#{by}`", relation.name);
            let help = "an arrow cannot follow a wildcard: declare a relation without one".to_owned();
            self.problems.report(self.span(left), "wildcard_in_arrow", message, Some(help));
        }
        let arrow = Span { start: self.span(left).start, end: self.span(right).end };
        self.arrow_warnings(relation, self.tokens.text_of(right), arrow);
    }

    fn arrow_warnings(&mut self, relation: &Relation, target: &str, arrow: Span) {
        if self.warnings.is_full() {
            return;
        }
        // A type that is not defined is reported where it is listed, and not here again.
        let leads =
            |kind: &TypeName| self.schema.definition(kind.as_str()).is_none_or(|found| found.member(target).is_some());
        if !relation.allowed.iter().any(|allowed| leads(allowed.kind())) {
            let message = format!("no type of relation `{}` has `{target}`, so the arrow leads nowhere", relation.name);
            let help = format!("its types: {}", listed(relation.allowed.iter().map(AllowedSubject::kind)));
            self.warnings.report(arrow, "arrow_target_unknown", message, Some(help));
        }
        for allowed in &relation.allowed {
            if let AllowedSubject::Userset(kind, _) = allowed {
                let message =
                    format!("relation `{}` allows `{allowed}`, but an arrow follows the `{kind}`", relation.name);
                let help = "who is in the userset plays no part".to_owned();
                self.warnings.report(arrow, "arrow_ignores_userset", message, Some(help));
            }
        }
    }

    /// A relation or permission of the same definition, if there is one of this name, which permission `of` uses.
    fn named(&mut self, definition: &'s Definition, of: &RelationName, name: TokenId) -> Option<&'s Member> {
        let text = self.tokens.text_of(name);
        // A name that is not legal is reported already.
        let checked = RelationName::new(text).ok()?;
        match self.schema.find_member_within(&definition.name, &checked, of) {
            Ok(member) => Some(member),
            Err(_) if text == "self" => {
                let message = "`self` is not supported yet by this version".to_owned();
                self.problems.report(self.span(name), "unsupported", message, None);
                None
            }
            Err(unknown) => {
                self.unknown(self.span(name), &unknown);
                None
            }
        }
    }

    /// Permissions that are nothing but another one, and so on, in a circle: SpiceDB refuses these, and they could never
    /// hold.
    fn aliases(&mut self, definition: &'s Definition, nodes: &[(RelationName, &MemberNode)]) {
        let alias = |name: &RelationName| match definition.member(name.as_str()) {
            Some(Member::Permission(permission)) => match &permission.expression {
                Expression::Member(other) => Some(other),
                _ => None,
            },
            _ => None,
        };
        let mut settled: BTreeSet<&RelationName> = BTreeSet::new();
        for (start, node) in nodes {
            let mut path: Vec<&RelationName> = Vec::new();
            let mut on_path: BTreeSet<&RelationName> = BTreeSet::new();
            let mut next = Some(start);
            while let Some(name) = next.filter(|name| !settled.contains(name)) {
                if !on_path.insert(name) {
                    let circle: Vec<_> =
                        path.iter().skip_while(|on| **on != name).map(|on| format!("`{on}`")).collect();
                    let message =
                        format!("permissions of `{}` mean only each other: {}", definition.name, circle.join(" = "));
                    self.problems.report(self.span(node.name), "permission_cycle", message, None);
                    break;
                }
                path.push(name);
                next = alias(name);
            }
            settled.extend(path);
        }
    }

    fn unknown(&mut self, span: Span, unknown: &UnknownName) {
        let help = unknown.suggestion().map(|name| format!("did you mean `{name}`?"));
        self.problems.report(span, unknown.code(), unknown.bare_message(), help);
    }

    fn span(&self, id: TokenId) -> Span {
        self.tokens.token(id).span
    }
}

fn relation_token(node: &TypeNode) -> TokenId {
    match node.form {
        TypeForm::Object => node.path.last,
        TypeForm::Ellipsis { dots, .. } => dots,
        TypeForm::Userset { relation, .. } => relation,
        TypeForm::Wildcard { star, .. } => star,
    }
}

/// The relations that allow a wildcard, themselves or through the usersets they allow, and the relation that brings it.
fn wildcards(schema: &Schema) -> BTreeMap<Place<'_>, Place<'_>> {
    let mut found = BTreeMap::new();
    let mut allowed_by: BTreeMap<Place<'_>, Vec<Place<'_>>> = BTreeMap::new();
    let mut open = Vec::new();
    for definition in schema.definitions().values() {
        for relation in definition.relations() {
            let place = (&definition.name, &relation.name);
            for allowed in &relation.allowed {
                match allowed {
                    AllowedSubject::Object(_) => {}
                    AllowedSubject::Wildcard(_) => open.push((place, place)),
                    AllowedSubject::Userset(kind, name) => allowed_by.entry((kind, name)).or_default().push(place),
                }
            }
        }
    }
    while let Some((place, origin)) = open.pop() {
        if found.contains_key(&place) {
            continue;
        }
        found.insert(place, origin);
        open.extend(allowed_by.get(&place).into_iter().flatten().map(|by| (*by, origin)));
    }
    found
}
