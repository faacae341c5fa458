//! Authority is over a type that there is, by permissions of that type.

use super::Check;
use crate::schema::{AuthorityOver, syntax::AuthorityNode};

impl Check<'_, '_> {
    pub(super) fn authority(&mut self, said: &AuthorityOver, node: &AuthorityNode) {
        if let Err(unknown) = self.schema.find_definition(&said.kind) {
            return self.unknown(self.tokens.span_of_path(node.kind), &unknown);
        }
        for clause in &node.clauses {
            let text = self.tokens.text_of(clause.word);
            let named = said.said().into_iter().find(|(word, _)| *word == text).and_then(|(_, name)| name);
            if let Some(Err(unknown)) = named.map(|name| self.schema.find_member(&said.kind, name)) {
                self.unknown(self.span(clause.name), &unknown);
            }
        }
    }
}
