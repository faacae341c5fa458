//! Webhooks of a server as a process: set up in its file, tested and listed by command, and told of all through kill -9.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{KEY, Server, file, prokura};

const SCHEMA: &str = "use access\nuse expiration\ndefinition user {}\ndefinition service {\n\trelation owner: user\n\trelation \
                      temporary: user with expiration\n\tpermission approve = owner\n\tpermission deploy = \
                      temporary\n}\naccess now on service#deploy {\n\task service#approve\n\tfor at most 4h\n\trelation \
                      temporary\n}\n";

/// The events that came, and whether they were taken.
#[derive(Clone)]
struct Receiver {
    url: String,
    came: Arc<Mutex<Vec<(bool, Value)>>>,
    takes: Arc<AtomicBool>,
}

impl Receiver {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/in", listener.local_addr().expect("it has one"));
        let receiver = Self { url, came: Arc::default(), takes: Arc::new(AtomicBool::new(true)) };
        let own = receiver.clone();
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let own = own.clone();
                thread::spawn(move || own.serve(connection));
            }
        });
        receiver
    }

    /// One event after the other, until the connection ends.
    fn serve(&self, mut connection: TcpStream) -> Option<()> {
        let mut lines = BufReader::new(connection.try_clone().ok()?);
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if lines.read_line(&mut line).ok()? == 0 {
                    return None;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().ok()?;
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            lines.read_exact(&mut body).ok()?;
            let takes = self.takes.load(Ordering::SeqCst);
            self.came.lock().expect("not poisoned").push((takes, serde_json::from_slice(&body).ok()?));
            let status = if takes { "204 No Content" } else { "503 Service Unavailable" };
            write!(connection, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").ok()?;
        }
    }

    /// The reasons of the requests that were made and taken, in the order in which they came.
    fn taken(&self) -> Vec<String> {
        let came = self.came.lock().expect("not poisoned");
        let made = came.iter().filter(|(taken, event)| *taken && event["type"] == "access_request.made");
        made.map(|(_, event)| event["data"]["reason"].as_str().expect("text").to_owned()).collect()
    }

    fn until(&self, so: impl Fn(&[String]) -> bool) -> Vec<String> {
        for _ in 0..600 {
            let taken = self.taken();
            if so(&taken) {
                return taken;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("never so: {:?}", self.taken());
    }
}

fn start(folder: &Path, receiver: &Receiver) -> Server {
    let secret = file(folder, "ops.secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    let data = folder.join("data");
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndata = {data:?}\n[[webhook]]\nname = \"ops\"\nurl = \"{}\"\nsecret_file = \"{secret}\"\n",
        receiver.url
    );
    let config = file(folder, "prokura.toml", &text);
    let home = TempDir::new().expect("a folder");
    let mut command = prokura(home.path());
    command.env("PROKURA_ADMIN_KEY", KEY).args(["serve", "--config", &config]);
    Server::spawned(command, KEY, home)
}

fn ask(server: &Server, reason: &str) {
    server.well(&["request", "user:bob", "deploy", "service:shop", "--reason", reason]);
}

#[test]
fn kill_9_loses_no_event_and_mixes_none_up() {
    const ROUNDS: usize = 3;
    let (folder, receiver) = (TempDir::new().expect("a folder"), Receiver::new());
    let mut server = start(folder.path(), &receiver);
    let schema = file(folder.path(), "schema.zed", SCHEMA);
    server.well(&["schema", "write", &schema]);
    let mut asked = Vec::new();
    for round in 0..ROUNDS {
        for number in 0..3 {
            asked.push(format!("{round}-{number}"));
            ask(&server, &asked[asked.len() - 1]);
            // The first of a round is taken; the others wait through the end.
            if number == 0 {
                receiver.until(|taken| taken.contains(&asked[asked.len() - 1]));
                receiver.takes.store(false, Ordering::SeqCst);
            }
        }
        server.kill();
        receiver.takes.store(true, Ordering::SeqCst);
        drop(server);
        server = start(folder.path(), &receiver);
        receiver.until(|taken| taken.contains(&asked[asked.len() - 1]));
    }
    // The one that was being delivered may come twice; nothing comes late, and nothing is missing.
    let mut taken = receiver.taken();
    assert!(taken.is_sorted(), "{taken:?}");
    taken.dedup();
    assert_eq!(taken, asked);
    assert_eq!(server.terminate(), 0);
}

#[test]
fn webhooks_are_listed_and_tested_by_command() {
    let (folder, receiver) = (TempDir::new().expect("a folder"), Receiver::new());
    let server = start(folder.path(), &receiver);
    let tested = server.well(&["webhook", "test", "ops"]);
    assert!(tested.out.starts_with("webhook ops took ping_"), "{}", tested.out);
    let listed = server.well(&["webhook", "list"]);
    let head = ["WEBHOOK", "TENANT", "SENDS TO", "AT", "BEHIND", "DELIVERED", "STATE"];
    assert!(head.iter().all(|name| listed.out.contains(name)), "{}", listed.out);
    assert!(listed.out.contains("ops") && listed.out.contains(receiver.url.trim_end_matches("/in")), "{}", listed.out);
    assert!(!listed.out.contains("/in"), "the path is nobody's business: {}", listed.out);
    let listed = server.well(&["--json", "webhook", "list"]).json();
    assert_eq!(listed["items"][0]["tenant"], "default");
    receiver.takes.store(false, Ordering::SeqCst);
    let failed = server.run(&["webhook", "test", "ops"]).ended(2);
    assert!(failed.err.contains("webhook `ops` was not reached: status 503"), "{}", failed.err);
    let unknown = server.run(&["webhook", "test", "opps"]).ended(2);
    assert!(unknown.err.contains("no webhook of this name"), "{}", unknown.err);
    assert!(!server.log().contains("MfKQ"), "{}", server.log());
}

#[test]
fn a_secret_may_be_in_the_environment() {
    let (folder, receiver) = (TempDir::new().expect("a folder"), Receiver::new());
    let text = format!("[[webhook]]\nname = \"ops\"\nurl = \"{}\"\nsecret_env = \"OPS_SECRET\"\n", receiver.url);
    let config = file(folder.path(), "prokura.toml", &text);
    let serve = |home: &Path| {
        let mut command = prokura(home);
        command.env("PROKURA_ADMIN_KEY", KEY).args([
            "serve",
            "--memory",
            "--listen",
            "127.0.0.1:0",
            "--config",
            &config,
        ]);
        command
    };
    let home = TempDir::new().expect("a folder");
    let refused = crate::support::said(&mut serve(home.path())).ended(2);
    assert!(refused.err.contains("webhook `ops`: the environment variable `OPS_SECRET` is not set"), "{}", refused.err);
    let mut command = serve(home.path());
    command.env("OPS_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let server = Server::spawned(command, KEY, home);
    server.well(&["webhook", "test", "ops"]);
}

#[test]
fn a_secret_in_the_file_itself_is_refused_without_showing_it() {
    let folder = TempDir::new().expect("a folder");
    let text = "[[webhook]]\nname = \"ops\"\nurl = \"https://x/\"\nsecret = \"whsec_hidden\"\n";
    let config = file(folder.path(), "prokura.toml", text);
    let refused = crate::support::run(&["serve", "--memory", "--config", &config]).ended(2);
    assert!(refused.err.contains("unknown field `secret`") && refused.err.contains(":4:1:"), "{}", refused.err);
    assert!(!refused.err.contains("hidden"), "{}", refused.err);
}
