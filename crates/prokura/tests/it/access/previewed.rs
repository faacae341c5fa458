//! The preview of an off-boarding tells of the requests that end with it.

use super::*;

#[test]
fn an_off_boarding_shows_the_requests_that_end_and_is_held_to_them() {
    let (authority, _) = at_noon();
    let granted = requested(&authority, coder_asks()).unwrap();
    answered(&authority, &granted.id, "user:olga", yes()).unwrap();
    let before = authority.off_boarding(&tenant(), &OffBoard::of(object("user:alice"))).unwrap();
    let waiting = requested(&authority, asking("agent:coder", "deploy", "service:api", Some("wide")));
    // The cap does not carry that, so it is asked for, too.
    let waiting = waiting.unwrap();
    let other = requested(&authority, asking("agent:narrow", "deploy", "service:web", Some("narrow"))).unwrap();
    let previewed = authority.off_boarding(&tenant(), &OffBoard::of(object("user:alice"))).unwrap();
    let ids: BTreeSet<_> = previewed.requests.sample.iter().map(|request| request.id.clone()).collect();
    assert_eq!(ids, BTreeSet::from([granted.id.clone(), waiting.id.clone()]));
    assert_eq!((previewed.requests.count, before.requests.count), (2, 1));
    assert_ne!(previewed.digest, before.digest, "somebody asked for something more");
    let off_board = |digest: String| {
        let wanted = OffBoard::of(object("user:alice"));
        authority.off_board(&tenant(), Provenance::new("key:k", ""), wanted, Some(digest))
    };
    assert_eq!(off_board(before.digest).unwrap_err().code(), "off_boarding_changed");
    let done = off_board(previewed.digest.clone()).unwrap().off_boarding;
    assert_eq!((done.requests.count, done.digest), (2, previewed.digest));
    let stored = |id: &RequestId| snapshot(&authority).request(id).unwrap().unwrap();
    let now = authority.now();
    assert_eq!(stored(&waiting.id).state_at(now), RequestState::Cancelled);
    assert!(stored(&granted.id).live_grant(now).is_none());
    assert!(stored(&other.id).is_open(now), "what is under another task goes on");
}
