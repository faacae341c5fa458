use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use prokura_api::grpc::v1;
use prokura_model::{ObjectRef, RelationName, Schema, SubjectRef, Terms, Timestamp, Value};
use prokura_testkit::{Context, Rng, generate::Case};

use super::server::Server;

/// A moment in the middle of what the generator makes, which both servers take for now.
const NOON: Timestamp = Timestamp(1_800_000_000_000);

/// What both servers hold.
pub(crate) struct World {
    pub(crate) schema: String,
    pub(crate) relationships: Vec<v1::Relationship>,
    model: Schema,
    objects: BTreeSet<ObjectRef>,
    contexts: Vec<Context>,
}

impl World {
    pub(crate) fn of(case: &Case) -> Self {
        let world = case.world_before();
        let model = world.schema.expect("a case has a schema");
        let mut objects = BTreeSet::new();
        let mut relationships = Vec::new();
        for (edge, terms) in &world.relationships {
            objects.insert(edge.resource.clone());
            if let SubjectRef::Object(object) | SubjectRef::Userset(object, _) = &edge.subject {
                objects.insert(object.clone());
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
        Self { schema: model.text().to_owned(), relationships, model, objects, contexts }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.schema)?;
        for edge in &self.relationships {
            writeln!(f, "{edge:?}")?;
        }
        Ok(())
    }
}

/// What is over at noon is long over for the servers, and what is not, long not.
fn moment(end: Timestamp) -> prost_types::Timestamp {
    const LONG_AGO: i64 = 1_000_000_000;
    const FAR_AWAY: i64 = 5_000_000_000;
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
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
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
pub(crate) fn explained(question: &Question, ours: &Answer, other: &Answer, world: &World) -> Option<&'static str> {
    let _ = (question, world);
    match (ours, other) {
        (_, Answer::Failed(message)) if message.contains("max depth") || message.contains("ResourceExhausted") => {
            Some("the other gives up on cycles")
        }
        (_, Answer::Failed(message)) if message.contains("BUG: cannot call HintForEntrypoint") => {
            Some("the other cannot list over `self` in `-` and `&`")
        }
        (Answer::Failed(_), Answer::Failed(_)) => Some("both fail, each in its words"),
        _ => None,
    }
}
