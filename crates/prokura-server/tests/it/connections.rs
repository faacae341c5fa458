//! One port: protocols, TLS, time-outs, and coming to an end.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prokura_server::{
    Config, TlsFiles,
    limits::{
        BODY_WAIT_MAX, CONNECTIONS_DEFAULT, HEAD_BYTES_MAX, HEAD_WAIT_MAX, IDLE_MAX, SHUTDOWN_GRACE_DEFAULT,
        STREAMS_MAX,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time::Instant,
};

use crate::support::{Setup, answer, tenant};

const PING: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n";

async fn connect(setup: &Setup) -> TcpStream {
    TcpStream::connect(setup.server.local_address()).await.unwrap()
}

/// Reads until the head and body of one small answer are there.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|n| n.parse().ok());
        if let (Some((_, body)), Some(length)) = (text.split_once("\r\n\r\n"), length)
            && body.len() >= length
        {
            return text;
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "closed after {text:?}");
    }
}

async fn closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut rest).await;
}

fn decide_request(setup: &Setup, body: &str) -> String {
    format!(
        "POST /v1/tenants/default/decide HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        setup.admin,
        body.len()
    )
}

const QUESTION: &str =
    r#"{"actor":{"type":"user","id":"alice"},"permission":"read","resource":{"type":"record","id":"record-1"}}"#;

#[tokio::test]
async fn http_1_and_http_2_share_the_port() {
    let setup = Setup::empty().await;
    let mut stream = connect(&setup).await;
    for _ in 0..2 {
        stream.write_all(PING).await.unwrap();
        assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    }
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(connect(&setup).await)).await.unwrap();
    tokio::spawn(connection);
    let url = setup.url("/.well-known/authzen-configuration");
    let request = hyper::Request::get(url).body(Full::<Bytes>::default()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.version(), hyper::Version::HTTP_2);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["policy_decision_point"], setup.server.url());
}

#[tokio::test]
async fn tls_is_spoken_when_there_is_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let setup = Setup::with(Config { tls: Some(files.clone()), ..Config::default() }).await;
    let url = format!("https://localhost:{}", setup.server.local_address().port());
    let trusted = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let http = reqwest::Client::builder().tls_certs_only([trusted]).build().unwrap();
    let response = http.get(format!("{url}/.well-known/authzen-configuration")).send().await.unwrap();
    let found = answer(response).await.json();
    assert_eq!(found["policy_decision_point"], url);
    let api = prokura_api::ClientOptions {
        trusted: Some(made.cert.pem().into_bytes()),
        ..prokura_api::ClientOptions::new(url)
    };
    let refused = prokura_api::Client::new(api).unwrap().schema().await.unwrap_err();
    assert_eq!(refused.code(), "credential_missing");
    // Plain HTTP at this port is not understood.
    let mut stream = connect(&setup).await;
    stream.write_all(PING).await.unwrap();
    closed(&mut stream).await;

    std::fs::write(&files.key, "nonsense").unwrap();
    let authority = prokura::Authority::in_memory(prokura::Options::default());
    let config = Config { listen: "127.0.0.1:0".to_owned(), tls: Some(files), ..Config::default() };
    assert_eq!(prokura_server::serve(config, authority).await.unwrap_err().code(), "tls_invalid");
}

#[tokio::test]
async fn an_address_that_is_taken_is_said_to_be() {
    let setup = Setup::empty().await;
    let config = Config { listen: setup.server.local_address().to_string(), ..Config::default() };
    let error = prokura_server::serve(config, setup.authority.clone()).await.unwrap_err();
    assert_eq!(error.code(), "listen_failed");
}

