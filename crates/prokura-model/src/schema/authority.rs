//! Who may create, see and revoke links of others: rights over the principals of a type.

use crate::{RelationName, Schema, TypeName};

/// `authority over agent { create by operate; see by audit; revoke by stop }`: who has these permissions on an agent may do
/// that for it, beside the agent itself and whoever owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityOver {
    /// Over the principals of which type.
    pub kind: TypeName,
    /// Its doc comment, without the comment marks.
    pub doc: Option<String>,
    /// Who has this permission on one of them makes delegations, tasks and endorsements in its name.
    pub create: Option<RelationName>,
    /// Who has this one sees those that it has a part in.
    pub see: Option<RelationName>,
    /// Who has this one ends them.
    pub revoke: Option<RelationName>,
}

impl AuthorityOver {
    /// What is said by each word, in the order in which they are usually written.
    #[must_use]
    pub fn said(&self) -> [(&'static str, Option<&RelationName>); 3] {
        [("create", self.create.as_ref()), ("see", self.see.as_ref()), ("revoke", self.revoke.as_ref())]
    }
}

impl Schema {
    /// What it says about the principals of a type.
    #[must_use]
    pub fn authority_over(&self, kind: &TypeName) -> Option<&AuthorityOver> {
        self.authorities.get(kind)
    }
}
