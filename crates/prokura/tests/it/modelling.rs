//! Models: written, asked by, and kept; tenants with names.

use prokura::{
    AskError, Asked, Authority, ByModel, Context, EngineError, NewModel, Options, Permissionship, Placed, Provenance,
    Question, TupleChangesPlace, TupleWrite, WriteError, limits,
    model::{
        Change, ModelId, RelationName, Relationship, SubjectRef, TenantName, Terms, TypeName,
        model::{ModelRelation, ModelType, Rewrite},
        schema::{Allowed, AllowedSubject},
    },
};

use super::support::{by, object, tenant};

fn edge(text: &str) -> Relationship {
    text.parse().unwrap()
}

fn name(text: &str) -> RelationName {
    RelationName::open(text).unwrap()
}

fn kind(text: &str) -> TypeName {
    TypeName::open(text).unwrap()
}

/// Documents whose `viewer` is written to, and may be whoever the relations before it in the list are, one after another.
pub(crate) fn model(allowed: &[AllowedSubject], chain: usize) -> NewModel {
    let allowed: Vec<Allowed> = allowed.iter().cloned().map(Allowed::plain).collect();
    let mut relations = vec![ModelRelation { name: name("viewer"), allowed, rewrite: Rewrite::Direct }];
    for number in 0..chain {
        let below = if number == 0 { name("viewer") } else { name(&format!("r{}", number - 1)) };
        let rewrite = Rewrite::Computed(below);
        relations.push(ModelRelation { name: name(&format!("r{number}")), allowed: vec![], rewrite });
    }
    NewModel {
        text: "{}".to_owned(),
        types: vec![
            ModelType { name: kind("user"), relations: vec![] },
            ModelType { name: kind("document"), relations },
        ],
        conditions: vec![],
    }
}

pub(crate) fn users() -> AllowedSubject {
    AllowedSubject::Object(kind("user"))
}

pub(crate) fn put(authority: &Authority, model: NewModel) -> ModelId {
    authority.write_model(&tenant(), by("user:alice"), model).unwrap()
}

pub(crate) fn write_of(model: &ModelId, texts: &[&str]) -> TupleWrite {
    TupleWrite {
        model: model.clone(),
        writes: texts.iter().map(|text| (edge(text), Terms::default())).collect(),
        ignore_duplicates: false,
        deletes: vec![],
        ignore_missing: false,
    }
}

pub(crate) fn has(authority: &Authority, by: ByModel, user: &str) -> Result<Permissionship, AskError> {
    let subject = SubjectRef::Object(object(user));
    authority.snapshot(&tenant()).unwrap().by(by).check(
        &object("document:plan"),
        &name("viewer"),
        &subject,
        &Context::new(),
    )
}

#[test]
fn models_relationships_and_names_of_tenants_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Authority::open(folder.path(), Options::default()).unwrap();
    let (named, ended) = (TenantName::new("named").unwrap(), TenantName::new("ended").unwrap());
    let authority = open();
    let id = put(&authority, model(&[users()], 0));
    authority.write_assertions(&tenant(), by("user:alice"), &id, "[1]".to_owned()).unwrap();
    authority.write_tuples(&tenant(), by("user:alice"), write_of(&id, &["document:plan#viewer@user:bob"])).unwrap();
    for tenant in [&named, &ended] {
        authority.create_named_tenant(tenant, "A name", by("user:alice")).unwrap();
    }
    authority.rename_tenant(&named, "Another name", by("user:alice")).unwrap();
    authority.delete_tenant(&ended, by("user:alice")).unwrap();
    authority.close();
    let authority = open();
    let snapshot = authority.snapshot(&tenant()).unwrap();
    assert_eq!(snapshot.model(None).unwrap().unwrap().id, id);
    assert_eq!(*snapshot.assertions(&id).unwrap().unwrap(), "[1]");
    assert_eq!(has(&authority, ByModel::of(id), "user:bob").unwrap(), Permissionship::Has);
    let details = authority.tenant_details();
    let shown: Vec<_> =
        details.iter().map(|details| (details.tenant.as_str(), details.display_name.as_deref())).collect();
    assert_eq!(shown, [("named", Some("Another name"))]);
    assert!(details[0].updated_at >= details[0].created_at);
    assert!(matches!(authority.snapshot(&ended), Err(AskError::TenantUnknown(_))));
    let again = authority.create_tenant(&ended, by("user:alice"));
    assert!(matches!(again, Err(WriteError::TenantExists(_))), "{again:?}");
}

