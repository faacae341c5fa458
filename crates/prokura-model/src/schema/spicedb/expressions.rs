//! What SpiceDB's library says of an expression, as far as ours finds the same.

use super::Source;
use crate::{
    condition::{self, ParameterType, Refused},
    schema::{
        Diagnostic, Span,
        syntax::{CaveatNode, ParameterTypeNode},
        token::TokenKind,
    },
};

impl Source<'_> {
    /// Where and what is said of the expression of a caveat.
    pub(super) fn of_expression(&self, problem: &Diagnostic) -> Option<(usize, String)> {
        let node = self.enclosing_caveat_node(problem.span.start)?;
        let name = self.tokens.text_of_path(node.name);
        let start = self.tokens.token(node.expression.0).span.start;
        let parameters: Option<Vec<_>> = node
            .parameters
            .iter()
            .map(|parameter| {
                Some((self.tokens.text_of(parameter.name).to_owned(), self.parameter_type(&parameter.kind)?))
            })
            .collect();
        let refused =
            parameters.and_then(|parameters| condition::refused(&parameters, self.tokens.expression_of(node)));
        let said = match refused {
            Some(Refused::NotBool(found)) => {
                format!("caveat expression must result in a boolean value: found `{found}`")
            }
            Some(Refused::Wrong(mistakes)) => {
                let each = mistakes.into_iter().map(|(at, message)| self.located(node, start + at, &message));
                each.collect::<Vec<_>>().join("\n")
            }
            None => {
                let ours = problem.message.split_once(": ").map_or(problem.message.as_str(), |(_, message)| message);
                self.located(node, problem.span.start, ours)
            }
        };
        Some((start, format!("invalid expression for caveat `{name}`: {said}")))
    }

    fn parameter_type(&self, node: &ParameterTypeNode) -> Option<ParameterType> {
        let of = match node.of.first() {
            Some(node) => Some(self.parameter_type(node)?),
            None => None,
        };
        ParameterType::named(self.tokens.text_of(node.name), of)
    }

    /// With the place in the whole text, and with the line of that number of the expression, if it has so many: SpiceDB
    /// counts in the text and looks in the expression.
    fn located(&self, node: &CaveatNode, at: usize, message: &str) -> String {
        let name = self.tokens.text_of_path(node.name);
        let mut expression = self.tokens.expression_of(node).to_owned();
        let (_, last) = node.expression;
        let mut at = at;
        // A line break that would end a statement is part of it.
        if self.tokens.token(last + 1).kind == TokenKind::LineEnd {
            expression.push('\n');
            at += usize::from(at == self.tokens.token(last).span.end);
        }
        let Diagnostic { line, column, .. } =
            Diagnostic::at(self.tokens.text, Span { start: at, end: at }, "", String::new());
        let located = format!("ERROR: {name}:{line}:{column}: {message}");
        match expression.split('\n').nth(line.saturating_sub(1)) {
            Some(shown) => {
                let dots = ".".repeat(column.saturating_sub(1).min(shown.chars().count()));
                format!("{located}\n | {shown}\n | {dots}^")
            }
            None => located,
        }
    }
}
