//! Text → tokens. SpiceDB's rules, the odd ones included: a line break ends a statement after a name, a keyword, `}`, `)`
//! or `*`, and is nothing elsewhere.

use super::{Span, syntax::Path};

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
    /// A line break that ends a statement.
    LineEnd,
    /// A string literal, which only later features use. Knowing it keeps the braces inside from being counted.
    String,
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
    /// `caveat`, of a later feature
    Caveat,
    /// `nil`, of a later feature
    Nil,
    /// `with`, of a later feature
    With,
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

    /// What a token says.
    pub(super) fn text_of(&self, id: TokenId) -> &'t str {
        self.slice(self.token(id).span)
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
        let kind = match self.rest.get(..length).unwrap_or_default() {
            "definition" => TokenKind::Keyword(Keyword::Definition),
            "relation" => TokenKind::Keyword(Keyword::Relation),
            "permission" => TokenKind::Keyword(Keyword::Permission),
            "caveat" => TokenKind::Keyword(Keyword::Caveat),
            "nil" => TokenKind::Keyword(Keyword::Nil),
            "with" => TokenKind::Keyword(Keyword::With),
            _ => TokenKind::Identifier,
        };
        self.token(kind, length);
    }

    /// Up to the closing quote: of a single one on the same line, of three in a row anywhere. Looks no further than that,
    /// so that many strings on one line cost no more than one.
    fn string(&mut self, quote: char) {
        let triple = if quote == '"' { "\"\"\"" } else { "'''" };
        let (mark, closing) = if let Some(body) = self.rest.strip_prefix(triple) {
            (triple.len(), body.find(triple))
        } else {
            let body = self.rest.strip_prefix(quote).unwrap_or_default();
            let stop = body.find([quote, '\n', '\r']);
            (quote.len_utf8(), stop.filter(|stop| body.get(*stop..).is_some_and(|rest| rest.starts_with(quote))))
        };
        match closing {
            Some(length) => self.token(TokenKind::String, length + 2 * mark),
            None => self.token(TokenKind::Unknown, mark),
        }
    }

    fn punctuation(&mut self, character: char) {
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