#[test]
fn a_tenant_that_ended_is_not_written_to_and_the_first_one_does_not_end() {
    let authority = Authority::in_memory(Options::default());
    let ended = TenantName::new("ended").unwrap();
    let unknown = authority.delete_tenant(&ended, by("user:alice"));
    assert!(matches!(unknown, Err(WriteError::TenantUnknown(_))), "{unknown:?}");
    authority.create_tenant(&ended, by("user:alice")).unwrap();
    authority.delete_tenant(&ended, by("user:alice")).unwrap();
    let schema = Change::SchemaWritten("definition user {}".to_owned());
    let write = authority.write(&ended, by("user:alice"), vec![schema]);
    assert!(matches!(write, Err(WriteError::TenantUnknown(_))), "{write:?}");
    let first = authority.delete_tenant(&tenant(), by("user:alice"));
    assert!(matches!(first, Err(WriteError::TenantReserved(_))), "{first:?}");
}

#[test]
fn a_model_that_is_not_legal_is_not_written() {
    let authority = Authority::in_memory(Options::default());
    let wrong = model(&[AllowedSubject::Object(kind("team"))], 0);
    let refused = authority.write_model(&tenant(), by("user:alice"), wrong);
    assert!(matches!(&refused, Err(WriteError::ModelInvalid(faults)) if faults.len() == 1), "{refused:?}");
    assert!(authority.snapshot(&tenant()).unwrap().models().unwrap().is_empty());
}

#[test]
fn relationships_are_written_and_asked_by_the_model_that_is_named() {
    let authority = Authority::in_memory(Options::default());
    let closed = put(&authority, model(&[AllowedSubject::Wildcard(kind("user"))], 0));
    let open = put(&authority, model(&[users()], 0));
    let bob = "document:plan#viewer@user:bob";
    let refused = authority.write_tuples(&tenant(), by("user:alice"), write_of(&closed, &[bob]));
    assert!(matches!(refused, Err(WriteError::RelationshipInvalid(_))), "{refused:?}");
    authority.write_tuples(&tenant(), by("user:alice"), write_of(&open, &[bob])).unwrap();
    assert_eq!(has(&authority, ByModel::of(open.clone()), "user:bob").unwrap(), Permissionship::Has);
    assert_eq!(has(&authority, ByModel::of(closed), "user:bob").unwrap(), Permissionship::HasNot);
    let besides = vec![(edge("document:plan#viewer@user:carl"), Terms::default())];
    let asked = ByModel { model: open.clone(), besides };
    assert_eq!(has(&authority, asked, "user:carl").unwrap(), Permissionship::Has);
    assert_eq!(has(&authority, ByModel::of(open), "user:carl").unwrap(), Permissionship::HasNot);
    let unknown = ByModel::of(ModelId::new("unknown").unwrap());
    let error = has(&authority, unknown, "user:bob").unwrap_err();
    assert!(
        matches!(&error, AskError::Engine(engine) if matches!(**engine, EngineError::ModelUnknown(_))),
        "{error:?}"
    );
}

