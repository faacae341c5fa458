//! What can be asked for.

use super::{Lowered, Lowering, caveat::place_inside};
use crate::{
    RelationName, Schema, TypeName,
    condition::{Condition, ParameterType},
    limits::ACCESS_MS_MAX,
    schema::{
        AccessAnswer, AccessItem,
        diagnostic::Problems,
        guard::{NOW, duration_ms, roots_of_access},
        syntax::{AccessClause, AccessClauseNode, AccessNode, PermissionNode},
        token::{TokenId, Tokens},
    },
};

/// What the statements of an item say.
#[derive(Default)]
struct Said {
    answer: Option<AccessAnswer>,
    when: Option<(TokenId, TokenId)>,
    at_most_ms: Option<u64>,
    relation: Option<RelationName>,
    ticket_required: bool,
    ticket_type: Option<TypeName>,
    break_glass: bool,
    origin_may_answer: bool,
}

impl Lowering<'_, '_> {
    pub(super) fn access<'f>(&mut self, node: &'f AccessNode, before: Option<TokenId>, lowered: &mut Lowered<'f>) {
        let Some(name) = self.relation_name(node.name).map(|name| name.as_str().to_owned()) else { return };
        if lowered.access.iter().any(|(item, _)| item.name == name) {
            let message = format!("there are two access items `{name}`");
            return self.problems.report(self.span(node.name), "access_duplicate", message, None);
        }
        let Some(targets) = self.permissions_of_types(&node.targets) else { return };
        let mut said = Said::default();
        for clause in &node.clauses {
            if self.access_clause(clause, &mut said).is_none() {
                return;
            }
        }
        let Some(answer) = self.fitting(node, &said) else { return };
        let Said { at_most_ms, relation, ticket_required, ticket_type, break_glass, origin_may_answer, .. } = said;
        let item = AccessItem {
            name,
            doc: self.doc(before, node.keyword),
            targets,
            // It is read once all definitions are.
            when: None,
            answer,
            at_most_ms: at_most_ms.unwrap_or_default(),
            relation,
            ticket_required,
            ticket_type,
            break_glass,
            origin_may_answer,
        };
        lowered.access.push((item, node));
    }

    fn access_clause(&mut self, clause: &AccessClauseNode, said: &mut Said) -> Option<()> {
        let before = match &clause.says {
            AccessClause::Refuse => said.answer.replace(AccessAnswer::Refuse).is_some(),
            AccessClause::Grant => said.answer.replace(AccessAnswer::Grant).is_some(),
            AccessClause::Ask(nodes) => {
                let asked = self.permissions_of_types(nodes)?;
                said.answer.replace(AccessAnswer::Ask(asked)).is_some()
            }
            AccessClause::For(duration) => {
                let milliseconds = self.duration(*duration)?;
                said.at_most_ms.replace(milliseconds).is_some()
            }
            AccessClause::Relation(name) => {
                let name = self.relation_name(*name)?;
                said.relation.replace(name).is_some()
            }
            AccessClause::When(expression) => said.when.replace(*expression).is_some(),
            AccessClause::Ticket(kind) => {
                if let Some(path) = kind {
                    said.ticket_type = Some(self.type_name(*path)?);
                }
                std::mem::replace(&mut said.ticket_required, true)
            }
            AccessClause::BreakGlass => std::mem::replace(&mut said.break_glass, true),
            AccessClause::Origin => std::mem::replace(&mut said.origin_may_answer, true),
        };
        if before {
            let message = match &clause.says {
                AccessClause::Refuse | AccessClause::Grant | AccessClause::Ask(_) => {
                    "one of `ask`, `grant` and `refuse` is said, and once"
                }
                _ => "this is said twice",
            };
            return self.access_problem(clause.first, message, None);
        }
        Some(())
    }

    /// How it answers, if what is said goes together.
    fn fitting(&mut self, node: &AccessNode, said: &Said) -> Option<AccessAnswer> {
        let Some(answer) = &said.answer else {
            let help = "say `ask type#permission`, `grant` or `refuse`";
            return self.access_problem(node.name, "it does not say how a request is answered", Some(help));
        };
        let asks = matches!(answer, AccessAnswer::Ask(_));
        let message = if *answer == AccessAnswer::Refuse {
            let more = said.at_most_ms.is_some() || said.relation.is_some() || said.break_glass;
            (more || said.origin_may_answer).then_some("what is refused has no length, relation, review or answer")
        } else if said.at_most_ms.is_none() {
            Some("it does not say how long it is granted: say `for at most 4h`")
        } else if said.break_glass && !asks {
            Some("who breaks the glass is reviewed: say by whom, with `ask type#permission`")
        } else if said.origin_may_answer && !asks {
            Some("nobody is asked, so `origin may answer` means nothing")
        } else {
            None
        };
        match message {
            Some(message) => self.access_problem(node.name, message, None),
            None => Some(answer.clone()),
        }
    }

    fn permissions_of_types(&mut self, nodes: &[PermissionNode]) -> Option<Vec<(TypeName, RelationName)>> {
        let found: Vec<_> =
            nodes.iter().map(|node| self.type_name(node.path).zip(self.relation_name(node.name))).collect();
        found.into_iter().collect()
    }

    /// `90s`, `15m`, `4h`, `7d`, in milliseconds.
    fn duration(&mut self, id: TokenId) -> Option<u64> {
        let text = self.tokens.text_of(id);
        match duration_ms(text) {
            Some(milliseconds @ 1..=ACCESS_MS_MAX) => Some(milliseconds),
            _ => {
                let message = format!("`{text}` is no length that can be granted");
                let days = ACCESS_MS_MAX / 86_400_000;
                let help = format!("write a number and `s`, `m`, `h` or `d`, at most `{days}d`");
                self.access_problem(id, &message, Some(&help))
            }
        }
    }

    fn access_problem<T>(&mut self, at: TokenId, message: &str, help: Option<&str>) -> Option<T> {
        self.problems.report(self.span(at), "access_invalid", message.to_owned(), help.map(str::to_owned));
        None
    }
}

/// Reads when the items apply, which the condition language checks against what the definitions declare.
pub(in crate::schema) fn access_conditions<'t>(
    tokens: &Tokens<'t>,
    nodes: &[&AccessNode],
    schema: &Schema,
    problems: &mut Problems<'t>,
) -> Vec<Option<Condition>> {
    let mut lowering = Lowering { tokens, problems };
    let items = schema.access().iter().zip(nodes);
    items.map(|(item, node)| lowering.access_condition(item, node, schema)).collect()
}

impl Lowering<'_, '_> {
    fn access_condition(&mut self, item: &AccessItem, node: &AccessNode, schema: &Schema) -> Option<Condition> {
        let expression = node.clauses.iter().find_map(|clause| match clause.says {
            AccessClause::When(expression) => Some(expression),
            _ => None,
        })?;
        let kinds: Vec<&TypeName> = item.targets.iter().map(|(kind, _)| kind).collect();
        let mut roots = roots_of_access(schema, &kinds);
        roots.extend(item.parameters().roots(schema));
        let span = self.tokens.span_through(expression);
        let text = self.tokens.slice(span);
        match Condition::compile_with_roots(&[(NOW.to_owned(), ParameterType::Timestamp)], &roots, text) {
            Ok(condition) => Some(condition),
            Err(error) => {
                let span = place_inside(text, span, &error);
                let message = format!("access item `{}`: {}", item.name, error.message.replace('\n', " "));
                self.problems.report(span, "access_invalid", message, None);
                None
            }
        }
    }
}
