use super::*;
use crate::{Disposition, Fault, Reason};

#[test]
fn limit_record_id_bytes_max() {
    assert!(TaskId::new("a".repeat(RECORD_ID_BYTES_MAX)).is_some());
    assert!(TaskId::new("a".repeat(RECORD_ID_BYTES_MAX + 1)).is_none());
    assert!(TaskId::new("").is_none());
    assert!(TaskId::new("a b").is_none());
}

#[test]
fn words_are_read_back() {
    for state in [PrincipalState::Active, PrincipalState::Suspended, PrincipalState::OffBoarded] {
        assert_eq!(PrincipalState::from_word(state.word()), Some(state));
    }
    for state in [TaskState::Open, TaskState::Completed, TaskState::Cancelled] {
        assert_eq!(TaskState::from_word(state.word()), Some(state));
    }
    for fault in [Fault::Caller, Fault::Limit, Fault::Server] {
        assert_eq!(Fault::from_word(fault.word()), Some(fault));
    }
    for kind in [DelegationKind::Lends, DelegationKind::Dispatches] {
        assert_eq!(DelegationKind::from_word(kind.word()), Some(kind));
    }
    for word in ["own_authority", "lent_authority", "dispatched_authority"] {
        assert_eq!(Reason::from_word(word).unwrap().disposition(), Disposition::Allow);
    }
    for word in
        ["no_path", "delegation_not_for_actor", "origin_lacks_permission", "worker_lacks_permission", "not_endorsed"]
    {
        assert_eq!(Reason::from_word(word).unwrap().disposition(), Disposition::Deny);
        assert_eq!(Reason::from_word(word).unwrap().to_string(), word);
    }
    assert_eq!(Reason::from_word("allow"), None);
}
