//! The story, step by step, each step a real request.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use prokura_api::{
    ApplyRequest, ApplyResponse, DecisionRecord, Disposition, WriteRelationships, authzen::EvaluationResponse,
};
use prokura_model::Relationship;
use serde_json::json;

use super::{
    issuer::Issuer,
    sample::{ACTOR, DELEGATION, EDGE, ENGINEERING, EVALUATION, PERMISSION, RESOURCE},
};
use crate::{
    apply, explain,
    failure::Failure,
    output::{ALLOW, COMMAND, DENY, FAINT, STRONG, paint, table},
    session::Session,
    wire,
};

const TOKEN_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// Everything the story needs.
pub(super) struct Stage {
    pub(super) session: Session,
    pub(super) issuer: Issuer,
    pub(super) url: String,
    pub(super) key: String,
    pub(super) folder: PathBuf,
    /// Tell only the two records, as JSON.
    pub(super) json: bool,
}

/// An answer to the question, and the id it is recorded under.
struct Answer {
    allowed: bool,
    id: String,
    reason: String,
    message: String,
}

impl Stage {
    pub(super) async fn play(&self, stays: bool) -> Result<(), Failure> {
        self.say(&format!(
            "{}\n{}\n",
            paint(STRONG, "Prokura: live authorization for AI agents"),
            "A token says who is calling. Prokura decides what they may do, from the relationships that hold now."
        ))?;
        let applied = self.load().await?;
        self.introduce(&applied).await?;
        let token = self.issuer.token(ACTOR, DELEGATION, TOKEN_LIFETIME)?;
        let signed = Instant::now();
        let first = self.allow(&token).await?;
        self.remove_edge().await?;
        let left = TOKEN_LIFETIME.saturating_sub(signed.elapsed());
        let second = self.deny(&token, left).await?;
        self.explain(&second).await?;
        let records = self.records(&first, &second).await?;
        self.put_back(&token).await?;
        self.say(&self.where_to_look(&token, &second, stays))?;
        if self.json {
            self.session.out.print(&json!({ "server": self.url, "records": records }).to_string())?;
        }
        Ok(())
    }

    fn say(&self, text: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { self.session.out.print(text) }
    }

    fn step(&self, number: u8, title: &str) -> Result<(), Failure> {
        self.say(&format!("\n{} {}\n", paint(COMMAND, format!("{number} ")), paint(STRONG, title)))
    }

    async fn load(&self) -> Result<ApplyResponse, Failure> {
        let declaration = apply::embedded(ENGINEERING)?;
        let request = ApplyRequest {
            declaration,
            reason: Some("the sample organisation of the demo".to_owned()),
            ..ApplyRequest::default()
        };
        self.session.client.apply(&request).await.map_err(|error| self.session.failure(&error))
    }

    async fn introduce(&self, applied: &ApplyResponse) -> Result<(), Failure> {
        let count = |section: &str| applied.differences.iter().filter(|entry| entry.section == section).count();
        self.step(1, "A server and an organisation")?;
        self.say(&format!(
            "   {} at {}, data in {}\n   {} from examples/engineering: {} relationships, {} principals, {} tasks, {} delegations\n",
            paint(FAINT, "server"),
            self.url,
            self.folder.display(),
            paint(FAINT, "loaded"),
            count("relationship"),
            count("principal"),
            count("task"),
            count("delegation"),
        ))?;
        self.step(2, "Alice wants a release. Her authority goes through three hops, and gets narrower at each")?;
        let story =
            explain::preview(&self.session, explain::Asked::under(ACTOR, PERMISSION, RESOURCE, DELEGATION)?).await?;
        self.say(&indented(&explain::chain_text(&story)))
    }

    async fn allow(&self, token: &str) -> Result<Answer, Failure> {
        self.step(3, "The deploy agent asks, with a token of its own that is good for 15 minutes")?;
        self.say("   The token says who it is and which delegation it acts under. It grants nothing.\n")?;
        let answer = self.evaluate(token).await?;
        self.tell(&answer)?;
        expect(answer, true)
    }

    async fn remove_edge(&self) -> Result<(), Failure> {
        self.step(4, "Alice's on-call shift ends: one edge is removed")?;
        let gone = WriteRelationships {
            delete: vec![edge()?],
            reason: Some("alice hands over her on-call shift".to_owned()),
            ..WriteRelationships::default()
        };
        let written = self.session.client.write_relationships(&gone).await;
        let receipt = written.map_err(|error| self.session.failure(&error))?;
        self.say(&format!("   {}  {}\n", paint(DENY, format!("- {EDGE}")), revision(receipt.revision)))
    }

    async fn deny(&self, token: &str, left: Duration) -> Result<Answer, Failure> {
        let minutes = left.as_secs() / 60;
        self.step(5, &format!("The same question, with the very same token, good for another {minutes} minutes"))?;
        let answer = self.evaluate(token).await?;
        self.tell(&answer)?;
        expect(answer, false)
    }

    async fn explain(&self, denied: &Answer) -> Result<(), Failure> {
        self.step(6, "Why")?;
        self.say(&format!(
            "   What is missing is the shift that step 4 took away:\n   {EDGE}\n   The explanation does not know that; it names what stopped it, and one way that would allow it.\n\n",
        ))?;
        let story = explain::recorded(&self.session, &denied.id).await?;
        self.say(&indented(&explain::text(&story)))
    }

