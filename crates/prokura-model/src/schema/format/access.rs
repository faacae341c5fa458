use super::Printer;
use crate::schema::{
    syntax::{AccessClause, AccessNode, PermissionNode},
    token::{Place, TokenId, TokenKind},
};

impl Printer<'_> {
    pub(super) fn access(&mut self, node: &AccessNode) {
        self.begin(node.keyword);
        self.print(node.name, " ");
        self.print(node.on, " ");
        let last = node.targets.last().map_or(node.on, PermissionNode::last);
        self.through(last);
        self.print(node.open, " ");
        self.indent += 1;
        for clause in &node.clauses {
            let leading = self.comments_before(clause.first);
            let place = self.tokens.token(clause.first).place;
            if leading.first().map_or(place, |comment| comment.place) == Place::Apart && clause.first > node.open + 1 {
                self.blank_line();
            }
            self.comment_lines(leading);
            self.begin(clause.first);
            match clause.says {
                AccessClause::When(expression) => self.condition(expression),
                _ => self.through(clause.last),
            }
        }
        let leading = self.comments_before(node.close);
        self.comment_lines(leading);
        self.indent -= 1;
        self.begin(node.close);
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
