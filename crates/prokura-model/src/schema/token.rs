//! Text → tokens. SpiceDB's rules, the odd ones included: a line break ends a statement after a name, a keyword, `}`, `)`
//! or `*`, and is nothing elsewhere; and some words are words of the language only after `use` of them.

use super::{
    Span,
    syntax::{CaveatNode, Path},
};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name.
    Identifier,
    /// A word that is never a name.
    Keyword(Keyword),
    /// `{`
    LeftBrace,
    /// `}`
    RightBrace,
    /// `(`
    LeftParenthesis,
    /// `)`
    RightParenthesis,
    /// `|`
    Pipe,
    /// `+`
    Plus,
    /// `&`
    Ampersand,
    /// `-`
    Minus,
    /// `->`
    Arrow,
    /// `/`
    Slash,
    /// `=`
    Equals,
    /// `:`
    Colon,
    /// `#`
    Hash,
    /// `*`
    Star,
    /// `.`
    Period,
    /// `...`
    Ellipsis,
    /// `;`
    Semicolon,
    /// `,`
    Comma,
    /// `<`
    Less,
    /// `>`
    Greater,
    /// A line break that ends a statement.
    LineEnd,
    /// A string literal: a path, or part of a caveat's expression, where it keeps the braces inside from being counted.
    String,
    /// An operator or a bracket that only the expressions of caveats have.
    Foreign,
    /// A character that stands for nothing.
    Unknown,
    /// `/*` without its `*/`, up to the end of the text.
    UnclosedComment,
    /// The end of the text.
    End,
}

/// A word that is never a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    /// `definition`
    Definition,
    /// `relation`
    Relation,
    /// `permission`
    Permission,
    /// `caveat`
    Caveat,
    /// `nil`
    Nil,
    /// `with`
    With,
    /// `self`, after `use self`
    Itself,
    /// `expiration`, after `use expiration`
    Expiration,
    /// `and`, after `use expiration`
    And,
    /// `partial`, after `use partial`
    Partial,
    /// `import`, after `use import`
    Import,
    /// `typechecking`, after `use typechecking`
    Typechecking,
    /// `access`, after `use access`
    Access,
    /// `authority`, after `use authority`
    Authority,
    /// `guard`, after `use guards`
    Guard,
    /// `attribute`, after `use guards`
    Attribute,
}

/// A part of the language that a text has to ask for: `use expiration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Flag {
    Expiration,
    /// Of this language, and not of SpiceDB's.
    Guards,
    Import,
    Partial,
    Itself,
    Typechecking,
    Access,
    /// Who may create, see and revoke links of others.
    Authority,
}

impl Flag {
    /// All of them, in the order of their names.
    pub(super) const ALL: [Self; 8] = [
        Self::Access,
        Self::Authority,
        Self::Expiration,
        Self::Guards,
        Self::Import,
        Self::Partial,
        Self::Itself,
        Self::Typechecking,
    ];

    /// As it is written after `use`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Expiration => "expiration",
            Self::Guards => "guards",
            Self::Import => "import",
            Self::Partial => "partial",
            Self::Itself => "self",
            Self::Typechecking => "typechecking",
            Self::Access => "access",
            Self::Authority => "authority",
        }
    }

    /// Whether it is a part of SpiceDB's language too.
    pub(super) fn is_of_spicedb(self) -> bool {
        !matches!(self, Self::Access | Self::Authority | Self::Guards)
    }

    /// The flag of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.name() == name)
    }
}

/// A token and what stands before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
    pub(super) place: Place,
    /// Where its comments start among all comments; they end where the next token's start.
    first_comment: usize,
}

/// A comment, marks included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comment {
    pub(super) span: Span,
    pub(super) place: Place,
}

/// How a token or comment stands to the token or comment before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// On the same line.
    Beside,
    /// On the next line.
    Below,
    /// After at least one empty line.
    Apart,
}

/// The number of a token.
pub(super) type TokenId = usize;

/// A text as tokens; the last one is [`TokenKind::End`].
#[derive(Debug)]
pub(super) struct Tokens<'t> {
    pub(super) text: &'t str,
    tokens: Vec<Token>,
    comments: Vec<Comment>,
}

