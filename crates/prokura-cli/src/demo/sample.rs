//! The sample organisation, kept in the binary so that the demo works from anywhere.

/// The files of `examples/engineering`, each with its name.
pub(super) const ENGINEERING: &[(&str, &str)] = &[
    ("examples/engineering/partner.yaml", include_str!("../../../../examples/engineering/partner.yaml")),
    ("examples/engineering/principals.yaml", include_str!("../../../../examples/engineering/principals.yaml")),
    ("examples/engineering/relationships.rels", include_str!("../../../../examples/engineering/relationships.rels")),
    ("examples/engineering/release.yaml", include_str!("../../../../examples/engineering/release.yaml")),
    ("examples/engineering/schema.zed", include_str!("../../../../examples/engineering/schema.zed")),
];

pub(super) const ACTOR: &str = "agent:deployer";
pub(super) const PERMISSION: &str = "deploy";
pub(super) const RESOURCE: &str = "service:checkout";
pub(super) const DELEGATION: &str = "coder-to-deployer";

/// The one edge that is removed: alice's shift.
pub(super) const EDGE: &str = "team:checkout-on-call#direct_member@user:alice";

/// The question as AuthZEN asks it.
pub(super) const EVALUATION: &str = r#"{"subject":{"type":"agent","id":"deployer"},"action":{"name":"deploy"},"resource":{"type":"service","id":"checkout"}}"#;
