use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use prokura_api::grpc::v1;
use prokura_model::{
    ObjectRef, RelationName, Relationship, Schema, SubjectRef, Terms, Timestamp, Value,
    schema::{AllowedSubject, Expression, Member},
};
use prokura_testkit::{Context, Rng, generate::Case};

use super::server::Server;

/// A moment in the middle of what the generator makes, which both servers take for now.
const NOON: Timestamp = Timestamp(1_800_000_000_000);

/// In seconds, when what is over is over, and the rest will be.
const LONG_AGO: i64 = 1_000_000_000;
const FAR_AWAY: i64 = 5_000_000_000;

/// What both servers hold.
pub(crate) struct World {
    pub(crate) schema: String,
    pub(crate) relationships: Vec<v1::Relationship>,
    model: Schema,
    objects: BTreeSet<ObjectRef>,
    contexts: Vec<Context>,
}

impl World {
    /// The case without its cycles, where the other answers nothing and takes exponential time over it: an edge that would
    /// close one is left out, and of permissions that lead back to themselves within one object there is no world. Without
    /// relationships, too, whose terms the other overlooks.
    pub(crate) fn of(case: &Case) -> Option<Self> {
        let world = case.world_before();
        let model = world.schema.expect("a case has a schema");
        if leads_back(&model) {
            return None;
        }
        let mut objects = BTreeSet::new();
        let mut relationships = Vec::new();
        let mut under: BTreeMap<&ObjectRef, Vec<&ObjectRef>> = BTreeMap::new();
        for (edge, terms) in &world.relationships {
            let bare = terms.caveat.is_none() && terms.expires_at.is_none();
            if !bare && overlooks(&model, edge) {
                continue;
            }
            objects.insert(edge.resource.clone());
            if let SubjectRef::Object(object) | SubjectRef::Userset(object, _) = &edge.subject {
                objects.insert(object.clone());
                if reaches(&under, object, &edge.resource) {
                    continue;
                }
                under.entry(&edge.resource).or_default().push(object);
            }
            relationships.push(v1::Relationship {
                resource: Some(object(&edge.resource)),
                relation: edge.relation.to_string(),
                subject: Some(subject(&edge.subject)),
                optional_caveat: caveat(terms),
                optional_expires_at: terms.expires_at.map(moment),
            });
        }
        let mut contexts = vec![Context::new()];
        for ask in &case.asks {
            if !contexts.contains(ask.context()) && contexts.len() < 3 {
                contexts.push(ask.context().clone());
            }
        }
        Some(Self { schema: model.text().to_owned(), relationships, model, objects, contexts })
    }
}

/// Whether the other's checks overlook the caveat or the end of this relationship: some do where its relation allows a
/// userset of the subject's type on other terms than the rest of that type. Its lists do not overlook it.
fn overlooks(model: &Schema, edge: &Relationship) -> bool {
    let definition = model.definition(edge.resource.kind.as_str());
    let Some(Member::Relation(relation)) = definition.and_then(|found| found.member(edge.relation.as_str())) else {
        return false;
    };
    let (mut usersets, mut terms) = (false, BTreeSet::new());
    for allowed in &relation.allowed {
        let kind = match &allowed.subject {
            AllowedSubject::Object(kind) | AllowedSubject::Wildcard(kind) | AllowedSubject::Userset(kind, _) => kind,
        };
        if kind == edge.subject.kind() {
            usersets |= matches!(allowed.subject, AllowedSubject::Userset(..));
            terms.insert((allowed.caveat.is_some(), allowed.expires));
        }
    }
    usersets && terms.len() > 1
}

/// Whether a permission of some definition rests on itself with no edge in between.
fn leads_back(model: &Schema) -> bool {
    model.definitions().values().any(|definition| {
        definition.members.keys().any(|start| {
            let (mut open, mut seen) = (vec![start], BTreeSet::new());
            while let Some(name) = open.pop() {
                let Some(Member::Permission(permission)) = definition.members.get(name) else { continue };
                let mut next = Vec::new();
                computed(&permission.expression, &mut next);
                if next.contains(&start) {
                    return true;
                }
                open.extend(next.into_iter().filter(|name| seen.insert(*name)));
            }
            false
        })
    })
}