#[test]
fn a_write_of_tuples_says_what_it_did_not_expect_and_then_did_nothing() {
    let authority = Authority::in_memory(Options::default());
    let id = put(&authority, model(&[users()], 0));
    let (bob, carl) = ("document:plan#viewer@user:bob", "document:plan#viewer@user:carl");
    let write = |write: TupleWrite| authority.write_tuples(&tenant(), by("user:alice"), write);
    write(write_of(&id, &[bob])).unwrap().unwrap();
    assert!(matches!(write(write_of(&id, &[carl, bob])), Err(WriteError::RelationshipExists(_))));
    let deleting = |text: &str| TupleWrite { deletes: vec![edge(text)], ..write_of(&id, &[]) };
    assert!(matches!(write(deleting(carl)), Err(WriteError::RelationshipMissing(_))));
    let both = TupleWrite { deletes: vec![edge(bob)], ..write_of(&id, &[bob]) };
    assert!(matches!(write(both), Err(WriteError::ChangesContradict(_))));
    let ignored = write(TupleWrite { ignore_duplicates: true, ..write_of(&id, &[bob]) }).unwrap();
    assert_eq!(ignored, None, "nothing was left to do");
    assert_eq!(has(&authority, ByModel::of(id), "user:carl").unwrap(), Permissionship::HasNot);
}

#[test]
fn changes_begin_where_a_moment_says() {
    let hand = super::support::Hand::at(super::support::NOON);
    let authority = Authority::in_memory(hand.options());
    let id = put(&authority, model(&[users()], 0));
    let mut moments = Vec::new();
    for number in 0..5 {
        hand.set(super::support::NOON + 1_000 * (number + 1));
        let text = format!("document:plan#viewer@user:u{number}");
        authority.write_tuples(&tenant(), by("user:alice"), write_of(&id, &[&text])).unwrap();
        moments.push(authority.now());
    }
    for (position, moment) in moments.iter().enumerate() {
        let place = authority.tuple_changes_from(&tenant(), *moment).unwrap();
        let told = authority.tuple_changes(&tenant(), None, Some(place), 100).unwrap();
        assert_eq!(told.entries.len(), 5 - position, "{moment}");
        assert_eq!(told.entries[0].time, *moment);
    }
    let other = authority.tuple_changes(&tenant(), Some(&kind("folder")), None, 100).unwrap();
    assert_eq!(other.entries, []);
}

#[test]
fn decisions_by_a_model_are_recorded() {
    let authority = Authority::in_memory(Options::default());
    let id = put(&authority, model(&[users()], 0));
    let question = Question {
        actor: object("user:bob"),
        delegation: None,
        permission: name("viewer"),
        resource: object("document:plan"),
        arguments: Context::new(),
        credential: None,
        tool_schema: None,
        context: Context::new(),
    };
    let besides = vec![(edge("document:plan#viewer@user:bob"), Terms::default())];
    let placed = authority.decide_by_model(&tenant(), &question, &ByModel { model: id, besides }, Asked::by_library());
    let Ok(Placed::InLine(decided)) = placed else { panic!("{placed:?}") };
    let record = authority.decision(&tenant(), &decided.id).unwrap().unwrap();
    assert_eq!(record.outcome.code(), "own_authority");
}

