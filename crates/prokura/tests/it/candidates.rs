//! The library in the words of the test kit, held to the oracle.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use prokura::{
    AskError, Authority, DelegationFilter, FoundSubject, MemoryDisk, Page, Permissionship, Question, ResourceLookup,
    Snapshot, SubjectLookup, TaskFilter,
    model::{Action, Approval, Change, ObjectRef, RelationshipFilter, Revision, Timestamp, encode_changes},
};
use prokura_store::{Entry, Log};
use prokura_testkit::{
    Act, Answer, Ask, Candidate, List, Right, Standing, Tally, Verdict, World,
    compare::{cases, differential, first_seed},
    generate::Case,
    laws, scenario,
};

use super::rights;
use super::support::{Hand, ask, by, snapshot, tenant};

/// Everything goes through the writer, which refuses what is not legal.
#[derive(Debug)]
struct Written {
    authority: Authority,
    hand: Hand,
    disk: MemoryDisk,
}

impl Default for Written {
    fn default() -> Self {
        let (disk, hand) = (MemoryDisk::new(), Hand::at(0));
        Self { authority: Authority::open_on(Arc::new(disk.clone()), hand.options()).unwrap(), hand, disk }
    }
}

impl Candidate for Written {
    fn apply(&mut self, changes: &[Change], at: Timestamp) {
        if changes.is_empty() {
            return;
        }
        self.hand.set(at.0);
        let (approvals, changes): (Vec<_>, Vec<_>) =
            changes.iter().cloned().partition(|change| matches!(change, Change::ApprovalSet(_)));
        if !changes.is_empty() {
            self.authority.write(&tenant(), by("user:tester"), changes).unwrap();
        }
        for approval in approvals {
            let Change::ApprovalSet(approval) = approval else { continue };
            self.approve(&approval);
        }
    }

    /// Asked of a copy, so that what is written next is not later than the latest moment that was asked about.
    fn answer(&self, ask: &Ask) -> Answer {
        let written = self.disk.files().into_iter().filter(|(name, _)| name.starts_with("log."));
        let (copy, hand) = (MemoryDisk::with_files(written), Hand::at(0));
        let copy = Authority::open_on(Arc::new(copy), hand.options()).unwrap();
        let found = answer(&copy, &hand, ask);
        if snapshot(&copy).revision() > snapshot(&self.authority).revision() {
            // What it took is to be taken here, too.
            assert_eq!(answer(&self.authority, &self.hand, ask), found, "{ask}");
        }
        found
    }

    /// Of a copy, too: whether somebody may is found by trying.
    fn may(&self, by: &ObjectRef, act: &Act, now: Timestamp) -> Option<Right> {
        let written = self.disk.files().into_iter().filter(|(name, _)| name.starts_with("log."));
        let hand = Hand::at(now.0);
        let copy = Authority::open_on(Arc::new(MemoryDisk::with_files(written)), hand.options()).unwrap();
        rights::tried(&copy, by, act).or_else(|| Some(rights::seen(&snapshot(&copy), by, act).unwrap_or(Right::No)))
    }

    fn takes(&self) -> bool {
        true
    }
}

/// Everything comes from a log, and so past the writer: what a forger with the disk in hand could do. Opened when it is
/// asked, and opened anew when it is asked about an earlier moment, because an open one never goes back.
#[derive(Debug, Default)]
struct Replayed {
    entries: Vec<Entry>,
    open: RefCell<Option<(Authority, Hand)>>,
}

impl Candidate for Replayed {
    fn apply(&mut self, changes: &[Change], _: Timestamp) {
        let revision = self.entries.last().map_or_else(Revision::default, |entry| entry.revision).next();
        self.entries.push(Entry {
            tenant: tenant(),
            revision,
            // The beginning of time, so that any moment can be asked about.
            time: Timestamp(0),
            author: "user:forger".to_owned(),
            reason: String::new(),
            request_id: None,
            payload: encode_changes(changes),
        });
        *self.open.borrow_mut() = None;
    }

