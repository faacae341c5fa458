use std::collections::BTreeMap;

use crate::codec::put_text;

/// A JSON-shaped value: attributes, request context, what a decision record keeps.
///
/// Integers are kept apart from floats so that a large id survives; members are sorted, so equal values have one encoding.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number without fraction or exponent that fits 64 bits
    Integer(i64),
    /// Any other number; never NaN or infinite when it came through a door
    Float(f64),
    /// Text
    String(String),
    /// An array
    List(Vec<Self>),
    /// An object, members sorted by name
    Map(BTreeMap<String, Self>),
}

impl Value {
    /// An object without members.
    #[must_use]
    pub fn empty_map() -> Self {
        Self::Map(BTreeMap::new())
    }
}

impl<C> minicbor::Encode<C> for Value {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Self::Null => e.null()?.ok(),
            Self::Bool(value) => e.bool(*value)?.ok(),
            Self::Integer(value) => e.i64(*value)?.ok(),
            Self::Float(value) => e.f64(*value)?.ok(),
            Self::String(value) => put_text(e, value),
            Self::List(values) => values.encode(e, ctx),
            Self::Map(members) => {
                e.map(members.len() as u64)?;
                members.iter().try_for_each(|(name, value)| {
                    put_text(e, name)?;
                    value.encode(e, ctx)
                })
            }
        }
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Value {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::decode_nested(d, crate::limits::VALUE_NESTING_MAX)
    }
}

impl Value {
    /// Bounded, so that damaged bytes cannot exhaust the stack.
    fn decode_nested(d: &mut minicbor::Decoder<'_>, nesting_left: usize) -> Result<Self, minicbor::decode::Error> {
        use minicbor::data::Type;
        let Some(nesting_left) = nesting_left.checked_sub(1) else {
            return Err(minicbor::decode::Error::message("value nested too deeply"));
        };
        Ok(match d.datatype()? {
            Type::Null => {
                d.null()?;
                Self::Null
            }
            Type::Bool => Self::Bool(d.bool()?),
            Type::F64 => Self::Float(d.f64()?),
            Type::String => Self::String(d.str()?.to_owned()),
            Type::Array => {
                let length = d.array()?.ok_or_else(|| minicbor::decode::Error::message("array of unknown length"))?;
                let mut values = Vec::new();
                for _ in 0..length {
                    values.push(Self::decode_nested(d, nesting_left)?);
                }
                Self::List(values)
            }
            Type::Map => {
                let length = d.map()?.ok_or_else(|| minicbor::decode::Error::message("map of unknown length"))?;
                let mut members = BTreeMap::new();
                for _ in 0..length {
                    let name = d.str()?.to_owned();
                    members.insert(name, Self::decode_nested(d, nesting_left)?);
                }
                Self::Map(members)
            }
            _ => Self::Integer(d.i64()?),
        })
    }
}
