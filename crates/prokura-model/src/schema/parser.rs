//! Tokens → syntax tree, by recursive descent. After an error it goes on at the next statement that can be recognised, so
//! that one reading finds several.

mod access;
mod authority;
mod caveat;
mod expression;
mod guard;
mod recovery;

use super::{
    Diagnostic, Span,
    diagnostic::Problems,
    syntax::{
        AnnotationNode, DefinitionNode, File, Item, MemberBody, MemberNode, Path, Statement, TermsNode, TypeForm,
        TypeNode,
    },
    token::{Flag, Keyword, TokenId, TokenKind, Tokens},
};
use crate::{limits::SCHEMA_BYTES_MAX, name::shortened};

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
        let mut items = Vec::new();
        // What must not come before `use` has come.
        let mut defined = false;
        while !self.problems.is_full() {
            // One statement end and not more, as in SpiceDB.
            if matches!(self.kind(), TokenKind::LineEnd | TokenKind::Semicolon) {
                self.next += 1;
            }
            let start = self.next;
            let item = match self.kind() {
                TokenKind::End => break,
                TokenKind::Keyword(Keyword::Definition) => self.definition("definition").map(Item::Definition),
                TokenKind::Keyword(Keyword::Partial) => self.definition("partial").map(Item::Partial),
                TokenKind::Keyword(Keyword::Caveat) => self.caveat().map(Item::Caveat),
                TokenKind::Keyword(Keyword::Import) => self.import(),
                TokenKind::Keyword(Keyword::Access) => self.access().map(Item::Access),
                TokenKind::Keyword(Keyword::Authority) => self.authority().map(Item::Authority),
                TokenKind::Keyword(Keyword::Guard) => self.guard().map(Item::Guard),
                TokenKind::Identifier if self.tokens.text_of(self.next) == "use" => self.flag(defined),
                _ => {
                    self.not_an_item();
                    self.next += 1;
                    Err(Failed)
                }
            };
            defined |= matches!(
                self.tokens.token(start).kind,
                TokenKind::Keyword(
                    Keyword::Definition | Keyword::Caveat | Keyword::Access | Keyword::Authority | Keyword::Guard
                )
            );
            match item {
                Ok(item) => items.push(item),
                Err(Failed) => self.skip_to_item(),
            }
        }
        File { items, end: self.next }
    }

    /// `use expiration`
    fn flag(&mut self, defined: bool) -> Read<Item> {
        let keyword = self.advance();
        let flag = self.next;
        let known = match self.kind() {
            TokenKind::Identifier | TokenKind::Keyword(_) => Flag::named(self.tokens.text_of(flag)),
            _ => return self.unexpected("what is to be used", Some(flags_listed())),
        };
        self.next += 1;
        if known.is_none() {
            let message = format!("there is no `use {}`", shortened(self.tokens.text_of(flag)));
            return self.refuse(flag, "flag_unknown", message, Some(flags_listed()));
        }
        if defined {
            let message = "`use` stands before every definition and caveat".to_owned();
            return self.refuse(keyword, "flag_late", message, Some("move it to the top of the text".to_owned()));
        }
        Ok(Item::Use { keyword, flag })
    }

    /// `import "users.zed"`
    fn import(&mut self) -> Read<Item> {
        let keyword = self.advance();
        let path = self.expect(TokenKind::String, "the path of a file in quotes")?;
        Ok(Item::Import { keyword, path })
    }

    /// A definition or a partial, which is written the same way.
    fn definition(&mut self, what: &str) -> Read<DefinitionNode> {
        let keyword = self.advance();
        let name = self.path(&format!("the name of the {what}"))?;
        let open = self.expect(TokenKind::LeftBrace, "`{`")?;
        let mut statements = Vec::new();
        loop {
            match self.kind() {
                TokenKind::RightBrace => {
                    return Ok(DefinitionNode { keyword, name, open, statements, close: self.advance() });
                }
                TokenKind::LineEnd | TokenKind::Semicolon => self.next += 1,
                TokenKind::End => {
                    let name = shortened(&self.tokens.text_of_path(name));
                    let message = format!("the {what} `{name}` is never closed by `}}`");
                    return self.refuse(keyword, "definition_unclosed", message, None);
                }
                _ => match self.statement().and_then(|statement| self.statement_end().map(|()| statement)) {
                    Ok(statement) => statements.push(statement),
                    Err(Failed) => self.skip_to_statement()?,
                },
            }
        }
    }

    fn statement(&mut self) -> Read<Statement> {
        match self.kind() {
            TokenKind::Keyword(Keyword::Relation) => self.relation().map(Statement::Member),
            TokenKind::Keyword(Keyword::Permission) => self.permission().map(Statement::Member),
            TokenKind::Keyword(Keyword::Attribute) => self.attribute().map(Statement::Member),
            TokenKind::Ellipsis => {
                let dots = self.advance();
                Ok(Statement::Reference { dots, name: self.name("the name of a partial")? })
            }
            _ => self.not_a_statement(),
        }
    }

    fn relation(&mut self) -> Read<MemberNode> {
        let keyword = self.advance();
        let name = self.name("the name of the relation")?;
        let sign = self.expect(TokenKind::Colon, "`:`")?;
        let mut types = vec![self.subject_type()?];
        while self.take(TokenKind::Pipe) {
            types.push(self.subject_type()?);
        }
        Ok(MemberNode { keyword, name, annotation: None, sign, body: MemberBody::Relation(types), last: self.next - 1 })
    }

    fn permission(&mut self) -> Read<MemberNode> {
        let keyword = self.advance();
        let name = self.name("the name of the permission")?;
        let annotation = if self.kind() == TokenKind::Colon {
            let colon = self.advance();
            let mut types = vec![self.name("a type")?];
            while self.take(TokenKind::Pipe) {
                types.push(self.name("a type")?);
            }
            Some(AnnotationNode { colon, types })
        } else {
            None
        };
        let sign = self.expect(TokenKind::Equals, "`=`")?;
        let expression = self.exclusion(0)?;
        Ok(MemberNode {
            keyword,
            name,
            annotation,
            sign,
            body: MemberBody::Permission(expression),
            last: self.next - 1,
        })
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
        let terms = if self.kind() == TokenKind::Keyword(Keyword::With) { Some(self.terms()?) } else { None };
        Ok(TypeNode { path, form, terms })
    }

    /// `with only_on_mondays`, `with expiration`, `with only_on_mondays and expiration`
    fn terms(&mut self) -> Read<TermsNode> {
        let with = self.advance();
        if self.kind() == TokenKind::Keyword(Keyword::Expiration) {
            let expiration = Some(self.advance());
            if self.kind() == TokenKind::Keyword(Keyword::And) {
                let message = "the caveat comes before the expiration".to_owned();
                let help = "write `with … and expiration`".to_owned();
                return self.refuse(self.next, "expiration_before_caveat", message, Some(help));
            }
            return Ok(TermsNode { with, caveat: None, and: None, expiration });
        }
        let caveat = Some(self.path("the name of a caveat, or `expiration` after `use expiration`")?);
        if self.kind() != TokenKind::Keyword(Keyword::And) {
            return Ok(TermsNode { with, caveat, and: None, expiration: None });
        }
        let and = Some(self.advance());
        let expiration = Some(self.expect(TokenKind::Keyword(Keyword::Expiration), "`expiration`")?);
        Ok(TermsNode { with, caveat, and, expiration })
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
        let help = match (wanted, self.kind()) {
            (TokenKind::RightParenthesis, TokenKind::LineEnd) => {
                Some("a line break goes only after an operator, `,` or `(`".to_owned())
            }
            (TokenKind::String, TokenKind::Unknown) => {
                Some("a quote that opens is closed by the same one, on the same line".to_owned())
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
            // A line that ends with `list<string>` ends the statement, as one that ends with a name does.
            _ if self.tokens.text_of(self.next - 1) == ">" && self.tokens.starts_line(self.next) => Ok(()),
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
}

fn flags_listed() -> String {
    let names: Vec<String> = Flag::ALL.into_iter().map(|flag| format!("`use {}`", flag.name())).collect();
    format!("there are {}", names.join(", "))
}
