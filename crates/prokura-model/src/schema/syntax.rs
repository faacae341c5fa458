//! The syntax tree: what was written, by the numbers of its tokens, so that nothing of the text is lost.

use super::{Quantifier, token::TokenId};

/// A whole text.
#[derive(Debug)]
pub(super) struct File {
    pub(super) items: Vec<Item>,
    /// The end of the text.
    pub(super) end: TokenId,
}

/// What a text is made of.
#[derive(Debug)]
pub(super) enum Item {
    /// `use expiration`
    Use {
        keyword: TokenId,
        flag: TokenId,
    },
    /// `import "users.zed"`
    Import {
        keyword: TokenId,
        path: TokenId,
    },
    Caveat(CaveatNode),
    Definition(DefinitionNode),
    /// `partial shared { … }`
    Partial(DefinitionNode),
    Access(AccessNode),
    Authority(AuthorityNode),
    Guard(GuardNode),
}

impl Item {
    /// Its first token.
    pub(super) fn first(&self) -> TokenId {
        match self {
            Self::Use { keyword, .. } | Self::Import { keyword, .. } => *keyword,
            Self::Caveat(node) => node.keyword,
            Self::Definition(node) | Self::Partial(node) => node.keyword,
            Self::Access(node) => node.keyword,
            Self::Authority(node) => node.keyword,
            Self::Guard(node) => node.keyword,
        }
    }

    /// Its last token, without what ends it.
    pub(super) fn last(&self) -> TokenId {
        match self {
            Self::Use { flag, .. } => *flag,
            Self::Import { path, .. } => *path,
            Self::Caveat(node) => node.close,
            Self::Definition(node) | Self::Partial(node) => node.close,
            Self::Access(node) => node.close,
            Self::Authority(node) => node.close,
            Self::Guard(node) => node.close,
        }
    }
}

/// `access deploy_now on service#deploy { … }`
#[derive(Debug)]
pub(super) struct AccessNode {
    pub(super) keyword: TokenId,
    pub(super) name: TokenId,
    pub(super) on: TokenId,
    /// Never empty.
    pub(super) targets: Vec<PermissionNode>,
    pub(super) open: TokenId,
    pub(super) clauses: Vec<AccessClauseNode>,
    pub(super) close: TokenId,
}

/// A permission or relation of a type: `service#approve`
#[derive(Clone, Copy, Debug)]
pub(super) struct PermissionNode {
    pub(super) path: Path,
    pub(super) name: TokenId,
}

impl PermissionNode {
    /// Its last token.
    pub(super) fn last(&self) -> TokenId {
        self.name
    }
}

/// A statement between the braces of an access item.
#[derive(Debug)]
pub(super) struct AccessClauseNode {
    pub(super) first: TokenId,
    /// Its last token, without what ends it.
    pub(super) last: TokenId,
    pub(super) says: AccessClause,
}

/// What a statement of an access item says.
#[derive(Debug)]
pub(super) enum AccessClause {
    /// `refuse`
    Refuse,
    /// `grant`
    Grant,
    /// `ask service#approve, host#approve`
    Ask(Vec<PermissionNode>),
    /// `for at most 4h`
    For(TokenId),
    /// `relation temporary_deployer`
    Relation(TokenId),
    /// `when resource.environment == "staging"`: from the first to the last token of the condition
    When((TokenId, TokenId)),
    /// `ticket required`, `ticket change required`
    Ticket(Option<Path>),
    /// `break glass`
    BreakGlass,
    /// `origin may answer`
    Origin,
}

/// `authority over agent { … }`
#[derive(Debug)]
pub(super) struct AuthorityNode {
    pub(super) keyword: TokenId,
    pub(super) kind: Path,
    pub(super) open: TokenId,
    pub(super) clauses: Vec<AuthorityClauseNode>,
    pub(super) close: TokenId,
}

/// `create by operate`
#[derive(Debug)]
pub(super) struct AuthorityClauseNode {
    pub(super) word: TokenId,
    pub(super) name: TokenId,
}

/// `guard production(amount int) on service#deploy { … }`
#[derive(Debug)]
pub(super) struct GuardNode {
    pub(super) keyword: TokenId,
    pub(super) name: TokenId,
    /// The parentheses around the parameters, where there are some.
    pub(super) parentheses: Option<(TokenId, TokenId)>,
    pub(super) parameters: Vec<ParameterNode>,
    pub(super) on: TokenId,
    /// Never empty.
    pub(super) targets: Vec<PermissionNode>,
    pub(super) open: TokenId,
    pub(super) clauses: Vec<ClauseNode>,
    pub(super) close: TokenId,
}

/// A statement of a guard.
#[derive(Debug)]
pub(super) struct ClauseNode {
    pub(super) keyword: TokenId,
    pub(super) body: ClauseBody,
    /// The last token, without what ends it.
    pub(super) last: TokenId,
}

