//! `prokura demo`, where nobody watches.

use tempfile::TempDir;

use crate::support::{prokura, said};

#[test]
fn the_demo_tells_its_story_and_ends_by_itself() {
    let home = TempDir::new().expect("a folder");
    // From elsewhere: the sample is in the binary.
    let told = said(prokura(home.path()).current_dir(home.path()).args(["demo", "--listen", "127.0.0.1:0"])).ended(0);
    let expected = [
        "three hops",
        "✓ allow  lent_authority",
        "- team:checkout-on-call#direct_member@user:alice",
        "✗ deny  origin_lacks_permission",
        "What is missing is the shift that step 4 took away",
        "agent:coder → agent:deployer",
        "there may be better ones",
        "Both answers are on record",
        "+ team:checkout-on-call#direct_member@user:alice",
        "curl -s http://127.0.0.1:",
    ];
    let mut rest = told.out.as_str();
    for part in expected {
        let (_, after) =
            rest.split_once(part).unwrap_or_else(|| panic!("`{part}` is missing or too early:\n{}", told.out));
        rest = after;
    }
    assert_eq!(told.err, "", "nothing is amiss");
    assert!(!told.out.contains('\u{1b}'), "no styles where there is no terminal");
}

#[test]
fn the_demo_gives_its_records_as_json() {
    let home = TempDir::new().expect("a folder");
    let told = said(prokura(home.path()).args(["demo", "--listen", "127.0.0.1:0", "--json"])).ended(0).json();
    assert_eq!(told["records"][0]["disposition"], "allow");
    assert_eq!(told["records"][1]["disposition"], "deny");
}