    fn answer(&self, ask: &Ask) -> Answer {
        let mut open = self.open.borrow_mut();
        let later = open.as_ref().is_some_and(|(authority, _)| authority.now() > ask.now());
        if later {
            *open = None;
        }
        let (authority, hand) = open.get_or_insert_with(|| self.replayed());
        let before = snapshot(authority).revision();
        let found = answer(authority, hand, ask);
        if snapshot(authority).revision() > before {
            // What an allow takes is not to be seen by the next question.
            *open = None;
        }
        found
    }
}

impl Written {
    /// Nobody writes an approval: it is asked for, and given.
    fn approve(&self, approval: &Approval) {
        let Action { actor, chain, permission, resource, arguments, tool_schema, .. } = approval.action.clone();
        let delegation = chain.last().map(|link| link.delegation.clone());
        let (context, credential) = (BTreeMap::new(), None);
        let question =
            Question { actor, delegation, permission, resource, arguments, context, credential, tool_schema };
        let pending = self.authority.ask_for_approval(&tenant(), by("user:tester"), question).unwrap();
        assert_eq!(pending.id, approval.id);
        let answer = approval.answer.clone().and_then(|answer| answer.by).unwrap();
        self.authority.answer_approval(&tenant(), by("user:tester"), &pending.id, answer, true).unwrap();
    }
}

impl Replayed {
    fn replayed(&self) -> (Authority, Hand) {
        let (disk, hand) = (MemoryDisk::new(), Hand::at(0));
        let mut log = Log::open_on(Arc::new(disk.clone())).unwrap();
        log.append(&self.entries).unwrap();
        drop(log);
        (Authority::open_on(Arc::new(disk), hand.options()).unwrap(), hand)
    }
}

pub(crate) fn answer(authority: &Authority, hand: &Hand, asked: &Ask) -> Answer {
    hand.set(asked.now().0);
    assert_eq!(authority.now(), asked.now(), "a scenario goes forward in time");
    match asked {
        Ask::LookupResources { alive: false, .. }
        | Ask::LookupSubjects { alive: false, .. }
        | Ask::Permissions { alive: false, .. } => {
            listed(&snapshot(&without_principals(authority, hand)).before_guards(), asked)
        }
        Ask::LookupResources { .. } | Ask::LookupSubjects { .. } | Ask::Permissions { .. } => {
            listed(&snapshot(authority), asked)
        }
        Ask::Check { resource, permission, subject, context, .. } => {
            match snapshot(authority).check(resource, permission, subject, context) {
                Ok(permissionship) => standing(permissionship).into(),
                Err(error) => Answer::Failed(error.code().to_owned()),
            }
        }
        Ask::Decide { question, .. } => decided(authority, question),
    }
}

/// The library's lists know who is stopped. Asked by relationships alone, they are asked where nobody is registered.
fn without_principals(authority: &Authority, hand: &Hand) -> Authority {
    let mut replayed = Replayed::default();
    for transaction in authority.changes(&tenant(), Revision(0), usize::MAX).unwrap() {
        let principal = |change: &Change| matches!(change, Change::PrincipalSet(_) | Change::PrincipalRemoved(_));
        let changes: Vec<_> = transaction.changes.into_iter().filter(|change| !principal(change)).collect();
        replayed.apply(&changes, transaction.time);
    }
    let (alone, own) = replayed.replayed();
    own.set(hand.read());
    alone
}

fn standing(permissionship: Permissionship) -> Standing {
    match permissionship {
        Permissionship::Has => Standing::Has,
        Permissionship::HasNot => Standing::HasNot,
        Permissionship::Conditional(missing) => Standing::Conditional(missing.into_iter().collect()),
    }
}

