//! The oracle on cases worked out by hand.

use std::collections::{BTreeMap, BTreeSet};

use prokura_model::{
    CaveatName, Change, Reason, Relationship, RelationshipOnTerms, Schema, Timestamp, TypeName, Value,
    schema::{Allowed, AllowedSubject, Definition, Expression, Member, Relation},
};
use prokura_testkit::{Answer, Ask, Candidate, Context, List, Question, Standing, Verdict, World};

/// A world of this schema and these relationships, one a line.
fn world(schema: &str, edges: &str) -> World {
    let mut changes = vec![Change::SchemaWritten(schema.to_owned())];
    for line in edges.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let RelationshipOnTerms { relationship, terms } = line.parse().expect("a relationship");
        changes.push(Change::RelationshipTouched(relationship, terms));
    }
    World::of(&changes)
}

/// What a check says, the question written like a relationship.
fn check(world: &World, text: &str) -> String {
    check_with(world, text, &[])
}

/// The same, with some things known.
fn check_with(world: &World, text: &str, known: &[(&str, Value)]) -> String {
    let Relationship { resource, relation: permission, subject } = text.parse().expect("a question");
    let context: Context = known.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let now = Timestamp(1);
    let answer = world.answer(&Ask::Check { resource, permission, subject, context, now });
    assert!(!matches!(answer, Answer::Decided(_)), "a check is no decision");
    answer.to_string()
}

const DOCUMENTS: &str = "
    definition user {}
    definition group {
        relation member: user | group#member
    }
    definition folder {
        relation parent: folder
        relation viewer: user | user:* | group#member
        relation banned: user | group#member
        permission view = viewer + parent->view
        permission see = view - banned
        permission both = viewer & view
    }";

#[test]
fn wildcards_stand_for_objects_of_their_type_and_never_for_usersets() {
    let world = world(DOCUMENTS, "folder:a#viewer@user:*");
    assert_eq!(check(&world, "folder:a#view@user:anyone"), "has");
    assert_eq!(check(&world, "folder:a#view@group:g#member"), "has_not");
    assert_eq!(check(&world, "folder:a#view@group:g"), "has_not");
    assert_eq!(check(&world, "folder:a#view@user:*"), "error wildcard_subject");
}

#[test]
fn a_userset_is_its_own_member_and_one_it_is_related_to() {
    let world =
        world(DOCUMENTS, "folder:a#viewer@group:g#member\ngroup:g#member@group:h#member\ngroup:h#member@user:u");
    for subject in ["group:g#member", "group:h#member", "user:u", "folder:a#view", "folder:a#viewer"] {
        assert_eq!(check(&world, &format!("folder:a#view@{subject}")), "has", "{subject}");
    }
    assert_eq!(check(&world, "folder:a#view@group:i#member"), "has_not");
    assert_eq!(check(&world, "folder:a#viewer@folder:a#view"), "has_not");
}

#[test]
fn cycles_in_the_data_add_nothing() {
    let world = world(DOCUMENTS, "folder:a#parent@folder:b\nfolder:b#parent@folder:a\ngroup:g#member@group:g#member");
    assert_eq!(check(&world, "folder:a#view@user:u"), "has_not");
    assert_eq!(check(&world, "group:g#member@user:u"), "has_not");
}

#[test]
fn what_is_inherited_around_a_cycle_is_inherited() {
    let world = world(DOCUMENTS, "folder:a#parent@folder:b\nfolder:b#parent@folder:a\nfolder:b#viewer@user:u");
    assert_eq!(check(&world, "folder:a#view@user:u"), "has");
    assert_eq!(check(&world, "folder:b#view@user:u"), "has");
    assert_eq!(check(&world, "folder:a#both@user:u"), "has_not");
    assert_eq!(check(&world, "folder:b#both@user:u"), "has");
}

const GAMES: &str = "
    definition user {}
    definition position {
        relation player: user
        relation move: position
        permission win = player - move->win
        permission twice = player - (player - move->twice)
        permission certain = player - (win & nobody)
        permission nobody = player & move
    }";

/// The game of who cannot move loses, the well-founded model's own example.
#[test]
fn a_position_is_won_lost_or_undecidable() {
    let edges = "
        position:a#player@user:u
        position:b#player@user:u
        position:c#player@user:u
        position:d#player@user:u
        position:e#player@user:u
        position:f#player@user:u
        position:a#move@position:b
        position:b#move@position:c
        position:d#move@position:e
        position:e#move@position:d
        position:e#move@position:f";
    let world = world(GAMES, edges);
    for (position, right) in
        [("c", "has"), ("b", "has_not"), ("a", "has"), ("f", "has"), ("e", "has_not"), ("d", "has")]
    {
        assert_eq!(check(&world, &format!("position:{position}#win@user:u")), right, "{position}");
    }
}