/// The members of the same definition that an expression asks for.
fn computed<'a>(expression: &'a Expression, names: &mut Vec<&'a RelationName>) {
    match expression {
        Expression::Member(name) => names.push(name),
        Expression::Union(operands) | Expression::Intersection(operands) => {
            operands.iter().for_each(|operand| computed(operand, names));
        }
        Expression::Exclusion(one, other) => {
            computed(one, names);
            computed(other, names);
        }
        Expression::Arrow { .. } | Expression::Itself | Expression::Nil | Expression::Direct => {}
    }
}

/// Whether `to` is `from` or hangs under it.
fn reaches(under: &BTreeMap<&ObjectRef, Vec<&ObjectRef>>, from: &ObjectRef, to: &ObjectRef) -> bool {
    let (mut open, mut seen) = (vec![from], BTreeSet::new());
    while let Some(object) = open.pop() {
        if object == to {
            return true;
        }
        let next = under.get(object).into_iter().flatten().copied();
        open.extend(next.filter(|object| seen.insert(*object)));
    }
    false
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.schema)?;
        for edge in &self.relationships {
            writeln!(f, "{}", text(edge))?;
        }
        Ok(())
    }
}

/// As it is written in a validation file.
fn text(edge: &v1::Relationship) -> String {
    let resource = edge.resource.as_ref().map(|found| format!("{}:{}", found.object_type, found.object_id));
    let subject = edge.subject.as_ref().map(subject_text).unwrap_or_default();
    let mut text = format!("{}#{}@{subject}", resource.unwrap_or_default(), edge.relation);
    if let Some(caveat) = &edge.optional_caveat {
        text += &format!("[{}:{:?}]", caveat.caveat_name, caveat.context.clone().unwrap_or_default().fields);
    }
    if let Some(end) = &edge.optional_expires_at {
        text += if end.seconds == LONG_AGO { "[expired]" } else { "[expires]" };
    }
    text
}

fn subject_text(found: &v1::SubjectReference) -> String {
    let object = found.object.clone().unwrap_or_default();
    let relation = if found.optional_relation.is_empty() { "" } else { "#" };
    format!("{}:{}{relation}{}", object.object_type, object.object_id, found.optional_relation)
}

/// What is over at noon is long over for the servers, and what is not, long not.
fn moment(end: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: if NOON >= end { LONG_AGO } else { FAR_AWAY }, nanos: 0 }
}

fn caveat(terms: &Terms) -> Option<v1::ContextualizedCaveat> {
    let caveat = terms.caveat.as_ref()?;
    Some(v1::ContextualizedCaveat { caveat_name: caveat.name.to_string(), context: Some(members(&caveat.context)) })
}

fn members(context: &BTreeMap<String, Value>) -> prost_types::Struct {
    prost_types::Struct { fields: context.iter().map(|(name, found)| (name.clone(), value(found))).collect() }
}

fn value(found: &Value) -> prost_types::Value {
    use prost_types::value::Kind;
    let kind = match found {
        Value::Null => Kind::NullValue(0),
        Value::Bool(found) => Kind::BoolValue(*found),
        #[expect(
            clippy::cast_precision_loss,
            reason = "the wire knows no whole numbers, and the generator's are small"
        )]
        Value::Integer(found) => Kind::NumberValue(*found as f64),
        Value::Float(found) => Kind::NumberValue(*found),
        Value::String(found) => Kind::StringValue(found.clone()),
        Value::List(found) => Kind::ListValue(prost_types::ListValue { values: found.iter().map(value).collect() }),
        Value::Map(found) => Kind::StructValue(members(found)),
    };
    prost_types::Value { kind: Some(kind) }
}

fn object(found: &ObjectRef) -> v1::ObjectReference {
    v1::ObjectReference { object_type: found.kind.to_string(), object_id: id(found) }
}

/// The other server knows fewer ids.
fn id(found: &ObjectRef) -> String {
    if found.id.is_bare() {
        return found.id.as_str().to_owned();
    }
    found.id.as_str().bytes().fold("x-".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn subject(found: &SubjectRef) -> v1::SubjectReference {
    let (object, relation) = match found {
        SubjectRef::Object(found) => (object(found), String::new()),
        SubjectRef::Userset(found, relation) => (object(found), relation.to_string()),
        SubjectRef::Wildcard(kind) => {
            (v1::ObjectReference { object_type: kind.to_string(), object_id: "*".to_owned() }, String::new())
        }
    };
    v1::SubjectReference { object: Some(object), optional_relation: relation }
}

/// How somebody stands to something, from the worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    #[default]
    No,
    Conditional,
    Has,
}

/// How everybody stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) named: BTreeMap<String, Standing>,
    pub(crate) others: Standing,
}

