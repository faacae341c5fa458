//! `access deploy_now on service#deploy { ask service#approve; for at most 4h }`

use super::{Failed, Parser, Read};
use crate::{
    name::shortened,
    schema::{
        syntax::{AccessClause, AccessClauseNode, AccessNode, PermissionNode},
        token::{Keyword, Place, TokenId, TokenKind},
    },
    suggest::did_you_mean,
};

/// What a statement of an access item begins with.
const BEGINNINGS: [&str; 9] = ["when", "refuse", "grant", "ask", "for", "relation", "ticket", "break", "origin"];

impl Parser<'_> {
    pub(super) fn access(&mut self) -> Read<AccessNode> {
        let keyword = self.advance();
        let name = self.name("the name of what can be asked for")?;
        let on = self.exactly("on")?;
        let targets = self.permissions()?;
        let open = self.expect(TokenKind::LeftBrace, "`,` or `{`")?;
        let mut clauses = Vec::new();
        loop {
            match self.kind() {
                TokenKind::RightBrace => {
                    return Ok(AccessNode { keyword, name, on, targets, open, clauses, close: self.advance() });
                }
                TokenKind::LineEnd | TokenKind::Semicolon => self.next += 1,
                TokenKind::End => {
                    let name = shortened(self.tokens.text_of(name));
                    let message = format!("the access item `{name}` is never closed by `}}`");
                    return self.refuse(keyword, "definition_unclosed", message, None);
                }
                _ => match self.access_clause() {
                    Ok(clause) => clauses.push(clause),
                    Err(Failed) => self.skip_to_item_statement()?,
                },
            }
        }
    }

    fn access_clause(&mut self) -> Read<AccessClauseNode> {
        let first = self.next;
        let text = self.tokens.text_of(first);
        if !matches!(self.kind(), TokenKind::Identifier | TokenKind::Keyword(_)) || !BEGINNINGS.contains(&text) {
            let help = did_you_mean(text, BEGINNINGS).map(|word| format!("did you mean `{word}`?"));
            return self.unexpected(
                "`when`, `ask`, `grant`, `refuse`, `for`, `relation`, `ticket`, `break`, `origin` or `}`",
                help,
            );
        }
        self.next += 1;
        let says = match text {
            "when" => AccessClause::When(self.clause_expression(&BEGINNINGS)?),
            "refuse" => AccessClause::Refuse,
            "grant" => AccessClause::Grant,
            "ask" => AccessClause::Ask(self.permissions()?),
            "for" => {
                self.exactly("at")?;
                self.exactly("most")?;
                AccessClause::For(self.name("how long, as in `4h`")?)
            }
            "relation" => AccessClause::Relation(self.name("the relation that is written")?),
            "ticket" => {
                let is_word = self.kind() == TokenKind::Identifier && self.tokens.text_of(self.next) == "required";
                let kind = if is_word { None } else { Some(self.path("`required`, or the type of the ticket")?) };
                self.exactly("required")?;
                AccessClause::Ticket(kind)
            }
            "break" => {
                self.exactly("glass")?;
                AccessClause::BreakGlass
            }
            _ => {
                self.exactly("may")?;
                self.exactly("answer")?;
                AccessClause::Origin
            }
        };
        let last = self.next - 1;
        let last = if self.tokens.token(last).kind == TokenKind::LineEnd { last - 1 } else { last };
        self.item_statement_end()?;
        Ok(AccessClauseNode { first, last, says })
    }

    /// What follows a statement of an item.
    pub(super) fn item_statement_end(&mut self) -> Read<()> {
        match self.kind() {
            TokenKind::LineEnd | TokenKind::Semicolon => self.next += 1,
            TokenKind::RightBrace | TokenKind::End => {}
            _ if self.tokens.starts_line(self.next) => {}
            _ => {
                let help = "a statement ends with a line break or `;`".to_owned();
                return self.unexpected("the end of the statement", Some(help));
            }
        }
        Ok(())
    }

    /// `service#deploy, host#restart`
    fn permissions(&mut self) -> Read<Vec<PermissionNode>> {
        let mut found = vec![self.permission_of_type()?];
        while self.take(TokenKind::Comma) {
            found.push(self.permission_of_type()?);
        }
        Ok(found)
    }

    /// `service#deploy`
    pub(super) fn permission_of_type(&mut self) -> Read<PermissionNode> {
        let path = self.path("a type, as in `service#deploy`")?;
        self.expect(TokenKind::Hash, "`#`")?;
        Ok(PermissionNode { path, name: self.name("the name of a permission or relation")? })
    }

    pub(super) fn exactly(&mut self, word: &str) -> Read<TokenId> {
        if self.kind() == TokenKind::Identifier && self.tokens.text_of(self.next) == word {
            return Ok(self.advance());
        }
        self.unexpected(&format!("`{word}`"), None)
    }

    /// Goes on to where a statement may start or the item may end. Fails at the next item.
    pub(super) fn skip_to_item_statement(&mut self) -> Read<()> {
        loop {
            let at_line_start = self.tokens.token(self.next).place != Place::Beside;
            match self.kind() {
                TokenKind::End | TokenKind::RightBrace | TokenKind::LineEnd | TokenKind::Semicolon => return Ok(()),
                TokenKind::Keyword(
                    Keyword::Definition
                    | Keyword::Caveat
                    | Keyword::Partial
                    | Keyword::Access
                    | Keyword::Authority
                    | Keyword::Guard,
                ) if at_line_start => {
                    return Err(Failed);
                }
                _ => self.next += 1,
            }
        }
    }
}
