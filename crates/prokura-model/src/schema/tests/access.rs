use super::*;

const SCHEMA: &str = "use access
use expiration
definition user {}
definition service {
    relation owner: user
    relation deployer: user
    relation temporary: user with expiration
    permission approve = owner
    permission usual = deployer + temporary
    permission deploy = usual - nobody
    relation nobody: user
    permission restart = deployer
}
definition host {
    relation admin: user
    relation temporary: user with expiration
    permission approve = admin
    permission login = admin + temporary
}
";

fn with(access: &str) -> String {
    format!("{SCHEMA}{access}")
}

fn problems_of(access: &str) -> String {
    said(&Schema::parse(&with(access)).unwrap_err())
}

#[test]
fn what_can_be_asked_for_is_read() {
    let text = with(
        "// To deploy, for a while.
access deploy_now on service#deploy, host#login {
    ask service#approve, host#approve; for at most 4h
    relation temporary
    ticket required; origin may answer
}
access emergency on service#deploy { ask service#approve; for at most 15m; relation temporary; break glass }
access never on service#restart { refuse }
access freely on service#usual { grant; for at most 90s; relation temporary }",
    );
    let schema = parsed(&text);
    let [first, emergency, never, freely] = schema.access() else { panic!("four items") };
    assert_eq!(first.doc.as_deref(), Some("To deploy, for a while."));
    assert_eq!((first.at_most_ms, first.ticket_required, first.origin_may_answer), (14_400_000, true, true));
    assert_eq!(first.relation.as_ref().map(RelationName::as_str), Some("temporary"));
    let kind = |text: &str| TypeName::new(text).unwrap();
    let name = |text: &str| RelationName::new(text).unwrap();
    assert_eq!(first.asks(&kind("host")), Some(&name("approve")));
    assert_eq!(first.asks(&kind("user")), None);
    assert_eq!((emergency.at_most_ms, emergency.break_glass), (900_000, true));
    assert_eq!((&never.answer, never.at_most_ms), (&AccessAnswer::Refuse, 0));
    assert_eq!((&freely.answer, freely.at_most_ms), (&AccessAnswer::Grant, 90_000));
    assert_eq!(schema.access_to(&kind("service"), &name("deploy"), false).next(), Some(first));
    assert_eq!(schema.access_to(&kind("service"), &name("deploy"), true).next(), Some(emergency));
    assert_eq!(schema.access_to(&kind("host"), &name("approve"), false).next(), None);
}

const CONDITIONED: &str = "use access
use guards
use expiration
definition user { attribute level int; }
definition change { attribute state string; attribute tags list<string>; }
definition bare {}
definition service {
    attribute environment string
    relation owner: user
    relation temporary: user with expiration
    permission approve = owner
    permission deploy = temporary
}
";

#[test]
fn items_may_say_when_they_apply_and_whose_the_ticket_is() {
    let text = format!(
        "{CONDITIONED}access one on service#deploy {{
    when resource.environment == 'staging' &&
        origin.level > 3 &&
        ticket.state == 'approved' && ('urgent' in ticket.tags ||
        now < task.expires_at)
    ticket  change  required; grant
    for at most 1h
    relation temporary
}}
access two on service#deploy {{ when actor.level > 1; refuse }}
access three on service#deploy {{ when 'x' in run.environment
    refuse }}
access four on service#deploy {{ refuse }}"
    );
    let schema = parsed(&text);
    let [one, two, three, four] = schema.access() else { panic!("four items") };
    let read = |item: &AccessItem| item.when.as_ref().map(|when| when.parameters_used().join(" "));
    assert_eq!(
        read(one).as_deref(),
        Some("now resource.environment origin.level task.expires_at ticket.state ticket.tags")
    );
    assert_eq!((one.ticket_type.as_ref().map(TypeName::as_str), one.ticket_required), (Some("change"), true));
    assert_eq!([two, three, four].map(|item| read(item).is_some()), [true, true, false]);
    let formatted = format(&text).unwrap();
    assert_eq!(format(&formatted).unwrap(), formatted);
    assert_eq!(diff(&schema, &parsed(&formatted)), []);
    assert!(formatted.contains("\tticket change required\n\tgrant\n"), "{formatted}");
}

