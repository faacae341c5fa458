//! What is said about a text that is no schema, and where reading goes on.

use super::{Failed, Parser, Read, Statement};
use crate::{
    name::shortened,
    schema::{
        Span,
        token::{Flag, Keyword, Place, TokenId, TokenKind},
    },
    suggest::did_you_mean,
};

impl Parser<'_> {
    /// Advice for what people write where an operator or the end of a statement stands.
    pub(super) fn operator_meant(&self) -> Option<String> {
        let text = self.tokens.text_of(self.next);
        let with_caveat = self.next.checked_sub(2).is_some_and(|at| {
            matches!(self.tokens.token(at).kind, TokenKind::Keyword(Keyword::With) | TokenKind::Slash)
        });
        if text == "and" && with_caveat {
            return Some("`and expiration` needs `use expiration` at the top of the text".to_owned());
        }
        let operator = match text {
            "or" | "|" | "||" => "`+`",
            "and" | "&&" => "`&`",
            "not" | "except" => "`-`",
            _ if self.tokens.token(self.next).place != Place::Beside => return None,
            _ => return Some("a statement ends with a line break or `;`".to_owned()),
        };
        Some(format!("write {operator}: the operators are `+` (or), `&` (and) and `-` (but not)"))
    }

    pub(super) fn not_an_item(&mut self) {
        let text = self.tokens.text_of(self.next);
        let help = match self.kind() {
            TokenKind::Keyword(Keyword::Relation | Keyword::Permission) => {
                Some("relations and permissions stand between the braces of a definition".to_owned())
            }
            TokenKind::Identifier => match Flag::named(text) {
                Some(flag @ (Flag::Import | Flag::Partial | Flag::Access | Flag::Authority)) => {
                    Some(format!("`{text}` needs `use {}` at the top of the text", flag.name()))
                }
                _ if text == "guard" => Some("`guard` needs `use guards` at the top of the text".to_owned()),
                _ => did_you_mean(
                    text,
                    ["definition", "caveat", "use", "partial", "import", "access", "authority", "guard"],
                )
                .map(|word| format!("did you mean `{word}`?")),
            },
            TokenKind::Semicolon => Some("only one may follow a definition".to_owned()),
            _ => None,
        };
        self.report_unexpected("`definition` or `caveat`", help);
    }

    pub(super) fn not_a_statement(&mut self) -> Read<Statement> {
        let text = self.tokens.text_of(self.next);
        let help = match self.kind() {
            TokenKind::Identifier if text == "attribute" => {
                Some("`attribute` needs `use guards` at the top of the text".to_owned())
            }
            TokenKind::Identifier => did_you_mean(text, ["relation", "permission", "attribute"])
                .map(|word| format!("did you mean `{word}`?")),
            TokenKind::Keyword(Keyword::Definition | Keyword::Guard) => {
                Some("definitions do not nest: is a `}` missing above?".to_owned())
            }
            TokenKind::Plus | TokenKind::Minus | TokenKind::Ampersand | TokenKind::Pipe | TokenKind::Arrow => {
                Some("put it at the end of the line above: a line break after a name ends the statement".to_owned())
            }
            TokenKind::Period => Some("a partial is put in with three dots, as `...shared`".to_owned()),
            _ => None,
        };
        self.unexpected("`relation`, `permission` or `}`", help)
    }

    /// Goes on to where an item may start: at the start of a line, past the braces of what is skipped.
    pub(super) fn skip_to_item(&mut self) {
        let mut depth = 0_usize;
        loop {
            let at_line_start = self.tokens.token(self.next).place != Place::Beside;
            match self.kind() {
                TokenKind::End => return,
                TokenKind::Keyword(
                    Keyword::Definition
                    | Keyword::Caveat
                    | Keyword::Partial
                    | Keyword::Import
                    | Keyword::Access
                    | Keyword::Authority
                    | Keyword::Guard,
                ) if at_line_start => {
                    return;
                }
                TokenKind::LeftBrace => depth += 1,
                TokenKind::RightBrace if depth == 1 => {
                    self.next += 1;
                    return;
                }
                TokenKind::RightBrace => depth = depth.saturating_sub(1),
                TokenKind::Identifier
                    if at_line_start
                        && depth == 0
                        && matches!(self.tokens.text_of(self.next), "use" | "import" | "partial") =>
                {
                    return;
                }
                _ => {}
            }
            self.next += 1;
        }
    }

    /// Goes on to where a statement may start or the definition may end. Fails at the next definition.
    pub(super) fn skip_to_statement(&mut self) -> Read<()> {
        loop {
            let at_statement_start = self.tokens.token(self.next).place != Place::Beside
                || self.next.checked_sub(1).is_some_and(|before| {
                    matches!(self.tokens.token(before).kind, TokenKind::Semicolon | TokenKind::LeftBrace)
                });
            match self.kind() {
                TokenKind::End => return Ok(()),
                TokenKind::Keyword(
                    Keyword::Definition
                    | Keyword::Caveat
                    | Keyword::Partial
                    | Keyword::Access
                    | Keyword::Authority
                    | Keyword::Guard,
                ) if at_statement_start => {
                    return Err(Failed);
                }
                TokenKind::Keyword(Keyword::Relation | Keyword::Permission | Keyword::Attribute)
                    if at_statement_start =>
                {
                    return Ok(());
                }
                TokenKind::RightBrace => return Ok(()),
                _ => self.next += 1,
            }
        }
    }

    /// What stands here, as the beginning of a sentence.
    fn found(&self) -> String {
        match self.kind() {
            TokenKind::End => "the text ends".to_owned(),
            TokenKind::LineEnd => "the line ends".to_owned(),
            TokenKind::UnclosedComment => "a comment that is never closed by `*/`".to_owned(),
            _ => format!("`{}`", shortened(self.tokens.text_of(self.next))),
        }
    }

    pub(super) fn unexpected<T>(&mut self, what: &str, help: Option<String>) -> Read<T> {
        self.report_unexpected(what, help);
        Err(Failed)
    }

    fn report_unexpected(&mut self, what: &str, help: Option<String>) {
        let message = format!("{} where {what} was expected", self.found());
        self.problems.report(self.tokens.token(self.next).span, "unexpected_token", message, help);
    }

    pub(super) fn refuse<T>(
        &mut self,
        at: TokenId,
        code: &'static str,
        message: String,
        help: Option<String>,
    ) -> Read<T> {
        self.refuse_span(self.tokens.token(at).span, code, message, help)
    }

    pub(super) fn refuse_span<T>(
        &mut self,
        span: Span,
        code: &'static str,
        message: String,
        help: Option<String>,
    ) -> Read<T> {
        self.problems.report(span, code, message, help);
        Err(Failed)
    }
}
