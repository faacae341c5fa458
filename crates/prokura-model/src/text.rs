//! Objects, subjects and relationships as text: SpiceDB's form, with quotes around ids outside its alphabet.
//!
//! `document:plan#viewer@user:alice`, `user:*`, `group:eng#member`, `user:"alice@example.com"`. Inside quotes, `\"` is a
//! quote and `\\` a backslash; nothing else is escaped. After a relationship may stand the terms on which it holds:
//! `[only_on:{"day":"monday"}][expiration:2030-01-01T00:00:00Z]`.

mod cap;
mod json;
mod moment;
mod terms;

pub use terms::RelationshipOnTerms;

use std::str::FromStr;

use crate::{
    Fault, NameError, ObjectId, ObjectRef, RelationName, Relationship, SpokenFor, SubjectRef, TypeName,
    name::is_bare_byte,
};

/// Text that does not say what it should. Columns count characters from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct TextError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

impl TextError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "text_invalid"
    }

    /// Whose doing it is: always the caller's.
    #[must_use]
    pub fn fault(&self) -> Fault {
        Fault::Caller
    }
}

/// `document:plan`
impl FromStr for ObjectRef {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        whole(text, |reader| reader.object())
    }
}

/// `user:alice`, `group:eng#member` or `user:*`; `user:alice#...` is `user:alice`.
impl FromStr for SubjectRef {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        whole(text, |reader| reader.subject())
    }
}

/// `document:plan#viewer@user:alice`
impl FromStr for Relationship {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        whole(text, |reader| reader.relationship())
    }
}

impl ObjectRef {
    /// Reads one whose names may be those of another language, as in [`TypeName::open`].
    ///
    /// # Errors
    /// The text is no object.
    pub fn parse_open(text: &str) -> Result<Self, TextError> {
        whole_open(text, |reader| reader.object())
    }
}

impl SubjectRef {
    /// Reads one whose names may be those of another language, as in [`TypeName::open`].
    ///
    /// # Errors
    /// The text is no subject.
    pub fn parse_open(text: &str) -> Result<Self, TextError> {
        whole_open(text, |reader| reader.subject())
    }
}

impl Relationship {
    /// Reads one whose names may be those of another language, as in [`TypeName::open`].
    ///
    /// # Errors
    /// The text is no relationship.
    pub fn parse_open(text: &str) -> Result<Self, TextError> {
        whole_open(text, |reader| reader.relationship())
    }
}

/// `user:alice`, `user:*` or `*`
impl FromStr for SpokenFor {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        whole(text, |reader| {
            let kind = reader.kind()?;
            Ok(match reader.id()? {
                Id::Wildcard { .. } => Self::Type(kind),
                Id::Object(id) => Self::Object(ObjectRef { kind, id }),
            })
        })
    }
}

