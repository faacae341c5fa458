//! What SpiceDB's parser says.

use super::Source;
use crate::schema::{
    Diagnostic,
    token::{Flag, TokenId, TokenKind},
};

impl Source<'_> {
    /// Where and what SpiceDB's parser says of this.
    pub(super) fn of_syntax(&self, problem: &Diagnostic) -> Option<(usize, String)> {
        let at = problem.span.start;
        let id = self.tokens.at(at);
        let found = self.kind_name(id);
        Some(match problem.code {
            "unexpected_token" => self.unexpected(problem, id),
            "statement_not_ended" => (at, format!("Expected end of statement or definition, found: {found}")),
            // At the end of the text, it has lost where it is.
            "definition_unclosed" => (0, "Expected end of statement or definition, found: TokenTypeError".to_owned()),
            "flag_unknown" => {
                let known = Flag::ALL.into_iter().filter(|flag| flag.is_of_spicedb()).map(Flag::name);
                let known = known.collect::<Vec<_>>().join(", ");
                let flag = self.tokens.text_of(id);
                (self.start(id + 1), format!("Unknown use flag: `{flag}`. Options are: {known}"))
            }
            "flag_late" => (self.start(id + 2), "`use` expressions must be declared before any definition".to_owned()),
            "expiration_before_caveat" => {
                let message = "Unexpected keyword after expiration: the caveat must come before expiration, e.g. `with \
                               <caveat_name> and expiration`";
                (at, message.to_owned())
            }
            "arrow_chained" => (at, "Nested arrows not yet supported".to_owned()),
            _ => return None,
        })
    }

    fn unexpected(&self, problem: &Diagnostic, id: TokenId) -> (usize, String) {
        let found = self.kind_name(id);
        let wanted = problem.message.rsplit_once(" where ").and_then(|(_, rest)| rest.strip_suffix(" was expected"));
        let one_of = |kinds: &str| format!("Expected one of: [{kinds}], found: {found}");
        let message = match wanted.unwrap_or("the expression of a caveat") {
            "`definition` or `caveat`" | "the expression of the caveat" | "a parameter, as in `day string`" => {
                format!("Unexpected token at root level: {found}")
            }
            "the end of the statement" | "`relation`, `permission` or `}`" | "`expiration`" => {
                format!("Expected end of statement or definition, found: {found}")
            }
            "`:`" => one_of("TokenTypeColon"),
            "`=`" => one_of("TokenTypeEquals"),
            "`{`" => one_of("TokenTypeLeftBrace"),
            "`(`" => one_of("TokenTypeLeftParen"),
            "`)`" | "`,` or `)`" => one_of("TokenTypeRightParen"),
            "`*`" => one_of("TokenTypeStar"),
            "`>`" => one_of("TokenTypeGreaterThan"),
            "the expression of a caveat" | "the rest of the expression, or `}`" => one_of("TokenTypeRightBrace"),
            "the name of a relation, or `...`" => one_of("TokenTypeIdentifier TokenTypeEllipsis"),
            "the path of a file in quotes" => format!("Expected quote-delimited string, found token {found}"),
            "what is to be used" => format!("Expected keyword, found token {found}"),
            "a relation, a permission or `(`" => self.no_operand(id),
            "the name of a relation or permission after `->`" | "the name of a relation or permission" => {
                format!("Expected right hand expression, found: {found}")
            }
            "`any` or `all`" if self.tokens.token(id).kind == TokenKind::Identifier => {
                let name = self.tokens.text_of(id);
                let message = format!("Expected 'any' or 'all' for arrow function, found: {name}");
                return (self.start(id + 1), message);
            }
            _ => format!("Expected identifier, found token {found}"),
        };
        (self.start(id), message)
    }

    /// Where an operand is missing, what stands before it decides.
    fn no_operand(&self, id: TokenId) -> String {
        let found = self.kind_name(id);
        match id.checked_sub(1).map(|before| self.tokens.token(before).kind) {
            Some(TokenKind::Plus | TokenKind::Minus | TokenKind::Ampersand) => {
                format!("Expected right hand expression, found: {found}")
            }
            Some(TokenKind::LeftParenthesis) if self.tokens.token(id).kind != TokenKind::RightParenthesis => {
                format!("Expected one of: [TokenTypeRightParen], found: {found}")
            }
            _ => "Expected compute expression for permission".to_owned(),
        }
    }

    fn start(&self, id: TokenId) -> usize {
        self.tokens.token(id).span.start
    }

    /// What SpiceDB calls a token.
    fn kind_name(&self, id: TokenId) -> &'static str {
        match self.tokens.token(id).kind {
            TokenKind::Identifier => "TokenTypeIdentifier",
            TokenKind::Keyword(_) => "TokenTypeKeyword",
            TokenKind::LeftBrace => "TokenTypeLeftBrace",
            TokenKind::RightBrace => "TokenTypeRightBrace",
            TokenKind::LeftParenthesis => "TokenTypeLeftParen",
            TokenKind::RightParenthesis => "TokenTypeRightParen",
            TokenKind::Pipe => "TokenTypePipe",
            TokenKind::Plus => "TokenTypePlus",
            TokenKind::Ampersand => "TokenTypeAnd",
            TokenKind::Minus => "TokenTypeMinus",
            TokenKind::Arrow => "TokenTypeRightArrow",
            TokenKind::Slash => "TokenTypeDiv",
            TokenKind::Equals => "TokenTypeEquals",
            TokenKind::Colon => "TokenTypeColon",
            TokenKind::Hash => "TokenTypeHash",
            TokenKind::Star => "TokenTypeStar",
            TokenKind::Period => "TokenTypePeriod",
            TokenKind::Ellipsis => "TokenTypeEllipsis",
            TokenKind::Semicolon => "TokenTypeSemicolon",
            TokenKind::Comma => "TokenTypeComma",
            TokenKind::Less => "TokenTypeLessThan",
            TokenKind::Greater => "TokenTypeGreaterThan",
            TokenKind::LineEnd => "TokenTypeSyntheticSemicolon",
            TokenKind::String => "TokenTypeString",
            TokenKind::Foreign => foreign_name(self.tokens.text_of(id)),
            TokenKind::Unknown | TokenKind::UnclosedComment => "TokenTypeError",
            TokenKind::End => "TokenTypeEOF",
        }
    }
}

fn foreign_name(text: &str) -> &'static str {
    match text {
        "||" => "TokenTypeConditionalOr",
        "&&" => "TokenTypeConditionalAnd",
        "==" => "TokenTypeEqualEqual",
        "!=" => "TokenTypeNotEqual",
        "<=" => "TokenTypeLessThanOrEqual",
        ">=" => "TokenTypeGreaterThanOrEqual",
        "[" => "TokenTypeLeftBracket",
        "]" => "TokenTypeRightBracket",
        "?" => "TokenTypeQuestionMark",
        "!" => "TokenTypeExclamationPoint",
        _ => "TokenTypePercent",
    }
}
