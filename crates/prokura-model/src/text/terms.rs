use std::{fmt, str::FromStr};

use super::{Reader, TextError, error, json, moment, named, whole, whole_open};
use crate::{CaveatName, CaveatUse, Relationship, Terms};

/// A relationship with the terms on which it holds, as one text:
/// `document:plan#viewer@user:alice[only_on:{"day":"monday"}][expiration:2030-01-01T00:00:00Z]`.
///
/// ```
/// use prokura_model::RelationshipOnTerms;
///
/// let text = r#"document:plan#viewer@user:alice[only_on:{ "day": "monday" }]"#;
/// let on_terms: RelationshipOnTerms = text.parse()?;
/// assert_eq!(on_terms.to_string(), r#"document:plan#viewer@user:alice[only_on:{"day":"monday"}]"#);
/// # Ok::<(), prokura_model::TextError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RelationshipOnTerms {
    /// Which relationship.
    pub relationship: Relationship,
    /// On which terms it holds.
    pub terms: Terms,
}

impl RelationshipOnTerms {
    /// Reads one whose names may be those of another language, as in [`TypeName::open`](crate::TypeName::open).
    ///
    /// # Errors
    /// The text is no relationship on terms.
    pub fn parse_open(text: &str) -> Result<Self, TextError> {
        whole_open(text, |reader| reader.on_terms())
    }
}

impl FromStr for RelationshipOnTerms {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        whole(text, |reader| reader.on_terms())
    }
}

impl fmt::Display for RelationshipOnTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.relationship, self.terms)
    }
}

/// `[only_on:{"day":"monday"}][expiration:2030-01-01T00:00:00Z]`; nothing where a relationship holds for good.
impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(caveat) = &self.caveat {
            write!(f, "[{caveat}]")?;
        }
        match self.expires_at {
            Some(moment) => write!(f, "[{EXPIRATION}:{}]", moment::Shortest(moment)),
            None => Ok(()),
        }
    }
}

/// `only_on:{"day":"monday"}`; without the values where none are bound.
impl fmt::Display for CaveatUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if self.context.is_empty() {
            return Ok(());
        }
        f.write_str(":")?;
        json::write_object(f, &self.context)
    }
}

/// `only_on:{"day":"monday"}` or `only_on`
impl FromStr for CaveatUse {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        whole(text, |reader| {
            reader.past_ids = true;
            reader.caveat_use()
        })
    }
}

const EXPIRATION: &str = "expiration";

impl Reader<'_> {
    fn on_terms(&mut self) -> Result<RelationshipOnTerms, TextError> {
        let relationship = self.relationship()?;
        let mut terms = Terms::default();
        while self.take('[') {
            self.past_ids = true;
            let column = self.column;
            let name = self.caveat_name()?;
            let expires = name.as_str() == EXPIRATION && self.rest.starts_with(':') && !self.rest.starts_with(":{");
            if terms.expires_at.is_some() {
                return Err(error(column, "nothing follows the expiration: the caveat comes before it".to_owned()));
            }
            if expires {
                self.take(':');
                terms.expires_at = Some(moment::read(self)?);
            } else if terms.caveat.is_some() {
                return Err(error(
                    column,
                    "a relationship has one caveat; after it may stand `[expiration:…]`".to_owned(),
                ));
            } else {
                terms.caveat = Some(self.bound(name)?);
            }
            if !self.take(']') {
                let message = format!(
                    "{} where `]` was expected: a caveat is `[name]` or `[name:{{…}}]`, an expiration \
                     `[expiration:2030-01-01T00:00:00Z]`",
                    self.found()
                );
                return Err(error(self.column, message));
            }
        }
        Ok(RelationshipOnTerms { relationship, terms })
    }

    pub(super) fn caveat_use(&mut self) -> Result<CaveatUse, TextError> {
        let name = self.caveat_name()?;
        self.bound(name)
    }

    /// A caveat with the values that follow its name.
    fn bound(&mut self, name: CaveatName) -> Result<CaveatUse, TextError> {
        let context = if self.take(':') { json::read_object(self)? } else { Default::default() };
        Ok(CaveatUse { name, context })
    }

    fn caveat_name(&mut self) -> Result<CaveatName, TextError> {
        let column = self.column;
        let text = self.run(|character| !matches!(character, ':' | '[' | ']') && !character.is_whitespace());
        if text.is_empty() {
            return Err(error(column, format!("{} where the name of a caveat was expected", self.found())));
        }
        let name = if self.open { CaveatName::open(text) } else { CaveatName::new(text) };
        name.map_err(|fault| named(column, &fault))
    }
}
