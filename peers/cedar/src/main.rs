//! W1 asked of Cedar, in process: the same relationships and questions, every answer compared, CPU time a question.
//!
//! `prokura bench data FOLDER` writes what is asked; this reads it. Cedar has no relationships, so they become entities:
//!
//! - a group's members (users and groups) have it as their parent;
//! - every folder and document that somebody holds a role on has an entity `Readers`, and whoever holds a role has it as
//!   their parent;
//! - a document has the attribute `readers`: the `Readers` of itself and of every folder above it.
//!
//! The last is more than Cedar is given elsewhere: the walk up the folders is done before the clock starts, because a policy
//! cannot do it. Moving a folder would mean writing every document below it anew.

use std::{
    collections::{HashMap, HashSet},
    env,
    error::Error,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};

const POLICY: &str = "permit(principal, action == Action::\"view\", resource) when { principal in resource.readers };";

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The relationships, as they are looked for here.
#[derive(Default)]
struct Read {
    /// For a user (`user:u1`) or group, what it is in: groups, and `Readers` of places.
    parents: HashMap<String, HashSet<EntityUid>>,
    /// For a place (`folder:f1`), the folder it is in.
    folder: HashMap<String, String>,
    documents: HashSet<String>,
    granted: HashSet<String>,
}

struct Question {
    user: String,
    document: String,
    allowed: bool,
}

fn main() -> Outcome<()> {
    let folder = env::args().nth(1).ok_or("name the folder that `prokura bench data FOLDER` wrote")?;
    let folder = Path::new(&folder);
    let read = read(&fs::read_to_string(folder.join("relationships.rels"))?)?;
    let questions = questions(&fs::read_to_string(folder.join("questions.txt"))?)?;

    let before = resident_bytes()?;
    let started = Instant::now();
    let entities = entities(&read)?;
    let took = started.elapsed();
    let bytes = resident_bytes()?.saturating_sub(before);
    println!("{} entities in {:.2} s, {} MB", entities.iter().count(), took.as_secs_f64(), bytes / 1_000_000);

    let policies: PolicySet = POLICY.parse()?;
    let (authorizer, action) =
        (Authorizer::new(), EntityUid::from_type_name_and_id("Action".parse()?, EntityId::new("view")));
    let (user, document): (EntityTypeName, EntityTypeName) = ("User".parse()?, "Document".parse()?);
    let ask = |question: &Question| -> Outcome<bool> {
        let principal = EntityUid::from_type_name_and_id(user.clone(), EntityId::new(&question.user));
        let resource = EntityUid::from_type_name_and_id(document.clone(), EntityId::new(&question.document));
        let request = Request::new(principal, action.clone(), resource, Context::empty(), None)?;
        Ok(authorizer.is_authorized(&request, &policies, &entities).decision() == Decision::Allow)
    };
    let mut wrong = 0;
    let mut latencies = Vec::with_capacity(questions.len());
    for question in &questions {
        let started = Instant::now();
        let allowed = ask(question)?;
        latencies.push(started.elapsed());
        wrong += usize::from(allowed != question.allowed);
    }
    let (cpu, started, mut asked) = (cpu_time()?, Instant::now(), 0_u32);
    while started.elapsed() < Duration::from_secs(3) {
        for question in &questions {
            wrong += usize::from(ask(question)? != question.allowed);
            asked += 1;
        }
    }
    let cpu = (cpu_time()? - cpu).as_secs_f64() * 1e6 / f64::from(asked);
    latencies.sort_unstable();
    let at = |hundredths: usize| latencies[latencies.len() * hundredths / 100].as_secs_f64() * 1e6;
    println!("{asked} checks: CPU {cpu:.2} us, p50 {:.2} us, p99 {:.2} us; wrong answers: {wrong}", at(50), at(99));
    if wrong > 0 { Err("answers differ from the slow evaluator's: this run does not count".into()) } else { Ok(()) }
}

/// `group:g1#member@user:u1`, `folder:f1#parent@folder:f0`, `document:d1#viewer@group:g1#member`
fn read(text: &str) -> Outcome<Read> {
    let mut read = Read::default();
    for line in text.lines() {
        let (resource, rest) = line.split_once('#').ok_or("a relationship has a relation")?;
        let (relation, subject) = rest.split_once('@').ok_or("a relationship has a subject")?;
        let subject = subject.trim_end_matches("#member");
        if resource.starts_with("document:") {
            read.documents.insert(resource.to_owned());
        }
        match relation {
            "parent" => {
                read.folder.insert(resource.to_owned(), subject.to_owned());
            }
            "member" => {
                read.parents.entry(subject.to_owned()).or_default().insert(uid(resource)?);
            }
            _ => {
                read.granted.insert(resource.to_owned());
                read.parents.entry(subject.to_owned()).or_default().insert(readers(resource)?);
            }
        }
    }
    Ok(read)
}

fn entities(read: &Read) -> Outcome<Entities> {
    let mut made = Vec::new();
    let mut named = HashSet::new();
    for (subject, parents) in &read.parents {
        made.push(Entity::new(uid(subject)?, HashMap::new(), parents.clone())?);
        named.insert(uid(subject)?);
    }
    for place in &read.granted {
        made.push(Entity::new(readers(place)?, HashMap::new(), HashSet::new())?);
    }
    for document in &read.documents {
        let mut above = vec![document];
        while let Some(folder) = above.last().and_then(|place| read.folder.get(*place)) {
            above.push(folder);
        }
        let readers: Vec<_> = above
            .into_iter()
            .filter(|place| read.granted.contains(*place))
            .map(|place| Ok(RestrictedExpression::new_entity_uid(readers(place)?)))
            .collect::<Outcome<_>>()?;
        let attributes = HashMap::from([("readers".to_owned(), RestrictedExpression::new_set(readers))]);
        made.push(Entity::new(uid(document)?, attributes, HashSet::new())?);
    }
    // Groups that are in nothing were named only as parents.
    let outer: HashSet<_> =
        read.parents.values().flatten().filter(|uid| uid.type_name().basename() == "Group").collect();
    for group in outer.into_iter().filter(|group| !named.contains(*group)) {
        made.push(Entity::new(group.clone(), HashMap::new(), HashSet::new())?);
    }
    Ok(Entities::from_entities(made, None)?)
}

/// `user:u1` → `User::"u1"`
fn uid(object: &str) -> Outcome<EntityUid> {
    let (kind, id) = object.split_once(':').ok_or("an object has a type")?;
    let name = match kind {
        "user" => "User",
        "group" => "Group",
        "document" => "Document",
        other => return Err(format!("`{other}` is no type of W1").into()),
    };
    Ok(EntityUid::from_type_name_and_id(name.parse()?, EntityId::new(id)))
}

fn readers(place: &str) -> Outcome<EntityUid> {
    Ok(EntityUid::from_type_name_and_id("Readers".parse()?, EntityId::new(place)))
}

/// `allow document:d1#view@user:u1`
fn questions(text: &str) -> Outcome<Vec<Question>> {
    let question = |line: &str| {
        let (word, rest) = line.split_once(' ')?;
        let (document, user) = rest.strip_prefix("document:")?.split_once("#view@user:")?;
        Some(Question { user: user.to_owned(), document: document.to_owned(), allowed: word == "allow" })
    };
    text.lines().map(|line| question(line).ok_or_else(|| format!("`{line}` is no question").into())).collect()
}

/// CPU time of this process, which has one thread.
fn cpu_time() -> Outcome<Duration> {
    let text = fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().ok_or("no CPU time in schedstat")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

fn resident_bytes() -> Outcome<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in status")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}