fn whole<T>(text: &str, read: impl FnOnce(&mut Reader<'_>) -> Result<T, TextError>) -> Result<T, TextError> {
    Reader { rest: text, column: 1, open: false, past_ids: false }.whole(read)
}

/// With the names of other languages.
fn whole_open<T>(text: &str, read: impl FnOnce(&mut Reader<'_>) -> Result<T, TextError>) -> Result<T, TextError> {
    Reader { rest: text, column: 1, open: true, past_ids: false }.whole(read)
}

enum Id {
    Object(ObjectId),
    Wildcard { column: usize },
}

struct Reader<'t> {
    rest: &'t str,
    column: usize,
    /// Whether names may be those of other languages.
    open: bool,
    /// Whether no id can stand here any more.
    past_ids: bool,
}

impl<'t> Reader<'t> {
    fn whole<T>(mut self, read: impl FnOnce(&mut Self) -> Result<T, TextError>) -> Result<T, TextError> {
        let value = read(&mut self)?;
        self.end()?;
        Ok(value)
    }

    fn relationship(&mut self) -> Result<Relationship, TextError> {
        let resource = self.object()?;
        self.punctuation('#', "a relationship is `type:id#relation@subject`")?;
        let relation = self.relation()?;
        self.punctuation('@', "a relationship is `type:id#relation@subject`")?;
        let subject = self.subject()?;
        Ok(Relationship { resource, relation, subject })
    }

    fn object(&mut self) -> Result<ObjectRef, TextError> {
        let kind = self.kind()?;
        match self.id()? {
            Id::Object(id) => Ok(ObjectRef { kind, id }),
            Id::Wildcard { column } => {
                Err(error(column, format!("`{kind}:*` is every `{kind}`, and here one object is wanted")))
            }
        }
    }

    fn subject(&mut self) -> Result<SubjectRef, TextError> {
        let kind = self.kind()?;
        let id = self.id()?;
        let relation = if self.take('#') { self.subject_relation()? } else { None };
        match (id, relation) {
            (Id::Object(id), None) => Ok(SubjectRef::Object(ObjectRef { kind, id })),
            (Id::Object(id), Some(relation)) => Ok(SubjectRef::Userset(ObjectRef { kind, id }, relation)),
            (Id::Wildcard { .. }, None) => Ok(SubjectRef::Wildcard(kind)),
            (Id::Wildcard { column }, Some(relation)) => Err(error(
                column,
                format!("a wildcard has no relation: write `{kind}:*`, or name the object before `#{relation}`"),
            )),
        }
    }

    /// What follows the `#`; none for `...`, which is how SpiceDB spells "no relation".
    fn subject_relation(&mut self) -> Result<Option<RelationName>, TextError> {
        if let Some(rest) = self.rest.strip_prefix("...") {
            self.rest = rest;
            self.column += 3;
            return Ok(None);
        }
        self.relation().map(Some)
    }

    fn kind(&mut self) -> Result<TypeName, TextError> {
        let column = self.column;
        let text = self.run(|character| !ends_name(character));
        if text.is_empty() {
            return Err(error(column, format!("{} where a type was expected, as in `user:alice`", self.found())));
        }
        let kind = if self.open { TypeName::open(text) } else { TypeName::new(text) };
        let kind = kind.map_err(|fault| named(column, &fault))?;
        self.punctuation(':', "a type and an id are joined by `:`, as in `user:alice`")?;
        Ok(kind)
    }

    fn relation(&mut self) -> Result<RelationName, TextError> {
        let column = self.column;
        let text = self.run(|character| !ends_name(character));
        if text.is_empty() {
            return Err(error(column, format!("{} where the name of a relation was expected", self.found())));
        }
        let name = if self.open { RelationName::open(text) } else { RelationName::new(text) };
        name.map_err(|fault| named(column, &fault))
    }

    fn id(&mut self) -> Result<Id, TextError> {
        let column = self.column;
        if self.take('*') {
            return Ok(Id::Wildcard { column });
        }
        let text = if self.take('"') {
            self.quoted(column)?
        } else {
            self.run(|character| u8::try_from(character).is_ok_and(is_bare_byte)).to_owned()
        };
        if text.is_empty() && self.column == column {
            return Err(error(column, format!("{} where an id was expected{}", self.found(), self.quote_hint())));
        }
        ObjectId::new(text).map(Id::Object).map_err(|fault| named(column, &fault))
    }

    /// The rest of a quoted id; the opening quote, at `opening`, is taken.
    fn quoted(&mut self, opening: usize) -> Result<String, TextError> {
        let mut text = String::new();
        while let Some(character) = self.next() {
            match character {
                '"' => return Ok(text),
                '\\' => match self.next() {
                    Some(escaped @ ('"' | '\\')) => text.push(escaped),
                    _ => {
                        let message = "in a quoted id, `\\` is followed by `\"` or `\\`: write `\\\\` for a backslash";
                        return Err(error(self.column.saturating_sub(2), message.to_owned()));
                    }
                },
                other => text.push(other),
            }
        }
        Err(error(opening, "the quote that opens here is never closed".to_owned()))
    }

    fn punctuation(&mut self, wanted: char, shape: &str) -> Result<(), TextError> {
        if self.take(wanted) {
            return Ok(());
        }
        let message = format!("{} where `{wanted}` was expected: {shape}{}", self.found(), self.quote_hint());
        Err(error(self.column, message))
    }

    fn end(&self) -> Result<(), TextError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let message = if self.rest.starts_with('[') {
            "a caveat or an expiration (`[…]`) has no place here".to_owned()
        } else {
            format!("{} where the text should end{}", self.found(), self.quote_hint())
        };
        Err(error(self.column, message))
    }

    /// What stands here, as the beginning of a sentence.
    fn found(&self) -> String {
        match self.rest.chars().next() {
            Some(character) => format!("`{}`", character.escape_debug()),
            None => "the text ends".to_owned(),
        }
    }

    /// Advice, where the likely cause is an id that should have been quoted.
    fn quote_hint(&self) -> &'static str {
        match self.rest.chars().next() {
            None | Some('#' | '"' | '*') => "",
            Some(_) if self.past_ids => "",
            Some(_) => {
                "; an id with anything but letters, digits and `/_|-=+` stands in double quotes, as in \
                 `user:\"alice@example.com\"`"
            }
        }
    }

    fn run(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let length = self.rest.find(|character| !belongs(character)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.column += text.chars().count();
        text
    }

    fn take(&mut self, wanted: char) -> bool {
        let Some(rest) = self.rest.strip_prefix(wanted) else {
            return false;
        };
        self.rest = rest;
        self.column += 1;
        true
    }

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let character = characters.next()?;
        self.rest = characters.as_str();
        self.column += 1;
        Some(character)
    }
}

/// Where a name ends, legal or not: the name's own check says what is wrong inside.
fn ends_name(character: char) -> bool {
    matches!(character, ':' | '#' | '@' | '"' | '[' | ']' | '*') || character.is_whitespace()
}

fn named(column: usize, fault: &NameError) -> TextError {
    error(column, fault.to_string())
}

fn error(column: usize, message: String) -> TextError {
    TextError { column, message }
}

#[cfg(test)]
pub(crate) mod tests;
