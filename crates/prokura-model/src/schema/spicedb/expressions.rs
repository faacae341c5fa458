//! What SpiceDB's library says of an expression, as far as ours finds the same.

use super::{Source, quoted};
use crate::schema::{Diagnostic, Span, syntax::CaveatNode, token::TokenKind};

impl Source<'_> {
    /// Where and what is said of the expression of a caveat.
    pub(super) fn of_expression(&self, problem: &Diagnostic) -> Option<(usize, String)> {
        let node = self.enclosing_caveat_node(problem.span.start)?;
        let name = self.tokens.text_of_path(node.name);
        let ours = problem.message.split_once(": ").map_or(problem.message.as_str(), |(_, message)| message);
        let names = quoted(ours);
        let said = |position: usize| names.get(position).copied().unwrap_or_default();
        let theirs = if ours.starts_with("the expression must be a `bool`") {
            format!("caveat expression must result in a boolean value: found `{}`", said(1))
        } else if ours.starts_with("undeclared reference to ") {
            self.located(node, problem.span.start, &format!("undeclared reference to '{}' (in container '')", said(0)))
        } else if ours.starts_with("found no matching overload for ") {
            let arguments = said(1).replace("list<", "list(").replace("map<", "map(string, ").replace('>', ")");
            let message = format!("found no matching overload for '{}' applied to '{arguments}'", said(0));
            self.located(node, self.operator_after(problem, said(0)), &message)
        } else {
            self.located(node, problem.span.start, ours)
        };
        let start = self.tokens.token(node.expression.0).span.start;
        Some((start, format!("invalid expression for caveat `{name}`: {theirs}")))
    }

    /// Where the operator stands that is called `_==_` or `_[_]`: we say it of the first operand.
    fn operator_after(&self, problem: &Diagnostic, name: &str) -> usize {
        let start = problem.span.start;
        let sign =
            if name == "_[_]" { Some("[") } else { name.strip_prefix('_').and_then(|name| name.strip_suffix('_')) };
        let rest = self.tokens.text.get(start..).unwrap_or_default();
        start + sign.and_then(|sign| rest.find(sign)).unwrap_or(0)
    }

    /// With the place in the whole text, and with the line of that number of the expression, if it has so many: SpiceDB
    /// counts in the text and looks in the expression.
    fn located(&self, node: &CaveatNode, at: usize, message: &str) -> String {
        let name = self.tokens.text_of_path(node.name);
        let Diagnostic { line, column, .. } =
            Diagnostic::at(self.tokens.text, Span { start: at, end: at }, "", String::new());
        let located = format!("ERROR: {name}:{line}:{column}: {message}");
        let mut expression = self.tokens.expression_of(node).to_owned();
        // A line break that would end a statement is part of it.
        if self.tokens.token(node.expression.1 + 1).kind == TokenKind::LineEnd {
            expression.push('\n');
        }
        match expression.split('\n').nth(line.saturating_sub(1)) {
            Some(shown) => {
                let dots = ".".repeat(column.saturating_sub(1).min(shown.chars().count()));
                format!("{located}\n | {shown}\n | {dots}^")
            }
            None => located,
        }
    }
}
