//! The attacks that the scenarios play, as a table in the manual: made of the files, so that a new one is in it by itself.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use prokura_testkit::{
    Ask,
    scenario::{self, Scenario},
};

/// Attacks distilled from bugs of real systems. Behind one that does not concern the decision point stands who answers for it.
const DISTILLED: [(&str, Option<&str>); 32] = [
    ("a link spliced under another parent", None),
    ("an expired link in the middle shields a living child", None),
    ("a diamond: one path is revoked, the other stays, and only it", None),
    ("a child names a larger depth or a later end than its parent", None),
    ("who lent a right loses it, who borrowed it keeps a copy", None),
    ("the agent's or the person's half is dropped when it cannot be read", None),
    ("a caller names itself as the subject", None),
    ("an id with signs of the language, white space, look-alikes", None),
    ("a rule that denies fails, and is passed over", None),
    ("an empty policy", None),
    ("the request is changed after it was checked", Some("the gateway: what it passes on is what it asked about")),
    ("an approval is replayed, or used for other arguments, another tool or policy, or many times at once", None),
    ("a payment is split: one after the other, at once, over several agents", None),
    ("a fresh session forgets the history", None),
    ("the caller does the counting", None),
    ("a list, or what was said of tools, is cached and given to others", None),
    ("a filtered list is marked as cacheable by anyone", Some("the gateway: it sets the headers of lists")),
    ("header and body of a request say different things", Some("the gateway: it asks about what it passes on")),
    ("the state of a request is edited, or replayed by somebody else", Some("the gateway: it seals such state")),
    ("a revocation's message is lost; the list of revocations is set back", None),
    ("nested `act` claims are taken for authority", None),
    (
        "a token is passed through, or was made for another audience",
        Some("authentication: [authentication](authentication.md)"),
    ),
    ("an identity assertion is reused until it expires", Some("the token exchange: it takes each assertion once")),
    ("others use an agent with the access of whoever made it", None),
    ("a banned agent passes its work on to a fresh one", None),
    ("a tool's result names a new resource", None),
    ("the user is disabled, the agent lives", None),
    ("the owner is deleted, and nobody answers for the agent", None),
    (
        "a library takes a denial for success",
        Some("the SDKs: an answer is no boolean there, and no default is an allow"),
    ),
    ("an exception in a hook is swallowed", Some("the SDKs: what fails ends the call")),
    ("a clock steps, or is wrong", None),
    ("two jobs on a shared runner have one identity", None),
];

/// The scenarios of ASI03, *Identity and Privilege Abuse*, in OWASP's Top 10 for Agentic Applications (2026).
const ASI03: [(&str, Option<&str>); 7] = [
    ("delegated privilege abuse", None),
    ("memory-based escalation", None),
    ("cross-agent trust exploitation", None),
    ("device-code phishing across agents", None),
    ("workflow authorization drift", None),
    ("forged agent persona", None),
    ("identity sharing", None),
];

/// What one file shows.
struct Shown {
    file: String,
    about: String,
    /// Each answer that is no allow, once.
    refused: Vec<String>,
    /// The first question that is allowed, and the answer.
    twin: Option<(String, String)>,
}

/// The files of one list, by the number in their names: `attack-07-names-itself`.
fn shown(prefix: &str) -> BTreeMap<usize, Vec<Shown>> {
    let mut found = BTreeMap::<usize, Vec<Shown>>::new();
    for (file, scenario) in scenario::all() {
        let Some((number, _)) = file.strip_prefix(prefix).and_then(|rest| rest.split_once('-')) else { continue };
        let number = number.parse().unwrap_or_else(|_| panic!("{file}: `{number}` is no number"));
        found.entry(number).or_default().push(seen_in(file, &scenario));
    }
    found
}

fn seen_in(file: String, scenario: &Scenario) -> Shown {
    let (_, about) = scenario.about.split_once(": ").unwrap_or_else(|| panic!("{file}: its `about` names no attack"));
    let (mut refused, mut twin) = (Vec::new(), None);
    for expected in
        scenario.stages().unwrap_or_else(|error| panic!("{file}: {error}")).into_iter().flat_map(|it| it.asks)
    {
        let (answer, asked) = (expected.answer.to_string(), asked(&expected.ask));
        match asked {
            Some(asked) if expected.answer.allows() => twin = twin.or(Some((asked, answer))),
            Some(_) if !refused.contains(&answer) => refused.push(answer),
            Some(_) | None => {}
        }
    }
    let forged = if scenario.forged { " (forged)" } else { "" };
    let about = about.split_whitespace().collect::<Vec<_>>().join(" ") + forged;
    Shown { about, file, refused, twin }
}

