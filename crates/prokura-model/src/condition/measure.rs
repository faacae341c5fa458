use super::{ConditionError, position};
use crate::limits::{
    CONDITION_BYTES_MAX, CONDITION_DEPTH_MAX, CONDITION_ELEMENTS_MAX, CONDITION_NESTING_MAX,
    CONDITION_OPTIONAL_MAPS_MAX, CONDITION_TOKENS_MAX,
};

/// Measures the text before the library reads it: its parser, its checker and our evaluation recurse, and a stack that is
/// exhausted takes the process with it.
///
/// What is counted is never less than what the library builds: every operator, dot and bracket as one level on top of its
/// operands. Brackets must match, so that counting and parsing cannot part ways.
pub(super) fn measure(text: &str) -> Result<(), ConditionError> {
    if text.len() > CONDITION_BYTES_MAX {
        let message = format!("the expression is {} bytes long; the most is {CONDITION_BYTES_MAX}", text.len());
        return Err(position(text, 0, message));
    }
    let mut scan = Scan { text, at: 0, tokens: 0, optional_maps: 0, brackets: Vec::new(), outermost: Group::default() };
    scan.run().map_err(|(at, message)| position(text, at, message))
}

type Mistake = (usize, String);

struct Scan<'t> {
    text: &'t str,
    at: usize,
    tokens: usize,
    optional_maps: usize,
    brackets: Vec<Bracket>,
    outermost: Group,
}

struct Bracket {
    open: char,
    at: usize,
    inside: Group,
}

/// What lies between two brackets, or outside of all.
#[derive(Default)]
struct Group {
    /// Commas so far, and so elements before the last.
    commas: usize,
    /// Operators since the last comma.
    operators: usize,
    /// The highest bracketed operand since the last comma.
    operand: usize,
    /// The highest element before the last comma.
    element: usize,
}

impl Group {
    const fn height(&self) -> usize {
        let last = self.operators + self.operand;
        if last > self.element { last } else { self.element }
    }

    const fn end_element(&mut self) {
        self.element = self.height();
        self.operators = 0;
        self.operand = 0;
        self.commas += 1;
    }
}

impl Scan<'_> {
    fn run(&mut self) -> Result<(), Mistake> {
        while let Some(next) = self.rest().chars().next() {
            let start = self.at;
            if next.is_whitespace() {
                self.at += next.len_utf8();
                continue;
            }
            if self.rest().starts_with("//") {
                self.at += self.rest().find('\n').unwrap_or_else(|| self.rest().len());
                continue;
            }
            self.tokens += 1;
            if self.tokens > CONDITION_TOKENS_MAX {
                return Err((start, format!("the expression has more than {CONDITION_TOKENS_MAX} words and signs")));
            }
            self.token(start, next)?;
            if self.group().operators + self.group().operand > CONDITION_DEPTH_MAX {
                return Err(too_deep(start));
            }
        }
        match self.brackets.last() {
            Some(bracket) => Err((bracket.at, format!("this `{}` is never closed", bracket.open))),
            None => Ok(()),
        }
    }

    fn token(&mut self, start: usize, next: char) -> Result<(), Mistake> {
        match next {
            '"' | '\'' => self.string(start, false),
            'a'..='z' | 'A'..='Z' | '_' => self.word(start),
            '0'..='9' => {
                self.at += self.rest().find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or_else(|| self.rest().len());
                Ok(())
            }
            '`' => match self.after(1).find('`') {
                Some(length) => {
                    self.at += length + 2;
                    Ok(())
                }
                None => Err((start, "this quoted name never ends".to_owned())),
            },
            '(' | '[' | '{' => self.open(start, next),
            ')' | ']' | '}' => self.close(start, next),
            ',' => {
                self.at += 1;
                self.group().end_element();
                if self.group().commas >= CONDITION_ELEMENTS_MAX {
                    return Err((start, format!("a list of more than {CONDITION_ELEMENTS_MAX} entries")));
                }
                Ok(())
            }
            _ => {
                let double = ["==", "!=", "<=", ">=", "&&", "||"].iter().any(|sign| self.rest().starts_with(sign));
                self.at += if double { 2 } else { next.len_utf8() };
                self.group().operators += 1;
                Ok(())
            }
        }
    }

    /// A word, or the letters before a quote that make a string raw or bytes.
    fn word(&mut self, start: usize) -> Result<(), Mistake> {
        let length =
            self.rest().find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or_else(|| self.rest().len());
        let text = self.text;
        let word = text.get(self.at..self.at + length).unwrap_or_default();
        let quoted = self.after(length).starts_with(['"', '\'']);
        if quoted && ["b", "r", "br", "rb"].iter().any(|prefix| word.eq_ignore_ascii_case(prefix)) {
            let raw = word.contains(['r', 'R']);
            self.at += length;
            return self.string(start, raw);
        }
        if word == "in" {
            self.group().operators += 1;
        }
        if word == "optMap" {
            self.optional_maps += 1;
            if self.optional_maps > CONDITION_OPTIONAL_MAPS_MAX {
                return Err((start, format!("more than {CONDITION_OPTIONAL_MAPS_MAX} uses of `optMap`")));
            }
        }
        self.at += length;
        Ok(())
    }

    /// From a quote to the same quote, or from three to three.
    fn string(&mut self, start: usize, raw: bool) -> Result<(), Mistake> {
        let rest = self.rest();
        let end = ["\"\"\"", "'''", "\"", "'"].iter().find(|quote| rest.starts_with(**quote)).copied().unwrap_or("\"");
        self.at += end.len();
        loop {
            if self.rest().starts_with(end) {
                self.at += end.len();
                return Ok(());
            }
            let mut characters = self.rest().chars();
            let escapes = |character| character == '\\' && !raw;
            match characters.next() {
                None => return Err((start, "this string never ends".to_owned())),
                Some('\n') if end.len() == 1 => return Err((start, "this string does not end on its line".to_owned())),
                Some(character) if escapes(character) => {
                    self.at += 1 + characters.next().map_or(0, char::len_utf8);
                }
                Some(character) => self.at += character.len_utf8(),
            }
        }
    }

    fn open(&mut self, start: usize, open: char) -> Result<(), Mistake> {
        self.at += 1;
        if self.brackets.len() >= CONDITION_NESTING_MAX {
            return Err((start, format!("brackets are nested more than {CONDITION_NESTING_MAX} deep")));
        }
        self.group().operators += 1;
        self.brackets.push(Bracket { open, at: start, inside: Group::default() });
        Ok(())
    }

    fn close(&mut self, start: usize, close: char) -> Result<(), Mistake> {
        self.at += 1;
        let matching = match close {
            ')' => '(',
            ']' => '[',
            _ => '{',
        };
        match self.brackets.pop() {
            Some(bracket) if bracket.open == matching => {
                let group = self.group();
                group.operand = group.operand.max(bracket.inside.height() + 1);
                Ok(())
            }
            Some(bracket) => Err((start, format!("`{close}` does not close the `{}` before it", bracket.open))),
            None => Err((start, format!("`{close}` closes nothing"))),
        }
    }

    fn group(&mut self) -> &mut Group {
        self.brackets.last_mut().map_or(&mut self.outermost, |bracket| &mut bracket.inside)
    }

    fn rest(&self) -> &str {
        self.after(0)
    }

    fn after(&self, bytes: usize) -> &str {
        self.text.get(self.at + bytes..).unwrap_or_default()
    }
}

fn too_deep(at: usize) -> Mistake {
    (at, format!("more than {CONDITION_DEPTH_MAX} operators, calls and brackets depend on one another"))
}