#[test]
fn what_depends_on_its_own_absence_is_undecidable_and_nothing_else_is() {
    let edges = "
        position:a#player@user:u
        position:b#player@user:u
        position:a#move@position:b
        position:b#move@position:a
        position:c#player@user:u
        position:c#move@position:c";
    let world = world(GAMES, edges);
    assert_eq!(check(&world, "position:a#win@user:u"), "error undecidable");
    assert_eq!(check(&world, "position:c#win@user:u"), "error undecidable");
    // Two exclusions do not make it a plain cycle.
    assert_eq!(check(&world, "position:c#twice@user:u"), "error undecidable");
    // Undefined and false is false; nothing is taken away by it.
    assert_eq!(check(&world, "position:c#certain@user:u"), "has");
    // Who is no player is none, whatever the moves.
    assert_eq!(check(&world, "position:c#win@user:other"), "has_not");
}

#[test]
fn names_the_schema_does_not_have_are_errors() {
    let world = world(DOCUMENTS, "");
    assert_eq!(check(&world, "nowhere:a#view@user:u"), "error type_unknown");
    assert_eq!(check(&world, "folder:a#fly@user:u"), "error member_unknown");
    assert_eq!(check(&world, "folder:a#view@nobody:u"), "error type_unknown");
    assert_eq!(check(&world, "folder:a#view@group:g#fly"), "error member_unknown");
    assert_eq!(check(&World::default(), "folder:a#view@user:u"), "error no_schema");
}

const ON_TERMS: &str = "
    use expiration
    caveat switched(on bool) { on }
    caveat dimmed(off bool) { off }
    caveat shared(amount int, parts int) { amount / parts > 1 }
    definition user {}
    definition folder {
        relation next: folder | folder with switched
        relation viewer: user | user with switched | user with dimmed | user with expiration
        relation editor: user | user with switched | user with dimmed | user with shared | user with expiration
        permission either = viewer + editor
        permission both = viewer & editor
        permission without = viewer - editor
        permission around = viewer + (next->around & editor)
        permission lost = editor - next->lost
    }";

#[test]
fn what_is_not_known_is_named_by_everything_that_takes_part() {
    let world = world(ON_TERMS, "folder:a#viewer@user:u[switched]\nfolder:a#editor@user:u[dimmed]");
    for permission in ["either", "both", "without"] {
        assert_eq!(check(&world, &format!("folder:a#{permission}@user:u")), "conditional off,on", "{permission}");
    }
    let on = |on: bool| [("on", Value::Bool(on))];
    assert_eq!(check_with(&world, "folder:a#either@user:u", &on(true)), "has");
    assert_eq!(check_with(&world, "folder:a#either@user:u", &on(false)), "conditional off");
    assert_eq!(check_with(&world, "folder:a#both@user:u", &on(false)), "has_not");
    assert_eq!(check_with(&world, "folder:a#without@user:u", &on(false)), "has_not");
    assert_eq!(check_with(&world, "folder:a#without@user:u", &on(true)), "conditional off");
}

#[test]
fn a_caveat_that_fails_is_an_error_unless_nothing_depends_on_it() {
    let edges = "folder:a#viewer@user:u[switched]\nfolder:a#editor@user:u[shared:{\"amount\":4,\"parts\":0}]";
    let world = world(ON_TERMS, edges);
    // Names are missing too, but no value of theirs would give an answer to all three.
    for permission in ["either", "both", "without"] {
        assert_eq!(check(&world, &format!("folder:a#{permission}@user:u")), "error caveat_failed", "{permission}");
    }
    assert_eq!(check_with(&world, "folder:a#either@user:u", &[("on", Value::Bool(true))]), "has");
    assert_eq!(check_with(&world, "folder:a#both@user:u", &[("on", Value::Bool(false))]), "has_not");
}

#[test]
fn where_a_circle_and_a_caveat_take_part_either_may_be_told() {
    let edges = "folder:a#editor@user:u\nfolder:a#next@folder:a[switched]";
    let world = world(ON_TERMS, edges);
    assert_eq!(check(&world, "folder:a#lost@user:u"), "conditional on | error undecidable");
    assert_eq!(check_with(&world, "folder:a#lost@user:u", &[("on", Value::Bool(true))]), "error undecidable");
    assert_eq!(check_with(&world, "folder:a#lost@user:u", &[("on", Value::Bool(false))]), "has");
}

#[test]
fn a_circle_without_exclusion_is_never_undecidable() {
    let edges = "folder:a#viewer@user:u[switched]\nfolder:a#editor@user:u[shared:{\"amount\":4,\"parts\":0}]
        folder:a#next@folder:a";
    let world = world(ON_TERMS, edges);
    assert_eq!(check(&world, "folder:a#around@user:u"), "error caveat_failed | conditional on");
}

