//! What must hold at a door whatever is written, asked of random worlds over a real port: a list is the set of checks, a walk
//! by cursor is one call, and what a watcher replays from the beginning is the state that is read.

mod grpc;
mod json;
pub(crate) mod worlds;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::AddAssign,
};

use prokura::Provenance;
use prokura_model::{Change, ObjectRef, RelationName, Relationship, SubjectRef, TypeName};
use prokura_testkit::{Answer, Ask, Candidate, Context, List, Standing, World, generate::Case};

use self::worlds::{NOON, is_about_a_principal, kept, objects, questions};
use crate::support::{Setup, tenant};

/// How many worlds a door is asked about.
const WORLDS: u64 = 60;

/// The pages of a walk.
const PAGES: [u32; 3] = [1, 2, 3];

/// One door, over a server that holds a world.
trait Door {
    /// Writes the schema, and remembers the state it made as the beginning.
    async fn begin(setup: Setup, schema: &str) -> Self;
    fn setup(&self) -> &Setup;
    async fn check(&self, goal: (&ObjectRef, &RelationName), who: &SubjectRef, context: &Context) -> Answer;
    /// By pages of so many, each from where the one before ended; in one call if that is none.
    async fn resources(&self, of: (&TypeName, &RelationName), who: &SubjectRef, context: &Context, page: u32)
    -> Answer;
    async fn subjects(
        &self,
        goal: (&ObjectRef, &RelationName),
        of: (&TypeName, Option<&RelationName>),
        context: &Context,
        page: u32,
    ) -> Answer;
    /// A relationship, without its terms, as the keys of what is read and replayed are.
    fn key(edge: &Relationship) -> String;
    /// What is stored, each with its terms.
    async fn read(&self, kinds: &BTreeSet<TypeName>) -> BTreeMap<String, String>;
    /// What somebody knows who has watched from the beginning.
    async fn replayed(&self) -> BTreeMap<String, String>;
}

/// What there was to see.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    lists: usize,
    /// In them, who does not stand as everybody else does.
    named: usize,
    conditional: usize,
    everyone: usize,
    /// Of more than a page of one.
    long: usize,
    failed: usize,
    checks: usize,
    /// The meaning leaves open which of several answers it is.
    open: usize,
    relationships: usize,
}

impl AddAssign for Seen {
    fn add_assign(&mut self, more: Self) {
        self.lists += more.lists;
        self.named += more.named;
        self.conditional += more.conditional;
        self.everyone += more.everyone;
        self.long += more.long;
        self.failed += more.failed;
        self.checks += more.checks;
        self.open += more.open;
        self.relationships += more.relationships;
    }
}

/// A case at a door.
struct Trial<D> {
    door: D,
    world: World,
    seed: u64,
    seen: Seen,
}

impl<D: Door> Trial<D> {
    fn write(&mut self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        let by = Provenance::new("laws", "");
        match self.door.setup().authority.write(&tenant("default"), by, changes.to_vec()) {
            Ok(_) => self.world.apply(changes, NOON),
            Err(error) => assert!(changes.iter().all(is_about_a_principal), "seed {}: {error}", self.seed),
        }
    }

    /// What the list says of each, and each check.
    async fn list_is_the_checks(&mut self, ask: &Ask) {
        let (found, context) = (self.listed(ask, 0).await, ask.context());
        self.seen.lists += 1;
        for page in PAGES {
            let walked = self.listed(ask, page).await;
            assert_eq!(walked, found, "seed {}: {ask}: by pages of {page}", self.seed);
        }
        let mut checks = Vec::new();
        match ask {
            Ask::LookupResources { kind, permission, subject, .. } => {
                let asked = match subject {
                    SubjectRef::Object(object) | SubjectRef::Userset(object, _) => Some(object),
                    SubjectRef::Wildcard(_) => None,
                };
                for object in objects(&self.world, kind, asked) {
                    let check = self.door.check((&object, permission), subject, context).await;
                    let right = self.right((&object, permission), subject, ask);
                    checks.push((object, check, right));
                }
            }
            Ask::LookupSubjects { resource, permission, kind, relation, .. } => {
                for object in objects(&self.world, kind, Some(resource)) {
                    let subject = match relation {
                        Some(relation) => SubjectRef::Userset(object.clone(), relation.clone()),
                        None => SubjectRef::Object(object.clone()),
                    };
                    let check = self.door.check((resource, permission), &subject, context).await;
                    let right = self.right((resource, permission), &subject, ask);
                    checks.push((object, check, right));
                }
            }
            other => panic!("{other} is no list"),
        }
        self.compare(ask, &found, &checks);
    }

    fn right(&self, (resource, permission): (&ObjectRef, &RelationName), subject: &SubjectRef, ask: &Ask) -> Answer {
        let (resource, permission, subject) = (resource.clone(), permission.clone(), subject.clone());
        self.world.answer(&Ask::Check { resource, permission, subject, context: ask.context().clone(), now: NOON })
    }

