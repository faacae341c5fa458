//! The syntax tree: what was written, by the numbers of its tokens, so that nothing of the text is lost.

use super::token::TokenId;

/// A whole text.
#[derive(Debug)]
pub(super) struct File {
    pub(super) definitions: Vec<DefinitionNode>,
    /// The end of the text.
    pub(super) end: TokenId,
}

/// `definition docs/document { … }`
#[derive(Debug)]
pub(super) struct DefinitionNode {
    pub(super) keyword: TokenId,
    pub(super) name: Path,
    pub(super) open: TokenId,
    pub(super) members: Vec<MemberNode>,
    pub(super) close: TokenId,
}

/// `docs/document`: the names and the slashes between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub(super) first: TokenId,
    pub(super) last: TokenId,
}

/// A statement of a definition.
#[derive(Debug)]
pub(super) struct MemberNode {
    pub(super) keyword: TokenId,
    pub(super) name: TokenId,
    /// `:` or `=`
    pub(super) sign: TokenId,
    pub(super) body: MemberBody,
    /// The last token of the statement, without what ends it.
    pub(super) last: TokenId,
}

/// What follows the sign.
#[derive(Debug)]
pub(super) enum MemberBody {
    Relation(Vec<TypeNode>),
    Permission(ExpressionNode),
}

/// One of the types of a relation.
#[derive(Clone, Copy, Debug)]
pub(super) struct TypeNode {
    pub(super) path: Path,
    pub(super) form: TypeForm,
}

/// What follows the path of a type.
#[derive(Clone, Copy, Debug)]
pub(super) enum TypeForm {
    /// Nothing
    Object,
    /// `#...`, which means nothing
    Ellipsis { hash: TokenId, dots: TokenId },
    /// `#member`
    Userset { hash: TokenId, relation: TokenId },
    /// `:*`
    Wildcard { colon: TokenId, star: TokenId },
}

/// How a permission is computed, as it was written.
#[derive(Debug)]
pub(super) enum ExpressionNode {
    Name(TokenId),
    Arrow {
        left: TokenId,
        arrow: TokenId,
        right: TokenId,
    },
    Group {
        open: TokenId,
        inner: Box<Self>,
        close: TokenId,
    },
    /// Two operands or more, the same operator between all of them.
    Chain {
        operator: Operator,
        operands: Vec<Self>,
        signs: Vec<TokenId>,
    },
}

/// From the loosest to the tightest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// `-`
    Exclusion,
    /// `&`
    Intersection,
    /// `+`
    Union,
}
