//! Tokens → syntax tree, by recursive descent. After an error it goes on at the next statement that can be recognised, so
//! that one reading finds several.

use super::{
    Diagnostic, Span,
    diagnostic::Problems,
    syntax::{DefinitionNode, ExpressionNode, File, MemberBody, MemberNode, Operator, Path, TypeForm, TypeNode},
    token::{Keyword, Place, TokenId, TokenKind, Tokens},
};
use crate::{
    limits::{SCHEMA_BYTES_MAX, SCHEMA_NESTING_MAX},
    name::shortened,
    suggest::did_you_mean,
};

/// Reads a text, if nothing is wrong with its syntax.
pub(super) fn parse<'t>(text: &'t str) -> Result<(Tokens<'t>, File), Vec<Diagnostic>> {
    if text.len() > SCHEMA_BYTES_MAX {
        let message = format!("a schema has at most {SCHEMA_BYTES_MAX} bytes, this one has {}", text.len());
        return Err(vec![Diagnostic::at(text, Span { start: 0, end: 0 }, "schema_too_large", message)]);
    }
    let mut parser = Parser { tokens: Tokens::new(text), next: 0, problems: Problems::new(text) };
    let file = parser.file();
    parser.problems.into_result()?;
    Ok((parser.tokens, file))
}

/// A statement could not be read; what is wrong with it is reported already.
struct Failed;

type Read<T> = Result<T, Failed>;

struct Parser<'t> {
    tokens: Tokens<'t>,
    next: TokenId,
    problems: Problems<'t>,
}