#[test]
fn what_is_wrong_with_when_they_apply_is_said_with_its_place() {
    let mut wrong = String::new();
    for (access, expected) in [
        ("when resource.enviroment == 'x'; refuse", "14:37: access item `now`: `resource` has no `enviroment`"),
        ("when ticket.state == 'x'; refuse", "14:37: access item `now`: undeclared reference to `ticket`"),
        (
            "when has(ticket.state); ticket change required; refuse",
            "`has(ticket.state)` is not for what a question names",
        ),
        ("when ticket == 'x'; ticket change required; refuse", "`ticket` is no value"),
        ("when chain.length > 1; refuse", "undeclared reference to `chain`"),
        ("when true; when true; refuse", "14:43: this is said twice"),
        ("ticket chnge required; refuse", "14:39: the schema defines no type `chnge`; did you mean `change`?"),
        ("ticket bare required; refuse", "14:39: `bare` declares no attributes"),
        ("ticket change; refuse", "where `required` was expected"),
        ("refuse }\naccess later on service#deploy { when true; refuse", "can be asked for already"),
    ] {
        let found =
            said(&Schema::parse(&format!("{CONDITIONED}access now on service#deploy {{ {access} }}")).unwrap_err());
        if !found.contains(expected) {
            wrong += &format!("{access}\n{expected}\n{found}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn without_the_flag_the_words_are_names() {
    let schema =
        parsed("definition user {}\ndefinition access {\n relation access: user\n permission use_it = access\n}");
    assert!(schema.definition("access").is_some());
    let refused = Schema::parse("definition user {}\naccess now on user#x { grant }").unwrap_err();
    assert_eq!(refused[0].help.as_deref(), Some("`access` needs `use access` at the top of the text"));
}

#[test]
fn it_is_formatted_and_formatting_again_changes_nothing() {
    let text = with(
        "access   deploy_now on service # deploy,host#login{ // why
ask service#approve  ,  host#approve; for at   most 4h;

// the edge
relation temporary; ticket required
}",
    );
    let formatted = format(&text).unwrap();
    let item = formatted.split("access deploy_now").nth(1).unwrap();
    assert_eq!(
        item,
        " on service#deploy, host#login { // why\n\task service#approve, host#approve\n\tfor at most 4h\n\n\t// the edge\n\t\
         relation temporary\n\tticket required\n}\n"
    );
    assert_eq!(format(&formatted).unwrap(), formatted);
    assert_eq!(parsed(&formatted).access(), parsed(&text).access());
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let mut wrong = String::new();
    for (access, expected) in [
        ("access now on service#deploy { }", "20:8: it does not say how a request is answered"),
        ("access now on service#deploy { grant }", "20:8: it does not say how long it is granted"),
        (
            "access now on service#deploy { grant; grant }",
            "20:39: one of `ask`, `grant` and `refuse` is said, and once",
        ),
        ("access now on service#deploy { refuse; for at most 1h }", "20:8: what is refused has no length"),
        (
            "access now on service#deploy { grant; for at most 1h; break glass }",
            "20:8: who breaks the glass is reviewed",
        ),
        ("access now on service#deploy { grant; for at most 1h; origin may answer }", "20:8: nobody is asked"),
        ("access now on service#deploy { grant; for at most 91d }", "20:51: `91d` is no length that can be granted"),
        ("access now on service#deploy { grant; for at most 0s }", "20:51: `0s` is no length that can be granted"),
        ("access now on service#deploy { grant; for at most soon }", "20:51: `soon` is no length that can be granted"),
        (
            "access now on service#deplyo { grant; for at most 1h }",
            "20:23: type `service` has no relation or permission `deplyo`; did you mean `deploy`?",
        ),
        ("access now on servce#deploy { grant; for at most 1h }", "20:15: the schema defines no type `servce`"),
        ("access now on service#deploy { ask host#approve; for at most 1h }", "nobody is asked about `service`"),
        (
            "access now on service#deploy { ask service#approve, service#deploy; for at most 1h }",
            "two permissions are asked on `service`",
        ),
        (
            "access now on service#deploy { grant; for at most 1h; relation usual }",
            "20:64: `usual` is a permission of `service`",
        ),
        (
            "access now on service#deploy { grant; for at most 1h; relation deployer }",
            "20:64: relation `service#deployer` allows nobody for a time",
        ),
        (
            "access now on service#restart { grant; for at most 1h; relation temporary }",
            "20:65: who stands in `service#temporary` does not have `restart` by that",
        ),
        (
            "access now on service#deploy { refuse }\naccess now on service#restart { refuse }",
            "21:8: there are two access items `now`",
        ),
        (
            "access now on service#deploy { refuse }\naccess later on service#deploy { refuse }",
            "21:25: `service#deploy` can be asked for already",
        ),
        ("access now on service#deploy { grnat }", "did you mean `grant`?"),
        ("access now on service#deploy { refuse", "20:1: the access item `now` is never closed by `}`"),
        ("access now on service#deploy { refuse grant }", "20:39: `grant` where the end of the statement was expected"),
        ("access now for service#deploy { refuse }", "20:12: `for` where `on` was expected"),
    ] {
        let found = problems_of(access);
        if !found.contains(expected) {
            wrong += &format!("{access}\n{expected}\n{found}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn its_differences_are_told() {
    let before = with("access now on service#deploy { refuse }\naccess old on host#login { refuse }");
    let after = with(
        "// New.\naccess now on service#deploy { grant; for at most 1h; relation temporary }\naccess new on host#login { refuse }",
    );
    let told: Vec<_> =
        diff(&parsed(&before), &parsed(&after)).iter().map(|found| (found.word(), found.place())).collect();
    let expected = ["access_added new", "access_doc_changed now", "access_changed now", "access_removed old"];
    assert_eq!(told.iter().map(|(word, place)| format!("{word} {place}")).collect::<Vec<_>>(), expected);
    assert_eq!(diff(&parsed(&before), &parsed(&after))[1].to_string(), "access `now` has another comment");
}
