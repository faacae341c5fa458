//! The same questions over HTTP/1.1, one in flight on each connection.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use prokura_api::authzen::EvaluationResponse;
use tokio::net::TcpStream;

use super::{
    Outcome,
    data::Check,
    drive::{Answered, drive, runtime},
    measure::Figures,
    processes::Target,
};

const EVALUATION: &str = "/access/v1/evaluation";

/// Whether an answer is right for a question whose slow answer is known.
type Right = fn(&EvaluationResponse, bool) -> bool;

/// The questions as they go over the wire, each with what is right.
type Bodies = Rc<[(Bytes, bool)]>;

pub(crate) fn baseline(target: &Target, checks: &[Check], connections: usize, duration: Duration) -> Outcome<Figures> {
    // A constant cannot be right; only that an answer came is looked at.
    let named = ("authzen_baseline", "HTTP baseline: the same JSON, a constant");
    asked(named, target, checks, connections, duration, |_, _| true)
}

pub(crate) fn evaluation(
    target: &Target,
    checks: &[Check],
    connections: usize,
    duration: Duration,
) -> Outcome<Figures> {
    let named = ("authzen_evaluation", "HTTP AuthZEN evaluation, recorded");
    asked(named, target, checks, connections, duration, |answer, allowed| answer.decision == allowed)
}

fn asked(
    (id, name): (&str, &str),
    target: &Target,
    checks: &[Check],
    connections: usize,
    duration: Duration,
    right: Right,
) -> Outcome<Figures> {
    let bodies = bodies(checks)?;
    let sample = runtime()?.block_on(async {
        let mut workers = Vec::new();
        for number in 0..connections {
            let mut connection = Connection::open(target).await?;
            let bodies = Rc::clone(&bodies);
            let first = number * bodies.len() / connections;
            workers.push(async move |turn: usize| -> Outcome<Answered> {
                let place = (first + turn) % bodies.len().max(1);
                let Some((body, allowed)) = bodies.get(place) else { return Err("there is nothing to ask".into()) };
                let started = Instant::now();
                let answer = connection.post(EVALUATION, body.clone()).await?;
                let took = started.elapsed();
                Ok(Answered { took, wrong: u64::from(!right(&serde_json::from_slice(&answer)?, *allowed)) })
            });
        }
        drive(target, workers, duration).await
    })?;
    Ok(Figures::of(id, name, connections, 1, sample))
}

fn bodies(checks: &[Check]) -> Outcome<Bodies> {
    let made = checks.iter().map(|check| {
        let body = serde_json::json!({
            "subject": { "type": check.subject.kind.as_str(), "id": check.subject.id.as_str() },
            "action": { "name": check.permission.as_str() },
            "resource": { "type": check.resource.kind.as_str(), "id": check.resource.id.as_str() },
        });
        Ok((Bytes::from(serde_json::to_vec(&body)?), check.allowed))
    });
    made.collect()
}

struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    authorization: String,
}

impl Connection {
    async fn open(target: &Target) -> Outcome<Self> {
        let stream = TcpStream::connect(&target.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, authorization: format!("Bearer {}", target.key) })
    }

    async fn post(&mut self, path: &str, body: Bytes) -> Outcome<Bytes> {
        let request = Request::post(path)
            .header("host", "localhost")
            .header("authorization", &self.authorization)
            .header("content-type", "application/json")
            .body(Full::new(body))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status != StatusCode::OK {
            return Err(format!("{path}: {status}: {}", String::from_utf8_lossy(&body)).into());
        }
        Ok(body)
    }
}
