//! Any value of the model, for property tests.

use std::collections::BTreeMap;

use proptest::{collection, option, prelude::*, sample::select};

use crate::{
    Action, Amount, Approval, ApprovalId, ApprovalState, ApprovalUse, Approver, AuthzenMapping, Budget, BudgetName,
    Cap, CapClause, CapPermissions, CapResource, CaveatName, CaveatUse, ChainLink, Change, Consumption, Credential,
    DecisionId, DecisionRecord, Delegation, DelegationId, DelegationKind, Draw, Endorsement, EndorsementId, FiredGuard,
    GivenApproval, Grant, GuardName, Key, KeyId, KeyRole, KeyScope, Measure, ObjectId, ObjectRef, Outcome, Principal,
    PrincipalState, Reason, RelationName, Relationship, Request, RequestAnswer, RequestId, RequestState, Reservation,
    Reserved, ResourceQuery, Revision, Spending, Spent, SpokenFor, Step, SubjectRef, Taken, Task, TaskId, TaskState,
    TenantName, Terms, Timestamp, Touch, TypeName, Under, Value, WitnessEdge,
};

pub(crate) fn object() -> impl Strategy<Value = ObjectRef> {
    (kind(), id()).prop_map(|(kind, id)| ObjectRef { kind, id })
}

pub(crate) fn kind() -> impl Strategy<Value = TypeName> {
    "([a-z][a-z0-9_]{1,8}[a-z0-9]/){0,2}[a-z][a-z0-9_]{1,8}[a-z0-9]".prop_map(|text| TypeName::new(text).unwrap())
}

pub(crate) fn relation() -> impl Strategy<Value = RelationName> {
    "[a-z][a-z0-9_]{1,62}[a-z0-9]".prop_map(|text| RelationName::new(text).unwrap())
}

/// Any legal id: of all Unicode, with what text treats specially often in it.
pub(crate) fn id() -> impl Strategy<Value = ObjectId> {
    let character = prop_oneof![
        3 => any::<char>(),
        2 => select(vec!['"', '\\', '*', ':', '#', '@', '[', ']', ' ', '.', '/', '|', '\u{202e}', '\u{2028}']),
        1 => prop::char::range('a', 'z'),
    ];
    collection::vec(character, 1..24).prop_map(|characters| {
        let text: String = characters.into_iter().filter(|character| !character.is_control()).collect();
        ObjectId::new(&text).unwrap_or_else(|_| ObjectId::new(format!("{text}a")).unwrap())
    })
}

pub(crate) fn subject() -> impl Strategy<Value = SubjectRef> {
    prop_oneof![
        object().prop_map(SubjectRef::Object),
        (object(), relation()).prop_map(|(object, relation)| SubjectRef::Userset(object, relation)),
        kind().prop_map(SubjectRef::Wildcard),
    ]
}

pub(crate) fn relationship() -> impl Strategy<Value = Relationship> {
    (object(), relation(), subject()).prop_map(|(resource, relation, subject)| Relationship {
        resource,
        relation,
        subject,
    })
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let key = (record_id(), ".{0,9}", any::<[u8; 32]>(), key_role(), key_scope(), moment(), option::of(moment()))
        .prop_map(|(id, name, digest, role, scope, created_at, revoked_at)| {
            Change::KeyCreated(Key { id: KeyId::new(id).unwrap(), name, digest, role, scope, created_at, revoked_at })
        });
    prop_oneof![
        "\\PC{0,40}".prop_map(Change::SchemaWritten),
        (relationship(), terms()).prop_map(|(relationship, terms)| Change::RelationshipTouched(relationship, terms)),
        relationship().prop_map(Change::RelationshipExpired),
        value().prop_map(Change::MetadataAttached),
        relationship().prop_map(Change::RelationshipDeleted),
        (object(), members()).prop_map(|(object, attributes)| Change::AttributesSet(object, attributes)),
        principal().prop_map(Change::PrincipalSet),
        object().prop_map(Change::PrincipalRemoved),
        task().prop_map(Change::TaskOpened),
        (task_id(), task_state()).prop_map(|(task, state)| Change::TaskClosed(task, state)),
        delegation().prop_map(Change::DelegationCreated),
        delegation_id().prop_map(Change::DelegationRevoked),
        endorsement().prop_map(Change::EndorsementCreated),
        endorsement_id().prop_map(Change::EndorsementRevoked),
        request().prop_map(|request| Change::RequestSet(Box::new(request))),
        tenant().prop_map(Change::TenantCreated),
        key,
        record_id().prop_map(|id| Change::KeyRevoked(KeyId::new(id).unwrap())),
        any::<[u8; 32]>().prop_map(|secret| Change::SecretMade(crate::StoreSecret(secret))),
        any::<[u8; 32]>().prop_map(Change::WorkDigested),
        authzen_mapping().prop_map(Change::AuthzenMappingSet),
        consumption().prop_map(|consumption| Change::Consumed(Box::new(consumption))),
        (decision_id(), task_id(), taken()).prop_map(|(id, task, taken)| Change::ReservationCommitted(id, task, taken)),
        (decision_id(), task_id()).prop_map(|(id, task)| Change::ReservationReleased(id, task)),
        approval().prop_map(|approval| Change::ApprovalSet(Box::new(approval))),
        (task_id(), spending()).prop_map(|(task, spending)| Change::SpendingSet(task, Box::new(spending))),
    ]
}

