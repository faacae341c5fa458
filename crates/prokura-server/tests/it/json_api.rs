//! The JSON API from end to end, through the client.

mod work;

use prokura_api::*;
use serde_json::json;

use crate::support::{SCHEMA, Setup};

fn object(kind: &str, id: &str) -> ObjectRef {
    ObjectRef { kind: kind.to_owned(), id: id.to_owned() }
}

fn subject(kind: &str, id: &str) -> SubjectRef {
    SubjectRef { kind: kind.to_owned(), id: Some(id.to_owned()), relation: None, wildcard: false }
}

fn edge(id: &str, relation: &str, user: &str) -> Relationship {
    Relationship {
        resource: object("record", id),
        relation: relation.to_owned(),
        subject: subject("user", user),
        caveat: None,
        expires_at: None,
    }
}

fn client(setup: &Setup) -> Client {
    let options = ClientOptions { credential: Some(setup.admin.clone()), ..ClientOptions::new(setup.server.url()) };
    Client::new(options).unwrap()
}

fn why(reason: &str) -> ReasonOnly {
    ReasonOnly { reason: Some(reason.to_owned()) }
}

fn decide(actor: ObjectRef, delegation: Option<&str>) -> DecideRequest {
    DecideRequest {
        actor: Some(actor),
        delegation: delegation.map(str::to_owned),
        permission: "read".to_owned(),
        resource: object("record", "record-1"),
        arguments: serde_json::Map::new(),
        context: serde_json::Map::new(),
        tool_schema: None,
        reserve_ms: None,
        witness: true,
        span: Some("span-1".to_owned()),
    }
}

fn explain(actor: ObjectRef, delegation: &str) -> ExplainRequest {
    ExplainRequest {
        actor,
        delegation: Some(delegation.to_owned()),
        permission: "read".to_owned(),
        resource: object("record", "record-1"),
        arguments: serde_json::Map::new(),
        context: serde_json::Map::new(),
        tool_schema: None,
    }
}

fn new_task(parent: Option<&str>, owner: Option<ObjectRef>) -> NewTask {
    NewTask {
        origin: Some(object("user", "alice")),
        purpose: "in parts".to_owned(),
        expires_at: None,
        expires_in_seconds: Some(if parent.is_some() { 300 } else { 600 }),
        parent: parent.map(str::to_owned),
        owner,
        budgets: Vec::new(),
        reason: None,
    }
}

fn cap() -> Cap {
    let resource = CapResource { kind: "record".to_owned(), id: None, wildcard: true, origin_has: None, under: None };
    Cap { clauses: vec![CapClause { permissions: vec!["*".to_owned()], resources: vec![resource], when: None }] }
}

#[tokio::test]
async fn the_graph_is_written_and_read() {
    let setup = Setup::empty().await;
    let client = client(&setup);
    let missing = client.schema().await.unwrap_err();
    assert_eq!((missing.status(), missing.code()), (Some(404), "schema_missing"));
    let write = SchemaWrite { schema: SCHEMA.to_owned(), reason: Some("first".to_owned()) };
    let receipt = client.write_schema(&write).await.unwrap();
    assert_eq!(receipt.revision, 1);
    assert_eq!(client.schema().await.unwrap().schema, SCHEMA);
    let write = WriteRelationships {
        touch: vec![
            edge("record-1", "writer", "alice"),
            edge("record-1", "reader", "bob"),
            edge("a/b#c", "reader", "bob"),
        ],
        ..WriteRelationships::default()
    };
    let receipt = client.write_relationships(&write).await.unwrap();
    let query = RelationshipQuery {
        subject_type: Some("user".to_owned()),
        subject_id: Some("bob".to_owned()),
        limit: Some(1),
        ..RelationshipQuery::default()
    };
    let first = client.relationships(&query).await.unwrap();
    let second = client.relationships(&RelationshipQuery { cursor: first.next_cursor, ..query }).await.unwrap();
    let mut found: Vec<_> = first.items.iter().chain(&second.items).map(|stored| &stored.relationship).collect();
    found.sort_by_key(|edge| format!("{edge:?}"));
    assert_eq!(found, [&edge("a/b#c", "reader", "bob"), &edge("record-1", "reader", "bob")]);
    assert_eq!(second.items[0].since, receipt.revision);
    let transaction = client.transaction(receipt.revision).await.unwrap();
    assert!(transaction.author.starts_with("key:"), "{transaction:?}");
    assert_eq!(transaction.changes.len(), 3);
    let attributes = AttributesWrite {
        object: object("record", "record-1"),
        attributes: serde_json::Map::from_iter([("level".to_owned(), json!({"secret": [1, 2.5, null]}))]),
        reason: None,
    };
    client.set_attributes(&attributes).await.unwrap();
    let listed = client.attributes(&AttributeQuery::default()).await.unwrap();
    assert_eq!(listed.items[0].attributes, attributes.attributes);
    let check = CheckRequest {
        resource: object("record", "record-1"),
        permission: "read".to_owned(),
        subject: subject("user", "bob"),
        context: serde_json::Map::new(),
        consistency: None,
    };
    assert_eq!(client.check(&check).await.unwrap().permissionship, Permissionship::HasPermission);
    let delete =
        WriteRelationships { delete: vec![edge("record-1", "reader", "bob")], ..WriteRelationships::default() };
    client.write_relationships(&delete).await.unwrap();
    assert_eq!(client.check(&check).await.unwrap().permissionship, Permissionship::NoPermission);
}

