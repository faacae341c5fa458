//! Every workload at its smallest, for no longer than each question takes; what the figures are is another matter.

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Server, file, prokura, run, said};

/// How hard the smallest run asks.
const SMALL: [&str; 6] = ["--seconds", "0", "--connections", "2", "--in-flight", "2"];

/// The results of a workload, as JSON.
#[track_caller]
fn results(workload: &[&str]) -> Value {
    let results = run(&[&["bench", "--json"], workload, &SMALL].concat()).ended(0).json();
    assert_eq!((&results["wrong"], &results["stale"]), (&Value::from(0), &Value::from(0)), "{results}");
    assert_eq!(results["workload"], workload[0]);
    assert!(results["load"]["per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{results}");
    for figures in results["figures"].as_array().expect("figures") {
        assert!(figures["operations"].as_u64().is_some_and(|operations| operations > 0), "{figures}");
        for number in ["per_second", "p50_us", "p99_us"] {
            assert!(figures[number].is_f64(), "{number}: {figures}");
        }
    }
    results
}

/// The names of the figures, each once.
fn ids(results: &Value) -> Vec<&str> {
    let figures = results["figures"].as_array().expect("figures");
    let mut ids: Vec<_> = figures.iter().map(|figures| figures["id"].as_str().expect("an id")).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

const W1: [&str; 7] = ["w1", "--relationships", "2000", "--questions", "100", "--bulk", "10"];

#[test]
fn w1_measures_the_library_and_the_network() {
    let results = results(&W1);
    assert_eq!((&results["questions"], &results["allowed"]), (&Value::from(100), &Value::from(50)));
    let wanted = [
        "authzen_baseline",
        "authzen_evaluation",
        "grpc_baseline",
        "grpc_bulk",
        "grpc_check",
        "grpc_check_direct",
        "grpc_check_recorded",
        "grpc_check_zipf",
        "grpc_write",
        "in_process_check",
        "in_process_check_direct",
        "in_process_check_zipf",
        "in_process_decide",
        "in_process_preview",
        "in_process_write",
    ];
    assert_eq!(ids(&results), wanted);
    let ratios: Vec<_> = results["ratios"].as_array().expect("ratios").iter().map(|ratio| &ratio["id"]).collect();
    for of in ["grpc_check", "grpc_check_recorded", "authzen_evaluation"] {
        // The CPU time of a run this short may be too little to be seen, and divides nothing then.
        for part in ["per_second", "p50"] {
            assert!(ratios.contains(&&Value::from(format!("{of}_{part}"))), "{of}_{part}: {ratios:?}");
        }
    }
    assert!(results["load"]["restart_seconds"].is_f64() && results["load"]["bytes_a_relationship"].is_f64());
}

#[test]
fn w2_measures_every_depth() {
    let results = results(&["w2", "--people", "60", "--questions", "100"]);
    let ids = ids(&results);
    for depth in 1..=5 {
        for kind in ["preview", "decide"] {
            let id = format!("in_process_{kind}_depth_{depth}");
            assert!(ids.contains(&id.as_str()), "{id}: {ids:?}");
        }
    }
    assert!(ids.contains(&"in_process_check") && ids.contains(&"grpc_check"));
}

#[test]
fn w3_measures_both_shapes_and_both_answers() {
    let results = results(&["w3", "--members", "200"]);
    for shape in ["deep_allowed", "deep_denied", "deep_denied_beside", "wide_allowed", "wide_denied"] {
        for door in ["grpc", "in_process"] {
            assert!(ids(&results).contains(&format!("{door}_{shape}").as_str()), "{door} {shape}");
        }
    }
}

#[test]
fn w4_lists_are_whole() {
    let results = results(&["w4", "--relationships", "1000", "--largest", "1000"]);
    for list in ["resources_10", "resources_1000", "subjects_10", "subjects_1000"] {
        for door in ["grpc", "in_process"] {
            assert!(ids(&results).contains(&format!("{door}_{list}").as_str()), "{door} {list}");
        }
    }
}

#[test]
fn w5_revokes_and_mixes() {
    let results = results(&["w5", "--relationships", "2000", "--questions", "100"]);
    let ids = ids(&results);
    for id in ["fsync", "grpc_mix_check", "grpc_mix_write", "grpc_revoke_then_check", "in_process_revoke_then_check"] {
        assert!(ids.contains(&id), "{id}: {ids:?}");
    }
}

#[test]
fn a_peer_is_asked_the_same() {
    for workload in [
        W1.as_slice(),
        &["w2", "--people", "40", "--questions", "50"],
        &["w3", "--members", "100"],
        &["w4", "--relationships", "1000", "--largest", "10"],
        &["w5", "--relationships", "2000", "--questions", "50"],
    ] {
        let server = Server::in_memory();
        let peer = [workload, &["--peer", &server.url, "--peer-key", &server.key]].concat();
        let results = results(&peer);
        assert_eq!(results["peer"], server.url.as_str());
        assert!(ids(&results).iter().any(|id| id.starts_with("grpc")), "{results}");
        assert!(!ids(&results).iter().any(|id| id.starts_with("in_process")), "{results}");
        if workload[0] == "w1" {
            // It holds something now, and says so; unless that is what is wanted.
            let refused = run(&[&["bench"], peer.as_slice(), &SMALL].concat()).ended(2);
            assert!(refused.err.contains("--peer-loaded"), "{}", refused.err);
            let again = run(&[&["bench"], peer.as_slice(), &SMALL, &["--peer-loaded"]].concat()).ended(0);
            assert!(again.out.contains("gRPC check"), "{}", again.out);
        }
    }
}

#[test]
fn a_report_is_one_page_of_earlier_runs_or_of_new_ones() {
    let home = TempDir::new().expect("a folder");
    let kept = file(home.path(), "w3.json", &results(&["w3", "--members", "100"]).to_string());
    let page = home.path().join("page.html");
    let report = |args: &[&str]| {
        let page = page.to_str().expect("UTF-8");
        said(prokura(home.path()).args(["bench", "report", "--out", page]).args(args))
    };
    report(&["--from", &kept]).ended(0);
    let text = std::fs::read_to_string(&page).expect("written");
    assert!(text.starts_with("<!DOCTYPE html>") && text.contains("deny behind 45 nested groups"), "{text}");

    let printed = report(&[&["--json", "--largest", "2000"], SMALL.as_slice()].concat()).ended(0).json();
    assert_eq!(printed["runs"].as_array().map(Vec::len), Some(5));
    let text = std::fs::read_to_string(&page).expect("written");
    assert!(text.contains("<svg") && !text.contains("<script") && !text.contains("http://"), "{text}");
    assert!(text.contains("stale allows"));

    let broken = file(home.path(), "broken.json", "{}");
    let refused = report(&["--from", &broken]).ended(2);
    assert!(refused.err.contains("--json"), "{}", refused.err);
}

#[test]
fn the_data_is_written_for_others() {
    let home = TempDir::new().expect("a folder");
    let folder = home.path().to_str().expect("UTF-8");
    let written =
        run(&["bench", "data", "--json", "--relationships", "2000", "--questions", "20", folder]).ended(0).json();
    let read = |name: &str| std::fs::read_to_string(home.path().join(name)).expect("written");
    assert_eq!(written["relationships"], read("relationships.rels").lines().count());
    let questions = read("questions.txt");
    let allows = questions.lines().filter(|line| line.starts_with("allow document:")).count();
    assert_eq!((questions.lines().count(), allows), (20, 10), "{questions}");
    assert!(read("schema.zed").contains("definition document"));
}

#[test]
fn a_run_that_cannot_be_says_why() {
    let refused = run(&["bench", "w1", "--peer", "https://127.0.0.1:1", "--peer-key", "k", "--relationships", "2000"]);
    assert!(refused.ended(2).err.contains("http://HOST:PORT"));
    let refused = run(&["bench", "w1", "--peer", "http://127.0.0.1:1", "--peer-key", "k", "--relationships", "2000"]);
    assert!(refused.ended(2).err.contains("nothing answers at 127.0.0.1:1"));
}
