use std::{borrow::Borrow, fmt, str::FromStr};

use smol_str::SmolStr;

use crate::{
    Fault,
    limits::{
        CAVEAT_NAME_BYTES_MAX, OBJECT_ID_BYTES_MAX, OPEN_NAME_BYTES_MAX, RELATION_NAME_BYTES_MAX,
        TENANT_NAME_BYTES_MAX, TYPE_NAME_BYTES_MAX,
    },
};

/// Why a name or an id was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is not a legal type name.
    #[error(
        "`{0}` is not a type name: 3 to 64 lower-case letters, digits and `_`, first a letter, last no `_`; \
         prefixes of the same shape end in `/`; {TYPE_NAME_BYTES_MAX} bytes in all"
    )]
    Type(String),
    /// The text is not a legal relation or permission name.
    #[error(
        "`{0}` is not a relation or permission name: 3 to {RELATION_NAME_BYTES_MAX} lower-case letters, digits and `_`, \
         first a letter, last no `_`"
    )]
    Relation(String),
    /// The text is not a legal caveat name.
    #[error(
        "`{0}` is not a caveat name: 1 to {CAVEAT_NAME_BYTES_MAX} letters, digits and `/_|-`, first a letter, digit or `_`"
    )]
    Caveat(String),
    /// The text is not a legal name of a guard.
    #[error(
        "`{0}` is not the name of a guard: 3 to {RELATION_NAME_BYTES_MAX} lower-case letters, digits and `_`, first a letter, \
         last no `_`"
    )]
    Guard(String),
    /// The text is no name in any language.
    #[error("`{0}` is not a name: 1 to {OPEN_NAME_BYTES_MAX} bytes, without white space and `:#@*\"[]`")]
    Open(String),
    /// The text is not a legal object id.
    #[error("{0}")]
    Object(ObjectIdFault),
    /// The text is not a legal tenant name.
    #[error(
        "`{0}` is not a tenant name: 1 to {TENANT_NAME_BYTES_MAX} lower-case letters, digits, `-` and `_`, first a letter or digit"
    )]
    Tenant(String),
}

impl NameError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Type(_) => "type_name_invalid",
            Self::Relation(_) => "relation_name_invalid",
            Self::Caveat(_) => "caveat_name_invalid",
            Self::Guard(_) => "guard_name_invalid",
            Self::Open(_) => "name_invalid",
            Self::Object(_) => "object_id_invalid",
            Self::Tenant(_) => "tenant_name_invalid",
        }
    }

    /// Whose doing it is: always the caller's.
    #[must_use]
    pub fn fault(&self) -> Fault {
        Fault::Caller
    }
}

/// What is wrong with an object id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectIdFault {
    /// No bytes at all.
    #[error("an object id is not empty")]
    Empty,
    /// Over [`OBJECT_ID_BYTES_MAX`].
    #[error("an object id has at most {OBJECT_ID_BYTES_MAX} bytes, this one has {0}")]
    TooLong(usize),
    /// A control character, by its code point.
    #[error("an object id has no control characters, this one has U+{0:04X}")]
    Control(u32),
    /// `*` alone, which would read as a wildcard somewhere.
    #[error("an object id is never `*` alone: that is how a wildcard is written")]
    Wildcard,
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $check:path $(, open $open:path)?) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        impl $name {
            /// The checked name.
            ///
            /// # Errors
            /// The text is not legal; the error says what is.
            pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
                let text = text.as_ref();
                $check(text)?;
                Ok(Self(SmolStr::new(text)))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                crate::codec::put_text(e, self.as_str())
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                Self::stored(d.str()?).map_err(minicbor::decode::Error::custom)
            }
        }

        name_type!(@stored $name, $check $(, $open)?);
    };
    (@stored $name:ident, $check:path) => {
        impl $name {
            fn stored(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
    };
    (@stored $name:ident, $check:path, $open:path) => {
        impl $name {
            /// The name, checked only as far as every language's names are alike: models of OpenFGA have names that this
            /// schema language cannot write.
            ///
            /// # Errors
            /// It is empty, too long, or has white space, control characters or one of `:#@*"[]`.
            pub fn open(text: impl AsRef<str>) -> Result<Self, NameError> {
                let text = text.as_ref();
                $open(text)?;
                Ok(Self(SmolStr::new(text)))
            }

            fn stored(text: &str) -> Result<Self, NameError> {
                Self::open(text)
            }
        }
    };
}

name_type!(
    /// The name of a definition, such as `document` or `docs/document`. SpiceDB's grammar.
    TypeName,
    check_type,
    open check_open
);
name_type!(
    /// The name of a relation or a permission; within a definition they share one name space. SpiceDB's grammar.
    RelationName,
    check_relation,
    open check_open
);
name_type!(
    /// The name of a caveat, such as `only_on_weekdays` or `docs/only_on_weekdays`. SpiceDB's grammar, which is wider than
    /// that of types.
    CaveatName,
    check_caveat,
    open check_open
);
name_type!(
    /// The name of a guard, of the same shape as the name of a permission.
    GuardName,
    check_guard
);
name_type!(
    /// The id of an object: any non-empty UTF-8 text of at most [`OBJECT_ID_BYTES_MAX`] bytes without control characters,
    /// and not `*` alone. Compared byte for byte: look-alikes are different ids.
    ObjectId,
    check_object
);
name_type!(
    /// The name of a tenant: a separate schema, graph, log order and decision record.
    TenantName,
    check_tenant
);

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for CaveatName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for GuardName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ObjectId {
    /// Whether the id can stand in text without quotes: SpiceDB's alphabet, `[a-zA-Z0-9/_|\-=+]`.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.0.bytes().all(is_bare_byte)
    }
}

