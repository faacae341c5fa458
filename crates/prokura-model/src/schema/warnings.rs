//! What is legal and yet most likely a mistake. A comment above a declaration or its definition silences one:
//! `// ignore-warning: relation_unused`, or SpiceDB's `// spicedb-ignore-warning: …` with either name.

mod guard;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AllowedSubject, Clause, Definition, Diagnostic, Expression, Member, Reach, Relation, Schema, Span,
    diagnostic::Problems,
    lower::DefinitionSource,
    syntax::{ArrowNode, CaveatNode, ExpressionNode, MemberBody, MemberNode, Operator},
    token::{TokenId, Tokens},
};
use crate::{CaveatName, RelationName, TypeName, suggest::listed};
pub(super) use guard::guard_warnings;

/// The warnings about a schema with which nothing is wrong.
pub(super) fn warnings(
    schema: &Schema,
    tokens: &Tokens<'_>,
    reach: &Reach<'_>,
    nodes: &[DefinitionSource<'_>],
    caveat_nodes: &[(CaveatName, &CaveatNode)],
    typechecking: bool,
) -> Vec<Diagnostic> {
    let uses = Uses::of(schema);
    let found = Problems::new(tokens.text);
    let mut check = Check {
        schema,
        tokens,
        reach,
        uses,
        typechecking,
        silenced: BTreeSet::new(),
        usersets: BTreeMap::new(),
        found,
    };
    for source in nodes {
        let Some(definition) = schema.definition(source.name.as_str()) else { continue };
        for (name, node) in &source.members {
            if check.found.is_full() {
                break;
            }
            check.silenced = silenced(tokens, source.keyword);
            check.silenced.extend(silenced(tokens, node.keyword));
            check.member(definition, name, node);
        }
    }
    for (name, node) in caveat_nodes {
        check.silenced = silenced(tokens, node.keyword);
        if !check.uses.caveats.contains(name) {
            let message = format!("no relation uses caveat `{name}`");
            check.warn(tokens.span_of_path(node.name), "caveat_unused", message, None);
        }
    }
    check.found.into_sorted()
}

/// What the warnings are called that SpiceDB has, too.
const NAMES: [(&str, &str); 6] = [
    ("permission_uses_itself", "permission-references-itself"),
    ("arrow_target_unknown", "arrow-references-unreachable-relation"),
    ("arrow_ignores_userset", "arrow-walks-subject-relation"),
    ("arrow_to_relation", "arrow-references-relation"),
    ("name_repeats_type", "relation-name-references-parent"),
    ("operators_mixed", "mixed-operators-without-parentheses"),
];

/// The warnings that the comments above a declaration silence.
fn silenced<'t>(tokens: &Tokens<'t>, keyword: TokenId) -> BTreeSet<&'t str> {
    let comments = tokens.comments_between(keyword.checked_sub(1), keyword);
    let lines = comments.iter().flat_map(|comment| tokens.slice(comment.span).lines());
    let named = lines.filter_map(|line| line.split_once("ignore-warning:").map(|(_, name)| name));
    named.map(|name| name.trim().trim_end_matches("*/").trim()).collect()
}

/// What the permissions, relations and guards of a schema use.
struct Uses<'s> {
    /// As operands and as the relations that arrows follow.
    members: BTreeSet<(&'s TypeName, &'s RelationName)>,
    /// As what arrows ask for, of whichever type.
    targets: BTreeSet<&'s RelationName>,
    caveats: BTreeSet<&'s CaveatName>,
}

impl<'s> Uses<'s> {
    fn of(schema: &'s Schema) -> Self {
        let mut uses = Self { members: BTreeSet::new(), targets: BTreeSet::new(), caveats: BTreeSet::new() };
        for definition in schema.definitions().values() {
            for member in definition.members.values() {
                match member {
                    Member::Relation(relation) => uses.relation(relation),
                    Member::Permission(permission) => uses.expression(definition, &permission.expression),
                }
            }
        }
        for guard in schema.guards().values() {
            let approvers = guard.clauses.iter().filter_map(|clause| match clause {
                Clause::Approval { from, .. } => Some(from),
                _ => None,
            });
            uses.members.extend(guard.on.iter().chain(approvers).map(|(kind, name)| (kind, name)));
        }
        uses
    }