/// Work under the task goes to a worker with a right of its own, as far as its owner says.
async fn dispatches(client: &Client, task: &str) {
    let worker = object("user", "dora");
    let owned = PrincipalWrite { object: worker.clone(), owner: Some(object("user", "alice")), reason: None };
    client.set_principal(&owned).await.unwrap();
    let create =
        WriteRelationships { touch: vec![edge("record-1", "reader", "dora")], ..WriteRelationships::default() };
    client.write_relationships(&create).await.unwrap();
    let new = NewDelegation {
        task: task.to_owned(),
        kind: DelegationKind::Dispatches,
        from: Some(object("user", "alice")),
        to: worker.clone(),
        parent: None,
        cap: cap(),
        depth: 0,
        not_before: None,
        expires_at: None,
        expires_in_seconds: None,
        uses: None,
        reason: None,
    };
    let sent = client.delegate(&new).await.unwrap();
    assert_eq!(sent.kind, DelegationKind::Dispatches);
    let asked = decide(worker.clone(), Some(&sent.id));
    let denied = client.decide(&asked).await.unwrap();
    assert_eq!((denied.reason.as_str(), denied.failed_at), ("not_endorsed", Some(0)));
    let everyone = SubjectRef { kind: "user".to_owned(), id: None, relation: None, wildcard: true };
    let wanted = NewEndorsement {
        worker: worker.clone(),
        by: Some(object("user", "alice")),
        cap: cap(),
        origins: vec![everyone],
        expires_at: None,
        expires_in_seconds: Some(60),
        reason: Some("she reads for us".to_owned()),
    };
    let by_another = NewEndorsement { by: Some(object("user", "bob")), ..wanted.clone() };
    let refused = client.endorse(&by_another).await.unwrap_err();
    assert!(refused.status().is_some_and(|status| (400..500).contains(&status)), "{refused:?}");
    let made = client.endorse(&wanted).await.unwrap();
    assert_eq!((&made.worker, &made.by, made.origins.len()), (&worker, &object("user", "alice"), 1));
    assert_eq!(client.endorsement(&made.id).await.unwrap(), made);
    let query = EndorsementQuery {
        worker_type: Some("user".to_owned()),
        worker_id: Some("dora".to_owned()),
        ..EndorsementQuery::default()
    };
    assert_eq!(client.endorsements(&query).await.unwrap().items, std::slice::from_ref(&made));
    let allowed = client.decide(&asked).await.unwrap();
    assert_eq!((allowed.disposition, allowed.reason.as_str()), (Disposition::Allow, "dispatched_authority"));
    assert_eq!(allowed.origin, Some(object("user", "alice")));
    assert_eq!(allowed.witness[0].relationship, edge("record-1", "reader", "dora"));
    assert_eq!(allowed.valid_until, made.expires_at);
    assert!(client.revoke_endorsement(&made.id, &why("enough")).await.unwrap().revoked_at.is_some());
    assert_eq!(client.decide(&asked).await.unwrap().reason, "not_endorsed");
    let unknown = client.endorsement("e-nowhere").await.unwrap_err();
    assert_eq!((unknown.status(), unknown.code()), (Some(404), "endorsement_unknown"));
}

