//! `guard production on service#deploy { when … require … }`, and the attributes that guards read.

use super::{Failed, Parser, Read};
use crate::{
    name::shortened,
    schema::{
        syntax::{ClauseBody, ClauseNode, GuardNode, MemberBody, MemberNode},
        token::{Keyword, TokenId, TokenKind},
    },
    suggest::did_you_mean,
};

/// What a clause begins with. In an expression these are no names, so that a line which begins with one begins a clause.
const CLAUSES: [&str; 4] = ["when", "forbid", "require", "record"];

impl Parser<'_> {
    /// `attribute environment string`
    pub(super) fn attribute(&mut self) -> Read<MemberNode> {
        let keyword = self.advance();
        let name = self.name("the name of the attribute, as in `attribute environment string`")?;
        let body = MemberBody::Attribute(self.parameter_type(0)?);
        Ok(MemberNode { keyword, name, annotation: None, sign: name, body, last: self.next - 1 })
    }

    pub(super) fn guard(&mut self) -> Read<GuardNode> {
        let keyword = self.advance();
        let name = self.name("the name of the guard")?;
        let (mut parentheses, mut parameters) = (None, Vec::new());
        if self.kind() == TokenKind::LeftParenthesis {
            let opened = self.advance();
            let (found, closed) = self.parameters()?;
            (parentheses, parameters) = (Some((opened, closed)), found);
        }
        let on = self.word("on")?;
        let mut targets = vec![self.permission_of_type()?];
        while self.take(TokenKind::Comma) {
            targets.push(self.permission_of_type()?);
        }
        let open = self.expect(TokenKind::LeftBrace, "`,` or `{`")?;
        let mut clauses = Vec::new();
        loop {
            match self.kind() {
                TokenKind::RightBrace => {
                    let close = self.advance();
                    return Ok(GuardNode { keyword, name, parentheses, parameters, on, targets, open, clauses, close });
                }
                TokenKind::LineEnd | TokenKind::Semicolon => self.next += 1,
                TokenKind::End => {
                    let name = shortened(self.tokens.text_of(name));
                    let message = format!("the guard `{name}` is never closed by `}}`");
                    return self.refuse(keyword, "definition_unclosed", message, None);
                }
                _ => match self.clause() {
                    Ok(clause) => clauses.push(clause),
                    Err(Failed) => self.skip_to_clause()?,
                },
            }
        }
    }

    fn clause(&mut self) -> Read<ClauseNode> {
        let text = self.tokens.text_of(self.next);
        let legal = self.kind() == TokenKind::Identifier && CLAUSES.contains(&text);
        if !legal {
            let help = did_you_mean(text, CLAUSES).map(|word| format!("did you mean `{word}`?"));
            return self.unexpected("`when`, `forbid`, `require`, `record` or `}`", help);
        }
        let keyword = self.advance();
        let body = match text {
            "when" => ClauseBody::When(self.clause_expression(&CLAUSES)?),
            "forbid" => ClauseBody::Forbid,
            "record" => {
                self.word("before")?;
                self.word("answer")?;
                ClauseBody::Record
            }
            _ => self.requirement()?,
        };
        let last = self.next - 1;
        let last = if self.tokens.token(last).kind == TokenKind::LineEnd { last - 1 } else { last };
        self.clause_end()?;
        Ok(ClauseNode { keyword, body, last })
    }

    /// What follows `require`: words of the language, or an expression.
    fn requirement(&mut self) -> Read<ClauseBody> {
        match (self.kind(), self.tokens.text_of(self.next)) {
            (TokenKind::Identifier, "approval") => {
                self.next += 1;
                self.word("from")?;
                let from = self.permission_of_type()?;
                let within = self.within()?;
                let uses = if self.take(TokenKind::Comma) { Some(self.uses()?) } else { None };
                Ok(ClauseBody::Approval { from, within, uses })
            }
            (TokenKind::Identifier, "confirmation") => {
                self.next += 1;
                self.word("from")?;
                self.word("origin")?;
                Ok(ClauseBody::Confirmation { within: self.within()? })
            }
            _ => Ok(ClauseBody::Require(self.clause_expression(&CLAUSES)?)),
        }
    }

    /// `within 15m`
    fn within(&mut self) -> Read<Option<TokenId>> {
        if self.kind() != TokenKind::Identifier || self.tokens.text_of(self.next) != "within" {
            return Ok(None);
        }
        self.next += 1;
        self.name("a duration, as in `15m`").map(Some)
    }

    fn uses(&mut self) -> Read<TokenId> {
        match (self.kind(), self.tokens.text_of(self.next)) {
            (TokenKind::Identifier, "once" | "reusable") => Ok(self.advance()),
            _ => self.unexpected("`once` or `reusable`", None),
        }
    }

    fn word(&mut self, word: &str) -> Read<TokenId> {
        if self.kind() == TokenKind::Identifier && self.tokens.text_of(self.next) == word {
            return Ok(self.advance());
        }
        self.unexpected(&format!("`{word}`"), None)
    }

    /// An expression is another language's: all tokens up to a line that begins with one of these words, but for a member of
    /// it, `;`, or the brace that closes what it stands in. There is at least one.
    pub(super) fn clause_expression(&mut self, beginnings: &[&str]) -> Read<(TokenId, TokenId)> {
        let (first, mut last, mut braces, mut brackets) = (self.next, None, 0_usize, 0_usize);
        loop {
            let text = self.tokens.text_of(self.next);
            match self.kind() {
                TokenKind::RightBrace if braces == 0 => break,
                TokenKind::Semicolon | TokenKind::End | TokenKind::UnclosedComment => break,
                TokenKind::Identifier | TokenKind::Keyword(_)
                    if braces + brackets == 0
                        && beginnings.contains(&text)
                        && self.tokens.starts_line(self.next)
                        && self.tokens.text_of(self.next + 1) != "." =>
                {
                    break;
                }
                TokenKind::Unknown => return self.meaningless("a condition"),
                TokenKind::LeftBrace => braces += 1,
                TokenKind::RightBrace => braces -= 1,
                TokenKind::LeftParenthesis => brackets += 1,
                TokenKind::RightParenthesis => brackets = brackets.saturating_sub(1),
                TokenKind::Foreign if text == "[" => brackets += 1,
                TokenKind::Foreign if text == "]" => brackets = brackets.saturating_sub(1),
                _ => {}
            }
            if self.kind() != TokenKind::LineEnd {
                last = Some(self.next);
            }
            self.next += 1;
        }
        match last {
            Some(last) => Ok((first, last)),
            None => self.unexpected("the expression of the clause", None),
        }
    }

    fn clause_end(&mut self) -> Read<()> {
        match self.kind() {
            TokenKind::Semicolon | TokenKind::LineEnd => {
                self.next += 1;
                Ok(())
            }
            TokenKind::RightBrace | TokenKind::End => Ok(()),
            _ if self.tokens.starts_line(self.next) => Ok(()),
            _ => self.unexpected("the end of the clause", Some("a clause ends with a line break or `;`".to_owned())),
        }
    }

    /// Goes on to where a clause may start or the guard may end. Fails at the next definition.
    fn skip_to_clause(&mut self) -> Read<()> {
        loop {
            let at_line_start = self.tokens.starts_line(self.next);
            match self.kind() {
                TokenKind::End | TokenKind::RightBrace => return Ok(()),
                TokenKind::Keyword(
                    Keyword::Definition | Keyword::Caveat | Keyword::Partial | Keyword::Authority | Keyword::Guard,
                ) if at_line_start => {
                    return Err(Failed);
                }
                TokenKind::Identifier if at_line_start && CLAUSES.contains(&self.tokens.text_of(self.next)) => {
                    return Ok(());
                }
                _ => self.next += 1,
            }
        }
    }
}
