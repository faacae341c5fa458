use super::Printer;
use crate::schema::{
    syntax::{AccessClause, AccessNode, AuthorityNode, PermissionNode},
    token::{Place, TokenId, TokenKind},
};

type Statement = (TokenId, TokenId, Option<(TokenId, TokenId)>);

impl Printer<'_> {
    pub(super) fn access(&mut self, node: &AccessNode) {
        self.begin(node.keyword);
        self.print(node.name, " ");
        self.print(node.on, " ");
        let last = node.targets.last().map_or(node.on, PermissionNode::last);
        self.through(last);
        let clauses = node.clauses.iter().map(|clause| {
            let condition = match clause.says {
                AccessClause::When(condition) => Some(condition),
                _ => None,
            };
            (clause.first, clause.last, condition)
        });
        self.block(node.open, clauses, node.close);
    }

    pub(super) fn authority(&mut self, node: &AuthorityNode) {
        self.begin(node.keyword);
        self.through(node.kind.last);
        let clauses = node.clauses.iter().map(|clause| (clause.word, clause.name, None));
        self.block(node.open, clauses, node.close);
    }

    /// Statements between braces, each by its first and its last token, and those of the condition that it consists of.
    fn block(&mut self, open: TokenId, clauses: impl Iterator<Item = Statement>, close: TokenId) {
        self.print(open, " ");
        self.indent += 1;
        for (first, last, condition) in clauses {
            let leading = self.comments_before(first);
            let place = self.tokens.token(first).place;
            if leading.first().map_or(place, |comment| comment.place) == Place::Apart && first > open + 1 {
                self.blank_line();
            }
            self.comment_lines(leading);
            self.begin(first);
            match condition {
                Some(condition) => self.condition(condition),
                None => self.through(last),
            }
        }
        let leading = self.comments_before(close);
        self.comment_lines(leading);
        self.indent -= 1;
        self.begin(close);
    }

    /// The tokens that are not printed yet, up to this one: words apart, what belongs to one name together.
    fn through(&mut self, last: TokenId) {
        let first = self.last.map_or(0, |printed| printed + 1);
        for id in first..=last {
            let kind = |id: TokenId| self.tokens.token(id).kind;
            let together = matches!(kind(id), TokenKind::Hash | TokenKind::Slash | TokenKind::Comma)
                || matches!(kind(id - 1), TokenKind::Hash | TokenKind::Slash);
            self.print(id, if together { "" } else { " " });
        }
    }
}
