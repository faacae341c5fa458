//! The same questions over HTTP/1.1, each server a process of its own so that its CPU time can be told apart.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use prokura_api::authzen::EvaluationResponse;
use tokio::{net::TcpStream, task::JoinSet};

use super::{
    Outcome,
    measure::{Figures, cpu_time, resident_bytes},
    named,
    w1::Question,
};

/// As long as a key made by the server, so that both handlers read the same number of bytes.
const KEY: &str = "pk_benchmark0benchmark0benchmark0benchmark0bench";

/// How long a server may take to start, its data included.
const START: Duration = Duration::from_secs(300);

/// A server process, ended when dropped.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone afterwards.
        let _killed = self.process.kill();
        let _waited = self.process.wait();
    }
}

pub(crate) fn baseline(questions: &[Question], connections: usize, duration: Duration) -> Outcome<Figures> {
    let server = start(|address| {
        vec!["bench".into(), "baseline".into(), "--listen".into(), address, "--key".into(), KEY.into()]
    })?;
    // A constant cannot be right; only that an answer came is looked at.
    runtime()?.block_on(drive("HTTP: empty handler", &server, questions, connections, duration, |_, _| true))
}

/// How long a server takes to start on the data, and how much memory it has then.
pub(crate) fn restart(data: &Path) -> Outcome<(Duration, u64)> {
    let started = Instant::now();
    let server = serve(data)?;
    Ok((started.elapsed(), resident_bytes(server.process.id())?))
}

pub(crate) fn evaluation(
    data: &Path,
    questions: &[Question],
    connections: usize,
    duration: Duration,
) -> Outcome<Figures> {
    let server = serve(data)?;
    runtime()?.block_on(drive(
        "HTTP: AuthZEN evaluation, recorded",
        &server,
        questions,
        connections,
        duration,
        |answer, allowed| answer.decision == allowed,
    ))
}

fn serve(data: &Path) -> Outcome<Server> {
    start(|address| vec!["serve".into(), "--data".into(), data.display().to_string(), "--listen".into(), address])
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn start(arguments: impl FnOnce(String) -> Vec<String>) -> Outcome<Server> {
    // The port is free now; nobody but us is likely to want it in the next moment.
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let process = Command::new(std::env::current_exe()?)
        .args(arguments(address.to_string()))
        .env("PROKURA_ADMIN_KEY", KEY)
        .env("RUST_LOG", "error")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let server = Server { process, address };
    let started = Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        if started.elapsed() > START {
            return Err(format!("the server at {address} did not start within {} s", START.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(server)
}

/// Whether an answer is right for a question whose slow answer is known.
type Right = fn(&EvaluationResponse, bool) -> bool;

/// The questions as they go over the wire, each with what is right.
type Bodies = Arc<[(Bytes, bool)]>;

/// Asks on every connection at once, one question in flight on each, until the time is over.
async fn drive(
    name: &str,
    server: &Server,
    questions: &[Question],
    connections: usize,
    duration: Duration,
    right: Right,
) -> Outcome<Figures> {
    let bodies = bodies(questions)?;
    let mut open = Vec::new();
    for _ in 0..connections.max(1) {
        open.push(connect(server.address).await?);
    }
    let cpu_before = cpu_time(server.process.id())?;
    let started = Instant::now();
    let mut asking = JoinSet::new();
    for (turn, connection) in open.into_iter().enumerate() {
        let first = turn * bodies.len() / connections.max(1);
        asking.spawn(ask(connection, Arc::clone(&bodies), first, started + duration, right));
    }
    let (mut latencies, mut wrong) = (Vec::new(), 0);
    while let Some(answered) = asking.join_next().await {
        let (some, wrong_there) = answered??;
        latencies.extend(some);
        wrong += wrong_there;
    }
    let wall = started.elapsed();
    let cpu = cpu_time(server.process.id())?.saturating_sub(cpu_before);
    Ok(Figures::new(name, wall, cpu, latencies, wrong))
}

fn bodies(questions: &[Question]) -> Outcome<Bodies> {
    let (names, questions) = named(questions)?;
    let made = questions.iter().map(|question| {
        let body = serde_json::json!({
            "subject": { "type": question.user.kind.as_str(), "id": question.user.id.as_str() },
            "action": { "name": names.view.as_str() },
            "resource": { "type": question.document.kind.as_str(), "id": question.document.id.as_str() },
        });
        Ok((Bytes::from(serde_json::to_vec(&body)?), question.allowed))
    });
    made.collect()
}

async fn ask(
    mut connection: http1::SendRequest<Full<Bytes>>,
    bodies: Bodies,
    first: usize,
    end: Instant,
    right: Right,
) -> Outcome<(Vec<Duration>, u64)> {
    let mut latencies = Vec::new();
    let mut wrong = 0;
    for (body, allowed) in bodies.iter().cycle().skip(first) {
        let started = Instant::now();
        if started >= end {
            break;
        }
        let answer = send(&mut connection, "POST", "/access/v1/evaluation", body.clone()).await?;
        latencies.push(started.elapsed());
        wrong += u64::from(!right(&serde_json::from_slice(&answer)?, *allowed));
    }
    Ok((latencies, wrong))
}

async fn connect(address: SocketAddr) -> Outcome<http1::SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn send(
    connection: &mut http1::SendRequest<Full<Bytes>>,
    method: &str,
    path: &str,
    body: Bytes,
) -> Outcome<Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .body(Full::new(body))?;
    connection.ready().await?;
    let response = connection.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if status != StatusCode::OK {
        return Err(format!("{method} {path}: {status}: {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(body)
}
