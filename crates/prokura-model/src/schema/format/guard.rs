//! Guards in canonical form.

use super::Printer;
use crate::schema::{
    syntax::{ClauseBody, ClauseNode, GuardNode},
    token::{Place, TokenId, TokenKind},
};

impl Printer<'_> {
    pub(super) fn guard(&mut self, node: &GuardNode) {
        self.begin(node.keyword);
        self.print(node.name, " ");
        if let Some((open, close)) = node.parentheses {
            self.print(open, "");
            self.parameters(&node.parameters);
            self.print(close, "");
        }
        self.words(node.on, node.open);
        self.indent += 1;
        let mut first = true;
        for clause in &node.clauses {
            self.lead(clause.keyword, first);
            self.clause(clause);
            first = false;
        }
        let leading = self.comments_before(node.close);
        if !first && leading.first().is_some_and(|first| first.place == Place::Apart) {
            self.blank_line();
        }
        self.comment_lines(leading);
        self.indent -= 1;
        self.begin(node.close);
    }

    fn clause(&mut self, node: &ClauseNode) {
        self.begin(node.keyword);
        match node.body {
            ClauseBody::When(expression) | ClauseBody::Require(expression) => self.condition(expression),
            _ => self.words(node.keyword + 1, node.last),
        }
    }

    /// From its first to its last token, as it is written.
    pub(super) fn condition(&mut self, (first, last): (TokenId, TokenId)) {
        let comments = self.tokens.comments_between(self.last, first);
        self.inline_comments(comments);
        self.space(" ");
        self.indent += 1;
        let span = self.tokens.span_through((first, last));
        let text = self.expression_text(self.tokens.slice(span), span.start);
        self.text.push_str(&text);
        self.indent -= 1;
        self.last = Some(last);
    }

    /// Words one after another, `type#permission` in one piece.
    fn words(&mut self, first: TokenId, last: TokenId) {
        let joins = |kind| matches!(kind, TokenKind::Hash | TokenKind::Slash);
        for id in first..=last {
            let kind = self.tokens.token(id).kind;
            if kind == TokenKind::LineEnd {
                continue;
            }
            let joined = joins(kind) || joins(self.tokens.token(id - 1).kind) || kind == TokenKind::Comma;
            self.print(id, if joined { "" } else { " " });
        }
    }
}