fn authzen_mapping() -> impl Strategy<Value = AuthzenMapping> {
    let actions = collection::btree_map(".{1,9}", relation(), 0..3);
    let types = collection::btree_map(".{1,9}", kind(), 0..3);
    let resources = collection::btree_map(".{1,9}", object(), 0..3);
    (actions, types, resources).prop_map(|(actions, types, resources)| AuthzenMapping { actions, types, resources })
}

pub(crate) fn record() -> impl Strategy<Value = DecisionRecord> {
    let asked = (record_id(), moment(), any::<u64>(), object(), relation(), object(), option::of(delegation_id()));
    let found = (option::of(task_id()), option::of(object()), collection::vec(link(), 0..3), outcome(), ".{0,20}");
    let rest = (collection::vec(edge(), 0..3), value(), ".{0,9}", ".{0,9}", option::of(".{0,9}"), any::<u64>());
    let missing = collection::vec("[a-z]{1,9}", 0..3);
    let demanded = collection::vec("[a-z #]{1,30}", 1..3);
    let approvals = collection::vec((approval_id(), object()).prop_map(|(id, by)| GivenApproval { id, by }), 0..2);
    let fired = (guard_name(), demanded, approvals).prop_map(|(name, demanded, approvals)| FiredGuard {
        name,
        demanded,
        approvals,
    });
    let fired = collection::vec(fired, 0..3);
    let at = option::of(any::<u64>().prop_map(Timestamp));
    let known = ("[a-z_]{1,9}", at).prop_map(|(method, authenticated_at)| Credential { method, authenticated_at });
    let known = option::of(known);
    (asked, found, rest, missing, fired, known, step()).prop_map(|(asked, found, rest, missing, fired, known, step)| {
        let (id, time, revision, actor, permission, resource, delegation) = asked;
        let (task, origin, chain, outcome, message) = found;
        let (witness, request, door, enforcement_point, request_id, duration_us) = rest;
        let (id, revision) = (DecisionId::new(id).unwrap(), Revision(revision));
        DecisionRecord {
            id,
            time,
            revision,
            actor,
            permission,
            resource,
            delegation,
            task,
            origin,
            chain,
            outcome,
            message,
            witness,
            request,
            door,
            enforcement_point,
            request_id,
            duration_us,
            missing,
            step,
            fired,
            credential: known,
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    (option::of(task_id()), option::of(".{0,9}"), any::<bool>()).prop_map(|(run, span, planned)| Step {
        run,
        span,
        planned,
    })
}

pub(crate) fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_filter_map("a JSON number", |number| number.is_finite().then_some(Value::Float(number))),
        "\\PC{0,9}".prop_map(Value::String),
    ];
    scalar.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            collection::btree_map(".{0,4}", inner, 0..4).prop_map(Value::Map),
        ]
    })
}

/// Any terms whose end RFC 3339 can say.
pub(crate) fn terms() -> impl Strategy<Value = Terms> {
    let end = (0..253_402_300_800_000_u64).prop_map(Timestamp);
    (option::of(caveat_use()), option::of(end)).prop_map(|(caveat, expires_at)| Terms { caveat, expires_at })
}

