//! Guards: what they are on, and their expressions, which the condition language checks against the attributes that the
//! definitions declare. So the definitions come first.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Lowering,
    caveat::{ParameterKind, place_inside},
};
use crate::{
    GuardName, RelationName, TypeName,
    condition::{Condition, ParameterType, Root},
    limits::{GUARD_CLAUSES_MAX, GUARDS_ON_ONE_MAX},
    name::shortened,
    schema::{
        Clause, Guard, Schema, Span,
        diagnostic::Problems,
        guard::{NOW, Parameters, TAKEN, duration_ms, roots},
        syntax::{ClauseBody, ClauseNode, File, GuardNode, Item, PermissionNode},
        token::{TokenId, Tokens},
    },
};

/// The guards of a text, and where they come from.
pub(in crate::schema) type Guards<'f> = (BTreeMap<GuardName, Guard>, Vec<(GuardName, &'f GuardNode)>);

/// The guards of a text whose definitions are these.
pub(in crate::schema) fn guards<'f, 't>(
    tokens: &Tokens<'t>,
    file: &'f File,
    schema: &Schema,
    problems: &mut Problems<'t>,
) -> Guards<'f> {
    let mut lowering = Lowering { tokens, problems };
    let (mut guards, mut nodes): Guards<'f> = (BTreeMap::new(), Vec::new());
    let mut counts: BTreeMap<(TypeName, RelationName), usize> = BTreeMap::new();
    let mut before = None;
    for item in &file.items {
        if let Item::Guard(node) = item
            && let Some(guard) = lowering.guard(node, before, schema)
        {
            for (place, node) in guard.on.iter().zip(&node.targets) {
                let count = counts.entry(place.clone()).or_default();
                *count += 1;
                if *count == GUARDS_ON_ONE_MAX + 1 {
                    let message = format!("more than {GUARDS_ON_ONE_MAX} guards are on `{}#{}`", place.0, place.1);
                    lowering.problems.report(lowering.place_span(node), "too_many_guards", message, None);
                }
            }
            if guards.contains_key(&guard.name) {
                let message = format!("the guard `{}` is declared twice", guard.name);
                lowering.problems.report(lowering.span(node.name), "definition_duplicate", message, None);
            }
            nodes.push((guard.name.clone(), node));
            guards.insert(guard.name.clone(), guard);
        }
        before = Some(item.last());
    }
    (guards, nodes)
}

/// What the expressions of a guard may read.
struct Readable<'g> {
    name: &'g GuardName,
    parameters: &'g Parameters,
    roots: Vec<Root>,
}

impl Lowering<'_, '_> {
    fn guard(&mut self, node: &GuardNode, before: Option<TokenId>, schema: &Schema) -> Option<Guard> {
        let name = GuardName::new(self.tokens.text_of(node.name));
        let name = name.map_err(|error| self.illegal_name(self.span(node.name), &error.to_string())).ok();
        let on = self.on(node, schema);
        let parameters = self.own_parameters(node, schema).filter(|_| self.parameters_are_free(node));
        let (name, on, parameters) = (name?, on?, parameters?);
        let kinds: Vec<&TypeName> = on.iter().map(|(kind, _)| kind).collect();
        let readable = Readable {
            name: &name,
            parameters: &parameters,
            roots: roots(schema, &kinds).into_iter().chain(parameters.roots(schema)).collect(),
        };
        let (when, clauses) = self.clauses(node, &readable, &kinds, schema)?;
        let doc = self.doc(before, node.keyword);
        let text = self.tokens.slice(self.tokens.span_through((node.keyword, node.close))).to_owned();
        let guard = Guard { name, doc, parameters, on, when, clauses, text };
        let used: BTreeSet<&String> = guard.conditions().flat_map(Condition::parameters_used).collect();
        let read: BTreeSet<&str> = used.iter().filter_map(|name| guard.parameters.read_as(name)).collect();
        self.unused(&node.parameters, &|name| read.contains(name), "use it in a condition");
        Some(guard)
    }

