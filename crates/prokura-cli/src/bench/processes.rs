//! Servers, each a process of its own so that its CPU time can be told apart, and peers, which somebody else started.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{
    Outcome,
    measure::{cpu_time, resident_bytes},
};

/// As long as a key made by the server, so that both handlers read the same number of bytes.
pub(crate) const KEY: &str = "pk_benchmark0benchmark0benchmark0benchmark0bench";

/// How long a server may take to start, its data included.
const START: Duration = Duration::from_secs(300);

/// A server of ours, ended when dropped.
pub(crate) struct Server {
    process: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone afterwards.
        let _killed = self.process.kill();
        let _waited = self.process.wait();
    }
}

/// What is asked over the network, and with which key.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// `HOST:PORT`
    pub(crate) address: String,
    pub(crate) key: String,
    /// The processes whose CPU time it takes, where they are known.
    pub(crate) processes: Vec<u32>,
}

impl Target {
    /// CPU time used so far by all that answers; none where it is not known who that is.
    pub(crate) fn cpu(&self) -> Outcome<Option<Duration>> {
        let mut sum = Duration::ZERO;
        for process in &self.processes {
            sum += cpu_time(*process).map_err(|error| {
                format!("the CPU time of process {process} cannot be read: {error}; name a process that runs here")
            })?;
        }
        Ok((!self.processes.is_empty()).then_some(sum))
    }
}

impl Server {
    /// The product, on this folder.
    pub(crate) fn on(data: &Path) -> Outcome<Self> {
        Self::start(|address| {
            vec!["serve".into(), "--data".into(), data.display().to_string(), "--listen".into(), address]
        })
    }

    /// A handler that answers a constant: `baseline-http`, `baseline-grpc`.
    pub(crate) fn baseline(command: &str) -> Outcome<Self> {
        let command = command.to_owned();
        Self::start(|address| vec!["bench".into(), command, "--listen".into(), address, "--key".into(), KEY.into()])
    }

    fn start(arguments: impl FnOnce(String) -> Vec<String>) -> Outcome<Self> {
        // The port is free now; nobody but us is likely to want it in the next moment.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let process = Command::new(std::env::current_exe()?)
            .args(arguments(address.to_string()))
            .env("PROKURA_ADMIN_KEY", KEY)
            .env("PROKURA_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self { process, address: address.to_string() };
        let started = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            if let Some(status) = server.process.try_wait()? {
                return Err(
                    format!("the server at {address} ended at once ({status}): run it by hand to see why").into()
                );
            }
            if started.elapsed() > START {
                return Err(format!("the server at {address} did not start within {} s", START.as_secs()).into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    /// Asked with this key.
    pub(crate) fn target(&self, key: &str) -> Target {
        Target { address: self.address.clone(), key: key.to_owned(), processes: vec![self.process.id()] }
    }

    pub(crate) fn resident_bytes(&self) -> Outcome<u64> {
        Ok(resident_bytes(self.process.id())?)
    }
}