/// Every list by pages as small as they can be, and once more whole: both must be the same.
fn listed(snapshot: &Snapshot, asked: &Ask) -> Answer {
    let listed = match asked.clone() {
        Ask::LookupResources { kind, permission, subject, context, .. } => {
            let lookup = ResourceLookup { kind, permission, subject, context };
            let whole = snapshot.lookup_resources_all(&lookup);
            let walked = walked(|page| snapshot.lookup_resources(&lookup, page));
            assert_eq!(format!("{whole:?}"), format!("{walked:?}"));
            whole.map(|found| {
                let named =
                    found.into_iter().map(|found| (found.id.as_str().to_owned(), standing(found.permissionship)));
                List { named: named.collect(), others: Standing::HasNot }
            })
        }
        Ask::LookupSubjects { resource, permission, kind, relation, context, .. } => {
            let lookup = SubjectLookup { resource, permission, kind, relation, context };
            let whole = snapshot.lookup_subjects_all(&lookup);
            let walked = walked(|page| snapshot.lookup_subjects(&lookup, page));
            assert_eq!(format!("{whole:?}"), format!("{walked:?}"));
            whole.map(list_of_subjects)
        }
        Ask::Permissions { resource, subject, context, .. } => {
            snapshot.permissions(&resource, &subject, &context).map(|found| {
                let named = found.into_iter().map(|(name, found)| (name.to_string(), standing(found)));
                List { named: named.collect(), others: Standing::HasNot }
            })
        }
        other => panic!("{other} is no list"),
    };
    match listed {
        Ok(list) => Answer::Listed(list),
        Err(error) => Answer::Failed(error.code().to_owned()),
    }
}

fn walked<T>(page: impl Fn(&Page) -> Result<prokura::Listed<T>, AskError>) -> Result<Vec<T>, AskError> {
    let (mut walked, mut next) = (Vec::new(), Page::first(2));
    loop {
        let listed = page(&next)?;
        assert!(listed.entries.len() <= 2);
        walked.extend(listed.entries);
        match listed.next {
            Some(after) => next.after = Some(after),
            None => return Ok(walked),
        }
    }
}

/// Who is excluded for sure, or perhaps, from what everybody has.
fn list_of_subjects(found: Vec<FoundSubject>) -> List {
    let mut list = List::default();
    for subject in found {
        let has = standing(subject.permissionship.clone());
        match subject.id {
            Some(id) => {
                list.named.insert(id.as_str().to_owned(), has);
            }
            None => {
                for excluded in subject.excluded {
                    let left = match (excluded.permissionship, &subject.permissionship) {
                        (Permissionship::Has, _) => Standing::HasNot,
                        (Permissionship::Conditional(missing), Permissionship::Conditional(others)) => {
                            Standing::Conditional(missing.into_iter().chain(others.clone()).collect())
                        }
                        (other, _) => standing(other),
                    };
                    list.named.insert(excluded.id.as_str().to_owned(), left);
                }
                list.others = has;
            }
        }
    }
    list
}

fn decided(authority: &Authority, question: &prokura_testkit::Question) -> Answer {
    let prokura_testkit::Question {
        actor,
        delegation,
        permission,
        resource,
        arguments,
        context,
        credential,
        tool_schema,
    } = question.clone();
    match ask(
        authority,
        &Question { actor, delegation, permission, resource, arguments, context, credential, tool_schema },
    ) {
        Ok(decided) => {
            let decision = decided.decision;
            Answer::Decided(Verdict { reason: decision.reason, at: decision.at, valid_until: decision.valid_until })
        }
        Err(error) => Answer::Failed(error.code().to_owned()),
    }
}

