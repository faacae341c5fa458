use serde_json::{Value, json};

use crate::support::{Answer, Setup};

/// A server, and a store in it.
pub(crate) struct Store {
    pub(crate) setup: Setup,
    pub(crate) id: String,
}

/// Documents in folders, groups, a condition, and somebody who is blocked.
pub(crate) fn documents() -> Value {
    let direct = |types: Value| json!({ "directly_related_user_types": types });
    json!({
        "schema_version": "1.1",
        "type_definitions": [
            { "type": "user" },
            {
                "type": "group",
                "relations": { "member": { "this": {} } },
                "metadata": { "relations": {
                    "member": direct(json!([{ "type": "user" }, { "type": "group", "relation": "member" }]))
                } }
            },
            {
                "type": "folder",
                "relations": { "viewer": { "this": {} } },
                "metadata": { "relations": { "viewer": direct(json!([{ "type": "user" }])) } }
            },
            {
                "type": "document",
                "relations": {
                    "parent": { "this": {} },
                    "editor": { "this": {} },
                    "blocked": { "this": {} },
                    "reader": { "union": { "child": [
                        { "this": {} },
                        { "computedUserset": { "relation": "editor" } },
                        { "tupleToUserset": {
                            "tupleset": { "relation": "parent" }, "computedUserset": { "relation": "viewer" }
                        } }
                    ] } },
                    "viewer": { "difference": {
                        "base": { "computedUserset": { "relation": "reader" } },
                        "subtract": { "computedUserset": { "relation": "blocked" } }
                    } }
                },
                "metadata": { "relations": {
                    "parent": direct(json!([{ "type": "folder" }])),
                    "editor": direct(json!([{ "type": "user" }, { "type": "user", "condition": "in_hours" }])),
                    "blocked": direct(json!([{ "type": "user" }])),
                    "reader": direct(json!([
                        { "type": "user" },
                        { "type": "user", "wildcard": {} },
                        { "type": "group", "relation": "member" }
                    ]))
                } }
            }
        ],
        "conditions": { "in_hours": {
            "name": "in_hours",
            "expression": "hour >= 9 && hour < 17",
            "parameters": { "hour": { "type_name": "TYPE_NAME_INT" } }
        } }
    })
}

/// `user:anne reader document:plan`
pub(crate) fn tuple(text: &str) -> Value {
    let mut parts = text.split(' ');
    let (user, relation, object) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    json!({ "user": user, "relation": relation, "object": object })
}

pub(crate) fn tuples(texts: &[&str]) -> Value {
    json!({ "tuple_keys": texts.iter().map(|text| tuple(text)).collect::<Vec<_>>() })
}

impl Store {
    /// With no model.
    pub(crate) async fn empty() -> Self {
        let setup = Setup::empty().await;
        let made = setup.post("/stores", &setup.admin, &json!({ "name": "Demo" })).await;
        assert_eq!(made.status, 201, "{}", made.text);
        Self { id: made.json()["id"].as_str().unwrap().to_owned(), setup }
    }

    /// With [`documents`] and these tuples.
    pub(crate) async fn filled(texts: &[&str]) -> Self {
        let store = Self::empty().await;
        store.model(&documents()).await;
        for part in texts.chunks(100) {
            let written = store.post("write", &json!({ "writes": tuples(part) })).await;
            assert_eq!(written.status, 200, "{}", written.text);
        }
        store
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/stores/{}/{rest}", self.id)
    }

    pub(crate) async fn post(&self, rest: &str, body: &Value) -> Answer {
        self.setup.post(&self.path(rest), &self.setup.admin, body).await
    }

    pub(crate) async fn put(&self, rest: &str, body: &Value) -> Answer {
        self.setup.put(&self.path(rest), &self.setup.admin, body).await
    }

    pub(crate) async fn get(&self, rest: &str) -> Answer {
        self.setup.get(&self.path(rest), &self.setup.admin).await
    }

    /// Writes a model, and answers with its id.
    pub(crate) async fn model(&self, model: &Value) -> String {
        let written = self.post("authorization-models", model).await;
        assert_eq!(written.status, 201, "{}", written.text);
        written.json()["authorization_model_id"].as_str().unwrap().to_owned()
    }

    /// What is asked, with these members besides.
    pub(crate) async fn check_with(&self, text: &str, besides: &Value) -> Answer {
        let mut body = json!({ "tuple_key": tuple(text) });
        body.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
        self.post("check", &body).await
    }

    pub(crate) async fn check(&self, text: &str) -> bool {
        let answer = self.check_with(text, &json!({})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["allowed"].as_bool().unwrap()
    }

    pub(crate) async fn objects(&self, user: &str, relation: &str, kind: &str) -> Vec<String> {
        let body = json!({ "user": user, "relation": relation, "type": kind });
        let answer = self.post("list-objects", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        strings(&answer.json()["objects"])
    }
}

pub(crate) fn strings(list: &Value) -> Vec<String> {
    let mut found: Vec<String> =
        list.as_array().unwrap().iter().map(|entry| entry.as_str().unwrap().to_owned()).collect();
    found.sort();
    found
}

/// A refusal's status and code.
pub(crate) fn refused(answer: &Answer) -> (u16, String) {
    let body = answer.json();
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{}", answer.text);
    (answer.status, body["code"].as_str().unwrap().to_owned())
}