fn caveat_use() -> impl Strategy<Value = CaveatUse> {
    ("[a-zA-Z0-9_][a-zA-Z0-9/_|-]{0,9}", members())
        .prop_map(|(name, context)| CaveatUse { name: CaveatName::new(name).unwrap(), context })
}

fn members() -> impl Strategy<Value = BTreeMap<String, Value>> {
    collection::btree_map(".{0,4}", value(), 0..4)
}

fn principal() -> impl Strategy<Value = Principal> {
    let state = select(vec![PrincipalState::Active, PrincipalState::Suspended, PrincipalState::OffBoarded]);
    (object(), option::of(object()), state, any::<bool>()).prop_map(|(object, owner, state, declared)| Principal {
        object,
        owner,
        state,
        declared,
    })
}

fn task() -> impl Strategy<Value = Task> {
    let above = (option::of(task_id()), option::of(object()));
    let budgets = collection::vec(budget(), 0..3);
    (task_id(), object(), ".{0,20}", moment(), moment(), task_state(), any::<bool>(), above, budgets).prop_map(
        |(id, origin, purpose, opened_at, expires_at, state, declared, (parent, owner), budgets)| Task {
            id,
            origin,
            purpose,
            opened_at,
            expires_at,
            state,
            declared,
            parent,
            owner,
            budgets,
        },
    )
}

fn delegation() -> impl Strategy<Value = Delegation> {
    let ends = (delegation_id(), task_id(), object(), object(), option::of(delegation_id()), cap());
    let window = (any::<u32>(), option::of(moment()), option::of(moment()), option::of(moment()), any::<bool>());
    let kind = prop_oneof![Just(DelegationKind::Lends), Just(DelegationKind::Dispatches)];
    (ends, window, kind, option::of(any::<u64>())).prop_map(
        |((id, task, from, to, parent, cap), window, kind, uses)| {
            let (depth, not_before, expires_at, revoked_at, declared) = window;
            Delegation {
                id,
                task,
                kind,
                from,
                to,
                parent,
                cap,
                depth,
                not_before,
                expires_at,
                revoked_at,
                declared,
                uses,
            }
        },
    )
}

fn budget() -> impl Strategy<Value = Budget> {
    let measure = prop_oneof![Just(Measure::Count), ".{1,9}".prop_map(Measure::Sum)];
    (budget_name(), option::of(cap()), measure, amount(), option::of(any::<u64>()), option::of(any::<u32>())).prop_map(
        |(name, covers, measure, limit, per_ms, in_flight)| Budget { name, covers, measure, limit, per_ms, in_flight },
    )
}

fn taken() -> impl Strategy<Value = Taken> {
    let draw = (task_id(), budget_name(), any::<u64>(), amount()).prop_map(|(task, budget, window, amount)| Draw {
        task,
        budget,
        window,
        amount,
    });
    let touch = (task_id(), ".{1,9}", value()).prop_map(|(run, attribute, value)| Touch { run, attribute, value });
    let (links, approvals) = (collection::vec(delegation_id(), 0..3), collection::vec(approval_id(), 0..2));
    (collection::vec(draw, 0..3), links, approvals, collection::vec(touch, 0..2))
        .prop_map(|(draws, links, approvals, touched)| Taken { draws, links, approvals, touched })
}

fn reserved() -> impl Strategy<Value = Reserved> {
    (moment(), ".{0,9}", collection::vec(task_id(), 0..3)).prop_map(|(until, by, above)| Reserved { until, by, above })
}

fn consumption() -> impl Strategy<Value = Consumption> {
    let record = collection::vec(any::<u8>(), 0..9);
    let told = (record, option::of(object()), option::of(moment()));
    (decision_id(), option::of(task_id()), moment(), taken(), option::of(reserved()), told).prop_map(
        |(decision, task, at, taken, reserved, (record, authority, valid_until))| Consumption {
            decision,
            task,
            at,
            taken,
            reserved,
            record,
            authority,
            valid_until,
        },
    )
}