impl<'t> Tokens<'t> {
    /// The tokens of a text.
    pub(super) fn new(text: &'t str) -> Self {
        let lexer = Lexer {
            text,
            rest: text,
            line_breaks: 0,
            commented: 0,
            flags: Vec::new(),
            flags_open: true,
            after_use: false,
            tokens: Self { text, tokens: Vec::new(), comments: Vec::new() },
        };
        lexer.run()
    }

    /// A token; beyond the last one, the last one.
    pub(super) fn token(&self, id: TokenId) -> Token {
        let nothing = Token {
            kind: TokenKind::End,
            span: Span { start: self.text.len(), end: self.text.len() },
            place: Place::Beside,
            first_comment: self.comments.len(),
        };
        self.tokens.get(id).or_else(|| self.tokens.last()).copied().unwrap_or(nothing)
    }

    /// The token that starts here, or the next one.
    pub(super) fn at(&self, offset: usize) -> TokenId {
        self.tokens.partition_point(|token| token.span.start < offset)
    }

    /// What a token says.
    pub(super) fn text_of(&self, id: TokenId) -> &'t str {
        self.slice(self.token(id).span)
    }

    /// What a string says, without its quotes.
    pub(super) fn string_value(&self, id: TokenId) -> &'t str {
        let text = self.text_of(id);
        ["\"\"\"", "'''", "\"", "'"]
            .into_iter()
            .find_map(|mark| text.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark)))
            .unwrap_or_default()
    }

    /// The expression of a caveat, as it was written.
    pub(super) fn expression_of(&self, node: &CaveatNode) -> &'t str {
        self.slice(self.span_through(node.expression))
    }

    /// From the start of one token to the end of another.
    pub(super) fn span_through(&self, (first, last): (TokenId, TokenId)) -> Span {
        Span { start: self.token(first).span.start, end: self.token(last).span.end }
    }

    /// Whether a token is the first on its line.
    pub(super) fn starts_line(&self, id: TokenId) -> bool {
        let Some(before) = id.checked_sub(1).map(|before| self.token(before)) else {
            return true;
        };
        let between = Span { start: before.span.end, end: self.token(id).span.start };
        before.kind == TokenKind::LineEnd || self.slice(between).contains(['\n', '\r'])
    }

    /// Where a path stands.
    pub(super) fn span_of_path(&self, path: Path) -> Span {
        Span { start: self.token(path.first).span.start, end: self.token(path.last).span.end }
    }

    /// What a path says, in the canonical form without spaces.
    pub(super) fn text_of_path(&self, path: Path) -> String {
        (path.first..=path.last).map(|id| self.text_of(id)).collect()
    }

    /// A part of the text.
    pub(super) fn slice(&self, span: Span) -> &'t str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// Whether this byte is inside a string or a comment, and not its first one.
    pub(super) fn in_string(&self, offset: usize) -> bool {
        let holds = |span: Span| span.start < offset && offset < span.end;
        let token = self.tokens.partition_point(|token| token.span.start < offset).checked_sub(1);
        let token = token.and_then(|id| self.tokens.get(id));
        let comment = self.comments.partition_point(|comment| comment.span.start < offset).checked_sub(1);
        let comment = comment.and_then(|id| self.comments.get(id));
        token.is_some_and(|token| token.kind == TokenKind::String && holds(token.span))
            || comment.is_some_and(|comment| holds(comment.span))
    }

    /// The comments between the end of one token and the start of another.
    pub(super) fn comments_between(&self, after: Option<TokenId>, before: TokenId) -> &[Comment] {
        let start = after.map_or(0, |after| self.token(after + 1).first_comment);
        let end = self.tokens.get(before + 1).map_or(self.comments.len(), |next| next.first_comment);
        self.comments.get(start..end).unwrap_or_default()
    }

    /// The comments between two statements: first those that belong to the line of the earlier one, then those above the
    /// later one.
    pub(super) fn comments_split(&self, after: Option<TokenId>, before: TokenId) -> (&[Comment], &[Comment]) {
        let comments = self.comments_between(after, before);
        if after.is_none() {
            return (&[], comments);
        }
        let trailing = comments.iter().take_while(|comment| comment.place == Place::Beside).count();
        let next = self.token(before);
        if trailing == comments.len() && next.place == Place::Beside && next.kind != TokenKind::End {
            return (&[], comments);
        }
        comments.split_at_checked(trailing).unwrap_or((&[], comments))
    }
}