#[test]
fn the_library_answers_every_scenario_as_written() {
    let mut wrong = String::new();
    for (name, scenario) in scenario::all() {
        let found = if scenario.forged {
            scenario::run(&scenario, &mut Replayed::default())
        } else {
            scenario::run(&scenario, &mut Written::default())
        };
        if let Err(found) = found {
            wrong.push_str(&format!("{name}:\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn differential_replayed_library_equals_oracle() {
    let cases = cases(10_000).min(20_000) / 4;
    println!("{cases} cases from seed {}", first_seed());
    let (tally, difference) = differential(Replayed::default, cases);
    print!("{tally}");
    if let Some(difference) = difference {
        panic!("{difference}");
    }
}

/// Random worlds are full of what a writer refuses. Whatever it takes, the oracle takes; then both must agree, and nothing
/// that was refused may show.
#[test]
fn differential_written_library_equals_oracle() {
    let mut tally = Tally::default();
    let (mut taken, mut refused) = (0, 0);
    for seed in first_seed()..first_seed() + 300 {
        let case = Case::of(seed);
        let (library, mut world) = (Written::default(), World::default());
        let begin = Timestamp(1_700_000_000_000);
        library.hand.set(begin.0);
        for (transactions, asks) in [(&case.before, &case.asks), (&case.after, &case.asks_after)] {
            for change in transactions.iter().flatten() {
                match library.authority.write(&tenant(), by("user:tester"), vec![change.clone()]) {
                    Ok(receipt) => {
                        world.apply(std::slice::from_ref(change), receipt.time);
                        taken += 1;
                    }
                    Err(error) => {
                        assert_eq!(error.fault(), prokura::model::Fault::Caller, "seed {seed}: {error}");
                        refused += 1;
                    }
                }
            }
            let mut asks = asks.clone();
            asks.sort_by_key(Ask::now);
            for asked in asks {
                let now = asked.now().max(library.authority.now());
                let context = asked.context().clone();
                let asked = asked.with(context, now);
                let right = world.answer(&asked);
                tally.count(&world, &asked, &right);
                let found = answer(&library.authority, &library.hand, &asked);
                assert!(right.agrees_with(&found), "seed {seed}: {asked}: {found:?}, not {right:?}");
                if let Ask::Decide { question, now } = &asked
                    && let Some(consumption) = world.consumption(question, "taken", *now)
                {
                    world.apply(&[Change::Consumed(Box::new(consumption))], *now);
                }
            }
        }
    }
    println!("{taken} changes taken, {refused} refused");
    print!("{tally}");
    assert!(taken > 5 * refused && refused > 100, "{taken} changes taken, {refused} refused");
}

/// Everything there is to read, in one piece.
fn everything(authority: &Authority) -> String {
    let (snapshot, page) = (snapshot(authority), Page::first(1_000));
    let relationships = snapshot.relationships(&RelationshipFilter::default(), &page).unwrap();
    let principals = snapshot.principals(&page).unwrap();
    let tasks = snapshot.tasks(&TaskFilter::default(), &page).unwrap();
    let delegations = snapshot.delegations(&DelegationFilter::default(), &page).unwrap();
    let attributes = snapshot.all_attributes(&page).unwrap();
    assert_eq!([&relationships.next, &principals.next, &tasks.next, &delegations.next, &attributes.next], [&None; 5]);
    let schema = snapshot.schema().unwrap().map(|schema| schema.text().to_owned());
    format!(
        "{:?}\n{schema:?}\n{relationships:#?}\n{principals:#?}\n{tasks:#?}\n{delegations:#?}\n{attributes:#?}",
        snapshot.revision()
    )
}

#[test]
fn what_is_recovered_is_what_was_there() {
    let mut taken = 0;
    for seed in first_seed()..first_seed() + 60 {
        let case = Case::of(seed);
        let mut replayed = Replayed::default();
        let live = Written::default();
        for transaction in case.before.iter().chain(&case.after) {
            // What the writer refuses is not there on either side.
            let written = live.authority.write(&tenant(), by("user:forger"), transaction.clone());
            if let Ok(receipt) = written {
                taken += 1;
                replayed.apply(transaction, receipt.time);
                let read = live.authority.transaction(&tenant(), receipt.revision).unwrap().unwrap();
                replayed.entries.last_mut().unwrap().payload = encode_changes(&read.changes);
                replayed.entries.last_mut().unwrap().time = receipt.time;
            }
        }
        assert_eq!(everything(&replayed.replayed().0), everything(&live.authority), "seed {seed}");
    }
    println!("{taken} transactions");
    assert!(taken > 100);
}

#[test]
fn the_laws_hold_at_this_door() {
    let tried = [
        laws::removing_an_edge_never_allows(Replayed::default, 10),
        laws::nobody_downstream_may_more(Replayed::default, 40),
        laws::one_cut_ends_it(Replayed::default, 90),
        laws::time_only_takes(Replayed::default, 60),
    ];
    println!("{tried:?} chances to break a law");
    assert!(tried.iter().all(|tried| *tried > 20), "{tried:?}");
}