impl Listed {
    /// Of two wildcards, who is excluded from both.
    pub(crate) fn either(&self, other: &Self) -> Self {
        let names: BTreeSet<String> = self.named.keys().chain(other.named.keys()).cloned().collect();
        let of = |listed: &Self, name: &String| listed.named.get(name).copied().unwrap_or(listed.others);
        let named = names.into_iter().map(|name| {
            let best = of(self, &name).max(of(other, &name));
            (name, best)
        });
        Self { named: named.collect(), others: self.others.max(other.others) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Stands(Standing),
    Listed(Listed),
    Failed(String),
}

pub(crate) type Answers = Vec<Answer>;

/// One question.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    Check { resource: v1::ObjectReference, permission: String, subject: v1::SubjectReference, context: Context },
    Resources { kind: String, permission: String, subject: v1::SubjectReference, context: Context },
    Subjects { resource: v1::ObjectReference, permission: String, kind: String, relation: String, context: Context },
}

impl Question {
    pub(crate) fn context(&self) -> Option<prost_types::Struct> {
        match self {
            Self::Check { context, .. } | Self::Resources { context, .. } | Self::Subjects { context, .. } => {
                Some(members(context))
            }
        }
    }

    pub(crate) fn item(&self) -> v1::CheckBulkPermissionsRequestItem {
        let Self::Check { resource, permission, subject, .. } = self else { panic!("only checks are asked in bulk") };
        v1::CheckBulkPermissionsRequestItem {
            resource: Some(resource.clone()),
            permission: permission.clone(),
            subject: Some(subject.clone()),
            context: self.context(),
        }
    }