    async fn records(&self, first: &Answer, second: &Answer) -> Result<[DecisionRecord; 2], Failure> {
        self.step(7, "Both answers are on record, each with the state it was decided on")?;
        let client = &self.session.client;
        let [allowed, denied] = [client.decision(&first.id).await, client.decision(&second.id).await]
            .map(|found| found.map_err(|error| self.session.failure(&error)));
        let records = [allowed?, denied?];
        let rows = records.iter().map(|record| {
            let outcome = if record.disposition == Some(Disposition::Allow) { "allow" } else { "deny" };
            [
                outcome.to_owned(),
                record.reason.clone(),
                record.origin.as_ref().map(wire::object_text).unwrap_or_default(),
                record.revision.to_string(),
                record.witness.len().to_string(),
                format!("{} µs", record.duration_us),
                record.id.clone(),
            ]
        });
        let head = ["outcome", "reason", "for", "revision", "edges", "took", "decision"];
        self.say(&indented(&table(head, rows.collect(), "")))?;
        Ok(records)
    }

    async fn put_back(&self, token: &str) -> Result<(), Failure> {
        self.step(8, "Alice takes another shift: the edge is back, and so is the right")?;
        let back = WriteRelationships {
            touch: vec![edge()?],
            reason: Some("alice takes another on-call shift".to_owned()),
            ..WriteRelationships::default()
        };
        let written = self.session.client.write_relationships(&back).await;
        let receipt = written.map_err(|error| self.session.failure(&error))?;
        self.say(&format!("   {}  {}\n", paint(ALLOW, format!("+ {EDGE}")), revision(receipt.revision)))?;
        let answer = self.evaluate(token).await?;
        self.tell(&answer)?;
        expect(answer, true).map(|_| ())
    }

    /// Asks over HTTP as any enforcement point would: AuthZEN, with the agent's own token.
    async fn evaluate(&self, token: &str) -> Result<Answer, Failure> {
        let failed = |detail: String| Failure::new("demo_failed", format!("the evaluation failed: {detail}"));
        let response = reqwest::Client::builder()
            .tls_certs_only([])
            .build()
            .map_err(|error| failed(error.to_string()))?
            .post(format!("{}/access/v1/evaluation", self.url))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(EVALUATION)
            .send()
            .await
            .map_err(|error| failed(error.to_string()))?;
        let status = response.status();
        let body = response.text().await.map_err(|error| failed(error.to_string()))?;
        if !status.is_success() {
            return Err(failed(format!("{status}: {body}")));
        }
        let answer: EvaluationResponse =
            serde_json::from_str(&body).map_err(|error| failed(format!("{error} in {body}")))?;
        let context = answer.context.unwrap_or_default();
        Ok(Answer {
            allowed: answer.decision,
            id: context.id.unwrap_or_default(),
            reason: context.reason.unwrap_or_default(),
            message: context.message.unwrap_or_default(),
        })
    }

    fn tell(&self, answer: &Answer) -> Result<(), Failure> {
        let verdict = if answer.allowed { paint(ALLOW, "✓ allow") } else { paint(DENY, "✗ deny") };
        self.say(&format!(
            "   {}  {ACTOR} {PERMISSION} {RESOURCE}\n   {verdict}  {}\n     {}\n     {}\n",
            paint(FAINT, "POST /access/v1/evaluation"),
            answer.reason,
            answer.message,
            paint(FAINT, format!("decision {}", answer.id)),
        ))
    }

    fn where_to_look(&self, token: &str, denied: &Answer, stays: bool) -> String {
        let title = if stays { "It is yours now: in another terminal" } else { "Where to look while a server runs" };
        let mut text = format!("\n{}\n\n", paint(STRONG, title));
        for line in [
            format!("export PROKURA_SERVER={} PROKURA_KEY={}", self.url, self.key),
            "prokura decision list".to_owned(),
            format!("prokura explain {}", denied.id),
            format!("prokura explain {ACTOR} {PERMISSION} {RESOURCE} --delegation {DELEGATION}"),
            "prokura revoke planner-to-coder --reason 'trying it out'".to_owned(),
            "prokura relationship read --resource team:checkout-on-call".to_owned(),
        ] {
            text.push_str(&format!("   {}\n", paint(COMMAND, line)));
        }
        text.push_str("\n   The agent's question, as any HTTP client asks it:\n\n");
        let curl = format!(
            "curl -s {}/access/v1/evaluation -H 'content-type: application/json' -H 'authorization: Bearer {token}' -d '{EVALUATION}'",
            self.url
        );
        text.push_str(&format!("   {}\n\n", paint(COMMAND, curl)));
        text.push_str(if stays {
            "Ctrl-C stops the server and removes its data.\n"
        } else {
            "The story is told and the server stops here; `prokura demo --keep` leaves it running.\n"
        });
        text
    }
}

fn edge() -> Result<prokura_api::Relationship, Failure> {
    let edge: Relationship = EDGE.parse().map_err(|error| Failure::new("internal", format!("{EDGE}: {error}")))?;
    Ok(wire::relationship(&edge))
}

/// The demo promises these answers; any other one is a failure, not a story.
fn expect(answer: Answer, allowed: bool) -> Result<Answer, Failure> {
    if answer.allowed == allowed {
        return Ok(answer);
    }
    let wanted = if allowed { "an allow" } else { "a deny" };
    Err(Failure::new("demo_failed", format!("expected {wanted}, got {}: {}", answer.reason, answer.message)))
}

fn revision(number: u64) -> String {
    paint(FAINT, format!("(revision {number})"))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("   {line}\n") }).collect()
}