    fn relation(&mut self, relation: &'s Relation) {
        for allowed in &relation.allowed {
            self.caveats.extend(&allowed.caveat);
            if let AllowedSubject::Userset(kind, name) = &allowed.subject {
                self.members.insert((kind, name));
            }
        }
    }

    fn expression(&mut self, definition: &'s Definition, whole: &'s Expression) {
        let mut open = vec![whole];
        while let Some(expression) = open.pop() {
            match expression {
                Expression::Member(name) => {
                    self.members.insert((&definition.name, name));
                }
                Expression::Arrow { tupleset, target, .. } => {
                    self.members.insert((&definition.name, tupleset));
                    self.targets.insert(target);
                }
                Expression::Itself | Expression::Nil | Expression::Direct => {}
                Expression::Union(operands) | Expression::Intersection(operands) => open.extend(operands),
                Expression::Exclusion(base, excluded) => open.extend([base.as_ref(), excluded.as_ref()]),
            }
        }
    }
}

struct Check<'s, 't> {
    schema: &'s Schema,
    tokens: &'s Tokens<'t>,
    reach: &'s Reach<'s>,
    uses: Uses<'s>,
    /// Whether the types of permissions are checked.
    typechecking: bool,
    silenced: BTreeSet<&'t str>,
    /// The usersets that each relation allows, once asked for: a relation may list thousands of types.
    usersets: BTreeMap<(&'s TypeName, &'s RelationName), Vec<&'s AllowedSubject>>,
    found: Problems<'t>,
}

