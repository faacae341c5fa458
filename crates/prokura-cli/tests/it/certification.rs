//! The AuthZEN suites, each against a server of its own with the policy of the examples.

use std::{env, fs, path::PathBuf, process::Command};

use reqwest::{Client, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::support::{Server, root};

/// Every suite, and the folder with its policy. Older drafts of one suite are left out.
const SUITES: [(&str, &str); 5] = [
    ("certification-1_0", "certification"),
    ("todo-1_0-02", "todo"),
    ("api-gateway", "gateway"),
    ("search", "search"),
    ("idp", "idp"),
];

fn conformance() -> PathBuf {
    env::var_os("PROKURA_CONFORMANCE").map_or_else(|| root().join("../shared/conformance"), PathBuf::from)
}

fn applied(folder: &str) -> Server {
    let server = Server::in_memory();
    server.well(&["apply", &format!("examples/authzen/{folder}")]);
    server
}

#[test]
fn every_suite_passes() {
    let path = conformance().join("authzen/suites.json");
    let Ok(text) = fs::read_to_string(&path) else {
        println!("left out: the AuthZEN suites; there is no {}", path.display());
        return;
    };
    let suites: Value = serde_json::from_str(&text).expect("JSON");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut failures = Vec::new();
    for (name, folder) in SUITES {
        let suite = suites["suites"].as_array().expect("suites").iter().find(|suite| suite["suite"] == name);
        let cases = suite.expect("the suite")["cases"].as_array().expect("cases");
        let run = Run { server: applied(folder), http: Client::new() };
        let (passed, failed) = runtime.block_on(run.all(cases));
        println!("authzen {name}: {passed} passed, {} failed", failed.len());
        assert!(passed > 0, "{name} has no cases");
        failures.extend(failed.into_iter().map(|failed| format!("{name} {failed}")));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

struct Run {
    server: Server,
    http: Client,
}

/// What is wrong with an answer.
type Checked = Result<(), String>;

impl Run {
    async fn all(&self, cases: &[Value]) -> (usize, Vec<String>) {
        let (mut passed, mut failed) = (0, Vec::new());
        let mut found = Vec::new();
        for case in cases {
            match self.case(case, &mut found).await {
                Ok(()) => passed += 1,
                Err(error) => failed.push(format!("{}: {error}", case["id"])),
            }
        }
        (passed, failed)
    }

    async fn case(&self, case: &Value, found: &mut Vec<(String, Vec<Value>)>) -> Checked {
        if case["metadata"] == true {
            return self.metadata().await;
        }
        if let Some(status) = case["http"].as_u64() {
            let (found, body, _) = self.ask(case, &case["request"]).await?;
            return same("the status", &json!(found), &json!(status)).map_err(|error| format!("{error}: {body}"));
        }
        if !case["decision"].is_null() {
            for _ in 0..case["repeat"].as_u64().unwrap_or(1) {
                let (status, body, id) = self.ask(case, &case["request"]).await?;
                same("the status", &json!(status), &json!(200))?;
                same("the decision", &body["decision"], &case["decision"])
                    .map_err(|error| format!("{error}: {body}"))?;
                if case["echo_request_id"] == true {
                    same("the request's name", &json!(id), &case["headers"]["X-Request-ID"])?;
                }
            }
            return Ok(());
        }
        if let Some(wanted) = case["decisions"].as_array() {
            let (_, body, _) = self.ask(case, &case["request"]).await?;
            let answers = body["evaluations"].as_array().ok_or_else(|| format!("no list of answers: {body}"))?;
            same("the number of answers", &json!(answers.len()), &json!(wanted.len()))?;
            for (answer, wanted) in answers.iter().zip(wanted) {
                let good = answer["decision"].is_boolean() && (wanted.is_null() || answer["decision"] == *wanted);
                if !good {
                    return Err(format!("{body}, wanted {wanted}"));
                }
            }
            return Ok(());
        }
        let results = self.results(case).await?;
        let checked = search(case, &results, found);
        found.push((case["id"].to_string(), results));
        checked
    }

    async fn metadata(&self) -> Checked {
        let url = format!("{}/.well-known/authzen-configuration", self.server.url);
        let response = self.http.get(url).send().await.map_err(|error| error.to_string())?;
        let body: Value = response.json().await.map_err(|error| error.to_string())?;
        same("the decision point", &body["policy_decision_point"], &json!(self.server.url))?;
        for (member, path) in [
            ("access_evaluation_endpoint", "evaluation"),
            ("access_evaluations_endpoint", "evaluations"),
            ("search_subject_endpoint", "search/subject"),
            ("search_resource_endpoint", "search/resource"),
            ("search_action_endpoint", "search/action"),
        ] {
            same(member, &body[member], &json!(format!("{}/access/v1/{path}", self.server.url)))?;
        }
        Ok(())
    }

    /// All that a search finds, page by page.
    async fn results(&self, case: &Value) -> Result<Vec<Value>, String> {
        let mut request = case["request"].clone();
        let mut results = Vec::new();
        for _ in 0..1_000 {
            let (status, body, _) = self.ask(case, &request).await?;
            let page = body["results"].as_array().filter(|_| status == 200);
            results.extend(page.ok_or_else(|| format!("{status}: {body}"))?.iter().cloned());
            match body["page"]["next_token"].as_str() {
                None | Some("") => return Ok(results),
                Some(token) => request["page"] = json!({ "token": token }),
            }
        }
        Err("pages without end".to_owned())
    }

    async fn ask(&self, case: &Value, request: &Value) -> Result<(u16, Value, Option<String>), String> {
        let endpoint = case["endpoint"].as_str().unwrap_or_default();
        let kind = case["content_type"].as_str().unwrap_or("application/json");
        let mut asked = self.http.post(format!("{}/access/v1/{endpoint}", self.server.url));
        asked = asked.bearer_auth(&self.server.key).header(CONTENT_TYPE, kind);
        for (name, value) in case["headers"].as_object().into_iter().flatten() {
            asked = asked.header(name, value.as_str().unwrap_or_default());
        }
        let body = case["raw_body"].as_str().map_or_else(|| request.to_string(), str::to_owned);
        let answer = asked.body(body).send().await.map_err(|error| error.to_string())?;
        let id = answer.headers().get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text)), id))
    }
}