fn spending() -> impl Strategy<Value = Spending> {
    let spent = (any::<u64>(), amount()).prop_map(|(window, amount)| Spent { window, amount });
    let open = (task_id(), taken(), reserved());
    let open = open.prop_map(|(task, taken, reserved)| Reservation { task, taken, reserved });
    let spent = collection::btree_map(budget_name(), spent, 0..3);
    let uses = collection::btree_map(delegation_id(), any::<u64>(), 0..3);
    let touched = collection::btree_map(".{1,9}", collection::vec(value(), 0..3), 0..2);
    (moment(), spent, uses, collection::btree_map(decision_id(), open, 0..3), touched)
        .prop_map(|(at, spent, uses, open, touched)| Spending { at, spent, uses, open, touched })
}

fn amount() -> impl Strategy<Value = Amount> {
    any::<u64>().prop_map(Amount)
}

fn budget_name() -> impl Strategy<Value = BudgetName> {
    record_id().prop_map(|id| BudgetName::new(id).unwrap())
}

fn decision_id() -> impl Strategy<Value = DecisionId> {
    record_id().prop_map(|id| DecisionId::new(id).unwrap())
}

fn endorsement() -> impl Strategy<Value = Endorsement> {
    let said = (endorsement_id(), object(), object(), cap(), collection::btree_set(subject(), 0..3));
    let window = (option::of(moment()), option::of(moment()), any::<bool>());
    (said, window).prop_map(|((id, worker, by, cap, origins), (expires_at, revoked_at, declared))| Endorsement {
        id,
        worker,
        by,
        cap,
        origins,
        expires_at,
        revoked_at,
        declared,
    })
}

fn request() -> impl Strategy<Value = Request> {
    let asked = (record_id(), object(), option::of(task_id()), option::of(delegation_id()), relation());
    let said = (".{0,9}", option::of(".{0,9}"), any::<u64>(), ".{0,9}", any::<bool>(), moment(), moment());
    let state = select(vec![RequestState::Pending, RequestState::Granted, RequestState::Cancelled]);
    let became = (state, option::of(request_answer()), option::of(grant()), option::of(request_answer()));
    (asked, collection::btree_set(object(), 0..3), said, became).prop_map(|(asked, resources, said, became)| {
        let (id, requester, task, delegation, permission) = asked;
        let (reason, ticket, for_ms, item, break_glass, asked_at, answer_by) = said;
        let (state, answer, grant, review) = became;
        let id = RequestId::new(id).unwrap();
        let asked = Request {
            id,
            requester,
            task,
            delegation,
            permission,
            resources,
            reason,
            ticket,
            for_ms,
            item,
            break_glass,
            asked_at,
            answer_by,
            state,
            answer: None,
            grant: None,
            review: None,
        };
        Request { answer, grant, review, ..asked }
    })
}

fn approval_id() -> impl Strategy<Value = ApprovalId> {
    record_id().prop_map(|id| ApprovalId::new(id).unwrap())
}

fn guard_name() -> impl Strategy<Value = GuardName> {
    "[a-z]{3,9}".prop_map(|name| GuardName::new(name).expect("a legal name"))
}

fn action() -> impl Strategy<Value = Action> {
    let who = (object(), option::of(task_id()), collection::vec(link(), 0..3));
    let what = (relation(), object(), members(), option::of(".{0,9}"));
    let guard = (guard_name(), ".{0,20}", any::<u32>());
    (who, what, guard).prop_map(|((actor, task, chain), what, (guard, guard_text, clause))| {
        let (permission, resource, arguments, tool_schema) = what;
        Action { actor, task, chain, permission, resource, arguments, tool_schema, guard, guard_text, clause }
    })
}

fn approval() -> impl Strategy<Value = Approval> {
    let from = prop_oneof![relation().prop_map(Approver::Holder), Just(Approver::Origin)];
    let asked = (any::<u64>(), any::<bool>(), ".{0,9}", moment(), moment());
    let state = select(vec![ApprovalState::Pending, ApprovalState::Given, ApprovalState::Refused]);
    let used = (decision_id(), option::of(moment())).prop_map(|(decision, until)| ApprovalUse { decision, until });
    let became = (state, option::of(request_answer()), option::of(moment()), option::of(used));
    (action(), from, asked, became).prop_map(|(action, from, asked, (state, answer, good_until, used))| {
        let (good_ms, once, reason, asked_at, answer_by) = asked;
        let id = action.id();
        let asked = Approval {
            id,
            action,
            from,
            good_ms,
            once,
            reason,
            asked_at,
            answer_by,
            state,
            answer: None,
            good_until: None,
            used: None,
        };
        Approval { answer, good_until, used, ..asked }
    })
}

