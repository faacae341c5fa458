//! Names as small numbers, packed so that a node of the graph is one word:
//! `class: 2 | kind: 14 | relation: 16 | object: 32` bits, from the top.

/// A type name's number, below [`TYPES_MAX`](crate::limits::TYPES_MAX).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KindId(pub(crate) u16);

/// A relation or permission name's number; 0 is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RelationId(pub(crate) u16);

/// A relation or permission of an object: what a check asks for, and the key of a list of edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Node(u64);

/// What stands at the subject end of an edge. Ordered by class: objects, then wildcards, then usersets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Subject(u64);

const WILDCARD: u64 = 1 << 62;
const USERSET: u64 = 2 << 62;
const CLASS: u64 = 3 << 62;

/// What a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Object,
    Wildcard,
    Userset,
}

impl Node {
    pub(crate) fn new(kind: KindId, relation: RelationId, object: u32) -> Self {
        Self(u64::from(kind.0) << 48 | u64::from(relation.0) << 32 | u64::from(object))
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits & !CLASS)
    }

    pub(crate) fn kind(self) -> KindId {
        KindId((self.0 >> 48) as u16)
    }

    pub(crate) fn relation(self) -> RelationId {
        #[expect(clippy::cast_possible_truncation, reason = "the sixteen bits of the relation are meant")]
        RelationId((self.0 >> 32) as u16)
    }

    pub(crate) fn object(self) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
        let object = self.0 as u32;
        object
    }

    /// The same relation or permission of another object.
    pub(crate) fn with_object(self, object: u32) -> Self {
        Self(self.0 >> 32 << 32 | u64::from(object))
    }

    /// Another relation or permission of the same object.
    pub(crate) fn with_relation(self, relation: RelationId) -> Self {
        Self::new(self.kind(), relation, self.object())
    }
}

impl Subject {
    /// Every userset is at or after this one, everything else before.
    pub(crate) const FIRST_USERSET: Self = Self(USERSET);

    pub(crate) fn object(kind: KindId, object: u32) -> Self {
        Self(Node::new(kind, RelationId(0), object).0)
    }

    pub(crate) fn wildcard(kind: KindId) -> Self {
        Self(Node::new(kind, RelationId(0), 0).0 | WILDCARD)
    }

    pub(crate) fn userset(node: Node) -> Self {
        Self(node.0 | USERSET)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn class(self) -> Class {
        match self.0 & CLASS {
            0 => Class::Object,
            WILDCARD => Class::Wildcard,
            _ => Class::Userset,
        }
    }

    /// Its kind, object and relation, as far as it has them.
    pub(crate) fn node(self) -> Node {
        Node::from_bits(self.0)
    }
}
