use std::collections::{BTreeMap, BTreeSet};

use prokura_model::{ObjectRef, Reason, RelationName, Relationship, SubjectRef, TypeName};
use prokura_testkit::{Answer, Context, List};
use serde_json::{Value, json};

use super::Door;
use crate::{
    scenarios::{listed, members, object, standing, subject},
    support::{self, Setup, tenant},
};

/// The whole list, unless it is longer.
const PAGE_MAX: u32 = 1_000;

pub(super) struct Json {
    setup: Setup,
}

impl Json {
    async fn post(&self, route: &str, body: &Value) -> support::Answer {
        self.setup.post(&format!("/v1/tenants/default/{route}"), &self.setup.admin, body).await
    }

    async fn walked(&self, route: &str, mut body: Value, page: u32) -> Answer {
        body["limit"] = json!(if page == 0 { PAGE_MAX } else { page });
        let mut list = List::default();
        loop {
            let answer = self.post(route, &body).await;
            let Answer::Listed(found) = listed(&answer, "items", "id") else {
                return Answer::Failed(answer.code());
            };
            let answer = answer.json();
            if body.get("cursor").is_none() {
                list.others = found.others.clone();
            } else {
                assert!(answer.get("everyone").is_none(), "everyone came twice");
            }
            assert!(page == 0 || answer["items"].as_array().unwrap().len() <= page as usize, "{answer}");
            for (id, stands) in found.named {
                let before = list.named.insert(id.clone(), stands);
                assert!(before.is_none(), "{id} came twice");
            }
            match answer.get("next_cursor") {
                Some(Value::String(cursor)) => body["cursor"] = json!(cursor),
                _ => return Answer::Listed(list.plain()),
            }
        }
    }

    /// By graph alone.
    async fn checked(&self, goal: (&ObjectRef, &RelationName), who: &SubjectRef, context: &Context) -> Answer {
        let body = json!({
            "resource": object(goal.0), "permission": goal.1.as_str(), "subject": subject(who), "context": members(context),
        });
        let answer = self.post("check", &body).await;
        if answer.status == 200 { standing(&answer.json()).into() } else { Answer::Failed(answer.code()) }
    }
}

fn is_of_guards(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::GuardForbids
            | Reason::GuardRequires
            | Reason::GuardFailed
            | Reason::ApprovalRequired
            | Reason::ConfirmationRequired
    )
}

/// The relationship without its terms.
fn bare(relationship: &Value) -> String {
    let part = |name: &str| relationship[name].clone();
    json!({ "resource": part("resource"), "relation": part("relation"), "subject": part("subject") }).to_string()
}

impl Door for Json {
    async fn begin(setup: Setup, schema: &str) -> Self {
        let written = setup.put("/v1/tenants/default/schema", &setup.admin, &json!({ "schema": schema })).await;
        assert_eq!(written.status, 200, "{}", written.text);
        Self { setup }
    }

    fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The check by the graph; and of whoever acts also their own authority, which is the same unless they are stopped, or guards have
    /// a word in it.
    async fn check(&self, goal: (&ObjectRef, &RelationName), who: &SubjectRef, context: &Context) -> Answer {
        let checked = self.checked(goal, who, context).await;
        let SubjectRef::Object(actor) = who else { return checked };
        let body = json!({
            "actor": object(actor), "permission": goal.1.as_str(), "resource": object(goal.0), "context": members(context),
        });
        let answer = self.post("decide", &body).await;
        if answer.status != 200 {
            assert_eq!(Answer::Failed(answer.code()), checked, "{body}");
            return checked;
        }
        let reason = Reason::from_word(answer.json()["reason"].as_str().unwrap()).unwrap();
        match (reason, &checked) {
            (Reason::ActorSuspended | Reason::PrincipalSuspended | Reason::OwnerOffBoarded, _) => Answer::HasNot,
            (reason, Answer::Has) if is_of_guards(reason) => Answer::HasNot,
            // A parameter of a guard's own.
            (Reason::ContextMissing, Answer::Has) => Answer::Conditional(
                answer.json()["missing"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|name| name.as_str().unwrap().to_owned())
                    .collect(),
            ),
            (Reason::OwnAuthority, Answer::Has)
            | (Reason::NoPath, Answer::HasNot)
            | (Reason::ContextMissing, Answer::Conditional(_)) => checked,
            _ => panic!("{body}: the check says {checked}, and the decision {reason}"),
        }
    }

    async fn resources(
        &self,
        of: (&TypeName, &RelationName),
        who: &SubjectRef,
        context: &Context,
        page: u32,
    ) -> Answer {
        let body = json!({
            "resource_type": of.0.as_str(), "permission": of.1.as_str(), "subject": subject(who),
            "context": members(context),
        });
        self.walked("resources", body, page).await
    }

    async fn subjects(
        &self,
        goal: (&ObjectRef, &RelationName),
        of: (&TypeName, Option<&RelationName>),
        context: &Context,
        page: u32,
    ) -> Answer {
        let body = json!({
            "resource": object(goal.0), "permission": goal.1.as_str(), "subject_type": of.0.as_str(),
            "subject_relation": of.1.map(|name| name.as_str()), "context": members(context),
        });
        self.walked("subjects", body, page).await
    }

    fn key(edge: &Relationship) -> String {
        bare(&json!({
            "resource": object(&edge.resource), "relation": edge.relation.as_str(), "subject": subject(&edge.subject),
        }))
    }

    async fn read(&self, _: &BTreeSet<TypeName>) -> BTreeMap<String, String> {
        let (mut stored, mut cursor) = (BTreeMap::new(), String::new());
        loop {
            let path = format!("/v1/tenants/default/relationships?limit=7{cursor}");
            let page = self.setup.get(&path, &self.setup.admin).await.json();
            for found in page["items"].as_array().unwrap() {
                let found = &found["relationship"];
                let before = stored.insert(bare(found), found.to_string());
                assert!(before.is_none(), "{found} came twice");
            }
            match page.get("next_cursor") {
                Some(Value::String(next)) => cursor = format!("&cursor={next}"),
                _ => return stored,
            }
        }
    }

    async fn replayed(&self) -> BTreeMap<String, String> {
        let newest = self.setup.authority.snapshot(&tenant("default")).unwrap().revision().0;
        let url = self.setup.url("/v1/tenants/default/watch?kinds=relationships,checkpoints&after=0");
        let mut told = self.setup.http.get(url).bearer_auth(&self.setup.admin).send().await.unwrap();
        let (mut known, mut text) = (BTreeMap::new(), Vec::new());
        loop {
            text.extend(told.chunk().await.unwrap().expect("it goes on"));
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                let event: Value = serde_json::from_slice(&line).unwrap();
                if event["revision"].as_u64().is_some_and(|revision| revision >= newest) {
                    return known;
                }
                for change in event["transaction"]["changes"].as_array().into_iter().flatten() {
                    let found = &change["relationship"];
                    if change["kind"] == "relationship_touched" {
                        known.insert(bare(found), found.to_string());
                    } else {
                        known.remove(&bare(found));
                    }
                }
            }
        }
    }
}
