//! Who may create, see and revoke links of others.

use super::{Lowered, Lowering};
use crate::schema::{AuthorityOver, syntax::AuthorityNode, token::TokenId};

impl Lowering<'_, '_> {
    pub(super) fn authority<'f>(
        &mut self,
        node: &'f AuthorityNode,
        before: Option<TokenId>,
        lowered: &mut Lowered<'f>,
    ) {
        let Some(kind) = self.type_name(node.kind) else { return };
        let doc = self.doc(before, node.keyword);
        let mut said = AuthorityOver { kind, doc, create: None, see: None, revoke: None };
        for clause in &node.clauses {
            let Some(name) = self.relation_name(clause.name) else { return };
            let place = match self.tokens.text_of(clause.word) {
                "create" => &mut said.create,
                "see" => &mut said.see,
                _ => &mut said.revoke,
            };
            if place.replace(name).is_some() {
                let message = format!("`{}` is said twice", self.tokens.text_of(clause.word));
                let help = "name one permission; it may be the union of several";
                return self.authority_problem(clause.word, message, Some(help));
            }
        }
        if node.clauses.is_empty() {
            let message = format!("it gives nobody anything over `{}`", said.kind);
            let help = "say `create by`, `see by` or `revoke by`, each with a permission of the type";
            return self.authority_problem(node.kind.first, message, Some(help));
        }
        if lowered.authorities.iter().any(|(other, _)| other.kind == said.kind) {
            let message = format!("there are two authorities over `{}`", said.kind);
            return self.authority_problem(node.kind.first, message, Some("say it all in one place"));
        }
        lowered.authorities.push((said, node));
    }

    fn authority_problem(&mut self, at: TokenId, message: String, help: Option<&str>) {
        self.problems.report(self.span(at), "authority_invalid", message, help.map(str::to_owned));
    }
}
