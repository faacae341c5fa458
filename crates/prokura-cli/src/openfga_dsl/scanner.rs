/// A word, a sign, or the end of a line. White space and comments are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    Word(&'t str),
    Sign(char),
    Newline,
    End,
}

/// A text, and how far it was read.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'t> {
    rest: &'t str,
    line: usize,
    column: usize,
    /// Whether a `#` here begins a comment: at the beginning, and after white space.
    spaced: bool,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut scanner = Self { rest: text, line: 1, column: 1, spaced: true };
        scanner.skip_blanks();
        scanner
    }

    /// The next token, which stays.
    pub(super) fn peek(&self) -> Token<'t> {
        let Some(character) = self.rest.chars().next() else { return Token::End };
        if character == '\n' {
            return Token::Newline;
        }
        let (word, _) =
            self.rest.split_at(self.rest.find(|character| !is_of_word(character)).unwrap_or(self.rest.len()));
        if word.is_empty() { Token::Sign(character) } else { Token::Word(word) }
    }

    /// The token after the next one.
    pub(super) fn peek_second(&self) -> Token<'t> {
        let mut ahead = *self;
        ahead.next();
        ahead.peek()
    }

    /// Goes behind the next token.
    pub(super) fn next(&mut self) {
        let bytes = match self.peek() {
            Token::Word(word) => word.len(),
            Token::Sign(sign) => sign.len_utf8(),
            Token::Newline => 1,
            Token::End => 0,
        };
        self.advance(bytes);
        self.skip_blanks();
    }

    /// Line and column of the next token, from 1.
    pub(super) fn place(&self) -> (usize, usize) {
        (self.line, self.column)
    }

    pub(super) fn skip_newlines(&mut self) {
        while self.peek() == Token::Newline {
            self.next();
        }
    }

    /// Goes to the next line that says something.
    pub(super) fn skip_lines(&mut self) {
        self.skip_newlines();
    }

    /// Goes to the end of this line.
    pub(super) fn skip_line(&mut self) {
        while !matches!(self.peek(), Token::Newline | Token::End) {
            self.next();
        }
    }

    /// What stands between this `{` and the `}` that belongs to it, wherever strings hold some; none if there is no end.
    pub(super) fn braced(&mut self) -> Option<&'t str> {
        let mut depth = 0_usize;
        let mut quote: Option<char> = None;
        let mut escaped = false;
        for (position, character) in self.rest.char_indices() {
            match (quote, character) {
                (Some(_), _) if escaped => escaped = false,
                (Some(_), '\\') => escaped = true,
                (Some(open), _) if open == character => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(character),
                (None, '{') => depth += 1,
                (None, '}') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        let inside = self.rest.get(1..position)?;
                        self.advance(position + 1);
                        self.skip_blanks();
                        return Some(inside);
                    }
                }
                (None, _) => {}
            }
        }
        None
    }

    fn advance(&mut self, bytes: usize) {
        let (read, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        for character in read.chars() {
            (self.line, self.column) =
                if character == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
            self.spaced = character.is_whitespace();
        }
        self.rest = rest;
    }

    fn skip_blanks(&mut self) {
        while let Some(character) = self.rest.chars().next() {
            if character == '#' && self.spaced {
                self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if character.is_whitespace() && character != '\n' {
                self.advance(character.len_utf8());
            } else {
                break;
            }
        }
    }
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '/')
}
