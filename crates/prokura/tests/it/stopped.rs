//! Who is stopped stays stopped: nothing that is no resumption and no new owner lets anybody act again.

use prokura::{
    Applied, ApplyMode, Authority, Declaration, DeclaredPrincipal, WriteError,
    model::{Change, Principal, PrincipalState},
};

use super::support::{
    at_noon, by, coder_edits, object, owned, principal, question, reason, snapshot, tenant, touch, write,
};

const PLAIN: ApplyMode = ApplyMode { dry_run: false, prune: false };
const PRUNE: ApplyMode = ApplyMode { dry_run: false, prune: true };

fn named(text: &str) -> DeclaredPrincipal {
    DeclaredPrincipal { object: object(text), owner: None, state: None }
}

fn owned_by(text: &str, owner: &str) -> DeclaredPrincipal {
    DeclaredPrincipal { owner: Some(object(owner)), ..named(text) }
}

fn apply(
    authority: &Authority,
    principals: impl IntoIterator<Item = DeclaredPrincipal>,
    mode: ApplyMode,
) -> Result<Applied, WriteError> {
    let declaration = Declaration { principals: Some(principals.into_iter().collect()), ..Declaration::default() };
    authority.apply(&tenant(), by("user:tester"), &declaration, mode)
}

fn lines(applied: &Applied) -> Vec<String> {
    applied.difference.iter().map(ToString::to_string).collect()
}

fn there(authority: &Authority, text: &str) -> Option<Principal> {
    snapshot(authority).principal(&object(text)).unwrap().map(|found| (*found).clone())
}

#[track_caller]
fn refused(authority: &Authority, changes: Vec<Change>, code: &str, words: &str) {
    let error = write(authority, changes).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(words), "`{error}` does not say `{words}`");
}

/// The coder, who may view the plan itself, is in the given state.
fn coder_is(state: PrincipalState) -> Authority {
    let (authority, _) = at_noon();
    write(&authority, vec![touch("document:plan#editor@agent:coder")]).unwrap();
    apply(&authority, [named("agent:coder")], PLAIN).unwrap();
    write(&authority, vec![owned("agent:coder", None, state)]).unwrap();
    authority
}

/// The coder's owner has left.
fn orphan() -> Authority {
    let authority = coder_is(PrincipalState::Active);
    apply(&authority, [named("user:bob"), named("user:carol"), owned_by("agent:coder", "user:bob")], PLAIN).unwrap();
    write(&authority, vec![owned("user:bob", None, PrincipalState::OffBoarded)]).unwrap();
    assert_eq!(reason(&authority, &own()).word(), "owner_off_boarded");
    authority
}

/// May the coder, by its own right, edit the plan?
fn own() -> prokura::Question {
    question("agent:coder", "edit", "document:plan", None)
}

#[test]
fn removing_frees_nobody() {
    let remove = || vec![Change::PrincipalRemoved(object("agent:coder"))];
    let suspended = coder_is(PrincipalState::Suspended);
    refused(&suspended, remove(), "principal_not_active", "is suspended and stays registered");
    assert_eq!(reason(&suspended, &own()).word(), "actor_suspended");
    refused(
        &coder_is(PrincipalState::OffBoarded),
        remove(),
        "principal_not_active",
        "off_boarded and stays registered",
    );
    refused(&orphan(), remove(), "owner_off_boarded", "its owner `user:bob`");
    let gone = Change::PrincipalRemoved(object("user:bob"));
    refused(&orphan(), vec![gone], "principal_not_active", "off_boarded");
    // Who is resumed may be removed.
    let mut resumed = remove();
    resumed.insert(0, owned("agent:coder", None, PrincipalState::Active));
    write(&suspended, resumed).unwrap();
    assert_eq!(there(&suspended, "agent:coder"), None);
}

#[test]
fn pruning_frees_nobody_and_says_so() {
    for (state, word) in [(PrincipalState::Suspended, "suspended"), (PrincipalState::OffBoarded, "off_boarded")] {
        let authority = coder_is(state);
        let pruned = apply(&authority, [], PRUNE).unwrap();
        assert_eq!(lines(&pruned), Vec::<String>::new());
        assert_eq!(pruned.notes, [format!("principal `agent:coder` is {word} and stays so: it is not removed")]);
        assert_eq!(there(&authority, "agent:coder").unwrap().state, state);
        assert_eq!(reason(&authority, &own()).word(), "actor_suspended");
    }
    let authority = orphan();
    let pruned = apply(&authority, [], PRUNE).unwrap();
    assert_eq!(lines(&pruned), ["- principal user:carol"]);
    assert_eq!(
        pruned.notes,
        [
            "principal `agent:coder` is stopped, because its owner `user:bob` is off_boarded, and stays so: it is not \
             removed",
            "principal `user:bob` is off_boarded and stays so: it is not removed",
        ]
    );
    assert_eq!(reason(&authority, &own()).word(), "owner_off_boarded");
}

