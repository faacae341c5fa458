//! Guards that do less, or more, than they seem to.

use std::collections::{BTreeMap, BTreeSet};

use super::silenced;
use crate::{
    GuardName, RelationName, TypeName,
    condition::{Condition, Evaluation},
    schema::{
        Clause, Definition, Diagnostic, Expression, Member, Reach, Schema, Span,
        diagnostic::Problems,
        lower::DefinitionSource,
        syntax::{ClauseBody, GuardNode},
        token::Tokens,
    },
};

/// The warnings about the guards of a schema with which nothing is wrong.
pub(in crate::schema) fn guard_warnings(
    schema: &Schema,
    tokens: &Tokens<'_>,
    reach: &Reach<'_>,
    nodes: &[DefinitionSource<'_>],
    guard_nodes: &[(GuardName, &GuardNode)],
) -> Vec<Diagnostic> {
    let mut check = Check { schema, tokens, reach, found: Problems::new(tokens.text) };
    guard_nodes.iter().for_each(|(name, node)| check.guard(name, node));
    check.passed_by(nodes);
    check.found.into_sorted()
}

struct Check<'s, 't> {
    schema: &'s Schema,
    tokens: &'s Tokens<'t>,
    reach: &'s Reach<'s>,
    found: Problems<'t>,
}

impl<'s> Check<'s, '_> {
    fn guard(&mut self, name: &GuardName, node: &GuardNode) {
        let Some(guard) = self.schema.guards().get(name) else { return };
        let silenced = silenced(self.tokens, node.keyword);
        let mut warn = |span: Span, code: &'static str, message: String, help: &str| {
            if !silenced.contains(code) {
                self.found.report(span, code, message, Some(help.to_owned()));
            }
        };
        if guard.when.as_ref().is_some_and(is_never) {
            let when = node.clauses.iter().find(|clause| matches!(clause.body, ClauseBody::When(_)));
            let span = when.map_or(node.name, |clause| clause.keyword);
            let message = format!("guard `{name}` never applies");
            warn(self.tokens.token(span).span, "guard_never_applies", message, "its `when` is false whatever is asked");
        }
        let others = node.clauses.iter().filter(|clause| !matches!(clause.body, ClauseBody::When(_)));
        for (node, clause) in others.zip(&guard.clauses) {
            let message = match clause {
                Clause::Require(condition) if is_never(condition) => {
                    format!("what guard `{name}` requires here is never so")
                }
                Clause::Approval { from: (kind, permission), .. } if self.reach.always_empty(kind, permission) => {
                    format!(
                        "nobody can ever have `{kind}#{permission}`, so nobody can give what guard `{name}` requires"
                    )
                }
                _ => continue,
            };
            let span = self.tokens.span_through((node.keyword, node.last));
            warn(span, "guard_never_met", message, "`forbid` says on purpose that it is never allowed");
        }
    }

    /// Permissions that include a guarded one, and have no guard: who asks for them is not asked what the guard asks.
    fn passed_by(&mut self, nodes: &[DefinitionSource<'_>]) {
        let mut guarded: BTreeMap<(&TypeName, &RelationName), &GuardName> = BTreeMap::new();
        for guard in self.schema.guards().values() {
            guard.on.iter().for_each(|(kind, member)| {
                guarded.entry((kind, member)).or_insert(&guard.name);
            });
        }
        if guarded.is_empty() {
            return;
        }
        for source in nodes {
            let Some(definition) = self.schema.definition(source.name.as_str()) else { continue };
            for (name, node) in &source.members {
                let Some(Member::Permission(permission)) = definition.member(name.as_str()) else { continue };
                if guarded.contains_key(&(&definition.name, name)) || self.found.is_full() {
                    continue;
                }
                let mut comments = silenced(self.tokens, source.keyword);
                comments.extend(silenced(self.tokens, node.keyword));
                if comments.contains("guard_passed_by") {
                    continue;
                }
                for place in self.included(definition, &permission.expression) {
                    let Some(guard) = guarded.get(&place) else { continue };
                    let (kind, member) = place;
                    let message = format!(
                        "`{name}` includes `{kind}#{member}`, which guard `{guard}` is on, and has no guard of its own"
                    );
                    let help = format!(
                        "guards are on what is asked for: put one on `{}#{name}`, or say that it is meant with a comment",
                        definition.name
                    );
                    self.found.report(self.tokens.token(node.name).span, "guard_passed_by", message, Some(help));
                }
            }
        }
    }

    /// What gives an expression its subjects, without what takes some away.
    fn included(
        &self,
        definition: &'s Definition,
        whole: &'s Expression,
    ) -> BTreeSet<(&'s TypeName, &'s RelationName)> {
        let (mut found, mut open) = (BTreeSet::new(), vec![whole]);
        while let Some(expression) = open.pop() {
            match expression {
                Expression::Member(name) => {
                    found.insert((&definition.name, name));
                }
                Expression::Arrow { tupleset, target, .. } => {
                    let led_to = self.reach.arrow_members(&definition.name, tupleset, target);
                    found.extend(led_to.map(|(at, member)| (&at.name, member.name())));
                }
                Expression::Union(operands) | Expression::Intersection(operands) => open.extend(operands),
                Expression::Exclusion(base, _) => open.push(base),
                Expression::Itself | Expression::Nil | Expression::Direct => {}
            }
        }
        found
    }
}

/// Whether a condition is false whatever it reads.
fn is_never(condition: &Condition) -> bool {
    let nothing = BTreeMap::new();
    condition.evaluate(&nothing, &nothing) == Evaluation::False && condition.parameters_used().is_empty()
}
