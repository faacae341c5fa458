//! An index made from an image, and what came after it, is the index the image was taken of.

use std::convert::Infallible;

use prokura_engine::{Index, Limits, Memory, View};
use prokura_model::{Change, RelationshipFilter, Revision, Terms, Timestamp, Transaction};
use prokura_testkit::{Ask, Rng, generate::Case};

use crate::candidate::answer;

type Records = Vec<(u8, Vec<u64>)>;

fn applied(index: &Index, changes: &[Change]) {
    let revision = index.applied().next();
    let transaction = Transaction {
        revision,
        time: Timestamp(revision.0),
        author: "test".to_owned(),
        reason: String::new(),
        request_id: None,
        changes: changes.to_vec(),
    };
    index.apply(&transaction).expect("a generated transaction is sound");
    index.publish(revision);
}

fn drawn(index: &Index, at: Revision) -> Records {
    let mut records = Records::new();
    let drawn = index.draw(at, |kind, words| {
        records.push((kind, words.to_vec()));
        Ok::<(), Infallible>(())
    });
    drawn.expect("the revision is kept");
    records
}

fn loaded(records: &Records) -> Result<Index, prokura_engine::ImageFault> {
    let index = Index::new();
    let mut loading = index.loading();
    for (kind, words) in records {
        loading.take(*kind, words)?;
    }
    loading.finish()?;
    Ok(index)
}

/// All that a view holds.
fn contents(view: &View<'_>) -> impl PartialEq + std::fmt::Debug + use<> {
    let everything = RelationshipFilter::default();
    let stored = view.relationships(&everything, None, 10_000, Timestamp(0)).expect("a page").relationships;
    let exported = view.export(&everything, None, 10_000, Timestamp(0)).expect("a page").relationships;
    let mut endings = view.endings();
    endings.sort();
    let spending: Vec<_> = view.tasks().iter().map(|task| view.spending(&task.id)).collect();
    let held = spending.iter().flat_map(|spending| spending.open.keys());
    let reserved: Vec<_> = held.map(|id| view.reserved(id)).collect();
    let registers = (view.principals(), view.tasks(), view.delegations(), spending, reserved);
    (stored, exported, endings, registers, view.schema().map(|schema| schema.text().to_owned()))
}

fn same(one: &Index, other: &Index, from: Revision, asks: &[Ask], what: &str) {
    assert_eq!(one.published(), other.published(), "{what}");
    let stats = |index: &Index| (index.stats().relationships, index.stats().with_terms);
    assert_eq!(stats(one).0, stats(other).0, "{what}");
    for number in from.0..=one.published().0 {
        let revision = Revision(number);
        let (one, other) = (one.view_at(revision).expect("kept"), other.view_at(revision).expect("kept too"));
        assert_eq!(contents(&one), contents(&other), "{what}: revision {revision}");
    }
    for ask in asks {
        let limits = Limits::default();
        assert_eq!(answer(&one.view(), ask, &limits), answer(&other.view(), ask, &limits), "{what}: {ask}");
    }
}

/// Taken of every revision, at once or after all that followed, and with a horizon or without.
#[test]
fn an_image_and_what_follows_is_the_same_state_at_every_kept_revision() {
    let mut images = 0;
    for seed in 1..25 {
        let case = Case::of(seed);
        let transactions: Vec<_> = case.before.iter().chain(&case.after).collect();
        let whole = Index::new();
        let mut at_once = Vec::new();
        for changes in &transactions {
            applied(&whole, changes);
            at_once.push(drawn(&whole, whole.published()));
        }
        for horizon in [0, transactions.len() as u64 / 2] {
            whole.collect(Revision(horizon));
            for (number, at_once) in (1..).zip(&at_once).filter(|(number, _)| *number >= horizon) {
                let later = drawn(&whole, Revision(number));
                for (records, what) in [(at_once, "at once"), (&later, "later")] {
                    let what = format!("seed {seed}, horizon {horizon}, image of {number} taken {what}");
                    let index = loaded(records).unwrap_or_else(|fault| panic!("{what}: {fault}"));
                    assert!(index.horizon() <= Revision(horizon), "{what}");
                    for changes in transactions.iter().skip(usize::try_from(number).expect("few")) {
                        applied(&index, changes);
                    }
                    images += 1;
                    same(
                        &whole,
                        &index,
                        Revision(horizon),
                        if number % 4 == 1 { &case.asks_after } else { &[] },
                        &what,
                    );
                    index.collect(whole.published());
                    let (ended, terms) = (index.stats().ended, index.stats().with_terms);
                    let live = index.view().endings().len() as u64;
                    assert!(ended == 0 && terms >= live, "{what}: {ended} ended, {terms} on terms");
                }
            }
        }
    }
    assert!(images > 300, "only {images}");
}