    /// Values, and objects of the types that the schema defines.
    fn own_parameters(&mut self, node: &GuardNode, schema: &Schema) -> Option<Parameters> {
        let kind = |name: &str| schema.definition(name).map(|definition| definition.name.clone());
        let mut parameters = Parameters::default();
        for (name, kind) in self.named_parameters(&node.parameters, kind)? {
            match kind {
                ParameterKind::Value(kind) => parameters.values.push((name, kind)),
                ParameterKind::Object(kind) => drop(parameters.objects.insert(name, kind)),
            }
        }
        Some(parameters)
    }

    fn on(&mut self, node: &GuardNode, schema: &Schema) -> Option<Vec<(TypeName, RelationName)>> {
        let mut on = Vec::new();
        let mut legal = true;
        for target in &node.targets {
            match self.place(target, schema) {
                Some(place) if on.contains(&place) => {
                    let message = format!("`{}#{}` stands here already", place.0, place.1);
                    self.problems.report(self.place_span(target), "guard_target_duplicate", message, None);
                    legal = false;
                }
                Some(place) => on.push(place),
                None => legal = false,
            }
        }
        legal.then_some(on)
    }

    /// A permission or relation that the schema has.
    fn place(&mut self, node: &PermissionNode, schema: &Schema) -> Option<(TypeName, RelationName)> {
        let kind = self.type_name(node.path);
        let member = self.relation_name(node.name);
        let place = kind.zip(member)?;
        let Err(unknown) = schema.find_member(&place.0, &place.1) else { return Some(place) };
        let help = unknown.suggestion().map(|name| format!("did you mean `{name}`?"));
        let span = match schema.definition(place.0.as_str()) {
            Some(_) => self.span(node.name),
            None => self.tokens.span_of_path(node.path),
        };
        self.problems.report(span, unknown.code(), unknown.bare_message(), help);
        None
    }

    /// A parameter would hide what every guard can read.
    fn parameters_are_free(&mut self, node: &GuardNode) -> bool {
        let mut free = true;
        for parameter in &node.parameters {
            let name = self.tokens.text_of(parameter.name);
            if TAKEN.contains(&name) {
                let message = format!("`{name}` has a meaning in every guard already: give the parameter another name");
                self.problems.report(self.span(parameter.name), "parameter_name_taken", message, None);
                free = false;
            }
        }
        free
    }

    fn clauses(
        &mut self,
        node: &GuardNode,
        readable: &Readable<'_>,
        on: &[&TypeName],
        schema: &Schema,
    ) -> Option<(Option<Condition>, Vec<Clause>)> {
        let (mut when, mut clauses, mut legal) = (None, Vec::new(), true);
        for clause in &node.clauses {
            let repeated = match clause.body {
                ClauseBody::When(_) => when.is_some(),
                ClauseBody::Forbid => clauses.contains(&Clause::Forbid),
                ClauseBody::Record => clauses.contains(&Clause::RecordBeforeAnswer),
                ClauseBody::Confirmation { .. } => {
                    clauses.iter().any(|clause| matches!(clause, Clause::Confirmation { .. }))
                }
                ClauseBody::Require(_) | ClauseBody::Approval { .. } => false,
            };
            if repeated {
                self.refuse_repeated(clause);
                legal = false;
                continue;
            }
            match self.clause(clause, readable, on, schema) {
                Some(Lowered::When(condition)) => when = Some(condition),
                Some(Lowered::Clause(clause)) => clauses.push(clause),
                None => legal = false,
            }
        }
        if clauses.len() > GUARD_CLAUSES_MAX {
            let message = format!("the guard says more than {GUARD_CLAUSES_MAX} things");
            self.problems.report(self.span(node.name), "too_many_clauses", message, None);
            return None;
        }
        if legal && clauses.is_empty() {
            let message = format!("the guard `{}` forbids nothing and requires nothing", readable.name);
            let help = "say `forbid`, `require …` or `record before answer`".to_owned();
            self.problems.report(self.span(node.name), "guard_empty", message, Some(help));
            return None;
        }
        legal.then_some((when, clauses))
    }

