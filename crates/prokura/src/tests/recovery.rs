use prokura_model::{Change, Revision, TenantName, Timestamp, encode_changes};
use prokura_store::{DecisionLog, Entry, Log};

use crate::{
    Options,
    recovery::{Decoded, take},
    shared::{Shared, State},
};

const KEPT: u64 = 10;

/// Every change to an edge copies what is kept of it, so what is kept must stay bounded while the log is read back.
#[test]
fn reading_back_keeps_no_more_than_the_window() {
    let (log, decisions) = (Log::in_memory(), DecisionLog::in_memory());
    let options = Options { kept_revisions: KEPT, ..Options::default() };
    let shared = Shared::new(&options, State::new(&options), log.reader(), decisions.reader());
    let name = TenantName::new("default").unwrap();
    let edge = "document:plan#viewer@user:bob".parse().unwrap();
    let (touch, delete) =
        (Change::touched(edge), Change::RelationshipDeleted("document:plan#viewer@user:bob".parse().unwrap()));
    let mut most = 0;
    for revision in 1..=3_000 {
        let change = if revision % 2 == 1 { &touch } else { &delete };
        let entry = Entry {
            tenant: name.clone(),
            revision: Revision(revision),
            time: Timestamp(revision),
            author: "user:tester".to_owned(),
            reason: String::new(),
            request_id: None,
            payload: encode_changes(std::slice::from_ref(change)),
        };
        assert_eq!(take(&shared, Decoded::new(entry).unwrap()).unwrap(), 1);
        let tenant = shared.system.tenant(&name).unwrap();
        assert_eq!(tenant.index.published(), Revision(revision));
        most = most.max(tenant.index.stats().ended);
        // The window is there all the time.
        assert!(tenant.index.view_at(Revision(revision.saturating_sub(KEPT))).is_ok());
    }
    assert!((1..=2 * KEPT).contains(&most), "{most} ended relationships were kept");
}
