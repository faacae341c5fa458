//! What names mean: everything used is declared, arrows can be walked, permissions lead somewhere.

mod access;
mod authority;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Allowed, AllowedSubject, Definition, Diagnostic, Expression, Member, Reach, Schema, Span, UnknownName,
    diagnostic::Problems,
    lower::{DefinitionSource, Lowered, access_conditions, guards, lower},
    parser,
    syntax::{ArrowNode, ExpressionNode, MemberBody, MemberNode, Path, TypeForm, TypeNode},
    token::{Flag, TokenId, Tokens},
    warnings::{guard_warnings, warnings},
};
use crate::{
    CaveatName, RelationName, TypeName,
    limits::SCHEMA_DIAGNOSTICS_MAX,
    suggest::{did_you_mean, listed},
};

/// Reads and checks a text.
pub(super) fn resolve(text: &str) -> Result<Schema, Vec<Diagnostic>> {
    let (tokens, file) = parser::parse(text)?;
    let mut problems = Problems::new(text);
    let Lowered { definitions, caveats, flags, nodes, caveat_nodes, mistaken_caveats, access, authorities } =
        lower(&tokens, &file, &mut problems);
    let (access, access_nodes): (Vec<_>, Vec<_>) = access.into_iter().unzip();
    let said = authorities.iter().map(|(said, _)| (said.kind.clone(), said.clone()));
    let schema = Schema {
        text: text.to_owned(),
        definitions,
        caveats,
        access,
        authorities: said.collect(),
        guards: BTreeMap::new(),
        warnings: Vec::new(),
    };
    let (guards, guard_nodes) = guards(&tokens, &file, &schema, &mut problems);
    let conditions = access_conditions(&tokens, &access_nodes, &schema, &mut problems);
    let mut schema = Schema { guards, ..schema };
    for (item, when) in schema.access.iter_mut().zip(conditions) {
        item.when = when;
    }
    let schema = schema;
    let wildcards = wildcards(&schema);
    let mut check = Check { schema: &schema, tokens: &tokens, wildcards, mistaken_caveats, problems };
    for source in &nodes {
        let Some(definition) = schema.definition(source.name.as_str()) else {
            continue;
        };
        for (name, node) in &source.members {
            check.member(definition, name, node);
        }
        check.aliases(definition, &source.members);
    }
    check.access(&access_nodes);
    authorities.iter().for_each(|(said, node)| check.authority(said, node));
    let reach = schema.reach();
    if flags.contains(&Flag::Typechecking) {
        check.annotations(&nodes, &reach);
    }
    check.problems.into_result()?;
    let checked = flags.contains(&Flag::Typechecking);
    let mut warnings = warnings(&schema, &tokens, &reach, &nodes, &caveat_nodes, checked);
    warnings.extend(guard_warnings(&schema, &tokens, &reach, &nodes, &guard_nodes));
    warnings.sort_by_key(|warning| (warning.span.start, warning.span.end));
    warnings.truncate(SCHEMA_DIAGNOSTICS_MAX);
    Ok(Schema { warnings, ..schema })
}

/// A relation or permission of a definition.
type Place<'s> = (&'s TypeName, &'s RelationName);

struct Check<'s, 't> {
    schema: &'s Schema,
    tokens: &'s Tokens<'t>,
    wildcards: BTreeMap<Place<'s>, Place<'s>>,
    /// What is wrong with these is said where they are declared.
    mistaken_caveats: BTreeSet<CaveatName>,
    problems: Problems<'t>,
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
            MemberBody::Permission(expression) => self.expression(definition, name, expression),
            MemberBody::Attribute(_) => {}
        }
    }

    fn allowed(&mut self, definition: &'s Definition, node: &TypeNode, allowed: &'s Allowed) {
        if let (Some(name), Some(path)) = (&allowed.caveat, node.terms.and_then(|terms| terms.caveat)) {
            self.caveat(name, path);
        }
        let allowed = &allowed.subject;
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

    fn caveat(&mut self, name: &CaveatName, path: Path) {
        if self.schema.caveat(name.as_str()).is_some() || self.mistaken_caveats.contains(name) {
            return;
        }
        let help = if name.as_str() == "expiration" {
            Some("`with expiration` needs `use expiration` at the top of the text".to_owned())
        } else {
            let names = self.schema.caveats().keys().map(CaveatName::as_str);
            did_you_mean(name.as_str(), names).map(|name| format!("did you mean `{name}`?"))
        };
        let message = format!("the schema declares no caveat `{name}`");
        self.problems.report(self.tokens.span_of_path(path), "caveat_unknown", message, help);
    }

    /// As deep as the parentheses are nested, which the parser bounds.
    fn expression(&mut self, definition: &'s Definition, of: &RelationName, node: &ExpressionNode) {
        match node {
            ExpressionNode::Name(name) => {
                self.named(definition, of, *name);
            }
            ExpressionNode::Itself(_) | ExpressionNode::Nil(_) => {}
            ExpressionNode::Arrow(arrow) => self.arrow(definition, of, arrow),
            ExpressionNode::Group { inner, .. } => self.expression(definition, of, inner),
            ExpressionNode::Chain { operands, .. } => {
                operands.iter().for_each(|operand| self.expression(definition, of, operand));
            }
        }
    }

    fn arrow(&mut self, definition: &'s Definition, of: &RelationName, node: &ArrowNode) {
        let left = node.left;
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
    }

    /// A relation or permission of the same definition, if there is one of this name, which permission `of` uses.
    fn named(&mut self, definition: &'s Definition, of: &RelationName, name: TokenId) -> Option<&'s Member> {
        let text = self.tokens.text_of(name);
        // A name that is not legal is reported already.
        let checked = RelationName::new(text).ok()?;
        match self.schema.find_member_within(&definition.name, &checked, of) {
            Ok(member) => Some(member),
            Err(unknown) => {
                let help = "`self` stands for the object itself after `use self` at the top of the text";
                let unknown_help = unknown.suggestion().map(|name| format!("did you mean `{name}`?"));
                let help = if text == "self" { Some(help.to_owned()) } else { unknown_help };
                self.problems.report(self.span(name), unknown.code(), unknown.bare_message(), help);
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

    /// After `use typechecking`, the types of a permission that says some must be all that its expression names.
    fn annotations(&mut self, nodes: &[DefinitionSource<'_>], reach: &Reach<'_>) {
        for DefinitionSource { name: kind, members, .. } in nodes {
            for (name, node) in members {
                let member = self.schema.definition(kind.as_str()).and_then(|found| found.member(name.as_str()));
                let Some(Member::Permission(permission)) = member else { continue };
                let (Some(types), Some(annotation)) = (&permission.types, &node.annotation) else { continue };
                let missing: Vec<_> =
                    reach.named_types(kind, name).into_iter().filter(|found| !types.contains(found)).collect();
                if missing.is_empty() {
                    continue;
                }
                let message =
                    format!("permission `{name}` can be had by {}, which it does not list", listed(missing.iter()));
                let help = "add what is missing, or leave the types out".to_owned();
                let last = annotation.types.last().copied().unwrap_or(annotation.colon);
                let span = Span { start: self.span(annotation.colon + 1).start, end: self.span(last).end };
                self.problems.report(span, "annotation_incomplete", message, Some(help));
            }
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
                match &allowed.subject {
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
