//! A server in this process, over real connections, with a clock that a test sets and a disk that it slows down.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use prokura::{Authority, Clock, Options, model::Timestamp};
use prokura_api::{Client, ClientOptions};
use prokura_server::{Config, Server, serve};
use tokio::runtime::Runtime;

use super::disk::SlowDisk;
use crate::support::KEY;

const MINUTE_MS: i64 = 60_000;

pub(super) struct Here {
    server: Server,
    pub(super) disk: SlowDisk,
    /// By how much the clock is ahead of the system's.
    ahead_ms: Arc<AtomicI64>,
}

impl Here {
    pub(super) fn start(runtime: &Runtime) -> Self {
        Self::on(runtime, SlowDisk::default(), Arc::default())
    }

    fn on(runtime: &Runtime, disk: SlowDisk, ahead_ms: Arc<AtomicI64>) -> Self {
        let read = Arc::clone(&ahead_ms);
        let clock = Clock::new(move || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
            let now = i64::try_from(now).expect("not that late") + read.load(Ordering::SeqCst);
            Timestamp(u64::try_from(now).expect("after 1970"))
        });
        let options = Options { clock, ..Options::default() };
        let authority = Authority::open_on(Arc::new(disk.clone()), options).expect("it opens");
        authority.first_key(Some(KEY)).expect("a key");
        let config = Config { listen: "127.0.0.1:0".to_owned(), ..Config::default() };
        let server = runtime.block_on(serve(config, authority)).expect("it listens");
        Self { server, disk, ahead_ms }
    }

    pub(super) fn url(&self) -> &str {
        self.server.url()
    }

    pub(super) fn client(&self) -> Client {
        let mut options = ClientOptions::new(self.server.url());
        options.credential = Some(KEY.to_owned());
        Client::new(options).expect("a client")
    }

    /// Sets the clock so many minutes ahead of the system's.
    pub(super) fn set_clock(&self, minutes: i64) {
        self.ahead_ms.store(minutes * MINUTE_MS, Ordering::SeqCst);
    }

    pub(super) fn stop(self, runtime: &Runtime) {
        runtime.block_on(self.server.shutdown());
    }

    /// Another server on the same disk and clock.
    pub(super) fn restart(self, runtime: &Runtime) -> Self {
        let (disk, ahead_ms) = (self.disk.clone(), Arc::clone(&self.ahead_ms));
        self.stop(runtime);
        Self::on(runtime, disk, ahead_ms)
    }
}