#[tokio::test]
async fn authority_is_lent_used_explained_and_withdrawn() {
    let setup = Setup::filled().await;
    let client = client(&setup);
    let new_task = NewTask { purpose: "read the record".to_owned(), ..new_task(None, None) };
    let task = client.open_task(&new_task).await.unwrap();
    assert_eq!((task.state, task.declared), (TaskState::Open, false));
    let new = NewDelegation {
        task: task.id.clone(),
        kind: DelegationKind::Lends,
        from: Some(object("user", "alice")),
        to: object("agent", "coder"),
        parent: None,
        cap: cap(),
        depth: 0,
        not_before: None,
        expires_at: None,
        expires_in_seconds: None,
        uses: None,
        reason: Some("for the release".to_owned()),
    };
    let lent = client.delegate(&new).await.unwrap();
    assert_eq!(lent.cap, cap());
    let allowed = client.decide(&decide(object("agent", "coder"), Some(&lent.id))).await.unwrap();
    assert_eq!((allowed.disposition, allowed.reason.as_str()), (Disposition::Allow, "lent_authority"));
    assert_eq!(allowed.origin, Some(object("user", "alice")));
    assert_eq!(allowed.witness[0].relationship, edge("record-1", "writer", "alice"));
    assert_eq!(allowed.valid_until, Some(task.expires_at));
    let explained = client.explain(&explain(object("agent", "coder"), &lent.id)).await.unwrap();
    assert_eq!(explained.decision.id, None, "a preview is not recorded");
    let explanation = explained.explanation.unwrap();
    assert_eq!(explanation.subject, object("user", "alice"));
    assert_eq!(explanation.proof.unwrap().text, "record:record-1#read");

    let change = StateChange { object: object("user", "alice"), reason: Some("gone".to_owned()) };
    let suspended = client.suspend_principal(&change).await.unwrap();
    assert_eq!(suspended.state, PrincipalState::Suspended);
    let denied = client.decide(&decide(object("agent", "coder"), Some(&lent.id))).await.unwrap();
    assert_eq!(denied.reason, "principal_suspended");
    client.resume_principal(&change).await.unwrap();
    assert!(client.revoke_delegation(&lent.id, &why("enough")).await.unwrap().revoked_at.is_some());
    let denied = client.decide(&decide(object("agent", "coder"), Some(&lent.id))).await.unwrap();
    assert_eq!((denied.reason.as_str(), denied.failed_at), ("delegation_revoked", Some(0)));
    dispatches(&client, &task.id).await;
    let done = client.complete_task(&task.id, &why("done")).await.unwrap();
    assert_eq!(done.state, TaskState::Completed);
    let again = client.cancel_task(&task.id, &why("again")).await.unwrap_err();
    assert_eq!((again.status(), again.code()), (Some(409), "task_not_open"));

    let query = DecisionQuery { delegation: Some(lent.id.clone()), limit: Some(2), ..DecisionQuery::default() };
    let newest = client.decisions(&query).await.unwrap();
    assert_eq!(newest.items[0].reason, "delegation_revoked");
    let rest = client.decisions(&DecisionQuery { cursor: newest.next_cursor, ..query }).await.unwrap();
    assert_eq!(rest.items.last().unwrap().id, allowed.id.clone().unwrap());
    let record = client.decision(&allowed.id.unwrap()).await.unwrap();
    assert_eq!((record.door.as_str(), record.task.as_deref()), ("api", Some(task.id.as_str())));
    assert!(record.enforcement_point.starts_with("key:"));
    assert_eq!(client.tasks(&TaskQuery::default()).await.unwrap().items.len(), 1);
    assert_eq!(client.task(&task.id).await.unwrap().state, TaskState::Completed);
    assert_eq!(client.delegation(&lent.id).await.unwrap().task, task.id);
    assert_eq!(client.delegations(&DelegationQuery::default()).await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn a_write_sent_again_is_done_once() {
    let setup = Setup::filled().await;
    let open = |purpose: &str, key: &str| {
        let body = json!({"origin": {"type": "user", "id": "alice"}, "purpose": purpose, "expires_in_seconds": 60});
        let request = setup.http.post(setup.url("/v1/tenants/default/tasks")).bearer_auth(&setup.admin);
        setup.send(request.header("idempotency-key", key).json(&body))
    };
    let first = open("a", "k1").await.json();
    assert_eq!(open("a", "k1").await.json()["id"], first["id"]);
    let other = open("b", "k1").await;
    assert_eq!((other.status, other.code().as_str()), (409, "request_id_reused"));
    assert_ne!(open("a", "k2").await.json()["id"], first["id"]);
}

#[tokio::test]
async fn principals_are_stopped_and_stay_stopped() {
    let setup = Setup::filled().await;
    let client = client(&setup);
    let agent = object("agent", "coder");
    let change = StateChange { object: agent.clone(), reason: None };
    client.suspend_principal(&change).await.unwrap();
    let write = PrincipalWrite { object: agent.clone(), owner: Some(object("user", "bob")), reason: None };
    let owned = client.set_principal(&write).await.unwrap();
    assert_eq!(
        (owned.state, owned.owner),
        (PrincipalState::Suspended, Some(object("user", "bob"))),
        "it stays suspended"
    );
    assert_eq!(client.remove_principal(&change).await.unwrap_err().code(), "principal_not_active");
    client.resume_principal(&change).await.unwrap();
    client.remove_principal(&change).await.unwrap();
    assert_eq!(client.resume_principal(&change).await.unwrap_err().code(), "principal_unknown");
    // One that was never registered can be stopped, too.
    let gone = OffBoardRequest {
        object: object("agent", "stranger"),
        transfers: Vec::new(),
        rest_to: None,
        expect: None,
        reason: None,
    };
    let stranger = StateChange { object: object("agent", "stranger"), reason: None };
    assert_eq!(client.suspend_principal(&stranger).await.unwrap().state, PrincipalState::Suspended);
    assert_eq!(client.off_board_principal(&gone).await.unwrap().principal.state, PrincipalState::OffBoarded);
    assert_eq!(client.resume_principal(&stranger).await.unwrap_err().code(), "principal_off_boarded");
    assert_eq!(client.suspend_principal(&stranger).await.unwrap_err().code(), "principal_off_boarded");
    let query = PrincipalQuery { state: Some(PrincipalState::OffBoarded), ..PrincipalQuery::default() };
    assert_eq!(client.principals(&query).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn tenants_and_keys_are_made_and_ended() {
    let setup = Setup::empty().await;
    let client = client(&setup);
    client.create_tenant(&NewTenant { name: "acme".to_owned(), reason: None }).await.unwrap();
    let again = client.create_tenant(&NewTenant { name: "acme".to_owned(), reason: None }).await.unwrap_err();
    assert_eq!((again.status(), again.code()), (Some(409), "tenant_exists"));
    let mut names = Vec::new();
    let mut query = PageQuery { limit: Some(1), cursor: None };
    loop {
        let page = client.tenants(&query).await.unwrap();
        names.extend(page.items.into_iter().map(|tenant| tenant.name));
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => break,
        }
    }
    assert_eq!(names, ["acme", "default"]);
    let point = NewKey {
        name: "gateway".to_owned(),
        role: Role::EnforcementPoint,
        speaks_for: vec![SpokenFor { kind: Some("agent".to_owned()), id: None, wildcard: true }],
        scope: KeyScope::Tenant("acme".to_owned()),
        reason: None,
    };
    let made = client.create_key(&point).await.unwrap();
    assert!(!format!("{made:?}").contains(&made.secret), "a secret is not printed");
    let listed = client.keys(&PageQuery::default()).await.unwrap().items;
    assert!(listed.contains(&made.key));
    let options = ClientOptions { credential: Some(made.secret.clone()), ..ClientOptions::new(setup.server.url()) };
    let gateway = Client::new(options).unwrap();
    let refused = gateway.decide(&decide(object("agent", "x"), None)).await.unwrap_err();
    assert_eq!(refused.status(), Some(403), "its tenant is another");
    let asked = gateway.with_tenant("acme").decide(&decide(object("agent", "x"), None)).await.unwrap_err();
    assert_eq!(asked.code(), "no_schema");
    client.revoke_key(&made.key.id, &why("lost")).await.unwrap();
    let gone = gateway.with_tenant("acme").decide(&decide(object("agent", "x"), None)).await.unwrap_err();
    assert_eq!(gone.status(), Some(401));
    let nobody = NewKey { speaks_for: Vec::new(), ..point };
    assert_eq!(client.create_key(&nobody).await.unwrap_err().code(), "speaks_for_missing");
}

#[tokio::test]
async fn a_declaration_is_applied_in_one_transaction() {
    let setup = Setup::empty().await;
    let client = client(&setup);
    let principal = |kind: &str, id: &str| DeclaredPrincipal { object: object(kind, id), owner: None, state: None };
    let declaration = Declaration {
        schema: Some(SCHEMA.to_owned()),
        relationships: Some(vec![edge("record-1", "writer", "alice")]),
        attributes: None,
        principals: Some(vec![principal("user", "alice"), principal("agent", "coder")]),
        tasks: Some(vec![DeclaredTask {
            id: "t1".to_owned(),
            origin: object("user", "alice"),
            purpose: "work".to_owned(),
            expires_at: None,
            expires_in_seconds: Some(600),
            parent: None,
            owner: None,
            budgets: Vec::new(),
        }]),
        delegations: Some(vec![DeclaredDelegation {
            id: "d1".to_owned(),
            task: "t1".to_owned(),
            kind: DelegationKind::Lends,
            from: object("user", "alice"),
            to: object("agent", "coder"),
            parent: None,
            cap: cap(),
            depth: 0,
            not_before: None,
            expires_at: None,
            uses: None,
        }]),
        endorsements: None,
        authzen: None,
    };
    let mut request = ApplyRequest { declaration, dry_run: true, prune: false, reason: None };
    let planned = client.apply(&request).await.unwrap();
    assert_eq!((planned.differences.len(), planned.receipt), (6, None));
    request.dry_run = false;
    let applied = client.apply(&request).await.unwrap();
    assert_eq!(applied.differences, planned.differences);
    assert_eq!(applied.receipt.unwrap().revision, 1);
    assert_eq!(client.apply(&request).await.unwrap().differences, []);
    assert_eq!(client.decide(&decide(object("agent", "coder"), Some("d1"))).await.unwrap().reason, "lent_authority");
    request.declaration.delegations = Some(Vec::new());
    request.prune = true;
    let pruned = client.apply(&request).await.unwrap();
    assert_eq!(pruned.differences[0].effect, Effect::Removed);
    let denied = client.decide(&decide(object("agent", "coder"), Some("d1"))).await.unwrap();
    assert_eq!(denied.reason, "delegation_revoked");
}

#[tokio::test]
async fn a_client_says_what_is_wrong_with_the_way_to_the_server() {
    assert_eq!(Client::new(ClientOptions::new("nonsense")).unwrap_err().code(), "server_address_invalid");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::new(ClientOptions::new(format!("http://{closed}"))).unwrap();
    assert_eq!(client.schema().await.unwrap_err().code(), "server_unreachable");
    let setup = Setup::empty().await;
    let client = Client::new(ClientOptions::new(setup.url("/somewhere/else"))).unwrap();
    assert_eq!(client.schema().await.unwrap_err().code(), "route_unknown");
}

#[tokio::test]
async fn what_the_server_keeps_for_itself_is_no_tenant() {
    let setup = Setup::filled().await;
    let client = client(&setup).with_tenant("system");
    assert_eq!(client.schema().await.unwrap_err().code(), "tenant_unknown");
    assert_eq!(client.decide(&decide(object("user", "alice"), None)).await.unwrap_err().code(), "tenant_unknown");
    let write = SchemaWrite { schema: SCHEMA.to_owned(), reason: None };
    let refused = client.write_schema(&write).await.unwrap_err();
    assert!(["tenant_unknown", "tenant_reserved"].contains(&refused.code()), "{refused:?}");
    let create = NewTenant { name: "system".to_owned(), reason: None };
    assert_eq!(client.create_tenant(&create).await.unwrap_err().code(), "tenant_reserved");
}

#[tokio::test]
async fn a_principal_is_answered_as_it_is_stored() {
    let setup = Setup::filled().await;
    let body = json!({"object": {"type": "agent", "id": "coder"}});
    let change = async |what: &str, key: &str| {
        let request = setup.http.post(setup.url(&format!("/v1/tenants/default/principals/{what}")));
        setup.send(request.bearer_auth(&setup.admin).header("idempotency-key", key).json(&body)).await
    };
    assert_eq!(change("suspend", "k1").await.json()["state"], "suspended");
    assert_eq!(change("resume", "k2").await.json()["state"], "active");
    // Sent again: it is not done again, and the answer does not say so either.
    assert_eq!(change("suspend", "k1").await.json()["state"], "active");
}

#[tokio::test]
async fn a_key_is_not_made_with_an_idempotency_key() {
    let setup = Setup::filled().await;
    let body = json!({"name": "x", "role": "admin", "scope": {"all_tenants": true}});
    let before = setup.authority.keys().len();
    let request = setup.http.post(setup.url("/v1/keys")).bearer_auth(&setup.admin).header("idempotency-key", "k");
    let answer = setup.send(request.json(&body)).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "idempotency_key_invalid"));
    assert_eq!(setup.authority.keys().len(), before);
}

#[tokio::test]
async fn the_record_keeps_the_question_as_it_was_understood() {
    let setup = Setup::filled().await;
    let body = json!({"actor": ["user", "alice"], "permission": "read", "witness": true,
        "resource": {"type": "record", "id": "record-1"}, "context": {"a": 1}});
    let decided = setup.post("/v1/tenants/default/decide", &setup.admin, &body).await.json();
    let id = decided["id"].as_str().unwrap();
    let record = setup.get(&format!("/v1/tenants/default/decisions/{id}"), &setup.admin).await.json();
    assert_eq!(
        record["request"],
        json!({"actor": {"type": "user", "id": "alice"}, "permission": "read",
            "resource": {"type": "record", "id": "record-1"}, "context": {"a": 1}})
    );
}