    async fn listed(&self, ask: &Ask, page: u32) -> Answer {
        match ask {
            Ask::LookupResources { kind, permission, subject, context, .. } => {
                self.door.resources((kind, permission), subject, context, page).await
            }
            Ask::LookupSubjects { resource, permission, kind, relation, context, .. } => {
                self.door.subjects((resource, permission), (kind, relation.as_ref()), context, page).await
            }
            other => panic!("{other} is no list"),
        }
    }

    fn compare(&mut self, ask: &Ask, found: &Answer, checks: &[(ObjectRef, Answer, Answer)]) {
        let seed = self.seed;
        self.seen.checks += checks.len();
        let Answer::Listed(list) = found else {
            self.seen.failed += 1;
            // A list fails with the first of its checks that does; of an unknown name, every one does.
            let one_fails = checks.iter().any(|(_, check, _)| check == found);
            let open = checks.iter().any(|(_, _, right)| matches!(right, Answer::OneOf(_)));
            assert!(one_fails || open, "seed {seed}: {ask}: {found}, and no check fails so: {checks:?}");
            return;
        };
        self.count(list);
        let mut left: BTreeSet<&str> = list.named.keys().map(String::as_str).collect();
        for (object, check, right) in checks {
            left.remove(object.id.as_str());
            if matches!(right, Answer::OneOf(_)) {
                self.seen.open += 1;
                continue;
            }
            let listed = list.standing(object.id.as_str());
            let same = match (check, listed) {
                (Answer::Has, Standing::Has) | (Answer::HasNot, Standing::HasNot) => true,
                (Answer::Conditional(one), Standing::Conditional(other)) => !one.is_empty() && !other.is_empty(),
                _ => false,
            };
            assert!(same, "seed {seed}: {ask}: {object} is listed as {listed:?}, and its check says {check}\n{list}");
        }
        assert!(left.is_empty(), "seed {seed}: {ask}: {left:?} are listed, and there are no such objects");
    }

    fn count(&mut self, list: &List) {
        self.seen.named += list.named.len();
        self.seen.conditional +=
            list.named.values().filter(|standing| matches!(standing, Standing::Conditional(_))).count();
        self.seen.long += usize::from(list.named.len() > 1);
        self.seen.everyone += usize::from(list.others != Standing::HasNot);
    }

    /// What is replayed is what is read, and both are what was written.
    async fn replay_is_the_state(&mut self) {
        let schema = self.world.schema.as_ref().unwrap();
        let kinds = schema.definitions().keys().cloned().collect();
        let (read, mut replayed) = (self.door.read(&kinds).await, self.door.replayed().await);
        let (over, living): (Vec<_>, Vec<_>) =
            self.world.relationships.iter().partition(|(_, terms)| terms.is_over(NOON));
        // What is over is not read any more, and a watcher sees that for itself; that it is collected is told later.
        for (edge, _) in over {
            replayed.remove(&D::key(edge));
        }
        assert_eq!(replayed, read, "seed {}", self.seed);
        let written: BTreeSet<String> = living.into_iter().map(|(edge, _)| D::key(edge)).collect();
        assert_eq!(read.into_keys().collect::<BTreeSet<_>>(), written, "seed {}", self.seed);
        self.seen.relationships += written.len();
    }
}

/// Every law on every world. `plain` says whether the door knows only ids that need no quotes.
async fn hold_at<D: Door>(plain: bool) {
    let mut seen = Seen::default();
    for seed in 1..=WORLDS {
        let case = Case::small(seed);
        let mut before = kept(&case.before, plain).into_iter();
        let mut first = before.next().unwrap();
        let Change::SchemaWritten(schema) = first.remove(0) else { panic!("a case begins with its schema") };
        let door = D::begin(worlds::served().await, &schema).await;
        let mut world = World::default();
        world.apply(&[Change::SchemaWritten(schema)], NOON);
        let mut trial = Trial { door, world, seed, seen: Seen::default() };
        for changes in std::iter::once(first).chain(before) {
            trial.write(&changes);
        }
        trial.replay_is_the_state().await;
        for ask in questions(&case, plain) {
            trial.list_is_the_checks(&ask).await;
        }
        for changes in kept(&case.after, plain) {
            trial.write(&changes);
        }
        trial.replay_is_the_state().await;
        seen += trial.seen;
    }
    println!("{WORLDS} worlds: {seen:?}");
    assert!(seen.lists >= 200 && seen.named >= 200 && seen.checks >= 1_000, "too little to see: {seen:?}");
    assert!(seen.conditional >= 20 && seen.everyone >= 20 && seen.failed >= 1, "too little to see: {seen:?}");
    assert!(
        seen.open * 20 < seen.checks && seen.long >= 30 && seen.relationships >= 300,
        "too little to see: {seen:?}"
    );
}

#[tokio::test]
async fn the_laws_hold_at_the_grpc_door() {
    hold_at::<grpc::Grpc>(true).await;
}

#[tokio::test]
async fn the_laws_hold_at_the_json_api() {
    hold_at::<json::Json>(false).await;
}