impl Parser<'_> {
    fn file(&mut self) -> File {
        let mut definitions = Vec::new();
        while !self.problems.is_full() {
            // One statement end and not more, as in SpiceDB.
            if matches!(self.kind(), TokenKind::LineEnd | TokenKind::Semicolon) {
                self.next += 1;
            }
            match self.kind() {
                TokenKind::End => return File { definitions, end: self.next },
                TokenKind::Keyword(Keyword::Definition) => match self.definition() {
                    Ok(definition) => definitions.push(definition),
                    Err(Failed) => self.skip_to_definition(),
                },
                _ => {
                    self.not_a_definition();
                    self.next += 1;
                    self.skip_to_definition();
                }
            }
        }
        File { definitions, end: self.next }
    }

    fn definition(&mut self) -> Read<DefinitionNode> {
        let keyword = self.advance();
        let name = self.path("the name of the definition")?;
        let open = self.expect(TokenKind::LeftBrace, "`{`")?;
        let mut members = Vec::new();
        loop {
            match self.kind() {
                TokenKind::RightBrace => {
                    return Ok(DefinitionNode { keyword, name, open, members, close: self.advance() });
                }
                TokenKind::LineEnd | TokenKind::Semicolon => self.next += 1,
                TokenKind::End => {
                    let name = shortened(&self.tokens.text_of_path(name));
                    let message = format!("the definition of `{name}` is never closed by `}}`");
                    return self.refuse(keyword, "definition_unclosed", message, None);
                }
                _ => match self.member().and_then(|member| self.statement_end().map(|()| member)) {
                    Ok(member) => members.push(member),
                    Err(Failed) => self.skip_to_statement()?,
                },
            }
        }
    }

    fn member(&mut self) -> Read<MemberNode> {
        let keyword = self.next;
        match self.kind() {
            TokenKind::Keyword(Keyword::Relation) => {
                self.next += 1;
                let name = self.name("the name of the relation")?;
                let sign = self.expect(TokenKind::Colon, "`:`")?;
                let mut types = vec![self.subject_type()?];
                while self.take(TokenKind::Pipe) {
                    types.push(self.subject_type()?);
                }
                Ok(MemberNode { keyword, name, sign, body: MemberBody::Relation(types), last: self.next - 1 })
            }
            TokenKind::Keyword(Keyword::Permission) => {
                self.next += 1;
                let name = self.name("the name of the permission")?;
                if self.kind() == TokenKind::Colon {
                    return self.unsupported(self.next, "type annotations of permissions");
                }
                let sign = self.expect(TokenKind::Equals, "`=`")?;
                let expression = self.exclusion(0)?;
                Ok(MemberNode { keyword, name, sign, body: MemberBody::Permission(expression), last: self.next - 1 })
            }
            TokenKind::Ellipsis => self.unsupported(self.next, "partials"),
            _ => self.not_a_member(),
        }
    }

    fn subject_type(&mut self) -> Read<TypeNode> {
        let path = self.path("a type")?;
        let form = match self.kind() {
            TokenKind::Hash => {
                let hash = self.advance();
                if self.kind() == TokenKind::Ellipsis {
                    TypeForm::Ellipsis { hash, dots: self.advance() }
                } else {
                    TypeForm::Userset { hash, relation: self.name("the name of a relation, or `...`")? }
                }
            }
            TokenKind::Colon => {
                let colon = self.advance();
                TypeForm::Wildcard { colon, star: self.expect(TokenKind::Star, "`*`")? }
            }
            _ => TypeForm::Object,
        };
        if self.kind() == TokenKind::Keyword(Keyword::With) {
            return self.unsupported(self.next, "`with` (caveats and expiration)");
        }
        Ok(TypeNode { path, form })
    }

    /// `a - b & c + d` is `a - (b & (c + d))`: SpiceDB's precedence, which is not arithmetic's.
    fn exclusion(&mut self, nesting: usize) -> Read<ExpressionNode> {
        self.chain(Operator::Exclusion, TokenKind::Minus, |parser| {
            parser.chain(Operator::Intersection, TokenKind::Ampersand, |parser| {
                parser.chain(Operator::Union, TokenKind::Plus, |parser| parser.operand(nesting))
            })
        })
    }

    fn chain(
        &mut self,
        operator: Operator,
        sign: TokenKind,
        operand: impl Fn(&mut Self) -> Read<ExpressionNode>,
    ) -> Read<ExpressionNode> {
        let first = operand(self)?;
        if self.kind() != sign {
            return Ok(first);
        }
        let (mut operands, mut signs) = (vec![first], Vec::new());
        while self.kind() == sign {
            signs.push(self.advance());
            operands.push(operand(self)?);
        }
        Ok(ExpressionNode::Chain { operator, operands, signs })
    }

    fn operand(&mut self, nesting: usize) -> Read<ExpressionNode> {
        match self.kind() {
            TokenKind::LeftParenthesis => {
                if nesting == SCHEMA_NESTING_MAX {
                    let message = format!("parentheses are nested more than {SCHEMA_NESTING_MAX} deep");
                    let help = "name a part of the expression as a permission of its own";
                    return self.refuse(self.next, "nesting_too_deep", message, Some(help.to_owned()));
                }
                let open = self.advance();
                let inner = Box::new(self.exclusion(nesting + 1)?);
                let close = self.expect(TokenKind::RightParenthesis, "`)`")?;
                Ok(ExpressionNode::Group { open, inner, close })
            }
            TokenKind::Keyword(Keyword::Nil) => {
                self.report_unsupported(self.next, "`nil`");
                Ok(ExpressionNode::Name(self.advance()))
            }
            _ => {
                let left = self.name("a relation, a permission or `(`")?;
                match self.kind() {
                    TokenKind::Arrow => self.arrow(left),
                    TokenKind::Period => self.arrow_function(),
                    _ => Ok(ExpressionNode::Name(left)),
                }
            }
        }
    }

    fn arrow(&mut self, left: TokenId) -> Read<ExpressionNode> {
        let arrow = self.advance();
        let right = self.name("the name of a relation or permission after `->`")?;
        if matches!(self.kind(), TokenKind::Arrow | TokenKind::Period) {
            let (left, right) = (self.tokens.text_of(left), self.tokens.text_of(right));
            let help = format!(
                "declare a permission for the rest on the type that `{left}` leads to, as `permission … = {right}->…`, and \
                 let the arrow end at it"
            );
            return self.refuse(self.next, "arrow_chained", "arrows cannot be chained".to_owned(), Some(help));
        }
        Ok(ExpressionNode::Arrow { left, arrow, right })
    }

    /// `parent.any(view)`, `parent.all(view)`
    fn arrow_function(&mut self) -> Read<ExpressionNode> {
        let period = self.advance();
        match self.tokens.text_of(self.next) {
            "any" => self.unsupported(self.next, "`.any(…)`, which is the same as `->`,"),
            "all" => self.unsupported(self.next, "`.all(…)`"),
            _ => {
                let message = format!("{} where `any` or `all` was expected", self.found());
                self.refuse(period, "unexpected_token", message, Some("an arrow is written `->`".to_owned()))
            }
        }
    }

    fn path(&mut self, what: &str) -> Read<Path> {
        let first = self.name(what)?;
        let mut last = first;
        while self.take(TokenKind::Slash) {
            last = self.name("a name after `/`")?;
        }
        Ok(Path { first, last })
    }

    fn name(&mut self, what: &str) -> Read<TokenId> {
        match self.kind() {
            TokenKind::Identifier => Ok(self.advance()),
            TokenKind::Keyword(_) => {
                let help =
                    format!("`{}` is a word of the language and cannot be a name", self.tokens.text_of(self.next));
                self.unexpected(what, Some(help))
            }
            _ => self.unexpected(what, None),
        }
    }

    fn expect(&mut self, wanted: TokenKind, what: &str) -> Read<TokenId> {
        if self.kind() == wanted {
            return Ok(self.advance());
        }
        let help = match (wanted, self.tokens.text_of(self.next)) {
            (TokenKind::RightParenthesis, _) if self.kind() == TokenKind::LineEnd => {
                Some("an expression goes on in the next line only after an operator".to_owned())
            }
            _ => None,
        };
        self.unexpected(what, help)
    }

    /// What must follow a statement.
    fn statement_end(&mut self) -> Read<()> {
        match self.kind() {
            TokenKind::LineEnd | TokenKind::Semicolon => {
                self.next += 1;
                Ok(())
            }
            // That the definition is unclosed is reported where it is found out.
            TokenKind::End => Ok(()),
            TokenKind::RightBrace => {
                let help = "put `}` on a line of its own, or `;` before it".to_owned();
                let message = "the statement before this `}` is not ended".to_owned();
                self.refuse(self.next, "statement_not_ended", message, Some(help))
            }
            _ => {
                let help = self.operator_meant();
                self.unexpected("the end of the statement", help)
            }
        }
    }

    /// Advice for what people write where an operator or the end of a statement stands.
    fn operator_meant(&self) -> Option<String> {
        let operator = match self.tokens.text_of(self.next) {
            "or" | "|" => "`+`",
            "and" => "`&`",
            "not" | "except" => "`-`",
            _ if self.tokens.token(self.next).place != Place::Beside => return None,
            _ => return Some("a statement ends with a line break or `;`".to_owned()),
        };
        Some(format!("write {operator}: the operators are `+` (or), `&` (and) and `-` (but not)"))
    }

    fn not_a_definition(&mut self) {
        let text = self.tokens.text_of(self.next);
        match (self.kind(), text) {
            (TokenKind::Keyword(Keyword::Caveat), _) => self.report_unsupported(self.next, "`caveat`"),
            (TokenKind::Identifier, "use") => {
                let flag = self.tokens.text_of(self.next + 1);
                self.report_unsupported(self.next, &format!("`use {}`", shortened(flag)));
            }
            (TokenKind::Identifier, "import" | "partial") => {
                self.report_unsupported(self.next, &format!("`{text}`"));
            }
            (TokenKind::Keyword(Keyword::Relation | Keyword::Permission), _) => {
                let help = "relations and permissions stand between the braces of a definition".to_owned();
                self.report_unexpected("`definition`", Some(help));
            }
            (TokenKind::Identifier, _) => {
                let help = did_you_mean(text, ["definition"]).map(|word| format!("did you mean `{word}`?"));
                self.report_unexpected("`definition`", help);
            }
            _ => self.report_unexpected("`definition`", None),
        }
    }

    fn not_a_member(&mut self) -> Read<MemberNode> {
        let text = self.tokens.text_of(self.next);
        let help = match self.kind() {
            TokenKind::Identifier => {
                did_you_mean(text, ["relation", "permission"]).map(|word| format!("did you mean `{word}`?"))
            }
            TokenKind::Keyword(Keyword::Definition) => {
                Some("definitions do not nest: is a `}` missing above?".to_owned())
            }
            TokenKind::Plus | TokenKind::Minus | TokenKind::Ampersand | TokenKind::Pipe | TokenKind::Arrow => {
                Some("put it at the end of the line above: a line break after a name ends the statement".to_owned())
            }
            _ => None,
        };
        self.unexpected("`relation`, `permission` or `}`", help)
    }

    /// Goes on to where a definition may start: at the start of a line, past the braces of what is skipped.
    fn skip_to_definition(&mut self) {
        let mut depth = 0_usize;
        loop {
            let at_line_start = self.tokens.token(self.next).place != Place::Beside;
            match self.kind() {
                TokenKind::End => return,
                TokenKind::Keyword(Keyword::Definition | Keyword::Caveat) if at_line_start => return,
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
    fn skip_to_statement(&mut self) -> Read<()> {
        loop {
            let at_statement_start = self.tokens.token(self.next).place != Place::Beside
                || self.next.checked_sub(1).is_some_and(|before| {
                    matches!(self.tokens.token(before).kind, TokenKind::Semicolon | TokenKind::LeftBrace)
                });
            match self.kind() {
                TokenKind::End => return Ok(()),
                TokenKind::Keyword(Keyword::Definition | Keyword::Caveat) if at_statement_start => return Err(Failed),
                TokenKind::Keyword(Keyword::Relation | Keyword::Permission) if at_statement_start => return Ok(()),
                TokenKind::RightBrace => return Ok(()),
                _ => self.next += 1,
            }
        }
    }

    fn kind(&self) -> TokenKind {
        self.tokens.token(self.next).kind
    }

    fn advance(&mut self) -> TokenId {
        self.next += 1;
        self.next - 1
    }

    fn take(&mut self, wanted: TokenKind) -> bool {
        let found = self.kind() == wanted;
        self.next += usize::from(found);
        found
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

    fn unexpected<T>(&mut self, what: &str, help: Option<String>) -> Read<T> {
        self.report_unexpected(what, help);
        Err(Failed)
    }

    fn report_unexpected(&mut self, what: &str, help: Option<String>) {
        let message = format!("{} where {what} was expected", self.found());
        self.problems.report(self.tokens.token(self.next).span, "unexpected_token", message, help);
    }

    fn unsupported<T>(&mut self, at: TokenId, what: &str) -> Read<T> {
        self.report_unsupported(at, what);
        Err(Failed)
    }

    fn report_unsupported(&mut self, at: TokenId, what: &str) {
        let verb = if what.ends_with('s') { "are" } else { "is" };
        let message = format!("{what} {verb} not supported yet by this version");
        self.problems.report(self.tokens.token(at).span, "unsupported", message, None);
    }

    fn refuse<T>(&mut self, at: TokenId, code: &'static str, message: String, help: Option<String>) -> Read<T> {
        self.problems.report(self.tokens.token(at).span, code, message, help);
        Err(Failed)
    }
}