fn request_answer() -> impl Strategy<Value = RequestAnswer> {
    (option::of(object()), moment(), ".{0,9}").prop_map(|(by, at, words)| RequestAnswer { by, at, words })
}

fn grant() -> impl Strategy<Value = Grant> {
    let edges = (collection::btree_set(relationship(), 0..3), option::of(delegation_id()));
    (collection::btree_set(object(), 0..3), moment(), edges, option::of(moment())).prop_map(
        |(resources, until, (relationships, delegation), ended_at)| Grant {
            resources,
            until,
            relationships,
            delegation,
            ended_at,
        },
    )
}

fn cap() -> impl Strategy<Value = Cap> {
    let permissions =
        prop_oneof![Just(CapPermissions::Any), collection::btree_set(relation(), 0..3).prop_map(CapPermissions::Only),];
    let clause = (permissions, collection::btree_set(cap_resource(), 0..3), option::of(caveat_use()))
        .prop_map(|(permissions, resources, condition)| CapClause { permissions, resources, condition });
    collection::vec(clause, 0..3).prop_map(|clauses| Cap { clauses })
}

fn cap_resource() -> impl Strategy<Value = CapResource> {
    let under = (object(), relation()).prop_map(|(resource, by)| Under { resource, by });
    let query = (kind(), option::of(relation()), option::of(under));
    let query = query.prop_map(|(kind, origin_has, under)| ResourceQuery { kind, origin_has, under });
    prop_oneof![
        kind().prop_map(CapResource::Type),
        object().prop_map(CapResource::Object),
        query.prop_map(CapResource::Query),
    ]
}

fn key_role() -> impl Strategy<Value = KeyRole> {
    let spoken_for =
        prop_oneof![kind().prop_map(SpokenFor::Type), object().prop_map(SpokenFor::Object), Just(SpokenFor::Any),];
    prop_oneof![
        Just(KeyRole::Admin),
        Just(KeyRole::Auditor),
        collection::vec(spoken_for, 0..3).prop_map(KeyRole::EnforcementPoint),
    ]
}

fn key_scope() -> impl Strategy<Value = KeyScope> {
    prop_oneof![Just(KeyScope::AllTenants), tenant().prop_map(KeyScope::Tenant)]
}

fn link() -> impl Strategy<Value = ChainLink> {
    (delegation_id(), object(), object()).prop_map(|(delegation, from, to)| ChainLink { delegation, from, to })
}

fn edge() -> impl Strategy<Value = WitnessEdge> {
    (relationship(), any::<u64>(), terms()).prop_map(|(relationship, since, terms)| WitnessEdge {
        relationship,
        since: Revision(since),
        terms,
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let reasons = select(vec![
        Reason::OwnAuthority,
        Reason::ContextMissing,
        Reason::NoPath,
        Reason::OutsideCap,
        Reason::OriginLacksPermission,
    ]);
    prop_oneof![reasons.prop_map(Outcome::Decided), "[a-z_]{0,9}".prop_map(Outcome::Failed)]
}

fn task_state() -> impl Strategy<Value = TaskState> {
    select(vec![TaskState::Open, TaskState::Completed, TaskState::Cancelled])
}

fn tenant() -> impl Strategy<Value = TenantName> {
    "[a-z0-9][a-z0-9_-]{0,9}".prop_map(|name| TenantName::new(name).unwrap())
}

fn task_id() -> impl Strategy<Value = TaskId> {
    record_id().prop_map(|id| TaskId::new(id).unwrap())
}

fn endorsement_id() -> impl Strategy<Value = EndorsementId> {
    record_id().prop_map(|id| EndorsementId::new(id).unwrap())
}

fn delegation_id() -> impl Strategy<Value = DelegationId> {
    record_id().prop_map(|id| DelegationId::new(id).unwrap())
}

fn record_id() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9._-]{1,12}"
}

fn moment() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp)
}