#[test]
fn answers_agree_on_some_of_the_missing_names_and_on_nothing_else() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let right = Answer::Conditional(names(&["day", "on"]));
    assert!(right.agrees_with(&Answer::Conditional(names(&["day", "on"]))));
    assert!(right.agrees_with(&Answer::Conditional(names(&["on"]))));
    for wrong in [
        Answer::Conditional(names(&[])),
        Answer::Conditional(names(&["on", "other"])),
        Answer::Has,
        Answer::HasNot,
        Answer::Failed("undecidable".to_owned()),
    ] {
        assert!(!right.agrees_with(&wrong), "{wrong}");
    }
    let either = Answer::one_of([right, Answer::Failed("undecidable".to_owned())]);
    assert!(either.agrees_with(&Answer::Failed("undecidable".to_owned())));
    assert!(either.agrees_with(&Answer::Conditional(names(&["day"]))));
    assert!(!either.agrees_with(&Answer::Failed("caveat_failed".to_owned())));
    assert!(!either.agrees_with(&Answer::Has));
}

#[test]
fn lists_agree_if_everybody_stands_the_same_in_both() {
    let list = |named: &[(&str, Standing)], others: Standing| {
        let named: BTreeMap<_, _> =
            named.iter().map(|(name, standing)| ((*name).to_owned(), standing.clone())).collect();
        Answer::Listed(List { named, others })
    };
    let right = list(&[("bob", Standing::HasNot)], Standing::Has);
    assert!(right.agrees_with(&list(&[("alice", Standing::Has), ("bob", Standing::HasNot)], Standing::Has)));
    assert!(!right.agrees_with(&list(&[], Standing::Has)), "bob is excepted");
    assert!(!right.agrees_with(&list(&[("alice", Standing::HasNot), ("bob", Standing::HasNot)], Standing::Has)));
    assert!(!right.agrees_with(&list(&[("alice", Standing::Has)], Standing::HasNot)), "the wildcard is missing");
    assert!(list(&[], Standing::HasNot).agrees_with(&list(&[("alice", Standing::HasNot)], Standing::HasNot)));
}

/// How long an allow may be said to hold.
fn until(world: &World, permission: &str) -> Vec<Option<u64>> {
    let question = Question {
        actor: "user:u".parse().expect("an object"),
        delegation: None,
        permission: permission.parse().expect("a permission"),
        resource: "folder:a".parse().expect("an object"),
        arguments: Context::new(),
        credential: None,
        tool_schema: None,
        context: Context::new(),
    };
    let answers = match world.answer(&Ask::Decide { question, now: Timestamp(1) }) {
        Answer::OneOf(answers) => answers,
        one => vec![one],
    };
    let until = answers.into_iter().map(|answer| match answer {
        Answer::Decided(Verdict { reason: Reason::OwnAuthority, valid_until, .. }) => valid_until.map(|until| until.0),
        other => panic!("{other} is no allow"),
    });
    until.collect()
}

#[test]
fn an_allow_holds_until_an_edge_ends_and_no_longer_than_it_would_be_given_again() {
    let edges = "folder:a#viewer@user:u[expiration:1970-01-01T00:00:10Z]\nfolder:a#editor@user:u[expiration:1970-01-01T00:00:20Z]";
    let world = world(ON_TERMS, edges);
    assert_eq!(until(&world, "viewer"), [Some(10_000)]);
    assert_eq!(until(&world, "both"), [Some(10_000)]);
    assert_eq!(until(&world, "either"), [Some(20_000), Some(10_000)]);
}

/// `define viewer: [user] or editor but not banned`, as OpenFGA has it: edges and more.
#[test]
fn a_relation_may_be_computed_from_its_own_edges() {
    let name = |name: &str| prokura_model::RelationName::new(name).expect("a name");
    let user = AllowedSubject::Object(TypeName::new("user").expect("a name"));
    let relation = |at: &str, computed: Option<Expression>| {
        let allowed = vec![Allowed::plain(user.clone())];
        let relation = Relation { name: name(at), doc: None, allowed, computed };
        (name(at), Member::Relation(relation))
    };
    let union = Expression::Union(vec![Expression::Direct, Expression::Member(name("editor"))]);
    let computed = Expression::Exclusion(Box::new(union), Box::new(Expression::Member(name("banned"))));
    let definitions = [
        ("user", BTreeMap::new()),
        (
            "document",
            BTreeMap::from([relation("viewer", Some(computed)), relation("editor", None), relation("banned", None)]),
        ),
    ];
    let definitions = definitions.into_iter().map(|(kind, members)| {
        let kind = TypeName::new(kind).expect("a name");
        (kind.clone(), Definition { name: kind, doc: None, members, attributes: BTreeMap::new() })
    });
    let caveats: BTreeMap<CaveatName, prokura_model::schema::Caveat> = BTreeMap::new();
    let schema = Schema::from_other_language(String::new(), definitions.collect(), caveats);
    let mut world = World { schema: Some(schema), ..World::default() };
    for edge in
        ["document:a#viewer@user:u", "document:a#editor@user:e", "document:a#viewer@user:b", "document:a#banned@user:b"]
    {
        world.apply(&[Change::touched(edge.parse().expect("a relationship"))], Timestamp(1));
    }
    assert_eq!(check(&world, "document:a#viewer@user:u"), "has");
    assert_eq!(check(&world, "document:a#viewer@user:e"), "has");
    assert_eq!(check(&world, "document:a#viewer@user:b"), "has_not");
    assert_eq!(check(&world, "document:a#editor@user:u"), "has_not");
}
