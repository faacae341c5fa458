//! Authorization models, as OpenFGA has them: types with relations that are written to, computed, or both.
//!
//! A tenant keeps every model it was ever given, and a question says which one it means. A model is kept as it was sent,
//! for whoever reads it back, and in these words; [`Model::schema`] says what it means in ours, so that one engine serves
//! both languages.

mod check;
mod compile;
mod fault;

use std::fmt;

pub use fault::{ModelFault, ModelWrong};
use minicbor::{Decode, Encode};

use crate::{
    CaveatName, RelationName, TypeName,
    authority::record_id,
    limits::{MODEL_NESTING_MAX, RECORD_ID_BYTES_MAX},
    schema::Allowed,
};

record_id!(
    /// Names a model within its tenant.
    ModelId
);

/// A model: immutable, and one of many in its tenant.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Model {
    /// Its name.
    #[n(0)]
    pub id: ModelId,
    /// As it was sent.
    #[n(1)]
    pub text: String,
    /// Its types, in the order they were written.
    #[n(2)]
    pub types: Vec<ModelType>,
    /// Its conditions, in the order they were written.
    #[n(3)]
    pub conditions: Vec<ModelCondition>,
}

/// `type document`
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct ModelType {
    /// Its name.
    #[n(0)]
    pub name: TypeName,
    /// Its relations, in the order they were written.
    #[n(1)]
    pub relations: Vec<ModelRelation>,
}

/// `define viewer: [user, group#member] or editor`
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct ModelRelation {
    /// Its name.
    #[n(0)]
    pub name: RelationName,
    /// Which subjects may be written to it. None for a relation that is computed only.
    #[n(1)]
    #[cbor(with = "allowed")]
    pub allowed: Vec<Allowed>,
    /// What it consists of.
    #[n(2)]
    pub rewrite: Rewrite,
}

/// What a relation consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// The edges written to it: `[user]`.
    Direct,
    /// `editor`: another relation of the same type.
    Computed(RelationName),
    /// `viewer from parent`: `target` on what stands in the relation `tupleset`.
    From {
        /// The relation that is followed.
        tupleset: RelationName,
        /// What is asked for where it leads.
        target: RelationName,
    },
    /// `a or b`: at least one of them.
    Union(Vec<Self>),
    /// `a and b`: every one of them.
    Intersection(Vec<Self>),
    /// `a but not b`: the first and not the second.
    Exclusion(Box<Self>, Box<Self>),
}

/// `condition only_on(day: string) { day == "monday" }`
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ModelCondition {
    /// Its name.
    #[n(0)]
    pub name: CaveatName,
    /// Its parameters and their types, such as `map<string>`.
    #[n(1)]
    pub parameters: Vec<(String, String)>,
    /// Its expression, as it was written.
    #[n(2)]
    pub expression: String,
}

impl<C> Encode<C> for Rewrite {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Self::Direct => e.array(1)?.u8(0)?.ok(),
            Self::Computed(relation) => e.array(2)?.u8(1)?.encode_with(relation, context)?.ok(),
            Self::From { tupleset, target } => {
                e.array(3)?.u8(2)?.encode_with(tupleset, context)?.encode_with(target, context)?.ok()
            }
            Self::Union(parts) => e.array(2)?.u8(3)?.encode_with(parts, context)?.ok(),
            Self::Intersection(parts) => e.array(2)?.u8(4)?.encode_with(parts, context)?.ok(),
            Self::Exclusion(base, taken) => {
                e.array(3)?.u8(5)?.encode_with(base, context)?.encode_with(taken, context)?.ok()
            }
        }
    }
}

impl<'b, C> Decode<'b, C> for Rewrite {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::decode_nested(d, MODEL_NESTING_MAX)
    }
}

impl Rewrite {
    /// Bounded, so that damaged bytes cannot exhaust the stack.
    fn decode_nested(d: &mut minicbor::Decoder<'_>, nesting_left: usize) -> Result<Self, minicbor::decode::Error> {
        let message = minicbor::decode::Error::message;
        let nesting_left = nesting_left.checked_sub(1).ok_or_else(|| message("relation nested too deeply"))?;
        let length = d.array()?.ok_or_else(|| message("relation of unknown length"))?;
        let parts = |d: &mut minicbor::Decoder<'_>| {
            let length = d.array()?.ok_or_else(|| message("operands of unknown number"))?;
            (0..length).map(|_| Self::decode_nested(d, nesting_left)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match (d.u8()?, length) {
            (0, 1) => Self::Direct,
            (1, 2) => Self::Computed(d.decode()?),
            (2, 3) => Self::From { tupleset: d.decode()?, target: d.decode()? },
            (3, 2) => Self::Union(parts(d)?),
            (4, 2) => Self::Intersection(parts(d)?),
            (5, 3) => {
                let base = Self::decode_nested(d, nesting_left)?;
                Self::Exclusion(Box::new(base), Box::new(Self::decode_nested(d, nesting_left)?))
            }
            _ => return Err(message("not a relation of a model")),
        })
    }
}

/// The bytes of what a relation allows: type, relation or none, whether a wildcard, caveat or none.
mod allowed {
    use minicbor::{
        Decoder, Encoder,
        decode::Error,
        encode::{Error as WriteError, Write},
    };

    use crate::{
        CaveatName, RelationName, TypeName,
        schema::{Allowed, AllowedSubject},
    };

    pub(super) fn encode<C, W: Write>(
        all: &[Allowed],
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), WriteError<W::Error>> {
        e.array(all.len() as u64)?;
        for allowed in all {
            let (relation, wildcard) = match &allowed.subject {
                AllowedSubject::Object(_) => (None, false),
                AllowedSubject::Userset(_, relation) => (Some(relation), false),
                AllowedSubject::Wildcard(_) => (None, true),
            };
            e.array(4)?.encode(allowed.subject.kind())?.encode(relation)?.bool(wildcard)?.encode(&allowed.caveat)?;
        }
        Ok(())
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<Allowed>, Error> {
        let length = d.array()?.ok_or_else(|| Error::message("list of unknown length"))?;
        let mut all = Vec::new();
        for _ in 0..length {
            if d.array()? != Some(4) {
                return Err(Error::message("not what a relation allows"));
            }
            let kind: TypeName = d.decode()?;
            let (relation, wildcard): (Option<RelationName>, bool) = (d.decode()?, d.bool()?);
            let caveat: Option<CaveatName> = d.decode()?;
            let subject = match (relation, wildcard) {
                (Some(relation), _) => AllowedSubject::Userset(kind, relation),
                (None, true) => AllowedSubject::Wildcard(kind),
                (None, false) => AllowedSubject::Object(kind),
            };
            all.push(Allowed { subject, caveat, expires: false });
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