#[track_caller]
fn exceeded<T: std::fmt::Debug>(result: Result<T, WriteError>, limit: usize) {
    match result {
        Err(WriteError::LimitExceeded { max, found, .. }) => assert_eq!((max, found), (limit, limit + 1)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn limit_model_bytes_max() {
    let authority = Authority::in_memory(Options::default());
    let of = |bytes: usize| NewModel { text: "x".repeat(bytes), ..model(&[users()], 0) };
    let write = |model| authority.write_model(&tenant(), by("user:alice"), model);
    exceeded(write(of(limits::MODEL_BYTES_MAX + 1)), limits::MODEL_BYTES_MAX);
    write(of(limits::MODEL_BYTES_MAX)).unwrap();
}

#[test]
fn limit_models_max() {
    let authority = Authority::in_memory(Options::default());
    for _ in 0..limits::MODELS_MAX {
        put(&authority, model(&[users()], 0));
    }
    let more = model(&[users()], 0);
    exceeded(authority.write_model(&tenant(), by("user:alice"), more), limits::MODELS_MAX);
}

#[test]
fn limit_model_depth_max() {
    let authority = Authority::in_memory(Options::default());
    let id = put(&authority, model(&[users()], limits::MODEL_DEPTH_MAX));
    authority.write_tuples(&tenant(), by("user:alice"), write_of(&id, &["document:plan#viewer@user:bob"])).unwrap();
    let snapshot = authority.snapshot(&tenant()).unwrap();
    let check = |goals: usize| {
        // `r0` and `viewer` are two goals.
        let relation = name(&format!("r{}", goals - 2));
        let subject = SubjectRef::Object(object("user:bob"));
        let asked = snapshot.by(ByModel::of(id.clone()));
        asked.check(&object("document:plan"), &relation, &subject, &Context::new())
    };
    assert_eq!(check(limits::MODEL_DEPTH_MAX).unwrap(), Permissionship::Has);
    let error = check(limits::MODEL_DEPTH_MAX + 1).unwrap_err();
    assert_eq!(error.code(), "check_too_deep");
}

#[test]
fn limit_changes_scanned_max() {
    let authority = Authority::in_memory(Options::default());
    let id = put(&authority, model(&[users()], 0));
    let most = limits::CHANGES_SCANNED_MAX;
    // The model is a transaction, too.
    for number in 0..most {
        let text = format!("document:plan#viewer@user:u{number}");
        authority.write_tuples(&tenant(), by("user:alice"), write_of(&id, &[&text])).unwrap();
    }
    let page = |after: Option<TupleChangesPlace>| {
        let kind = kind("folder");
        let told = authority.tuple_changes(&tenant(), Some(&kind), after, 1).unwrap();
        assert_eq!(told.entries, []);
        told.next
    };
    let first = page(None);
    assert_eq!(first.revision.0, most as u64);
    assert_eq!(page(Some(first)).revision.0, most as u64 + 1);
}

#[test]
fn limit_tenant_display_name_bytes_max() {
    let authority = Authority::in_memory(Options::default());
    let most = limits::TENANT_DISPLAY_NAME_BYTES_MAX;
    let create =
        |name: &str| authority.create_named_tenant(&authority.mint_tenant_name(), name, Provenance::new("test", ""));
    exceeded(create(&"x".repeat(most + 1)), most);
    create(&"x".repeat(most)).unwrap();
    assert!(matches!(create(""), Err(WriteError::TenantNameInvalid)));
    assert!(matches!(create("a\nb"), Err(WriteError::TenantNameInvalid)));
}

#[test]
fn minted_names_sort_by_time() {
    // Within one millisecond, too.
    let hand = super::support::Hand::at(super::support::NOON);
    let authority = Authority::in_memory(hand.options());
    let mut ids = Vec::new();
    for number in 0..20 {
        hand.set(super::support::NOON + number / 10);
        ids.push(put(&authority, model(&[users()], 0)).to_string());
        assert_eq!(authority.mint_tenant_name().as_str().len(), 26);
    }
    assert!(ids.is_sorted(), "{ids:?}");
    assert!(ids.iter().all(|id| id.len() == 26 && !id.contains(['I', 'L', 'O', 'U'])), "{ids:?}");
    let newest = authority.snapshot(&tenant()).unwrap().model(None).unwrap().unwrap();
    assert_eq!(Some(newest.id.as_str()), ids.last().map(String::as_str));
}

#[test]
fn a_relationship_that_a_model_does_not_declare_is_never_asked_about() {
    let authority = Authority::in_memory(Options::default());
    let id = put(&authority, model(&[users()], 0));
    let strange = Relationship {
        resource: object("folder:plan"),
        relation: name("viewer"),
        subject: SubjectRef::Object(object("user:bob")),
    };
    let asked = ByModel { model: id, besides: vec![(strange, Terms::default())] };
    assert!(has(&authority, asked, "user:bob").is_err());
}
