/// A word, a sign or a literal of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol<'t> {
    Word(&'t str),
    Sign(&'static str),
    Number(&'t str),
    /// `b"…"`: what stands before the quotes, and the rest.
    Text {
        prefix: &'t str,
        quoted: &'t str,
    },
    End,
    Unknown,
}

const SIGNS: [&str; 24] = [
    "||", "&&", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]",
    "{", "}",
];

/// Reads an expression symbol by symbol.
pub(super) struct Scanner<'t> {
    rest: &'t str,
    symbol: Symbol<'t>,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut scanner = Self { rest: text, symbol: Symbol::End };
        scanner.advance();
        scanner
    }

    /// The symbol that is next.
    pub(super) fn symbol(&self) -> Symbol<'t> {
        self.symbol
    }

    /// Takes the next symbol.
    pub(super) fn advance(&mut self) -> Symbol<'t> {
        let next = self.scan();
        std::mem::replace(&mut self.symbol, next)
    }

    /// Takes this sign, if it is next.
    pub(super) fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.symbol, Symbol::Sign(next) if next == sign);
        if found {
            self.advance();
        }
        found
    }

    fn scan(&mut self) -> Symbol<'t> {
        loop {
            self.rest = self.rest.trim_start();
            match self.rest.strip_prefix("//") {
                Some(comment) => self.rest = comment.split_once(['\n', '\r']).map_or("", |(_, rest)| rest),
                None => break,
            }
        }
        let Some(first) = self.rest.chars().next() else {
            return Symbol::End;
        };
        if first.is_ascii_alphabetic() || first == '_' {
            let word = self.cut(|character| character.is_ascii_alphanumeric() || character == '_');
            return if self.rest.starts_with(['"', '\'']) { self.text(word) } else { Symbol::Word(word) };
        }
        let fraction =
            self.rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()));
        if first.is_ascii_digit() || fraction {
            return self.number();
        }
        if matches!(first, '"' | '\'') {
            return self.text("");
        }
        match SIGNS.into_iter().find(|sign| self.rest.starts_with(sign)) {
            Some(sign) => {
                self.rest = self.rest.get(sign.len()..).unwrap_or_default();
                Symbol::Sign(sign)
            }
            None => Symbol::Unknown,
        }
    }

    fn number(&mut self) -> Symbol<'t> {
        let start = self.rest;
        let mut last = ' ';
        let length = start.find(|character: char| {
            let signed = matches!(character, '+' | '-') && matches!(last, 'e' | 'E') && !start.starts_with("0x");
            last = character;
            !(character.is_ascii_alphanumeric() || character == '.' || signed)
        });
        let length = length.unwrap_or(start.len());
        self.rest = start.get(length..).unwrap_or_default();
        Symbol::Number(start.get(..length).unwrap_or_default())
    }

    fn text(&mut self, prefix: &'t str) -> Symbol<'t> {
        let start = self.rest;
        let mark = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|mark| start.starts_with(mark)).unwrap_or_default();
        let raw = prefix.contains(['r', 'R']);
        let mut rest = start.get(mark.len()..).unwrap_or_default();
        while !rest.starts_with(mark) {
            let mut characters = rest.chars();
            match characters.next() {
                None => return Symbol::Unknown,
                Some('\\') if !raw => {
                    characters.next();
                }
                Some(_) => {}
            }
            rest = characters.as_str();
        }
        self.rest = rest.get(mark.len()..).unwrap_or_default();
        Symbol::Text { prefix, quoted: start.get(..start.len() - self.rest.len()).unwrap_or_default() }
    }

    fn cut(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let length = self.rest.find(|character| !belongs(character)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        word
    }
}