    /// The check that decides whether one of a list's members belongs there.
    fn of_member(&self, member: &str) -> Option<Self> {
        match self {
            Self::Check { .. } => None,
            Self::Resources { kind, permission, subject, context } => Some(Self::Check {
                resource: v1::ObjectReference { object_type: kind.clone(), object_id: member.to_owned() },
                permission: permission.clone(),
                subject: subject.clone(),
                context: context.clone(),
            }),
            Self::Subjects { resource, permission, kind, relation, context } => Some(Self::Check {
                resource: resource.clone(),
                permission: permission.clone(),
                subject: v1::SubjectReference {
                    object: Some(v1::ObjectReference { object_type: kind.clone(), object_id: member.to_owned() }),
                    optional_relation: relation.clone(),
                },
                context: context.clone(),
            }),
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check { resource, permission, subject, context } => {
                let who = subject_text(subject);
                write!(f, "check {}:{}#{permission}@{who} {context:?}", resource.object_type, resource.object_id)
            }
            Self::Resources { kind, permission, subject, context } => {
                write!(f, "resources {kind}#{permission}@{} {context:?}", subject_text(subject))
            }
            Self::Subjects { resource, permission, kind, relation, context } => {
                let what = format!("{}:{}#{permission}", resource.object_type, resource.object_id);
                write!(f, "subjects {what} {kind}#{relation} {context:?}")
            }
        }
    }
}

/// What is asked about one world: every check of every object for a few subjects, and some lists.
pub(crate) struct Questions(Vec<Question>);

impl Questions {
    pub(crate) fn about(world: &World, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut all = Vec::new();
        let objects: Vec<&ObjectRef> = world.objects.iter().collect();
        let members: Vec<(String, RelationName)> = world
            .model
            .definitions()
            .values()
            .flat_map(|found| found.members.keys().map(|name| (found.name.to_string(), name.clone())))
            .collect();
        if objects.is_empty() || members.is_empty() {
            return Self(all);
        }
        let mut subjects: Vec<SubjectRef> = (0..4).map(|_| SubjectRef::Object((*rng.pick(&objects)).clone())).collect();
        if let Some(user) = objects.iter().find(|object| object.kind.as_str() == "user") {
            let stranger = ObjectRef::new(user.kind.as_str(), "somebody_else").expect("a legal name");
            subjects.push(stranger.into());
            subjects.push((*user).clone().into());
        }
        let of = |object: &ObjectRef| {
            members.iter().filter(|(kind, _)| *kind == object.kind.to_string()).collect::<Vec<_>>()
        };
        let with_members: Vec<&ObjectRef> = objects.iter().copied().filter(|object| !of(object).is_empty()).collect();
        for _ in 0..2 {
            if with_members.is_empty() {
                break;
            }
            let object = *rng.pick(&with_members);
            subjects.push(SubjectRef::Userset(object.clone(), rng.pick(&of(object)).1.clone()));
        }
        for who in &subjects {
            let context = rng.pick(&world.contexts).clone();
            for what in objects.iter().take(20) {
                for (_, name) in of(what) {
                    all.push(Question::Check {
                        resource: object(what),
                        permission: name.to_string(),
                        subject: subject(who),
                        context: context.clone(),
                    });
                }
            }
            for _ in 0..3 {
                let (kind, permission) = rng.pick(&members).clone();
                let permission = permission.to_string();
                all.push(Question::Resources { kind, permission, subject: subject(who), context: context.clone() });
            }
            if !with_members.is_empty() {
                let what = *rng.pick(&with_members);
                let permission = rng.pick(&of(what)).1.to_string();
                let relation = match who {
                    SubjectRef::Userset(_, relation) => relation.to_string(),
                    SubjectRef::Object(_) | SubjectRef::Wildcard(_) => String::new(),
                };
                let kind = who.kind().to_string();
                all.push(Question::Subjects { resource: object(what), permission, kind, relation, context });
            }
        }
        Self(all)
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Question> {
        self.0.iter()
    }

    pub(crate) async fn ask(&self, server: &Server) -> Answers {
        let checks: Vec<&Question> =
            self.0.iter().filter(|question| matches!(question, Question::Check { .. })).collect();
        let mut checked = server.checks(&checks).await.into_iter();
        let mut answers = Vec::new();
        for question in &self.0 {
            answers.push(match question {
                Question::Check { .. } => checked.next().unwrap_or_else(|| Answer::Failed("no answer".to_owned())),
                Question::Resources { kind, permission, subject, .. } => {
                    server.resources(kind, permission, subject, question).await
                }
                Question::Subjects { resource, permission, kind, relation, .. } => {
                    server.subjects(resource, permission, kind, relation, question).await
                }
            });
        }
        answers
    }
}

/// Why the two differ, where that is known and meant.
pub(crate) fn explained(ours: &Answer, other: &Answer) -> Option<&'static str> {
    match (ours, other) {
        (_, Answer::Failed(message)) if message.contains("cannot call HintForEntrypoint") => {
            Some("the other cannot list over `self` in `-` and `&`")
        }
        (_, Answer::Failed(message)) if message.contains("evaluation error for caveat") => {
            Some("the other fails where a caveat fails that decides nothing")
        }
        (Answer::Failed(_), Answer::Failed(_)) => Some("both fail, each in its words"),
        _ => None,
    }
}

/// How the other contradicts itself, if it does and its single checks say what ours say: for a check asked in bulk, of every
/// member of either list, and of somebody in neither.
pub(crate) async fn contradiction(
    question: &Question,
    ours: &Answer,
    other: &Answer,
    server: &Server,
) -> Option<&'static str> {
    match (ours, other) {
        (Answer::Stands(_), Answer::Stands(_)) => {
            let alone = server.check(question).await;
            (alone == *ours).then_some("the other answers a check in bulk otherwise than alone, and alone like ours")
        }
        (Answer::Listed(ours), Answer::Listed(theirs)) => {
            let mut members: BTreeSet<&str> =
                ours.named.keys().chain(theirs.named.keys()).map(String::as_str).collect();
            members.insert("nobody_there_is");
            for member in members {
                let check = question.of_member(member)?;
                let stands = ours.named.get(member).copied().unwrap_or(ours.others);
                if server.check(&check).await != Answer::Stands(stands) {
                    return None;
                }
            }
            Some("the other's list is not what its own checks say, and ours is")
        }
        _ => None,
    }
}