/// A question for one answer, in a line. A list is none.
fn asked(ask: &Ask) -> Option<String> {
    match ask {
        Ask::Check { resource, permission, subject, .. } => Some(format!("{subject} {permission} {resource}")),
        Ask::Decide { question, .. } => {
            let by = question.delegation.as_ref().map(|id| format!(" by {id}")).unwrap_or_default();
            Some(format!("{} {} {}{by}", question.actor, question.permission, question.resource))
        }
        Ask::LookupResources { .. } | Ask::LookupSubjects { .. } | Ask::Permissions { .. } => None,
    }
}

fn table(attacks: &[(&str, Option<&str>)], prefix: &str) -> String {
    let mut files = shown(prefix);
    let (mut text, mut elsewhere, mut not_yet) = (String::new(), String::new(), String::new());
    text.push_str("| # | attack | what is shown | refused with | the legitimate twin |\n|---|---|---|---|---|\n");
    for (number, (attack, answers)) in (1..).zip(attacks) {
        match (files.remove(&number), answers) {
            (Some(files), _) => {
                for Shown { file, about, refused, twin } in files {
                    let attack = format!("[{attack}](../../scenarios/{file}.yaml)");
                    let about = about.replace('|', "\\|");
                    let refused: Vec<_> = refused.iter().map(|answer| format!("`{answer}`")).collect();
                    let twin = twin.map(|(asked, answer)| format!("`{asked}`: `{answer}`")).unwrap_or_default();
                    text.push_str(&format!("| {number} | {attack} | {about} | {} | {twin} |\n", refused.join(", ")));
                }
            }
            (None, Some(who)) => elsewhere.push_str(&format!("| {number} | {attack} | {who} |\n")),
            (None, None) => not_yet.push_str(&format!("* {number}: {attack}.\n")),
        }
    }
    assert!(files.is_empty(), "`{prefix}` has no attacks with the numbers {:?}", files.keys());
    if !elsewhere.is_empty() {
        text.push_str(&format!("\nThese do not concern the decision point. Of the parts that answer for them, authentication is here, the others are to come:\n\n| # | attack | who answers for it |\n|---|---|---|\n{elsewhere}"));
    }
    if !not_yet.is_empty() {
        text.push_str(&format!("\nNot yet played, because what would refuse them is not there yet:\n\n{not_yet}"));
    }
    text
}

fn page() -> String {
    format!(
        "# Attacks\n\n\
        Each row is a scenario: an attack that is refused, and beside it the honest request it imitates, which is allowed. Every scenario is played to the\n\
        oracle, the engine, the library, the server's doors and the command line by `make test`; play one yourself with `prokura test scenarios/FILE.yaml`\n\
        (one that says `forged` holds what no writer would store, and is played to evaluators only).\n\n\
        This page is made of those files: `make attacks` writes it anew.\n\n\
        ## From the bugs of real systems\n\n{}\n\
        ## OWASP ASI03, Identity and Privilege Abuse\n\n\
        The seven scenarios of that entry of the Top 10 for Agentic Applications.\n\n{}",
        table(&DISTILLED, "attack-"),
        table(&ASI03, "asi03-"),
    )
}

#[test]
fn the_table_of_attacks_is_up_to_date() {
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let path = PathBuf::from(folder).join("../../docs/manual/attacks.md");
    if env::var_os("PROKURA_UPDATE_ATTACKS").is_some() {
        fs::write(&path, page()).expect("writable");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page(), "docs/manual/attacks.md is not what the scenarios say; run `make attacks` and commit it");
}

#[test]
fn every_attack_is_refused_and_its_twin_allowed() {
    for (number, shown) in shown("attack-").into_iter().chain(shown("asi03-")) {
        for Shown { file, refused, twin, .. } in shown {
            assert!(!refused.is_empty(), "{file} ({number}): nothing is refused");
            assert!(twin.is_some(), "{file} ({number}): nothing is allowed");
        }
    }
}
