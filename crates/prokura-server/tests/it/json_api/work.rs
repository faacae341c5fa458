//! Work that hangs together: parts of a task, plans, off-boarding, access for a while.

use prokura_api::*;

use super::{cap, client, decide, edge, new_task, object};
use crate::support::Setup;

#[tokio::test]
async fn parts_of_a_task_end_with_it_and_are_one_run() {
    let setup = Setup::filled().await;
    let client = client(&setup);
    let whole = client.open_task(&new_task(None, None)).await.unwrap();
    let part = client.open_task(&new_task(Some(&whole.id), Some(object("agent", "coder")))).await.unwrap();
    assert_eq!(
        (part.parent.as_deref(), part.owner.as_ref()),
        (Some(whole.id.as_str()), Some(&object("agent", "coder")))
    );
    let query = TaskQuery { parent: Some(whole.id.clone()), ..TaskQuery::default() };
    assert_eq!(client.tasks(&query).await.unwrap().items, std::slice::from_ref(&part));
    let new = NewDelegation {
        task: part.id.clone(),
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
        reason: None,
    };
    let link = client.delegate(&new).await.unwrap();
    let asked = decide(object("agent", "coder"), Some(&link.id));
    let decided = client.decide(&asked).await.unwrap();
    assert_eq!((decided.reason.as_str(), decided.run.as_ref()), ("lent_authority", Some(&whole.id)));
    client.cancel_task(&whole.id, &ReasonOnly::default()).await.unwrap();
    let decided = client.decide(&asked).await.unwrap();
    assert_eq!((decided.reason.as_str(), decided.run.as_ref()), ("task_cancelled", Some(&whole.id)));
    let query = DecisionQuery { run: Some(whole.id.clone()), ..DecisionQuery::default() };
    let found = client.decisions(&query).await.unwrap().items;
    let told: Vec<_> = found.iter().map(|found| (found.hop, found.span.as_deref(), found.planned)).collect();
    assert_eq!(told, [(1, Some("span-1"), false), (1, Some("span-1"), false)]);
    let refused = client.open_task(&new_task(Some(&whole.id), None)).await.unwrap_err();
    assert_eq!(refused.code(), "task_not_open");
}

#[tokio::test]
async fn a_plan_says_what_each_action_comes_to() {
    let setup = Setup::filled().await;
    let client = client(&setup);
    let action = |permission: &str, actor: Option<ObjectRef>| PlannedAction {
        actor,
        delegation: None,
        permission: permission.to_owned(),
        resource: object("record", "record-1"),
        arguments: serde_json::Map::new(),
        context: serde_json::Map::new(),
        tool_schema: None,
    };
    let of = |actions| PlanRequest { actor: Some(object("user", "alice")), actions, ..PlanRequest::default() };
    let found = client.decide_plan(&of(vec![action("read", None)])).await.unwrap();
    assert_eq!((found.disposition, found.not_allowed), (Some(Disposition::Allow), vec![]));
    let stranger = Some(object("agent", "stranger"));
    let found = client.decide_plan(&of(vec![action("read", None), action("read", stranger)])).await.unwrap();
    assert_eq!((found.disposition, found.not_allowed), (Some(Disposition::Deny), vec![1]));
    let found = client.decide_plan(&of(vec![action("fly", None), action("read", None)])).await.unwrap();
    assert_eq!((found.disposition, found.not_allowed), (None, vec![0]));
    assert_eq!(found.actions[0].error.as_ref().map(|error| error.code.as_str()), Some("member_unknown"));
    let id = found.actions[1].decision.as_ref().and_then(|decision| decision.id.clone()).unwrap();
    assert!(client.decision(&id).await.unwrap().planned);
    assert_eq!(client.decide_plan(&of(Vec::new())).await.unwrap_err().code(), "plan_size");
}

#[tokio::test]
async fn an_off_boarding_is_held_to_its_preview() {
    let setup = Setup::filled().await;
    let client = client(&setup);
    let task = client.open_task(&new_task(None, None)).await.unwrap();
    let whom = |expect: Option<&str>| OffBoardRequest {
        object: object("user", "alice"),
        transfers: Vec::new(),
        rest_to: None,
        expect: expect.map(str::to_owned),
        reason: Some("she leaves".to_owned()),
    };
    let previewed = client.preview_off_boarding(&whom(None)).await.unwrap();
    assert_eq!((previewed.principal.state, previewed.done_in), (PrincipalState::Active, None));
    assert!(previewed.tasks.sample.contains(&task) && previewed.relationships.count > 0, "{previewed:?}");
    let another = client.open_task(&new_task(None, None)).await.unwrap();
    let refused = client.off_board_principal(&whom(Some(&previewed.digest))).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("off_boarding_changed", Some(409)));
    let again = client.preview_off_boarding(&whom(None)).await.unwrap();
    let done = client.off_board_principal(&whom(Some(&again.digest))).await.unwrap();
    assert_eq!(done.principal.state, PrincipalState::OffBoarded);
    assert_eq!(
        (done.tasks, done.delegations, done.relationships),
        (again.tasks, again.delegations, again.relationships)
    );
    assert_eq!(done.done_in, Some(again.revision + 1));
    assert_eq!(client.task(&another.id).await.unwrap().state, TaskState::Cancelled);
}