struct Lexer<'t> {
    text: &'t str,
    rest: &'t str,
    /// Line breaks since the last token or comment.
    line_breaks: usize,
    /// Comments that belong to tokens already made.
    commented: usize,
    /// What was asked for so far.
    flags: Vec<Flag>,
    /// Whether more may be asked for: no definition has begun.
    flags_open: bool,
    /// Whether the last name was `use`.
    after_use: bool,
    tokens: Tokens<'t>,
}

impl<'t> Lexer<'t> {
    fn run(mut self) -> Tokens<'t> {
        while let Some(character) = self.rest.chars().next() {
            match character {
                ' ' | '\t' => self.rest = self.rest.trim_start_matches([' ', '\t']),
                '\n' | '\r' => self.line_break(),
                '/' if self.rest.starts_with("//") => {
                    let length = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
                    self.comment(length);
                }
                '/' if self.rest.starts_with("/*") => match self.rest.get(2..).and_then(|rest| rest.find("*/")) {
                    Some(length) => self.comment(length + 4),
                    None => self.token(TokenKind::UnclosedComment, self.rest.len()),
                },
                '"' | '\'' => self.string(character),
                '_' => self.word(),
                character if character.is_alphanumeric() => self.word(),
                _ => self.punctuation(character),
            }
        }
        self.token(TokenKind::End, 0);
        self.tokens
    }

    fn line_break(&mut self) {
        let length = if self.rest.starts_with("\r\n") { 2 } else { 1 };
        self.line_breaks += 1;
        let ends_statement = self.tokens.tokens.last().is_some_and(|last| {
            matches!(
                last.kind,
                TokenKind::Identifier
                    | TokenKind::Keyword(_)
                    | TokenKind::RightBrace
                    | TokenKind::RightParenthesis
                    | TokenKind::Star
            )
        });
        if ends_statement {
            let (span, place) = (self.advance(length), self.place());
            self.push(TokenKind::LineEnd, span, place);
        } else {
            self.advance(length);
        }
    }

    fn word(&mut self) {
        let length = self
            .rest
            .find(|character: char| character != '_' && !character.is_alphanumeric())
            .unwrap_or(self.rest.len());
        let word = self.rest.get(..length).unwrap_or_default();
        let keyword = match word {
            "definition" => Some(Keyword::Definition),
            "relation" => Some(Keyword::Relation),
            "permission" => Some(Keyword::Permission),
            "caveat" => Some(Keyword::Caveat),
            "nil" => Some(Keyword::Nil),
            "with" => Some(Keyword::With),
            _ => None,
        };
        if matches!(keyword, Some(Keyword::Definition | Keyword::Caveat)) {
            self.flags_open = false;
        }
        if keyword.is_none() && self.flags_open {
            if self.after_use {
                self.flags.extend(Flag::named(word));
                self.after_use = false;
            } else {
                self.after_use = word == "use";
            }
        }
        let keyword = keyword.or_else(|| self.keyword_of_flag(word));
        self.token(keyword.map_or(TokenKind::Identifier, TokenKind::Keyword), length);
    }

    /// The keyword that a word is because it was asked for.
    fn keyword_of_flag(&self, word: &str) -> Option<Keyword> {
        let (keyword, flag) = match word {
            "self" => (Keyword::Itself, Flag::Itself),
            "expiration" => (Keyword::Expiration, Flag::Expiration),
            "and" => (Keyword::And, Flag::Expiration),
            "partial" => (Keyword::Partial, Flag::Partial),
            "import" => (Keyword::Import, Flag::Import),
            "typechecking" => (Keyword::Typechecking, Flag::Typechecking),
            "access" => (Keyword::Access, Flag::Access),
            "authority" => (Keyword::Authority, Flag::Authority),
            "guard" => (Keyword::Guard, Flag::Guards),
            "attribute" => (Keyword::Attribute, Flag::Guards),
            _ => return None,
        };
        self.flags.contains(&flag).then_some(keyword)
    }

    /// Up to the closing quote: of a single one on the same line, of three in a row anywhere. What is never closed is one
    /// unknown token, so that no part of the text is searched twice.
    fn string(&mut self, quote: char) {
        let triple = if quote == '"' { "\"\"\"" } else { "'''" };
        let (mark, ends_at_line) =
            if self.rest.starts_with(triple) { (triple, false) } else { (triple.get(..1).unwrap_or_default(), true) };
        let raw = self.after_raw_prefix();
        let mut rest = self.rest.strip_prefix(mark).unwrap_or_default();
        loop {
            if let Some(after) = rest.strip_prefix(mark) {
                return self.token(TokenKind::String, self.rest.len() - after.len());
            }
            let mut characters = rest.chars();
            match characters.next() {
                None => break,
                Some('\n' | '\r') if ends_at_line => break,
                // Whatever follows, it closes nothing.
                Some('\\') if !raw && !characters.as_str().starts_with(['\n', '\r']) => {
                    characters.next();
                }
                Some(_) => {}
            }
            rest = characters.as_str();
        }
        self.token(TokenKind::Unknown, self.rest.len() - rest.len());
    }

    /// Whether the string that starts here is raw, as in `r"\"`: the word that touches it says so.
    fn after_raw_prefix(&self) -> bool {
        let at = self.text.len() - self.rest.len();
        let prefix = self.tokens.tokens.last().filter(|last| last.kind == TokenKind::Identifier && last.span.end == at);
        prefix.is_some_and(|last| {
            matches!(self.tokens.slice(last.span), "r" | "R" | "br" | "bR" | "Br" | "BR" | "rb" | "rB" | "Rb" | "RB")
        })
    }

    fn punctuation(&mut self, character: char) {
        if ["||", "&&", "==", "!=", "<=", ">="].into_iter().any(|operator| self.rest.starts_with(operator)) {
            return self.token(TokenKind::Foreign, 2);
        }
        let kind = match character {
            '{' => TokenKind::LeftBrace,
            '}' => TokenKind::RightBrace,
            '(' => TokenKind::LeftParenthesis,
            ')' => TokenKind::RightParenthesis,
            '|' => TokenKind::Pipe,
            '+' => TokenKind::Plus,
            '&' => TokenKind::Ampersand,
            '-' if self.rest.starts_with("->") => return self.token(TokenKind::Arrow, 2),
            '-' => TokenKind::Minus,
            '/' => TokenKind::Slash,
            '=' => TokenKind::Equals,
            ':' => TokenKind::Colon,
            '#' => TokenKind::Hash,
            '*' => TokenKind::Star,
            '.' if self.rest.starts_with("...") => return self.token(TokenKind::Ellipsis, 3),
            '.' => TokenKind::Period,
            ';' => TokenKind::Semicolon,
            ',' => TokenKind::Comma,
            '<' => TokenKind::Less,
            '>' => TokenKind::Greater,
            '[' | ']' | '?' | '!' | '%' => TokenKind::Foreign,
            _ => TokenKind::Unknown,
        };
        self.token(kind, character.len_utf8());
    }

    fn token(&mut self, kind: TokenKind, length: usize) {
        let (span, place) = (self.advance(length), self.place());
        self.line_breaks = 0;
        self.push(kind, span, place);
    }

    fn comment(&mut self, length: usize) {
        let (span, place) = (self.advance(length), self.place());
        self.line_breaks = 0;
        self.tokens.comments.push(Comment { span, place });
    }

    fn push(&mut self, kind: TokenKind, span: Span, place: Place) {
        let comments_before = self.commented;
        self.commented = self.tokens.comments.len();
        self.tokens.tokens.push(Token { kind, span, place, first_comment: comments_before });
    }

    fn place(&self) -> Place {
        match self.line_breaks {
            0 => Place::Beside,
            1 => Place::Below,
            _ => Place::Apart,
        }
    }

    fn advance(&mut self, length: usize) -> Span {
        let start = self.text.len() - self.rest.len();
        self.rest = self.rest.get(length..).unwrap_or_default();
        Span { start, end: self.text.len() - self.rest.len() }
    }
}
