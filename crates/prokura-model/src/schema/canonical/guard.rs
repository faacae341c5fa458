//! Guards and attributes. SpiceDB has none; they are told all the same, since a text that was read and is written back must
//! not have lost what forbids.

use super::{Printer, canonical_condition};
use crate::schema::{
    syntax::{ClauseBody, ClauseNode, GuardNode, ParameterNode},
    token::{Flag, TokenId, TokenKind},
};

impl Printer<'_> {
    pub(super) fn guard(&mut self, node: &GuardNode) {
        self.comments(node.keyword, "");
        self.flags.insert(Flag::Guards);
        let name = self.tokens.text_of(node.name);
        let parameters = match node.parentheses {
            Some(_) => format!("({})", self.parameters(&node.parameters)),
            None => String::new(),
        };
        let on = self.words(node.on, node.open - 1);
        self.text.push_str(&format!("guard {name}{parameters} {on} {{\n"));
        node.clauses.iter().for_each(|clause| self.clause(clause));
        self.text.push('}');
    }

    pub(super) fn parameters(&self, nodes: &[ParameterNode]) -> String {
        let mut parameters: Vec<(&str, String)> = nodes
            .iter()
            .map(|parameter| (self.tokens.text_of(parameter.name), self.parameter_type(&parameter.kind)))
            .collect();
        parameters.sort();
        let parameters: Vec<String> = parameters.into_iter().map(|(name, kind)| format!("{name} {kind}")).collect();
        parameters.join(", ")
    }

    fn clause(&mut self, node: &ClauseNode) {
        self.comments(node.keyword, "\t");
        let said = match node.body {
            ClauseBody::When(expression) | ClauseBody::Require(expression) => {
                let written = self.tokens.slice(self.tokens.span_through(expression));
                format!("{} {}", self.tokens.text_of(node.keyword), canonical_condition(written).trim())
            }
            _ => self.words(node.keyword, node.last),
        };
        self.text.push_str(&format!("\t{said}\n"));
    }

    /// Words one after another, `type#permission` in one piece.
    fn words(&self, first: TokenId, last: TokenId) -> String {
        let joins = |kind| matches!(kind, TokenKind::Hash | TokenKind::Slash);
        let mut text = String::new();
        for id in first..=last {
            let kind = self.tokens.token(id).kind;
            if kind == TokenKind::LineEnd {
                continue;
            }
            let joined = joins(kind) || kind == TokenKind::Comma || text.ends_with(['#', '/']);
            if !joined && !text.is_empty() {
                text.push(' ');
            }
            text.push_str(self.tokens.text_of(id));
        }
        text
    }
}