/// Access is asked for, answered by somebody else, used, and given back.
#[tokio::test]
async fn access_is_asked_for_and_granted_for_a_while() {
    let setup = Setup::empty().await;
    let client = client(&setup);
    let schema = "use access\nuse expiration\ndefinition user {}\ndefinition record {\n\trelation owner: user\n\trelation \
                  visitor: user with expiration\n\tpermission approve = owner\n\tpermission read = owner + visitor\n}\n\
                  access visit on record#read { ask record#approve; for at most 1h; relation visitor }\n";
    client.write_schema(&SchemaWrite { schema: schema.to_owned(), reason: None }).await.unwrap();
    let write = WriteRelationships { touch: vec![edge("record-1", "owner", "olga")], ..WriteRelationships::default() };
    client.write_relationships(&write).await.unwrap();
    for user in ["olga", "bob"] {
        let principal = PrincipalWrite { object: object("user", user), owner: None, reason: None };
        client.set_principal(&principal).await.unwrap();
    }
    let asked = decide(object("user", "bob"), None);
    let hint = client.decide(&asked).await.unwrap().access.unwrap();
    assert_eq!((hint.item.as_deref(), hint.how, hint.for_at_most_seconds), (Some("visit"), AccessHow::Ask, 3_600));

    let new = NewAccessRequest {
        requester: Some(object("user", "bob")),
        delegation: None,
        task: None,
        permission: "read".to_owned(),
        resources: vec![object("record", "record-1")],
        reason: "the audit".to_owned(),
        ticket: Some("AUD-1".to_owned()),
        for_seconds: Some(600),
        break_glass: false,
    };
    let made = client.request_access(&new).await.unwrap();
    assert_eq!((made.state, made.asks.as_deref()), (RequestState::Pending, Some("approve")));
    assert_eq!(client.access_request(&made.id).await.unwrap(), made);
    let query = RequestQuery {
        answerable_by_type: Some("user".to_owned()),
        answerable_by_id: Some("olga".to_owned()),
        ..RequestQuery::default()
    };
    assert_eq!(client.access_requests(&query).await.unwrap().items, std::slice::from_ref(&made));
    let by = |user: &str| RequestApproval { by: Some(object("user", user)), ..RequestApproval::default() };
    let refused = client.approve_request(&made.id, &by("bob")).await.unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(403), "not_an_approver"));
    let granted = client.approve_request(&made.id, &by("olga")).await.unwrap();
    assert_eq!(granted.state, RequestState::Granted);
    let again = client.approve_request(&made.id, &by("olga")).await.unwrap_err();
    assert_eq!((again.status(), again.code()), (Some(409), "request_not_pending"));
    let allowed = client.decide(&asked).await.unwrap();
    let grant = granted.grant.unwrap();
    assert_eq!((allowed.disposition, allowed.valid_until), (Disposition::Allow, Some(grant.until)));
    assert!(allowed.access.is_none());
    let provenance = client.transaction(allowed.witness[0].since).await.unwrap();
    assert_eq!(provenance.reason, format!("request {} is approved by user:olga, ticket AUD-1", made.id));
    let words = RequestWords { by: Some(object("user", "bob")), reason: Some("done".to_owned()) };
    assert!(client.cancel_request(&made.id, &words).await.unwrap().grant.unwrap().ended_at.is_some());
    assert_eq!(client.decide(&asked).await.unwrap().disposition, Disposition::Deny);
    let unknown = client.access_request("r-none").await.unwrap_err();
    assert_eq!((unknown.status(), unknown.code()), (Some(404), "request_unknown"));
    let second = client.request_access(&new).await.unwrap();
    let no = RequestWords { by: Some(object("user", "olga")), reason: Some("not now".to_owned()) };
    let answered = client.refuse_request(&second.id, &no).await.unwrap();
    assert_eq!((answered.state, answered.answer.unwrap().words.as_str()), (RequestState::Refused, "not now"));
    let nothing = client.review_request(&second.id, &no).await.unwrap_err();
    assert_eq!((nothing.status(), nothing.code()), (Some(409), "nothing_to_review"));
}
