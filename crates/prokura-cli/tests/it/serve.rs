//! `prokura serve`: the first key, one process a folder, a calm end.

use tempfile::TempDir;

use crate::support::{KEY, Server, prokura, run, said};

#[test]
fn the_first_key_is_shown_once_and_works() {
    let (home, data) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let folder = data.path().join("data");
    let start = || {
        let mut command = prokura(home.path());
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&folder);
        Server::spawned(command, "", TempDir::new().expect("a folder"))
    };
    let mut server = start();
    let shown = key_in(&server);
    server.key = shown.expect("the first start shows a key");
    server.well(&["tenant", "list"]);
    assert_eq!(server.terminate(), 0);
    let key = server.key.clone();
    drop(server);

    let mut again = start();
    assert_eq!(key_in(&again), None, "a key is shown once");
    again.key = key;
    again.well(&["tenant", "list"]);
}

/// The key in the box. The box follows the line that says where the server listens.
fn key_in(server: &Server) -> Option<String> {
    for _ in 0..50 {
        let log = server.log();
        if let Some((_, rest)) = log.split_once("export PROKURA_KEY=") {
            return rest.split_whitespace().next().map(ToOwned::to_owned);
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    None
}

#[test]
fn a_second_process_on_the_same_folder_is_told_so() {
    let data = TempDir::new().expect("a folder");
    let _first = Server::on(data.path());
    let second = run(&["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().expect("UTF-8")]).ended(2);
    assert!(second.err.contains("in use"), "{}", second.err);
    assert!(second.err.contains("--data"), "what would help: {}", second.err);
}

#[test]
fn a_taken_address_is_told_so() {
    let first = Server::in_memory();
    let address = first.url.strip_prefix("http://").expect("no TLS");
    let second = run(&["serve", "--memory", "--listen", address]).ended(2);
    assert!(second.err.contains("cannot listen on") && second.err.contains("--listen"), "{}", second.err);
}

#[test]
fn where_the_data_goes_must_be_said() {
    let refused = run(&["serve"]).ended(2);
    assert!(refused.err.contains("prokura serve --memory"), "{}", refused.err);
    run(&["serve", "--memory", "--data", "/tmp"]).ended(2);
}

#[test]
fn a_configuration_file_sets_up_the_server() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let text = format!("listen = \"127.0.0.1:0\"\ndata = {data:?}\nlog_format = \"json\"\n");
    let config = crate::support::file(folder.path(), "prokura.toml", &text);
    let home = TempDir::new().expect("a folder");
    let mut command = prokura(home.path());
    command.env("PROKURA_ADMIN_KEY", KEY).args(["serve", "--config", &config]);
    let server = Server::spawned(command, KEY, home);
    server.well(&["tenant", "list"]);
    assert!(data.exists(), "the data is where the file says");

    let wrong = crate::support::file(folder.path(), "wrong.toml", "memory = true\nlisten = 7\n");
    let refused = run(&["serve", "--memory", "--config", &wrong]).ended(2);
    assert!(refused.err.contains("wrong.toml"), "{}", refused.err);
}

#[test]
fn the_connection_can_come_from_a_configuration_file() {
    let server = Server::in_memory();
    let home = TempDir::new().expect("a folder");
    let folder = home.path().join(".config/prokura");
    std::fs::create_dir_all(&folder).expect("writable");
    crate::support::file(&folder, "config.toml", &format!("server = {:?}\nkey = {KEY:?}\n", server.url));
    said(prokura(home.path()).args(["tenant", "list"])).ended(0);
    // The environment wins over the file, a flag over the environment.
    said(prokura(home.path()).env("PROKURA_KEY", "wrong").args(["tenant", "list"])).ended(2);
    said(prokura(home.path()).env("PROKURA_KEY", "wrong").args(["--key", KEY, "tenant", "list"])).ended(0);
    crate::support::file(&folder, "config.toml", "sever = \"http://127.0.0.1:1\"\n");
    let refused = said(prokura(home.path()).args(["tenant", "list"])).ended(2);
    assert!(refused.err.contains("config.toml:1:1") && refused.err.contains("sever"), "{}", refused.err);
}

#[test]
fn a_mistake_in_a_configuration_file_shows_no_secret() {
    let folder = TempDir::new().expect("a folder");
    let told = |text: &str| {
        let config = crate::support::file(folder.path(), "prokura.toml", text);
        let server = run(&["serve", "--memory", "--config", &config]).ended(2).err;
        let client = run(&["--config", &config, "tenant", "list"]).ended(2).err;
        let json = run(&["--json", "serve", "--memory", "--config", &config]).ended(2).err;
        for said in [&server, &client, &json] {
            assert!(!said.contains("pk_secret"), "{text}:\n{said}");
        }
        server
    };
    let unknown = told("data = \"/nowhere\"\nkey = \"pk_secret123\"\n");
    for part in ["prokura.toml:2:1", "unknown field `key`", "`data`", "`log_format`", "`listen`", "`issuer`"] {
        assert!(unknown.contains(part), "`{part}` is missing: {unknown}");
    }
    let wrong = told("listen = \"127.0.0.1:0\"\nsever = 1\nconnections = \"pk_secret123\"\n");
    assert!(wrong.contains("prokura.toml:"), "{wrong}");
    let wrong = told("# a remark\nconnections = \"pk_secret123\"\n");
    assert!(wrong.contains("prokura.toml:2:15") && wrong.contains("`connections`"), "{wrong}");
    for text in ["log_format = \"pk_secret123\"\n", "key = pk_secret123\n", "key = \"pk_secret123\n", "pk_secret123\n"]
    {
        told(text);
    }
    let issuer = told("[[issuer]]\nissuer = \"a\"\naudience = \"b\"\njwks = [\"pk_secret123\"]\n");
    assert!(issuer.contains("prokura.toml:4:"), "{issuer}");
}

#[test]
fn a_place_that_is_not_for_data_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let file = crate::support::file(folder.path(), "notes.txt", "mine");
    let said = run(&["serve", "--data", &file]).ended(2).err;
    assert!(said.contains("is a file, not a folder"), "{said}");
    let said = run(&["serve", "--data", folder.path().to_str().expect("UTF-8")]).ended(2).err;
    assert!(said.contains("no data of Prokura"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 1, "nothing was put there");
}

#[test]
fn what_is_unsafe_is_warned_of() {
    let home = TempDir::new().expect("a folder");
    let mut command = prokura(home.path());
    command.env("PROKURA_ADMIN_KEY", "pk_short").env("PROKURA_LOG", "a=b=c");
    command.args(["serve", "--memory", "--listen", "0.0.0.0:0"]);
    let mut server = Server::spawned(command, "pk_short", home);
    assert_eq!(server.terminate(), 0);
    std::thread::sleep(std::time::Duration::from_millis(100));
    let log = server.log();
    for part in ["PROKURA_ADMIN_KEY has fewer than 16", "PROKURA_LOG is `a=b=c`", "travel unencrypted"] {
        assert!(log.contains(part), "`{part}` is missing:\n{log}");
    }
    let quiet = Server::in_memory();
    assert!(!quiet.log().contains("warning:"), "{}", quiet.log());
}
