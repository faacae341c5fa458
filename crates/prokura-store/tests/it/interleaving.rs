//! Any interleaving of batches over several tenants, refused batches, clean ends and kills: the log is what was acknowledged.

use std::{collections::BTreeMap, sync::Arc};

use prokura_store::{DecisionLog, Log, MemoryDisk};
use proptest::prelude::*;

use crate::samples::{Subject, TENANTS};

#[derive(Clone, Debug)]
enum Step {
    /// Whose the items are, and how large.
    Append(Vec<(usize, usize)>),
    /// A batch whose last item cannot follow.
    AppendBroken(usize),
    /// Close and open.
    Reopen,
    /// Open what a killed process leaves: everything written, nothing closed.
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    let item = (0..TENANTS.len(), prop_oneof![4 => 0_usize..60, 1 => 3_000_usize..9_000]);
    prop_oneof![
        6 => prop::collection::vec(item, 0..6).prop_map(Step::Append),
        1 => (0..TENANTS.len()).prop_map(Step::AppendBroken),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
    ]
}

fn replay_equals<S: Subject>(steps: &[Step]) {
    let mut disk = MemoryDisk::new();
    let mut log = Some(S::open(Arc::new(disk.clone())).unwrap());
    let mut numbers: BTreeMap<usize, u64> = BTreeMap::new();
    let mut expected: Vec<S::Item> = Vec::new();
    for step in steps {
        match step {
            Step::Append(items) => {
                let batch: Vec<_> = items
                    .iter()
                    .map(|(whose, bytes)| {
                        let number = numbers.entry(*whose).or_default();
                        *number += 1;
                        S::item(TENANTS[*whose], *number, *bytes)
                    })
                    .collect();
                log.as_mut().unwrap().put(&batch).unwrap();
                expected.extend(batch);
            }
            Step::AppendBroken(whose) => {
                // The same number twice: out of order for the one log, a taken id for the other.
                let next = numbers.get(whose).copied().unwrap_or(0) + 1;
                if next > 1 {
                    // What is there already cannot be there again, however long ago it was.
                    let batch = [S::item(TENANTS[*whose], next, 1), S::item(TENANTS[*whose], next / 2, 1)];
                    log.as_mut().unwrap().put(&batch).unwrap_err();
                }
                let batch = [S::item(TENANTS[*whose], next, 1), S::item(TENANTS[*whose], next, 2)];
                log.as_mut().unwrap().put(&batch).unwrap_err();
            }
            Step::Reopen => {
                drop(log.take());
                log = Some(S::open(Arc::new(disk.clone())).unwrap());
            }
            Step::Kill => {
                let left = disk.files();
                drop(log.take());
                disk = MemoryDisk::with_files(left);
                log = Some(S::open(Arc::new(disk.clone())).unwrap());
            }
        }
    }
    assert_eq!(log.as_ref().unwrap().everything(), S::listed(&expected));
    drop(log);
    assert_eq!(S::open(Arc::new(disk)).unwrap().everything(), S::listed(&expected));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_replays_what_was_appended(steps in prop::collection::vec(step(), 1..24)) {
        replay_equals::<Log>(&steps);
    }

    #[test]
    fn a_decision_log_lists_what_was_appended(steps in prop::collection::vec(step(), 1..24)) {
        replay_equals::<DecisionLog>(&steps);
    }
}