#[tokio::test]
async fn shutdown_lets_requests_in_flight_finish() {
    let setup = Setup::filled().await;
    let mut idle = connect(&setup).await;
    idle.write_all(PING).await.unwrap();
    read_answer(&mut idle).await;
    let mut busy = connect(&setup).await;
    let head = decide_request(&setup, QUESTION);
    let (first, rest) = QUESTION.split_at(10);
    busy.write_all(format!("{head}{first}").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (address, authority) = (setup.server.local_address(), setup.authority.clone());
    let stopping = tokio::spawn(setup.server.shutdown());
    closed(&mut idle).await;
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    busy.write_all(rest.as_bytes()).await.unwrap();
    let answered = read_answer(&mut busy).await;
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
    assert_eq!(stopping.await.unwrap().cut_off, 0);
    let provenance = prokura::Provenance::new("test", "");
    let written = authority.write(&tenant("default"), provenance, vec![]);
    assert_eq!(written.unwrap_err().code(), "closed");
}

#[tokio::test(start_paused = true)]
async fn limit_shutdown_grace_default() {
    for (late, cut_off) in [(Duration::from_millis(50), 1), (Duration::ZERO, 0)] {
        let setup = Setup::filled().await;
        let mut busy = connect(&setup).await;
        let head = decide_request(&setup, QUESTION);
        busy.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let started = Instant::now();
        let stopping = tokio::spawn(setup.server.shutdown());
        if late.is_zero() {
            tokio::time::sleep(SHUTDOWN_GRACE_DEFAULT - Duration::from_millis(50)).await;
            busy.write_all(QUESTION.as_bytes()).await.unwrap();
            assert!(read_answer(&mut busy).await.starts_with("HTTP/1.1 200"));
        }
        assert_eq!(stopping.await.unwrap().cut_off, cut_off);
        let took = started.elapsed();
        assert_eq!(took >= SHUTDOWN_GRACE_DEFAULT, cut_off == 1, "{took:?}");
        assert!(took < SHUTDOWN_GRACE_DEFAULT + Duration::from_secs(1), "{took:?}");
    }
}

/// How long it takes until the server closes the connection.
async fn until_closed(stream: &mut TcpStream) -> Duration {
    let started = Instant::now();
    closed(stream).await;
    started.elapsed()
}

fn about(found: Duration, wanted: Duration) {
    assert!(found >= wanted && found < wanted + Duration::from_secs(1), "{found:?} instead of {wanted:?}");
}

#[tokio::test(start_paused = true)]
async fn limit_head_wait_max() {
    let setup = Setup::empty().await;
    let mut silent = connect(&setup).await;
    about(until_closed(&mut silent).await, HEAD_WAIT_MAX);
    let mut slow = connect(&setup).await;
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost:").await.unwrap();
    about(until_closed(&mut slow).await, HEAD_WAIT_MAX);
    let mut just = connect(&setup).await;
    tokio::time::sleep(HEAD_WAIT_MAX - Duration::from_millis(50)).await;
    just.write_all(PING).await.unwrap();
    read_answer(&mut just).await;
}

#[tokio::test(start_paused = true)]
async fn limit_idle_max() {
    let setup = Setup::empty().await;
    let mut stream = connect(&setup).await;
    stream.write_all(PING).await.unwrap();
    read_answer(&mut stream).await;
    tokio::time::sleep(IDLE_MAX - Duration::from_millis(50)).await;
    stream.write_all(PING).await.unwrap();
    read_answer(&mut stream).await;
    about(until_closed(&mut stream).await, IDLE_MAX);
}

#[tokio::test(start_paused = true)]
async fn limit_body_wait_max() {
    let setup = Setup::filled().await;
    for (wait, status) in
        [(BODY_WAIT_MAX - Duration::from_millis(50), "200"), (BODY_WAIT_MAX + Duration::from_millis(50), "408")]
    {
        let mut stream = connect(&setup).await;
        stream.write_all(decide_request(&setup, QUESTION).as_bytes()).await.unwrap();
        tokio::time::sleep(wait).await;
        stream.write_all(QUESTION.as_bytes()).await.unwrap();
        let answered = read_answer(&mut stream).await;
        assert!(answered.starts_with(&format!("HTTP/1.1 {status}")), "{answered}");
    }
}

#[tokio::test]
async fn limit_head_bytes_max() {
    let setup = Setup::empty().await;
    for (bytes, status) in [(HEAD_BYTES_MAX, "200"), (HEAD_BYTES_MAX + 1, "431")] {
        let (before, after) = ("GET /healthz HTTP/1.1\r\nhost: test\r\nx-pad: ", "\r\n\r\n");
        let pad = "x".repeat(bytes - before.len() - after.len());
        let mut stream = connect(&setup).await;
        stream.write_all(format!("{before}{pad}{after}").as_bytes()).await.unwrap();
        let answered = read_answer(&mut stream).await;
        assert!(answered.starts_with(&format!("HTTP/1.1 {status}")), "{bytes}: {answered}");
    }
}

#[tokio::test]
async fn limit_connections_default() {
    assert_eq!(Config::default().connections, CONNECTIONS_DEFAULT);
    let setup = Setup::with(Config { connections: 2, ..Config::default() }).await;
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&setup).await;
        stream.write_all(PING).await.unwrap();
        read_answer(&mut stream).await;
        streams.push(stream);
    }
    let mut third = connect(&setup).await;
    third.write_all(PING).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(200), read_answer(&mut third)).await;
    assert!(waited.is_err(), "a third is not served");
    drop(streams.pop());
    assert!(read_answer(&mut third).await.starts_with("HTTP/1.1 200"), "until there is a place");
}

/// A body that comes when it is sent.
struct Coming(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Coming {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[tokio::test]
async fn limit_streams_max() {
    let setup = Setup::filled().await;
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(connect(&setup).await)).await.unwrap();
    tokio::spawn(connection);
    let mut bodies = Vec::new();
    let mut answers = Vec::new();
    for _ in 0..=STREAMS_MAX {
        let (body, coming) = mpsc::channel(1);
        let request = hyper::Request::post(setup.url("/v1/tenants/default/decide"))
            .header("authorization", format!("Bearer {}", setup.admin))
            .header("content-type", "application/json")
            .body(Coming(coming))
            .unwrap();
        let mut sender = sender.clone();
        bodies.push(body);
        answers.push(tokio::spawn(async move { sender.send_request(request).await.unwrap().status() }));
        // One after another, so that the last one is the one too many.
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let last = bodies.pop().unwrap();
    last.send(Bytes::from(QUESTION)).await.unwrap();
    drop(last);
    let mut too_many = answers.pop().unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(200), &mut too_many).await;
    assert!(waited.is_err(), "one more stream waits");
    for body in bodies {
        body.send(Bytes::from(QUESTION)).await.unwrap();
    }
    for answer in answers {
        assert_eq!(answer.await.unwrap(), 200);
    }
    assert_eq!(too_many.await.unwrap(), 200);
}
