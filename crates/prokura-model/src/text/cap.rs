use std::str::FromStr;

use super::{Id, Reader, TextError, error, whole};
use crate::{CapResource, ObjectRef, ResourceQuery, Under};

/// `document:plan`, `document:*`, or `document:* where origin has view under folder:plans by parent`, of which either part may
/// be left out.
impl FromStr for CapResource {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        whole(text, |reader| reader.cap_resource())
    }
}

impl Reader<'_> {
    fn cap_resource(&mut self) -> Result<CapResource, TextError> {
        let kind = self.kind()?;
        let id = self.id()?;
        let column = self.column;
        let origin_has = if self.word("where") {
            self.expect("origin", "`where origin has PERMISSION`")?;
            self.expect("has", "`where origin has PERMISSION`")?;
            self.spaces();
            Some(self.relation()?)
        } else {
            None
        };
        let under = if self.word("under") {
            self.spaces();
            let resource = self.object()?;
            self.expect("by", "`under RESOURCE by RELATION`")?;
            self.spaces();
            Some(Under { resource, by: self.relation()? })
        } else {
            None
        };
        match id {
            Id::Wildcard { .. } if origin_has.is_none() && under.is_none() => Ok(CapResource::Type(kind)),
            Id::Wildcard { .. } => Ok(CapResource::Query(ResourceQuery { kind, origin_has, under })),
            Id::Object(id) if origin_has.is_none() && under.is_none() => {
                Ok(CapResource::Object(ObjectRef { kind, id }))
            }
            Id::Object(id) => Err(error(
                column,
                format!("a query is about every object of a type: write `{kind}:*` before it, or name `{id}` alone"),
            )),
        }
    }

    fn spaces(&mut self) {
        self.run(|character| character == ' ');
    }

    /// Takes the word, if it is the next one.
    fn word(&mut self, word: &str) -> bool {
        let text = self.rest.trim_start_matches(' ');
        let spaces = self.rest.len() - text.len();
        let Some(rest) = text.strip_prefix(word).filter(|rest| spaces > 0 && rest.starts_with(' ')) else {
            return false;
        };
        self.rest = rest;
        self.column += spaces + word.len();
        true
    }

    fn expect(&mut self, word: &str, shape: &str) -> Result<(), TextError> {
        if self.word(word) {
            return Ok(());
        }
        self.spaces();
        Err(error(self.column, format!("{} where `{word}` was expected: {shape}", self.found())))
    }
}