/// What a clause of a guard says.
#[derive(Debug)]
pub(super) enum ClauseBody {
    /// `when …`: the first and the last token of the expression.
    When((TokenId, TokenId)),
    /// `require …`: the same.
    Require((TokenId, TokenId)),
    /// `forbid`
    Forbid,
    /// `require approval from service#approve within 15m, once`
    Approval { from: PermissionNode, within: Option<TokenId>, uses: Option<TokenId> },
    /// `require confirmation from origin within 15m`
    Confirmation { within: Option<TokenId> },
    /// `record before answer`
    Record,
}

/// `caveat only_on(day string) { day == "monday" }`
#[derive(Debug)]
pub(super) struct CaveatNode {
    pub(super) keyword: TokenId,
    pub(super) name: Path,
    pub(super) open_parameters: TokenId,
    pub(super) parameters: Vec<ParameterNode>,
    pub(super) close_parameters: TokenId,
    pub(super) open: TokenId,
    /// The first and the last token of the expression, which is another language's.
    pub(super) expression: (TokenId, TokenId),
    pub(super) close: TokenId,
}

/// `days list<string>`
#[derive(Debug)]
pub(super) struct ParameterNode {
    pub(super) name: TokenId,
    pub(super) kind: ParameterTypeNode,
}

/// `list<string>`
#[derive(Debug)]
pub(super) struct ParameterTypeNode {
    pub(super) name: TokenId,
    pub(super) of: Vec<Self>,
}

/// `definition docs/document { … }`
#[derive(Debug)]
pub(super) struct DefinitionNode {
    pub(super) keyword: TokenId,
    pub(super) name: Path,
    pub(super) open: TokenId,
    pub(super) statements: Vec<Statement>,
    pub(super) close: TokenId,
}

/// What stands between the braces of a definition.
#[derive(Debug)]
pub(super) enum Statement {
    Member(MemberNode),
    /// `...shared`
    Reference {
        dots: TokenId,
        name: TokenId,
    },
}

impl Statement {
    /// Its first token.
    pub(super) fn first(&self) -> TokenId {
        match self {
            Self::Member(node) => node.keyword,
            Self::Reference { dots, .. } => *dots,
        }
    }

    /// Its last token, without what ends it.
    pub(super) fn last(&self) -> TokenId {
        match self {
            Self::Member(node) => node.last,
            Self::Reference { name, .. } => *name,
        }
    }
}

/// `docs/document`: the names and the slashes between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub(super) first: TokenId,
    pub(super) last: TokenId,
}

/// `relation viewer: user`, `permission view = viewer` or `attribute environment string`
#[derive(Debug)]
pub(super) struct MemberNode {
    pub(super) keyword: TokenId,
    pub(super) name: TokenId,
    /// `:` or `=`; of an attribute, which has neither, its name.
    pub(super) sign: TokenId,
    /// `: user | group`, before the sign of a permission.
    pub(super) annotation: Option<AnnotationNode>,
    pub(super) body: MemberBody,
    /// The last token of the statement, without what ends it.
    pub(super) last: TokenId,
}

/// What follows the sign.
#[derive(Debug)]
pub(super) enum MemberBody {
    Relation(Vec<TypeNode>),
    Permission(ExpressionNode),
    /// `attribute environment string`
    Attribute(ParameterTypeNode),
}

/// The types of subject that a permission is said to have.
#[derive(Debug)]
pub(super) struct AnnotationNode {
    pub(super) colon: TokenId,
    /// Never empty.
    pub(super) types: Vec<TokenId>,
}

/// One of the types of a relation.
#[derive(Clone, Copy, Debug)]
pub(super) struct TypeNode {
    pub(super) path: Path,
    pub(super) form: TypeForm,
    /// ` with …`
    pub(super) terms: Option<TermsNode>,
}

/// `with only_on_mondays and expiration`
#[derive(Clone, Copy, Debug)]
pub(super) struct TermsNode {
    pub(super) with: TokenId,
    pub(super) caveat: Option<Path>,
    /// `and`, where both a caveat and the expiration stand.
    pub(super) and: Option<TokenId>,
    pub(super) expiration: Option<TokenId>,
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
    /// `self`
    Itself(TokenId),
    /// `nil`
    Nil(TokenId),
    Arrow(ArrowNode),
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

/// `parent->view`, `parent.any(view)`, `parent.all(view)`
#[derive(Clone, Copy, Debug)]
pub(super) struct ArrowNode {
    pub(super) left: TokenId,
    /// `->` or `.`
    pub(super) sign: TokenId,
    pub(super) right: TokenId,
    /// `any` or `all`, and the parentheses around what is on the right.
    pub(super) function: Option<FunctionNode>,
}

/// `any(` … `)`
#[derive(Clone, Copy, Debug)]
pub(super) struct FunctionNode {
    pub(super) name: TokenId,
    pub(super) quantifier: Quantifier,
    pub(super) open: TokenId,
    pub(super) close: TokenId,
}

impl ArrowNode {
    /// Its last token.
    pub(super) fn last(&self) -> TokenId {
        self.function.map_or(self.right, |function| function.close)
    }

    /// Whether one of the objects is enough.
    pub(super) fn quantifier(&self) -> Quantifier {
        self.function.map_or(Quantifier::Any, |function| function.quantifier)
    }
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
