//! `authority over agent { create by operate; see by audit; revoke by stop }`

use super::{Failed, Parser, Read};
use crate::{
    name::shortened,
    schema::{
        syntax::{AuthorityClauseNode, AuthorityNode},
        token::TokenKind,
    },
    suggest::did_you_mean,
};

/// What a statement of an authority begins with.
const BEGINNINGS: [&str; 3] = ["create", "see", "revoke"];

impl Parser<'_> {
    pub(super) fn authority(&mut self) -> Read<AuthorityNode> {
        let keyword = self.advance();
        self.exactly("over")?;
        let kind = self.path("a type")?;
        let open = self.expect(TokenKind::LeftBrace, "`{`")?;
        let mut clauses = Vec::new();
        loop {
            match self.kind() {
                TokenKind::RightBrace => {
                    return Ok(AuthorityNode { keyword, kind, open, clauses, close: self.advance() });
                }
                TokenKind::LineEnd | TokenKind::Semicolon => self.next += 1,
                TokenKind::End => {
                    let kind = shortened(&self.tokens.text_of_path(kind));
                    let message = format!("the authority over `{kind}` is never closed by `}}`");
                    return self.refuse(keyword, "definition_unclosed", message, None);
                }
                _ => match self.authority_clause() {
                    Ok(clause) => clauses.push(clause),
                    Err(Failed) => self.skip_to_item_statement()?,
                },
            }
        }
    }

    /// `create by operate`
    fn authority_clause(&mut self) -> Read<AuthorityClauseNode> {
        let text = self.tokens.text_of(self.next);
        if self.kind() != TokenKind::Identifier || !BEGINNINGS.contains(&text) {
            let help = did_you_mean(text, BEGINNINGS).map(|word| format!("did you mean `{word}`?"));
            return self.unexpected("`create`, `see`, `revoke` or `}`", help);
        }
        let word = self.advance();
        self.exactly("by")?;
        let name = self.name("the name of a permission or relation")?;
        self.item_statement_end()?;
        Ok(AuthorityClauseNode { word, name })
    }
}