/// As text: bare where SpiceDB's alphabet allows it, otherwise in double quotes with `"` and `\` escaped by `\`.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_bare() {
            return f.write_str(self.as_str());
        }
        f.write_str("\"")?;
        for character in self.as_str().chars() {
            if matches!(character, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        f.write_str("\"")
    }
}

pub(crate) fn is_bare_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'|' | b'-' | b'=' | b'+')
}

/// `[a-z][a-z0-9_]{1,62}[a-z0-9]`
fn is_segment(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    (3..=64).contains(&bytes.len())
        && first.is_ascii_lowercase()
        && *last != b'_'
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_')
}

fn check_type(text: &str) -> Result<(), NameError> {
    if text.len() <= TYPE_NAME_BYTES_MAX && text.split('/').all(is_segment) {
        return Ok(());
    }
    Err(NameError::Type(shortened(text)))
}

/// `[a-zA-Z0-9_][a-zA-Z0-9/_|-]{0,127}`
fn check_caveat(text: &str) -> Result<(), NameError> {
    let starts = |first: u8| first.is_ascii_alphanumeric() || first == b'_';
    let legal = text.len() <= CAVEAT_NAME_BYTES_MAX
        && text.bytes().next().is_some_and(starts)
        && text.bytes().all(|byte| starts(byte) || b"/|-".contains(&byte));
    if legal {
        return Ok(());
    }
    Err(NameError::Caveat(shortened(text)))
}

fn check_relation(text: &str) -> Result<(), NameError> {
    if text.len() <= RELATION_NAME_BYTES_MAX && is_segment(text) {
        return Ok(());
    }
    Err(NameError::Relation(shortened(text)))
}

fn check_guard(text: &str) -> Result<(), NameError> {
    if text.len() <= RELATION_NAME_BYTES_MAX && is_segment(text) {
        return Ok(());
    }
    Err(NameError::Guard(shortened(text)))
}

fn check_open(text: &str) -> Result<(), NameError> {
    let legal = (1..=OPEN_NAME_BYTES_MAX).contains(&text.len())
        && !text.chars().any(|character| {
            matches!(character, ':' | '#' | '@' | '*' | '"' | '[' | ']')
                || character.is_whitespace()
                || character.is_control()
        });
    if legal {
        return Ok(());
    }
    Err(NameError::Open(shortened(text)))
}

fn check_object(text: &str) -> Result<(), NameError> {
    let fault = if text.is_empty() {
        ObjectIdFault::Empty
    } else if text.len() > OBJECT_ID_BYTES_MAX {
        ObjectIdFault::TooLong(text.len())
    } else if text == "*" {
        ObjectIdFault::Wildcard
    } else if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        // Most are, and this is asked of every name that is told.
        return Ok(());
    } else if let Some(control) = text.chars().find(|character| character.is_control()) {
        ObjectIdFault::Control(control.into())
    } else {
        return Ok(());
    };
    Err(NameError::Object(fault))
}

fn check_tenant(text: &str) -> Result<(), NameError> {
    let legal = (1..=TENANT_NAME_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    if legal {
        return Ok(());
    }
    Err(NameError::Tenant(shortened(text)))
}

/// An error repeats what it was given, but not megabytes of it, and nothing that moves a terminal's cursor.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown = String::new();
    for character in text.chars().take(SHOWN) {
        match character {
            '"' | '\'' | '\\' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
