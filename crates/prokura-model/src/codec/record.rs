//! A decision record as bytes. There is one for every answer, so it is written straight into memory, without a call and a
//! result for every few bytes; a test holds it to what is derived from the type.

use minicbor::Encoder;

use super::Bytes;
use crate::{ChainLink, ObjectRef, Outcome, RecordView, Relationship, Step, SubjectRef, Terms, Value, WitnessEdge};

/// Major types.
const UNSIGNED: u8 = 0x00;
const NEGATIVE: u8 = 0x20;
const TEXT: u8 = 0x60;
const ARRAY: u8 = 0x80;
const MAP: u8 = 0xa0;
/// Simple values.
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
const FLOAT_64: u8 = 0xfb;

/// The members of a record that has no credential, which would be the last.
const MEMBERS: u64 = 21;

/// About the bytes that a record takes: mostly enough, so that it is not copied while it grows.
pub(super) fn usual_bytes(record: &RecordView<'_>) -> usize {
    /// Names, ids and numbers.
    const OTHERWISE: usize = 384;
    const LINK: usize = 96;
    const EDGE: usize = 96;
    OTHERWISE + record.message.len() + LINK * record.chain.len() + EDGE * record.witness.len()
}

impl Bytes {
    pub(super) fn put_record(&mut self, record: &RecordView<'_>) {
        self.head(ARRAY, MEMBERS + u64::from(record.credential.is_some()));
        self.text(record.id.as_str());
        self.head(UNSIGNED, record.time.0);
        self.head(UNSIGNED, record.revision.0);
        self.object(record.actor);
        self.text(record.permission.as_str());
        self.object(record.resource);
        self.text_or_null(record.delegation.map(|delegation| delegation.as_str()));
        self.text_or_null(record.task.map(|task| task.as_str()));
        match record.origin {
            Some(origin) => self.object(origin),
            None => self.0.push(NULL),
        }
        self.list(record.chain, Self::link);
        self.outcome(record.outcome);
        self.text(record.message);
        self.list(record.witness, Self::edge);
        self.value(record.request);
        self.text(record.door);
        self.text(record.enforcement_point);
        self.text_or_null(record.request_id);
        self.head(UNSIGNED, record.duration_us);
        self.list(record.missing, |bytes, name| bytes.text(name));
        self.step(record.step);
        self.list(record.fired, |bytes, guard| bytes.derived(guard));
        if let Some(credential) = record.credential {
            self.derived(credential);
        }
    }

    /// A major type, and how many or how much.
    #[inline]
    fn head(&mut self, kind: u8, number: u64) {
        match u8::try_from(number) {
            Ok(number @ 0..24) => self.0.push(kind | number),
            Ok(number) => self.0.extend_from_slice(&[kind | 24, number]),
            Err(_) => self.long_head(kind, number),
        }
    }

    #[inline(never)]
    fn long_head(&mut self, kind: u8, number: u64) {
        let bytes = number.to_be_bytes();
        let (size, width) = match number {
            0..0x1_0000 => (25, 2),
            0x1_0000..0x1_0000_0000 => (26, 4),
            _ => (27, 8),
        };
        self.0.push(kind | size);
        self.0.extend_from_slice(bytes.get(bytes.len() - width..).unwrap_or_default());
    }

    #[inline]
    fn text(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn text_or_null(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.0.push(NULL),
        }
    }

    fn list<T>(&mut self, entries: &[T], put: impl Fn(&mut Self, &T)) {
        self.head(ARRAY, entries.len() as u64);
        entries.iter().for_each(|entry| put(self, entry));
    }

    /// A variant with so many members, which follow.
    fn variant(&mut self, number: u8, members: u8) {
        self.0.extend_from_slice(&[ARRAY | 2, number, ARRAY | members]);
    }

    fn object(&mut self, object: &ObjectRef) {
        self.0.push(ARRAY | 2);
        self.text(object.kind.as_str());
        self.text(object.id.as_str());
    }

    fn link(&mut self, link: &ChainLink) {
        self.0.push(ARRAY | 3);
        self.text(link.delegation.as_str());
        self.object(&link.from);
        self.object(&link.to);
    }

    fn step(&mut self, Step { run, span, planned }: &Step) {
        self.0.push(ARRAY | 3);
        self.text_or_null(run.as_ref().map(|run| run.as_str()));
        self.text_or_null(span.as_deref());
        self.0.push(if *planned { TRUE } else { FALSE });
    }

    fn outcome(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Decided(reason) => {
                self.variant(0, 1);
                self.derived(reason);
            }
            Outcome::Failed(code) => {
                self.variant(1, 1);
                self.text(code);
            }
        }
    }

    fn edge(&mut self, edge: &WitnessEdge) {
        let Relationship { resource, relation, subject } = &edge.relationship;
        self.0.extend_from_slice(&[ARRAY | 3, ARRAY | 3]);
        self.object(resource);
        self.text(relation.as_str());
        self.subject(subject);
        self.head(UNSIGNED, edge.since.0);
        self.terms(&edge.terms);
    }

    fn subject(&mut self, subject: &SubjectRef) {
        match subject {
            SubjectRef::Object(object) => {
                self.variant(0, 1);
                self.object(object);
            }
            SubjectRef::Userset(object, relation) => {
                self.variant(1, 2);
                self.object(object);
                self.text(relation.as_str());
            }
            SubjectRef::Wildcard(kind) => {
                self.variant(2, 1);
                self.text(kind.as_str());
            }
        }
    }

    /// Most edges hold for good.
    fn terms(&mut self, terms: &Terms) {
        if terms.is_none() {
            self.0.push(ARRAY);
        } else {
            self.derived(terms);
        }
    }

    /// Recursive: the value is one whose nesting was bounded.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.0.push(NULL),
            Value::Bool(value) => self.0.push(if *value { TRUE } else { FALSE }),
            Value::Integer(value) => match u64::try_from(*value) {
                Ok(number) => self.head(UNSIGNED, number),
                // -1 is written as 0, -2 as 1: what is left when every bit is turned.
                Err(_) => self.head(NEGATIVE, !value.cast_unsigned()),
            },
            Value::Float(value) => {
                self.0.push(FLOAT_64);
                self.0.extend_from_slice(&value.to_be_bytes());
            }
            Value::String(text) => self.text(text),
            Value::List(values) => self.list(values, Self::value),
            Value::Map(members) => {
                self.head(MAP, members.len() as u64);
                for (name, value) in members {
                    self.text(name);
                    self.value(value);
                }
            }
        }
    }

    /// What seldom is there, or is short.
    fn derived<T: minicbor::Encode<()>>(&mut self, value: &T) {
        // Writing to a vector cannot fail, and no encoder of ours makes an error of its own.
        let written = Encoder::new(self).encode(value).is_ok();
        assert!(written, "encoding into memory failed");
    }
}