impl<'s> Check<'s, '_> {
    fn member(&mut self, definition: &'s Definition, name: &RelationName, node: &MemberNode) {
        if name.as_str().ends_with(definition.name.as_str()) {
            let message = format!("`{name}` repeats the name of its type");
            let help = format!("it is read as `{}#{name}`", definition.name);
            self.warn(self.span(node.name), "name_repeats_type", message, Some(help));
        }
        match &node.body {
            MemberBody::Relation(_) => self.relation(definition, name, node),
            MemberBody::Permission(expression) => self.permission(definition, name, node, expression),
            MemberBody::Attribute(_) => {}
        }
    }

    fn relation(&mut self, definition: &Definition, name: &RelationName, node: &MemberNode) {
        let computes = definition.members.values().any(|member| matches!(member, Member::Permission(_)));
        let used = self.uses.members.contains(&(&definition.name, name)) || self.uses.targets.contains(name);
        if computes && !used {
            let message = format!("no permission of the schema uses relation `{name}`");
            self.warn(self.span(node.name), "relation_unused", message, None);
        }
    }

    fn permission(
        &mut self,
        definition: &'s Definition,
        name: &RelationName,
        node: &MemberNode,
        expression: &ExpressionNode,
    ) {
        let before = self.found.count();
        self.expression(definition, name, expression, true);
        let deliberate = matches!(expression, ExpressionNode::Nil(_));
        if self.found.count() == before && !deliberate && self.reach.always_empty(&definition.name, name) {
            let message = format!("nobody can ever have permission `{name}`");
            let help = "no type of subject reaches all that it asks for; `nil` alone says so on purpose".to_owned();
            self.warn(self.span(node.name), "permission_always_empty", message, Some(help));
        }
        let Some(annotation) = &node.annotation else { return };
        let types = annotation.types.iter().copied();
        let span = Span {
            start: self.span(annotation.colon + 1).start,
            end: types.clone().last().map_or_else(|| self.span(annotation.colon), |last| self.span(last)).end,
        };
        if !self.typechecking {
            let message = format!("the types of permission `{name}` are not checked");
            let help = "write `use typechecking` at the top of the text".to_owned();
            self.warn(span, "annotation_unchecked", message, Some(help));
        }
        for id in types {
            let kind = self.tokens.text_of(id);
            if self.schema.definition(kind).is_none() {
                let message = format!("the schema defines no type `{kind}`");
                self.warn(self.span(id), "annotation_type_unknown", message, None);
            }
        }
    }

    /// As deep as the parentheses are nested, which the parser bounds.
    fn expression(&mut self, definition: &'s Definition, of: &RelationName, node: &ExpressionNode, whole: bool) {
        match node {
            ExpressionNode::Name(name) => {
                if !whole && self.tokens.text_of(*name) == of.as_str() {
                    let message = format!("permission `{of}` uses itself");
                    let help = "what leads back to itself adds nothing, and after `-` it cannot be decided".to_owned();
                    self.warn(self.span(*name), "permission_uses_itself", message, Some(help));
                }
            }
            ExpressionNode::Itself(_) | ExpressionNode::Nil(_) => {}
            ExpressionNode::Arrow(arrow) => self.arrow(definition, arrow),
            ExpressionNode::Group { inner, .. } => self.expression(definition, of, inner, whole),
            ExpressionNode::Chain { operator, operands, signs } => {
                self.chain(*operator, operands, signs);
                for operand in operands {
                    self.expression(definition, of, operand, false);
                }
            }
        }
    }

    fn chain(&mut self, operator: Operator, operands: &[ExpressionNode], signs: &[TokenId]) {
        let mixed = operands.iter().any(|operand| matches!(operand, ExpressionNode::Chain { .. }));
        if let (true, Some(sign)) = (mixed, signs.first()) {
            let message = "different operators stand side by side".to_owned();
            let help =
                "`+` binds tightest, then `&`, then `-`: put parentheses around what belongs together".to_owned();
            self.warn(self.span(*sign), "operators_mixed", message, Some(help));
        }
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for operand in operands {
            let ExpressionNode::Name(name) = operand else { continue };
            let text = self.tokens.text_of(*name);
            if !seen.insert(text) {
                let message = format!("`{text}` stands here already");
                let help =
                    (operator == Operator::Exclusion).then(|| "what is taken away is taken away once".to_owned());
                self.warn(self.span(*name), "operand_repeated", message, help);
            }
        }
    }

    fn arrow(&mut self, definition: &'s Definition, node: &ArrowNode) {
        if self.found.is_full() {
            return;
        }
        let Some(Member::Relation(relation)) = definition.member(self.tokens.text_of(node.left)) else { return };
        let Ok(target) = RelationName::new(self.tokens.text_of(node.right)) else { return };
        let span = Span { start: self.span(node.left).start, end: self.span(node.last()).end };
        let reach = self.reach;
        let mut members = reach.arrow_members(&definition.name, &relation.name, &target).peekable();
        if members.peek().is_none() {
            let message = format!("no type of relation `{}` has `{target}`, so the arrow leads nowhere", relation.name);
            let help = format!("its types: {}", listed(relation.allowed.iter().map(|allowed| allowed.subject.kind())));
            return self.warn(span, "arrow_target_unknown", message, Some(help));
        }
        let to_relation =
            members.find(|(at, member)| at.name != definition.name && matches!(member, Member::Relation(_)));
        self.usersets(definition, relation, span);
        if let Some((at, _)) = to_relation {
            let message = format!("the arrow asks `{}` for its relation `{target}`", at.name);
            let help = format!("an arrow to a permission of `{}` outlives changes to its relations", at.name);
            self.warn(span, "arrow_to_relation", message, Some(help));
        }
    }

    /// The usersets that a relation allows, which an arrow makes nothing of.
    fn usersets(&mut self, definition: &'s Definition, relation: &'s Relation, arrow: Span) {
        let allowed = self.usersets.entry((&definition.name, &relation.name));
        let found = allowed.or_insert_with(|| {
            let subjects = relation.allowed.iter().map(|allowed| &allowed.subject);
            subjects.filter(|subject| matches!(subject, AllowedSubject::Userset(..))).collect()
        });
        for subject in found.clone() {
            let kind = subject.kind();
            let message = format!("relation `{}` allows `{subject}`, but an arrow follows the `{kind}`", relation.name);
            let help = "who is in the userset plays no part".to_owned();
            self.warn(arrow, "arrow_ignores_userset", message, Some(help));
        }
    }

    fn warn(&mut self, span: Span, code: &'static str, message: String, help: Option<String>) {
        let theirs = NAMES.into_iter().find(|(ours, _)| *ours == code).map(|(_, theirs)| theirs);
        if !self.silenced.contains(code) && !theirs.is_some_and(|name| self.silenced.contains(name)) {
            self.found.report(span, code, message, help);
        }
    }

    fn span(&self, id: TokenId) -> Span {
        self.tokens.token(id).span
    }
}
