//! A server as a process, and the command line as a process that asks it.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use prokura_api::{Client, ClientOptions};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const KEY: &str = "pk_test_only_0123456789abcdefghijklmnopqrstuvwxyz";

/// Longest a server may take to listen on a busy machine.
const START: Duration = Duration::from_secs(60);

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) key: String,
    log: Arc<Mutex<String>>,
    home: TempDir,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The repository's root folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The command, in a surrounding without a configuration of ours.
pub(crate) fn prokura(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_prokura"));
    let ours = [
        "PROKURA_SERVER",
        "PROKURA_KEY",
        "PROKURA_TENANT",
        "PROKURA_CERTIFICATES",
        "PROKURA_ADMIN_KEY",
        "PROKURA_LOG",
        "XDG_CONFIG_HOME",
    ];
    for name in ours {
        command.env_remove(name);
    }
    command.env("HOME", home).env("NO_COLOR", "1").current_dir(root());
    command
}

/// Runs the command to its end.
pub(crate) fn run(args: &[&str]) -> Said {
    let home = TempDir::new().expect("a folder");
    said(prokura(home.path()).args(args))
}

pub(crate) fn said(command: &mut Command) -> Said {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().expect("the binary runs");
    Said {
        code: status.code().expect("it ends by itself"),
        out: String::from_utf8(stdout).expect("UTF-8"),
        err: String::from_utf8(stderr).expect("UTF-8"),
    }
}

impl Said {
    /// The same, if it ended with this code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Its answer, which is JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error} in:\n{}\nstderr:\n{}", self.out, self.err))
    }
}

impl Server {
    /// A server that keeps its data in memory.
    pub(crate) fn in_memory() -> Self {
        Self::start(&["--memory"])
    }

    /// A server on this folder.
    pub(crate) fn on(folder: &Path) -> Self {
        Self::start(&["--data", folder.to_str().expect("UTF-8")])
    }

    /// A server with these arguments to `serve`, on a free port, with a preset key.
    pub(crate) fn start(args: &[&str]) -> Self {
        let home = TempDir::new().expect("a folder");
        let mut command = prokura(home.path());
        command.env("PROKURA_ADMIN_KEY", KEY).args(["serve", "--listen", "127.0.0.1:0"]).args(args);
        Self::spawned(command, KEY, home)
    }

    pub(crate) fn spawned(mut command: Command, key: &str, home: TempDir) -> Self {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let log = Arc::new(Mutex::new(String::new()));
        let (listens, listening) = mpsc::channel();
        let (lines, kept) = (BufReader::new(child.stderr.take().expect("piped")).lines(), Arc::clone(&log));
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("prokura listens at ").and_then(|rest| rest.split(',').next()) {
                    let _ = listens.send(url.to_owned());
                }
                kept.lock().expect("not poisoned").push_str(&(line + "\n"));
            }
        });
        let url = listening.recv_timeout(START).unwrap_or_else(|_| {
            let _ = child.kill();
            panic!("the server does not listen:\n{}", log.lock().expect("not poisoned"))
        });
        Self { child, url, key: key.to_owned(), log, home }
    }

    /// The command line, pointed at this server.
    pub(crate) fn command(&self) -> Command {
        let mut command = prokura(self.home.path());
        command.env("PROKURA_SERVER", &self.url).env("PROKURA_KEY", &self.key);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        said(self.command().args(args))
    }

    /// Runs it in a tenant.
    pub(crate) fn run_in(&self, tenant: &str, args: &[&str]) -> Said {
        said(self.command().args(["--tenant", tenant]).args(args))
    }

    /// Runs what must go well.
    #[track_caller]
    pub(crate) fn well(&self, args: &[&str]) -> Said {
        self.run(args).ended(0)
    }

    pub(crate) fn client(&self) -> Client {
        let mut options = ClientOptions::new(self.url.clone());
        options.credential = Some(self.key.clone());
        Client::new(options).expect("a client")
    }

    /// What it wrote on standard error so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("not poisoned").clone()
    }

    /// SIGKILL: it gets no chance to tidy up.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }

    /// Sends it a signal, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// SIGTERM, and its exit code.
    pub(crate) fn terminate(&mut self) -> i32 {
        self.signal("TERM");
        self.child.wait().expect("it ended").code().expect("it ended by itself")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file with this text.
pub(crate) fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("writable");
    path.to_str().expect("UTF-8").to_owned()
}
