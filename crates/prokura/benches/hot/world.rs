//! A small organisation, always the same: people in nested groups, documents in nested folders, grants on both. It is W1 of
//! `prokura bench` in little; what is counted here is how much is done for an answer, not how much there is to search.

use std::collections::BTreeSet;

use prokura::model::{Change, ObjectRef, RelationName, Relationship, SubjectRef};

pub(crate) const SCHEMA: &str = "
definition user {}
definition agent {}
definition group {
    relation member: user | group#member
}
definition folder {
    relation parent: folder
    relation viewer: user | group#member
    relation editor: user | group#member
    relation owner: user | group#member
    permission view = viewer + editor + owner + parent->view
}
definition document {
    relation parent: folder
    relation viewer: user | group#member
    relation editor: user | group#member
    relation owner: user | group#member
    relation banned: user
    permission view = viewer + editor + owner + parent->view
    permission read = view - banned
}";

const USERS: u32 = 1_000;
const GROUPS: u32 = 100;
const FOLDERS: u32 = 500;
const DOCUMENTS: u32 = 3_000;

/// SplitMix64 (Steele, Lea, Flood, 2014): the same numbers on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end)).unwrap_or(0)
    }
}

/// Every relationship, each once.
pub(crate) fn relationships() -> Vec<Change> {
    let mut random = Random(1);
    let mut all = BTreeSet::new();
    for user in 0..USERS {
        for _ in 0..2 {
            all.insert(format!("group:g{}#member@user:u{user}", random.below(GROUPS)));
        }
    }
    // Parents of parents halve, so no chain is longer than the logarithm.
    for group in 1..GROUPS {
        all.insert(format!("group:g{}#member@group:g{group}#member", random.below(group.div_ceil(2))));
    }
    for folder in 1..FOLDERS {
        all.insert(format!("folder:f{folder}#parent@folder:f{}", random.below(folder.div_ceil(2))));
    }
    for document in 0..DOCUMENTS {
        all.insert(format!("document:d{document}#parent@folder:f{}", random.below(FOLDERS)));
        all.insert(grant(&mut random, &format!("document:d{document}")));
    }
    for _ in 0..3 * FOLDERS {
        let folder = format!("folder:f{}", random.below(FOLDERS));
        all.insert(grant(&mut random, &folder));
    }
    let parsed = all.iter().map(|text| text.parse::<Relationship>().expect("it is one"));
    parsed.map(Change::touched).collect()
}

fn grant(random: &mut Random, resource: &str) -> String {
    let role = match random.below(5) {
        0..3 => "viewer",
        3 => "editor",
        _ => "owner",
    };
    if random.below(10) < 6 {
        format!("{resource}#{role}@user:u{}", random.below(USERS))
    } else {
        format!("{resource}#{role}@group:g{}#member", random.below(GROUPS))
    }
}

/// A document and somebody who may or may not see it.
pub(crate) struct Pair {
    pub(crate) document: ObjectRef,
    pub(crate) user: ObjectRef,
}

impl Pair {
    pub(crate) fn subject(&self) -> SubjectRef {
        SubjectRef::Object(self.user.clone())
    }
}

pub(crate) fn pairs(count: u32) -> Vec<Pair> {
    let mut random = Random(2);
    let object = |text: String| text.parse::<ObjectRef>().expect("it is one");
    let pairs = (0..count).map(|_| Pair {
        document: object(format!("document:d{}", random.below(DOCUMENTS))),
        user: object(format!("user:u{}", random.below(USERS))),
    });
    pairs.collect()
}

pub(crate) fn relation(name: &str) -> RelationName {
    RelationName::new(name).expect("it is one")
}