#[test]
fn files_that_off_board_an_owner_prune_nothing_of_its() {
    let authority = coder_is(PrincipalState::Active);
    apply(&authority, [named("user:bob"), owned_by("agent:coder", "user:bob")], PLAIN).unwrap();
    let gone = DeclaredPrincipal { state: Some(PrincipalState::OffBoarded), ..named("user:bob") };
    let applied = apply(&authority, [gone], PRUNE).unwrap();
    assert_eq!(lines(&applied), ["~ principal user:bob off_boarded"]);
    assert!(applied.notes[0].contains("`agent:coder` is stopped"), "{:?}", applied.notes);
    assert_eq!(reason(&authority, &own()).word(), "owner_off_boarded");
}

#[test]
fn nothing_undoes_an_off_boarding() {
    let authority = coder_is(PrincipalState::OffBoarded);
    for state in [PrincipalState::Active, PrincipalState::Suspended] {
        refused(&authority, vec![owned("agent:coder", None, state)], "principal_off_boarded", "nothing undoes that");
    }
    let active = DeclaredPrincipal { state: Some(PrincipalState::Active), ..named("agent:coder") };
    assert_eq!(apply(&authority, [active], PLAIN).unwrap_err().code(), "principal_off_boarded");
    // Files that say nothing about it leave it as it is, and say so.
    let applied = apply(&authority, [named("agent:coder")], PLAIN).unwrap();
    assert!(applied.difference.is_empty());
    assert_eq!(applied.notes, ["principal `agent:coder` is off_boarded and stays so"]);
    // Off-boarding again is nothing new.
    write(&authority, vec![owned("agent:coder", None, PrincipalState::OffBoarded)]).unwrap();
    let gone = DeclaredPrincipal { state: Some(PrincipalState::OffBoarded), ..named("agent:coder") };
    assert!(apply(&authority, [gone], PLAIN).unwrap().notes.is_empty());
    assert_eq!(reason(&authority, &coder_edits()).word(), "actor_suspended");
}

#[test]
fn an_orphan_is_stopped_until_someone_owns_it() {
    let authority = orphan();
    let given = |owner: Option<&str>| vec![owned("agent:coder", owner, PrincipalState::Active)];
    refused(&authority, given(None), "owner_off_boarded", "needs a new owner");
    refused(&authority, given(Some("user:nobody")), "principal_unknown", "new owner of `agent:coder`");
    write(&authority, vec![owned("user:dave", None, PrincipalState::OffBoarded)]).unwrap();
    refused(&authority, given(Some("user:dave")), "owner_off_boarded", "cannot own `agent:coder`");
    assert_eq!(apply(&authority, [named("agent:coder")], PLAIN).unwrap_err().code(), "owner_off_boarded");
    assert_eq!(reason(&authority, &own()).word(), "owner_off_boarded");
    // It may be suspended besides, and its owner stays.
    write(&authority, vec![owned("agent:coder", Some("user:bob"), PrincipalState::Suspended)]).unwrap();
    write(&authority, given(Some("user:carol"))).unwrap();
    assert_eq!(reason(&authority, &own()).word(), "own_authority");
}

#[test]
fn who_takes_over_may_be_registered_later_in_the_transaction() {
    let authority = orphan();
    apply(&authority, [owned_by("agent:coder", "user:zoe"), named("user:zoe")], PLAIN).unwrap();
    assert_eq!(reason(&authority, &own()).word(), "own_authority");
}

#[test]
fn nobody_is_given_to_an_owner_who_left() {
    let authority = orphan();
    let changes = vec![owned("agent:new", Some("user:bob"), PrincipalState::Active)];
    refused(&authority, changes, "owner_off_boarded", "name another owner");
    let changes = vec![owned("agent:planner", Some("user:bob"), PrincipalState::Active)];
    refused(&authority, changes, "owner_off_boarded", "name another owner");
    // An owner nobody registered is fine, and may be let go again.
    write(&authority, vec![owned("agent:planner", Some("user:nobody"), PrincipalState::Active)]).unwrap();
    write(&authority, vec![principal("agent:planner")]).unwrap();
}
