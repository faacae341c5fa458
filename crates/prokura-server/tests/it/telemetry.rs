//! What an operator sees.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use prokura::{Authority, Disk, DiskFile, Held, LockError, MemoryDisk, Options};
use serde_json::json;

use crate::support::Setup;

#[tokio::test]
async fn numbers_count_requests_and_decisions_and_name_nobody() {
    let setup = Setup::filled().await;
    let ask = |id: &str| json!({"actor": {"type": "user", "id": id}, "permission": "write", "resource": {"type": "record", "id": "record-1"}});
    for id in ["alice", "alice", "bob"] {
        setup.post("/v1/tenants/default/decide", &setup.admin, &ask(id)).await;
    }
    let mut unknown = ask("alice");
    unknown["permission"] = json!("fly_away");
    assert_eq!(setup.post("/v1/tenants/default/decide", &setup.admin, &unknown).await.status, 400);
    let page = setup.get("/metrics", &setup.admin).await.text;
    for line in [
        "prokura_decisions_total{disposition=\"allow\",reason=\"own_authority\"} 2",
        "prokura_decisions_total{disposition=\"deny\",reason=\"no_path\"} 1",
        "prokura_decisions_total{disposition=\"error\",reason=\"member_unknown\"} 1",
        "prokura_http_requests_total{route=\"/v1/tenants/{tenant}/decide\",method=\"POST\",status=\"200\"} 3",
        "prokura_http_requests_total{route=\"/v1/tenants/{tenant}/decide\",method=\"POST\",status=\"400\"} 1",
        "prokura_tenant_revision{tenant=\"default\"} 1",
        "prokura_records_working 1",
        "prokura_connections",
        "prokura_http_request_duration_seconds_bucket{route=\"/v1/tenants/{tenant}/decide\",le=\"0.001\"}",
    ] {
        assert!(page.contains(line), "{line} is missing from\n{page}");
    }
    for secret in ["alice", "record-1", setup.admin.as_str()] {
        assert!(!page.contains(secret), "{secret} in\n{page}");
    }
}

#[tokio::test]
async fn a_server_says_whether_it_is_well() {
    let setup = Setup::empty().await;
    let alive = setup.send(setup.http.get(setup.url("/healthz"))).await;
    assert_eq!((alive.status, alive.text.as_str()), (200, "ok\n"));
    let ready = setup.send(setup.http.get(setup.url("/readyz"))).await;
    assert_eq!((ready.status, ready.text.as_str()), (200, "ready\n"));
}

#[tokio::test]
async fn a_caller_cannot_make_up_labels() {
    let setup = Setup::empty().await;
    for path in ["/made/up", "/v1/tenants/made-up/decide"] {
        let method = reqwest::Method::from_bytes(b"MADEUP").unwrap();
        setup.send(setup.http.request(method, setup.url(path))).await;
    }
    let page = setup.get("/metrics", &setup.admin).await.text.to_lowercase();
    assert!(page.contains("route=\"none\",method=\"other\",status=\"404\""), "{page}");
    assert!(!page.contains("made"), "{page}");
}

/// Keeps what is logged.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<String>>);

impl Kept {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl tracing::Subscriber for Kept {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("prokura")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::Id {
        tracing::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::Id, _: &tracing::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Text<'t>(&'t mut String);
        impl tracing::field::Visit for Text<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{field}={value:?} "));
            }
        }
        let mut kept = self.0.lock().unwrap();
        event.record(&mut Text(&mut kept));
        kept.push('\n');
    }

    fn enter(&self, _: &tracing::Id) {}

    fn exit(&self, _: &tracing::Id) {}
}

#[tokio::test]
async fn the_log_has_a_line_a_request_and_never_a_credential_or_an_id() {
    let kept = Kept::default();
    let _default = tracing::subscriber::set_default(kept.clone());
    let issuer = crate::token::TestIssuer::new();
    let setup = Setup::with(issuer.config()).await;
    setup.fill();
    let token = issuer.token("user:alice");
    let ask = json!({"permission": "read", "resource": {"type": "record", "id": "record-1"}});
    setup.post("/v1/tenants/default/decide", &token, &ask).await;
    setup.get("/v1/tenants/default/relationships?subject_type=user&subject_id=alice", &setup.admin).await;
    setup.get("/v1/keys", "pk_wrong_secret").await;
    let log = kept.text();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("request_id=")).collect();
    assert_eq!(lines.len(), 3, "{log}");
    assert!(lines[0].contains("route=\"/v1/tenants/{tenant}/decide\""), "{log}");
    assert!(lines[0].contains("caller=\"token:user\"") && lines[0].contains("status=200"), "{log}");
    assert!(lines[1].contains("caller=\"key:"), "{log}");
    assert!(lines[2].contains("code=\"credential_invalid\""), "{log}");
    for secret in [token.as_str(), setup.admin.as_str(), "wrong_secret", "alice", "record-1"] {
        assert!(!log.contains(secret), "{secret} in\n{log}");
    }
}

/// A disk in memory that is full from the moment a test says so.
#[derive(Debug, Default)]
struct FullDisk {
    inner: MemoryDisk,
    full: Arc<AtomicBool>,
}

#[derive(Debug)]
struct FullFile {
    inner: Arc<dyn DiskFile>,
    full: Arc<AtomicBool>,
}

impl Disk for FullDisk {
    fn place(&self, name: &str) -> String {
        self.inner.place(name)
    }

    fn lock(&self, name: &str) -> Result<Held, LockError> {
        self.inner.lock(name)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(FullFile { inner: self.inner.open(name)?, full: Arc::clone(&self.full) }))
    }

    fn find(&self, name: &str) -> io::Result<Option<Arc<dyn DiskFile>>> {
        let file = self.inner.find(name)?;
        Ok(file.map(|inner| Arc::new(FullFile { inner, full: Arc::clone(&self.full) }) as Arc<dyn DiskFile>))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.inner.sync_names()
    }
}

impl DiskFile for FullFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, bytes)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.inner.write(offset, bytes)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.inner.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_never_an_allow() {
    let disk = FullDisk::default();
    let full = Arc::clone(&disk.full);
    let authority = Authority::open_on(Arc::new(disk), Options::default()).unwrap();
    let setup = Setup::over(authority, prokura_server::Config::default()).await;
    setup.fill();
    full.store(true, Ordering::SeqCst);
    let write = json!({"schema": crate::support::SCHEMA});
    let refused = setup.put("/v1/tenants/default/schema", &setup.admin, &write).await;
    assert_eq!((refused.status, refused.json()["error"]["fault"].as_str()), (503, Some("server")), "{}", refused.text);
    let body = json!({"subject": {"type": "user", "id": "alice"}, "action": {"name": "read"},
        "resource": {"type": "record", "id": "record-1"}});
    // The record of the first may still be in memory; once writing it has failed, nothing is decided any more.
    let mut last = 200;
    for _ in 0..200 {
        let answer = setup.post("/access/v1/evaluation", &setup.admin, &body).await;
        assert!(last == 200 || answer.status == 503, "{}: {}", answer.status, answer.text);
        last = answer.status;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(last, 503);
    let ready = setup.send(setup.http.get(setup.url("/readyz"))).await;
    assert_eq!((ready.status, ready.code().as_str()), (503, "not_ready"));
    assert_eq!(setup.send(setup.http.get(setup.url("/healthz"))).await.status, 200);
    assert_eq!(setup.get("/v1/tenants/default/schema", &setup.admin).await.status, 200, "reading goes on");
}