/// The results as they are compared: what and which, in any order.
fn keys(results: &[Value]) -> Vec<String> {
    let key = |result: &Value| format!("{}:{} {}", result["type"], result["id"], result["name"]);
    let mut keys: Vec<String> = results.iter().map(key).collect();
    keys.sort_unstable();
    keys
}

fn search(case: &Value, results: &[Value], before: &[(String, Vec<Value>)]) -> Checked {
    let found = keys(results);
    if let Some(wanted) = case["results"].as_array() {
        same("the results", &json!(found), &json!(keys(wanted)))?;
    }
    for wanted in case["results_include"].as_array().map(|wanted| keys(wanted)).unwrap_or_default() {
        if !found.contains(&wanted) {
            return Err(format!("{wanted} is missing in {found:?}"));
        }
    }
    if !case["result_type"].is_null() && results.iter().any(|result| result["type"] != case["result_type"]) {
        return Err(format!("of another type: {found:?}"));
    }
    let same_as = case["same_as"].to_string();
    match before.iter().find(|(id, _)| *id == same_as) {
        Some((_, earlier)) => same("the results", &json!(found), &json!(keys(earlier))),
        None => Ok(()),
    }
}

fn same(what: &str, found: &Value, wanted: &Value) -> Checked {
    if found == wanted { Ok(()) } else { Err(format!("{what}: {found}, wanted {wanted}")) }
}

#[test]
fn the_fields_own_runner_passes() {
    let runner = conformance().join("run_authzen.py");
    if !runner.is_file() {
        println!("left out: the AuthZEN runner; there is no {}", runner.display());
        return;
    }
    let python = env::var("PROKURA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let ready = Command::new(&python).args(["-c", "import requests"]).output();
    if !ready.is_ok_and(|output| output.status.success()) {
        println!("left out: the AuthZEN runner; it needs python3 with `requests`");
        return;
    }
    for (suite, folder) in SUITES {
        let server = applied(folder);
        let output = Command::new(&python)
            .arg(&runner)
            .args(["--url", &server.url, "--auth", &format!("Bearer {}", server.key), "--suite", suite, "-v"])
            .output()
            .expect("python3 runs");
        let told = String::from_utf8_lossy(&output.stdout);
        println!("{told}");
        assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
        assert!(told.contains(" 0 failed") && !told.contains("\n0 passed"), "{told}");
    }
}
