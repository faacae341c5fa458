//! Partials: statements that stand in several definitions, put there by `...name`.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    limits::SCHEMA_MEMBERS_MAX,
    name::shortened,
    schema::{
        Span,
        diagnostic::Problems,
        syntax::{DefinitionNode, File, Item, MemberNode, Statement},
        token::{TokenId, Tokens},
    },
    suggest::did_you_mean,
};

/// A member of a definition, its own or a partial's.
#[derive(Clone, Copy)]
pub(in crate::schema) struct Placed<'f> {
    pub(in crate::schema) member: &'f MemberNode,
    /// The last token of what stands before it where it is written.
    pub(in crate::schema) before: TokenId,
}

/// The partials of a text, by name, with all that is put into them.
pub(in crate::schema) struct Partials<'f> {
    members: BTreeMap<String, Vec<Placed<'f>>>,
    /// Members put together so far.
    placed: usize,
}

impl<'f> Partials<'f> {
    pub(in crate::schema) fn new<'t>(tokens: &Tokens<'t>, file: &'f File, problems: &mut Problems<'t>) -> Self {
        let mut nodes: BTreeMap<String, &'f DefinitionNode> = BTreeMap::new();
        for item in &file.items {
            let Item::Partial(node) = item else { continue };
            let name = tokens.text_of_path(node.name);
            if nodes.contains_key(&name) {
                let message = format!("partial `{}` is declared twice", shortened(&name));
                problems.report(tokens.span_of_path(node.name), "partial_duplicate", message, None);
            }
            nodes.insert(name, node);
        }
        let mut partials = Self { members: BTreeMap::new(), placed: 0 };
        for name in order(tokens, &nodes, problems) {
            let Some(node) = nodes.get(&name) else { continue };
            let members = partials.flattened(node, tokens, problems);
            partials.members.insert(name, members);
        }
        partials
    }

    pub(in crate::schema) fn contains(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// The members of a definition or a partial, in the order of the text, once all partials in it are known.
    pub(in crate::schema) fn flattened<'t>(
        &mut self,
        node: &'f DefinitionNode,
        tokens: &Tokens<'t>,
        problems: &mut Problems<'t>,
    ) -> Vec<Placed<'f>> {
        let mut placed = Vec::new();
        let mut before = node.open;
        for statement in &node.statements {
            match statement {
                Statement::Member(member) => placed.push(Placed { member, before }),
                Statement::Reference { name, .. } => match self.members.get(tokens.text_of(*name)) {
                    Some(members) if self.placed + placed.len() + members.len() <= SCHEMA_MEMBERS_MAX => {
                        placed.extend(members);
                    }
                    Some(_) => {
                        let message = format!(
                            "with its partials, the schema declares more than {SCHEMA_MEMBERS_MAX} relations and permissions"
                        );
                        problems.report(tokens.token(*name).span, "too_many_members", message, None);
                    }
                    None => unknown(statement, tokens, self.members.keys(), problems),
                },
            }
            before = statement.last();
        }
        self.placed += placed.len();
        placed
    }
}

/// The names of the partials, each after those it refers to; those in a circle are reported, and come in any order.
fn order<'t>(
    tokens: &Tokens<'t>,
    nodes: &BTreeMap<String, &DefinitionNode>,
    problems: &mut Problems<'t>,
) -> Vec<String> {
    let mut ordered = Vec::new();
    let mut met: BTreeSet<&str> = BTreeSet::new();
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    for (name, node) in nodes {
        if !met.insert(name) {
            continue;
        }
        let mut path = vec![(name.as_str(), node.statements.iter())];
        while let Some((name, statements)) = path.last_mut() {
            let name = *name;
            let Some(statement) = statements.next() else {
                settled.insert(name);
                ordered.push(name.to_owned());
                path.pop();
                continue;
            };
            let Statement::Reference { name: referred, .. } = statement else { continue };
            let Some((referred, node)) = nodes.get_key_value(tokens.text_of(*referred)) else { continue };
            if met.insert(referred) {
                path.push((referred.as_str(), node.statements.iter()));
            } else if !settled.contains(referred.as_str()) {
                let message = format!("partial `{}` is put into itself", shortened(referred));
                problems.report(span(statement, tokens), "partial_cycle", message, None);
            }
        }
    }
    ordered
}

fn unknown<'t, 'n>(
    statement: &Statement,
    tokens: &Tokens<'t>,
    known: impl Iterator<Item = &'n String>,
    problems: &mut Problems<'t>,
) {
    let span = span(statement, tokens);
    // What is in a circle is reported already, and not known yet.
    if problems.any_at(span) {
        return;
    }
    let Statement::Reference { name, .. } = statement else { return };
    let text = tokens.text_of(*name);
    let help = did_you_mean(text, known.map(String::as_str)).map(|name| format!("did you mean `{name}`?"));
    problems.report(span, "partial_unknown", format!("there is no partial `{}`", shortened(text)), help);
}

fn span(statement: &Statement, tokens: &Tokens<'_>) -> Span {
    Span { start: tokens.token(statement.first()).span.start, end: tokens.token(statement.last()).span.end }
}