/// Lists so long that they lie in chunks, of which much has ended.
#[test]
fn long_lists_are_the_same_too() {
    let schema = "definition user {}\ndefinition doc {\n relation viewer: user | user:* | doc#viewer\n}";
    let mut rng = Rng::new(3);
    let (whole, mut transactions) = (Index::new(), vec![vec![Change::SchemaWritten(schema.to_owned())]]);
    for round in 0..40 {
        let changes = (0..400).map(|_| {
            let (doc, user) = (rng.below(3), rng.below(if round % 2 == 0 { 3_000 } else { 60 }));
            let subject = match rng.below(20) {
                0 => "user:*".to_owned(),
                1 => format!("doc:{user}#viewer"),
                _ => format!("user:a-name-of-some-length-{user}"),
            };
            let relationship = format!("doc:{doc}#viewer@{subject}").parse().expect("legal");
            match rng.below(8) {
                0..3 => Change::RelationshipDeleted(relationship),
                3 => {
                    let expires_at = Some(Timestamp(5_000 + rng.below(3) as u64));
                    Change::RelationshipTouched(relationship, Terms { expires_at, ..Terms::default() })
                }
                _ => Change::touched(relationship),
            }
        });
        transactions.push(changes.collect());
    }
    let forgetful = Index::new();
    transactions.iter().for_each(|changes| applied(&whole, changes));
    transactions.iter().for_each(|changes| applied(&forgetful, changes));
    forgetful.collect(Revision(41));
    for horizon in [0, 30] {
        whole.collect(Revision(horizon));
        for at in [horizon.max(1), 33, 41] {
            let index = loaded(&drawn(&whole, Revision(at))).expect("an image");
            let at = usize::try_from(at).expect("few");
            transactions.iter().skip(at).for_each(|changes| applied(&index, changes));
            same(&whole, &index, Revision(horizon), &[], &format!("horizon {horizon}, image of {at}"));
            index.collect(Revision(41));
            assert_eq!(index.stats().ended, 0);
            let needed = index.view().endings().len() as u64;
            assert!((needed..=forgetful.stats().with_terms).contains(&index.stats().with_terms), "{horizon} {at}");
        }
    }
}

/// The writer goes on, forgets what it may, and uses again what nobody looks at; the image is of one revision all the same.
#[test]
fn an_image_is_whole_while_the_writer_goes_on() {
    let index = Index::new();
    let schema = "definition user {}\ndefinition doc {\n relation viewer: user\n}";
    applied(&index, &[Change::SchemaWritten(schema.to_owned())]);
    let mut rng = Rng::new(8);
    let mut go_on = |rounds: usize| {
        for _ in 0..rounds {
            let changes = (0..40).map(|_| {
                let edge = format!("doc:{}#viewer@user:{}", rng.below(20), rng.below(500)).parse().expect("legal");
                if rng.chance(50) { Change::touched(edge) } else { Change::RelationshipDeleted(edge) }
            });
            applied(&index, &changes.collect::<Vec<_>>());
        }
    };
    go_on(50);
    for _ in 0..20 {
        let at = index.published();
        index.collect(at);
        let then = contents(&index.view());
        let records = std::thread::scope(|scope| {
            let drawing = scope.spawn(|| drawn(&index, at));
            go_on(40);
            index.collect(at);
            drawing.join().expect("it draws")
        });
        let image = loaded(&records).expect("an image");
        assert_eq!((image.published(), contents(&image.view())), (at, then));
    }
}

/// A checksum keeps damage out before this; what it lets through is still no reason to fall over.
#[test]
fn no_altered_record_makes_it_panic() {
    let case = Case::of(5);
    let whole = Index::new();
    for changes in case.before.iter().chain(&case.after) {
        applied(&whole, changes);
    }
    let records = drawn(&whole, whole.published());
    let mut refused = 0;
    for record in 0..records.len() {
        for word in 0..records[record].1.len() {
            // Every word in one way, in turn.
            let masks = [1, 1 << 17, 1 << 33, 1 << 46, 1 << 63, u64::MAX];
            for mask in masks.into_iter().skip(word % 6).step_by(6) {
                let mut altered = records.clone();
                altered[record].1[word] ^= mask;
                match loaded(&altered) {
                    Err(_) => refused += 1,
                    Ok(index) => drop(contents(&index.view())),
                }
            }
        }
        let mut lacking = records.clone();
        lacking.remove(record);
        assert!(loaded(&lacking).is_err() || records[record].0 == 6, "without record {record}");
        let twice = [&records[..=record], &records[record..]].concat();
        assert!(loaded(&twice).is_err() || matches!(records[record].0, 1 | 2 | 6), "record {record} twice");
    }
    assert!(refused > 200, "only {refused}");
}

#[test]
fn an_image_needs_no_more_memory_than_what_it_is_of() {
    let whole = Index::new();
    applied(
        &whole,
        &[Change::SchemaWritten("definition user {}\ndefinition doc {\n relation viewer: user\n}".to_owned())],
    );
    for batch in 0..20 {
        let edge = |number: u32| format!("doc:{}#viewer@user:{number}", number / 7).parse().expect("legal");
        let changes: Vec<_> = (0..1_000).map(|number| Change::touched(edge(batch * 1_000 + number))).collect();
        applied(&whole, &changes);
    }
    let records = drawn(&whole, whole.published());
    let needed = loaded(&records).expect("an image").stats().bytes;
    assert!(needed <= whole.stats().bytes);
    for (bytes, enough) in [(needed, true), (needed - 1, false)] {
        let memory = Memory::at_most(bytes);
        let index = Index::within(&memory);
        let mut loading = index.loading();
        let taken = records.iter().try_for_each(|(kind, words)| loading.take(*kind, words));
        assert_eq!(taken.is_ok(), enough, "{taken:?}");
        assert_eq!(taken.and_then(|()| loading.finish()).is_ok(), enough);
    }
}

#[test]
fn what_is_not_kept_is_not_drawn() {
    let whole = Index::new();
    for text in ["definition user {}", "definition user {}\ndefinition doc {}", "definition doc {}"] {
        applied(&whole, &[Change::SchemaWritten(text.to_owned())]);
    }
    let taken = |index: &Index, at: u64| index.draw(Revision(at), |_, _| Err(()));
    assert!(matches!(taken(&whole, 4), Err(prokura_engine::DrawError::NotKept(_))));
    whole.collect(Revision(2));
    assert!(matches!(taken(&whole, 1), Err(prokura_engine::DrawError::NotKept(_))));
    assert!(matches!(taken(&whole, 2), Err(prokura_engine::DrawError::Refused(()))));
}