    fn clause(
        &mut self,
        node: &ClauseNode,
        readable: &Readable<'_>,
        on: &[&TypeName],
        schema: &Schema,
    ) -> Option<Lowered> {
        Some(match &node.body {
            ClauseBody::When(expression) => Lowered::When(self.condition(*expression, readable)?),
            ClauseBody::Require(expression) => Lowered::Clause(Clause::Require(self.condition(*expression, readable)?)),
            ClauseBody::Forbid => Lowered::Clause(Clause::Forbid),
            ClauseBody::Record => Lowered::Clause(Clause::RecordBeforeAnswer),
            ClauseBody::Confirmation { within } => {
                Lowered::Clause(Clause::Confirmation { within_ms: self.within(*within)? })
            }
            ClauseBody::Approval { from, within, uses } => {
                let place = self.place(from, schema);
                let within_ms = self.within(*within);
                let place = place?;
                if let Some(other) = on.iter().find(|kind| ***kind != place.0) {
                    let message = format!(
                        "whoever approves has a permission on the resource that is asked about, which may be a `{other}` here, and no `{}`",
                        place.0
                    );
                    let help = format!("name a permission of `{other}`, or write a guard for each type");
                    self.problems.report(self.place_span(from), "approver_elsewhere", message, Some(help));
                    return None;
                }
                let once = uses.is_none_or(|uses| self.tokens.text_of(uses) == "once");
                Lowered::Clause(Clause::Approval { from: place, within_ms: within_ms?, once })
            }
        })
    }

    fn condition(&mut self, expression: (TokenId, TokenId), readable: &Readable<'_>) -> Option<Condition> {
        let span = self.tokens.span_through(expression);
        let text = self.tokens.slice(span);
        let mut parameters = readable.parameters.values.clone();
        parameters.push((NOW.to_owned(), ParameterType::Timestamp));
        match Condition::compile_with_roots(&parameters, &readable.roots, text) {
            Ok(condition) => Some(condition),
            Err(error) => {
                let span = place_inside(text, span, &error);
                let message = format!("guard `{}`: {}", readable.name, error.message.replace('\n', " "));
                self.problems.report(span, "guard_invalid", message, None);
                None
            }
        }
    }

    /// How long, if it is said.
    fn within(&mut self, token: Option<TokenId>) -> Option<Option<u64>> {
        let Some(token) = token else { return Some(None) };
        let text = self.tokens.text_of(token);
        let ms = duration_ms(text);
        if ms.is_none() {
            let message = format!("`{}` is no duration", shortened(text));
            let help = "a whole number from 1 and `s`, `m`, `h` or `d`, as in `15m`".to_owned();
            self.problems.report(self.span(token), "duration_invalid", message, Some(help));
        }
        ms.map(Some)
    }

    /// `attribute environment string`, unless the name is no name for one.
    pub(super) fn attribute_name(&mut self, id: TokenId) -> Option<String> {
        let name = self.tokens.text_of(id);
        if crate::schema::guard::OF_OBJECTS.contains(&name) {
            let message = format!("every object has `{name}`: give the attribute another name");
            self.problems.report(self.span(id), "attribute_name_taken", message, None);
            return None;
        }
        let legal = name.is_ascii() && !name.starts_with(|first: char| first.is_ascii_digit());
        if !legal {
            let message = format!(
                "`{}` is not the name of an attribute: letters, digits and `_`, first no digit",
                shortened(name)
            );
            self.illegal_name(self.span(id), &message);
        }
        legal.then(|| name.to_owned())
    }

    fn refuse_repeated(&mut self, clause: &ClauseNode) {
        let span = self.tokens.span_through((clause.keyword, clause.last));
        self.problems.report(span, "clause_duplicate", "the guard says this once already".to_owned(), None);
    }

    fn place_span(&self, node: &PermissionNode) -> Span {
        Span { end: self.span(node.name).end, ..self.tokens.span_of_path(node.path) }
    }
}

enum Lowered {
    When(Condition),
    Clause(Clause),
}
