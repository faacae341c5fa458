use super::Difference;

impl Difference {
    /// The stable word for what kind of difference it is.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::DefinitionAdded(_) => "definition_added",
            Self::DefinitionRemoved(_) => "definition_removed",
            Self::DefinitionDocChanged(_) => "definition_doc_changed",
            Self::RelationAdded(..) => "relation_added",
            Self::RelationRemoved(..) => "relation_removed",
            Self::RelationDocChanged(..) => "relation_doc_changed",
            Self::SubjectTypeAdded(..) => "subject_type_added",
            Self::SubjectTypeRemoved(..) => "subject_type_removed",
            Self::PermissionAdded(..) => "permission_added",
            Self::PermissionRemoved(..) => "permission_removed",
            Self::PermissionDocChanged(..) => "permission_doc_changed",
            Self::PermissionExpressionChanged(..) => "permission_expression_changed",
            Self::CaveatAdded(_) => "caveat_added",
            Self::CaveatRemoved(_) => "caveat_removed",
            Self::CaveatDocChanged(_) => "caveat_doc_changed",
            Self::CaveatExpressionChanged(_) => "caveat_expression_changed",
            Self::CaveatParameterAdded(..) => "caveat_parameter_added",
            Self::CaveatParameterRemoved(..) => "caveat_parameter_removed",
            Self::CaveatParameterTypeChanged(..) => "caveat_parameter_type_changed",
            Self::AccessAdded(_) => "access_added",
            Self::AccessRemoved(_) => "access_removed",
            Self::AccessDocChanged(_) => "access_doc_changed",
            Self::AccessChanged(_) => "access_changed",
            Self::AuthorityAdded(_) => "authority_added",
            Self::AuthorityRemoved(_) => "authority_removed",
            Self::AuthorityDocChanged(_) => "authority_doc_changed",
            Self::AuthorityChanged(_) => "authority_changed",
            Self::AttributeAdded(..) => "attribute_added",
            Self::AttributeRemoved(..) => "attribute_removed",
            Self::AttributeTypeChanged(..) => "attribute_type_changed",
            Self::GuardAdded(_) => "guard_added",
            Self::GuardRemoved(_) => "guard_removed",
            Self::GuardDocChanged(_) => "guard_doc_changed",
            Self::GuardMoved(_) => "guard_moved",
            Self::GuardChanged(_) => "guard_changed",
        }
    }

    /// Where: `document`, `document#viewer`, or the name of a caveat or a guard.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::DefinitionAdded(kind)
            | Self::DefinitionRemoved(kind)
            | Self::DefinitionDocChanged(kind)
            | Self::AuthorityAdded(kind)
            | Self::AuthorityRemoved(kind)
            | Self::AuthorityDocChanged(kind)
            | Self::AuthorityChanged(kind) => kind.to_string(),
            Self::RelationAdded(kind, name)
            | Self::RelationRemoved(kind, name)
            | Self::RelationDocChanged(kind, name)
            | Self::SubjectTypeAdded(kind, name, _)
            | Self::SubjectTypeRemoved(kind, name, _)
            | Self::PermissionAdded(kind, name)
            | Self::PermissionRemoved(kind, name)
            | Self::PermissionDocChanged(kind, name)
            | Self::PermissionExpressionChanged(kind, name) => format!("{kind}#{name}"),
            Self::CaveatAdded(name)
            | Self::CaveatRemoved(name)
            | Self::CaveatDocChanged(name)
            | Self::CaveatExpressionChanged(name)
            | Self::CaveatParameterAdded(name, _)
            | Self::CaveatParameterRemoved(name, _)
            | Self::CaveatParameterTypeChanged(name, ..) => name.to_string(),
            Self::AccessAdded(name)
            | Self::AccessRemoved(name)
            | Self::AccessDocChanged(name)
            | Self::AccessChanged(name) => name.clone(),
            Self::AttributeAdded(kind, name)
            | Self::AttributeRemoved(kind, name)
            | Self::AttributeTypeChanged(kind, name, ..) => format!("{kind}#{name}"),
            Self::GuardAdded(name)
            | Self::GuardRemoved(name)
            | Self::GuardDocChanged(name)
            | Self::GuardMoved(name)
            | Self::GuardChanged(name) => name.to_string(),
        }
    }
}
