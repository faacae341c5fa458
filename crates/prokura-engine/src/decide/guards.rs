//! Step 10: the guards on the permission that was asked for. They only ever narrow.

use std::collections::{BTreeMap, BTreeSet};

use prokura_model::{
    Action, ApprovalId, Credential, FiredGuard, GuardName, ObjectId, ObjectRef, Reason, Task, Timestamp, TypeName,
    Value,
    condition::{Condition, Evaluation},
    schema::{Clause, Guard, Parameters},
};

use super::{
    Posed, Taking, Verdict, Walk,
    approval::{Approvals, Met},
    run::Run,
};
use crate::{Context, View, program::Program};

/// What a guard demands that nobody gave yet.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldFor {
    /// Which guard.
    pub guard: GuardName,
    /// What it demands: [`Clause::Approval`] or [`Clause::Confirmation`].
    pub demand: Clause,
    /// What has to be approved, to the letter.
    pub action: Box<Action>,
    /// Whether it was approved, and something used that up.
    pub used: bool,
}

/// From where guards look at a request.
#[derive(Clone, Copy)]
pub(super) struct Standpoint<'s> {
    pub(super) resource: &'s ObjectRef,
    pub(super) actor: Actor<'s>,
    pub(super) task: Option<&'s Task>,
    /// How many links the chain has, and whether one of them dispatches.
    pub(super) chain: (usize, bool),
    /// What the run has touched so far; none without a task.
    pub(super) run: Option<Run<'s>>,
    pub(super) credential: Option<&'s Credential>,
    /// What the question brings for parameters.
    pub(super) values: &'s Context,
    pub(super) now: Timestamp,
    /// Where approvals are found; in lists, which are about no exact action, nowhere.
    pub(super) approvals: Option<Approvals<'s>>,
}

/// Who acts.
#[derive(Clone, Copy)]
pub(super) enum Actor<'s> {
    Known(&'s ObjectRef),
    /// Whoever of the type has no attributes. Of whom nothing is known, not even the id, guards that ask for it fail.
    Anyone(&'s TypeName),
}

/// What guards make of an allow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Narrowing {
    /// Why it is no allow any more, if it is none; and in words.
    pub(super) verdict: Option<(Reason, String)>,
    /// Own parameters of guards that have no value, where it depends on them.
    pub(super) missing: Vec<String>,
    /// What it is held for.
    held: Option<HeldFor>,
    /// The guards that applied, by name.
    fired: Vec<FiredGuard>,
    /// Whether one of them wants the decision on disk before it is answered.
    record_first: bool,
    /// The approvals that it rests on and that one use uses up.
    used_up: Vec<ApprovalId>,
}

/// What a condition came to.
pub(super) enum Said {
    Yes,
    No,
    /// It depends on these own parameters of the guard.
    Missing(Vec<String>),
    Failed(String),
}

impl Walk<'_> {
    /// What the guards on the permission make of an allow.
    pub(super) fn narrowed(&mut self, posed: &Posed<'_>, allowed: Verdict) -> Verdict {
        let guards = posed.program.guards(posed.member);
        if guards.is_empty() {
            return allowed;
        }
        self.found.guarded = true;
        let question = posed.question;
        let task = self.found.task.as_ref().filter(|_| question.delegation.is_some());
        let task = task.and_then(|id| self.head.index.tasks.at(id, self.head.revision, self.guard));
        let task = task.map(|(_, task)| &**task);
        let (head, now, limits, taking) = (self.head, self.now, self.limits, self.taking);
        let standpoint = Standpoint {
            resource: &question.resource,
            actor: Actor::Known(&question.actor),
            task,
            chain: (self.chain.len(), self.last_dispatch().is_some()),
            run: self.run(),
            credential: question.credential.as_ref(),
            values: &question.values(),
            now,
            approvals: Some(Approvals { head, question, task, chain: &self.chain, now, limits, taking }),
        };
        let Narrowing { verdict, missing, held, fired, record_first, used_up } =
            posed.view.narrowing(posed.program, guards, standpoint);
        let approved = fired.iter().any(|fired| !fired.approvals.is_empty());
        (self.found.fired, self.found.record_first) = (fired, record_first);
        let Some((reason, message)) = verdict else {
            if approved || may_turn(guards) {
                self.found.valid_until = Some(now);
            }
            if taking != Taking::Before {
                self.found.taken.approvals = used_up;
            }
            return allowed;
        };
        (self.found.missing, self.found.held) = (missing, held.map(Box::new));
        (self.found.valid_until, self.found.witness) = (None, Vec::new());
        Verdict { reason, at: None, message }
    }
}

impl View<'_> {
    /// Whatever forbids comes before what is missing, and that before what holds; of each the first, by the names of the
    /// guards and in the order of what they say.
    pub(super) fn narrowing(&self, program: &Program, guards: &[Guard], standpoint: Standpoint<'_>) -> Narrowing {
        let mut found = Narrowing::default();
        let (mut forbidden, mut missing, mut held) = (None, BTreeSet::new(), None);
        let reader = Reader { view: self, program, standpoint };
        for guard in guards {
            let applies = guard.when.as_ref().map_or(Said::Yes, |when| reader.asked(&guard.parameters, when));
            match applies {
                Said::Yes => {}
                Said::No => continue,
                Said::Missing(names) => {
                    missing.extend(names);
                    continue;
                }
                Said::Failed(why) => {
                    forbidden = forbidden.or_else(|| Some(failed(guard, &why)));
                    continue;
                }
            }
            let demanded = guard.clauses.iter().map(ToString::to_string).collect();
            let mut fired = FiredGuard { name: guard.name.clone(), demanded, approvals: Vec::new() };
            for (place, clause) in guard.clauses.iter().enumerate() {
                match clause {
                    Clause::Forbid => {
                        let message = format!("guard `{}` forbids it", guard.name);
                        forbidden = forbidden.or(Some((Reason::GuardForbids, message)));
                    }
                    Clause::Require(condition) => match reader.asked(&guard.parameters, condition) {
                        Said::Yes => {}
                        Said::No => {
                            let message = format!(
                                "guard `{}` requires `{}`, and it is not so",
                                guard.name,
                                condition.expression()
                            );
                            forbidden = forbidden.or(Some((Reason::GuardRequires, message)));
                        }
                        Said::Missing(names) => missing.extend(names),
                        Said::Failed(why) => forbidden = forbidden.or_else(|| Some(failed(guard, &why))),
                    },
                    Clause::Confirmation { .. } if standpoint.task.is_none() => {
                        let why = "there is no task, and so no origin that could confirm";
                        forbidden = forbidden.or_else(|| Some(failed(guard, why)));
                    }
                    Clause::Approval { .. } | Clause::Confirmation { .. } => match reader.met(guard, place) {
                        Some(Met::Yes(given, once)) => {
                            found.used_up.extend(once.then(|| given.id.clone()));
                            fired.approvals.push(given);
                        }
                        Some(Met::Failed(why)) => forbidden = forbidden.or_else(|| Some(failed(guard, &why))),
                        Some(Met::NotYet { action, used }) => {
                            let (name, demand) = (guard.name.clone(), clause.clone());
                            let what_for = HeldFor { guard: name, demand, action, used };
                            held = held.or_else(|| Some((held_by(guard, clause, used), Some(what_for))));
                        }
                        None => held = held.or_else(|| Some((held_by(guard, clause, false), None))),
                    },
                    Clause::RecordBeforeAnswer => found.record_first = true,
                }
            }
            found.fired.push(fired);
        }
        found.settle(forbidden, missing, held);
        found
    }
}

impl Narrowing {
    /// What comes first of what was found.
    fn settle(
        &mut self,
        forbidden: Option<(Reason, String)>,
        missing: BTreeSet<String>,
        held: Option<((Reason, String), Option<HeldFor>)>,
    ) {
        if let Some(forbidden) = forbidden {
            self.verdict = Some(forbidden);
        } else if !missing.is_empty() {
            let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
            let message =
                format!("what guards say depends on {}, for which the question brings no value", names.join(", "));
            self.verdict = Some((Reason::ContextMissing, message));
            self.missing = missing.into_iter().collect();
        } else if let Some((verdict, what_for)) = held {
            self.verdict = Some(verdict);
            self.held = what_for;
        }
    }
}

fn held_by(guard: &Guard, demand: &Clause, used: bool) -> (Reason, String) {
    let reason = match demand {
        Clause::Confirmation { .. } => Reason::ConfirmationRequired,
        _ => Reason::ApprovalRequired,
    };
    let used = if used { "; it was given once, and that is used up" } else { "" };
    (reason, format!("guard `{}` requires {demand}{used}", guard.name))
}

/// Whether what they say may be something else the next moment: they read what the run has touched, or `now`, which is the
/// only parameter beside their own.
fn may_turn(guards: &[Guard]) -> bool {
    let reads = |guard: &Guard| {
        let names = guard.conditions().flat_map(Condition::parameters_used);
        let now = names.into_iter().any(|name| !name.contains('.') && !guard.parameters.has(name));
        now || guard.read_of_runs().next().is_some()
    };
    guards.iter().any(reads)
}

fn failed(guard: &Guard, why: &str) -> (Reason, String) {
    (Reason::GuardFailed, format!("guard `{}` cannot be evaluated, so it forbids: {why}", guard.name))
}

/// Where conditions find values.
pub(super) struct Reader<'r, 'v> {
    pub(super) view: &'r View<'v>,
    pub(super) program: &'r Program,
    pub(super) standpoint: Standpoint<'r>,
}

impl Reader<'_, '_> {
    /// Whether what a clause demands is met; none where that is not looked for.
    fn met(&self, guard: &Guard, clause: usize) -> Option<Met> {
        self.standpoint.approvals.map(|approvals| approvals.met(guard, clause))
    }

    /// What the question brings counts for the guard's own parameters only: everything else is known here.
    pub(super) fn asked(&self, own: &Parameters, condition: &Condition) -> Said {
        let (mut known, mut brought) = (BTreeMap::new(), BTreeMap::new());
        for name in condition.parameters_used() {
            let value = match name.split_once('.') {
                Some((root, member)) => match own.objects.get(root) {
                    None => self.of_root(root, member),
                    Some(kind) => match self.named(root, kind) {
                        Ok(object) => object.and_then(|object| self.of_object(&object, member)),
                        Err(why) => return Said::Failed(why),
                    },
                },
                None if own.has(name) => {
                    if let Some(value) = self.standpoint.values.get(name) {
                        brought.insert(name.clone(), value.clone());
                    }
                    continue;
                }
                None => Some(moment(self.standpoint.now)),
            };
            known.extend(value.map(|value| (name.clone(), value)));
        }
        match condition.evaluate(&known, &brought) {
            Evaluation::True => Said::Yes,
            Evaluation::False => Said::No,
            Evaluation::Failed(failure) => Said::Failed(failure.to_string()),
            Evaluation::Missing(names) => {
                let lacks =
                    |name: &&str| !own.objects.contains_key(*name) || !self.standpoint.values.contains_key(*name);
                let missing = names.iter().filter_map(|name| own.read_as(name)).filter(lacks);
                let missing: BTreeSet<String> = missing.map(str::to_owned).collect();
                match names.first() {
                    Some(name) if missing.is_empty() => Said::Failed(format!("`{name}` has no value")),
                    _ => Said::Missing(missing.into_iter().collect()),
                }
            }
        }
    }

    /// The object whose id the question brings under this name, if it brings something.
    pub(super) fn named(&self, name: &str, kind: &TypeName) -> Result<Option<ObjectRef>, String> {
        let Some(value) = self.standpoint.values.get(name) else { return Ok(None) };
        let id = match value {
            Value::String(id) => ObjectId::new(id).ok(),
            _ => None,
        };
        let id = id.ok_or_else(|| format!("`{name}` is to be the id of a `{kind}`"))?;
        Ok(Some(ObjectRef { kind: kind.clone(), id }))
    }

    /// `resource.environment`
    fn of_root(&self, root: &str, member: &str) -> Option<Value> {
        let Standpoint { resource, actor, task, chain: (length, dispatched), run, credential, .. } = self.standpoint;
        match (root, member) {
            ("resource", _) => self.of_object(resource, member),
            ("actor", _) => match actor {
                Actor::Known(actor) => self.of_object(actor, member),
                Actor::Anyone(kind) => (member == "type").then(|| text(kind.as_str())),
            },
            ("origin", _) => self.of_object(&task?.origin, member),
            ("task", "id") => Some(text(task?.id.as_str())),
            ("task", "purpose") => Some(text(&task?.purpose)),
            ("task", "opened_at") => Some(moment(task?.opened_at)),
            ("task", "expires_at") => Some(moment(task?.expires_at)),
            ("run", _) if self.program.read_of_runs().contains(member) => Some(Value::List(run?.touched(member))),
            ("chain", "length") => i64::try_from(length).ok().map(Value::Integer),
            ("chain", "dispatched") => Some(Value::Bool(dispatched)),
            ("credential", "method") => Some(text(&credential?.method)),
            ("credential", "authenticated_at") => credential?.authenticated_at.map(moment),
            _ => None,
        }
    }

    /// What every object has, or an attribute that its type declares.
    fn of_object(&self, object: &ObjectRef, member: &str) -> Option<Value> {
        match member {
            "id" => Some(text(object.id.as_str())),
            "type" => Some(text(object.kind.as_str())),
            _ => {
                let definition = self.program.schema.definition(object.kind.as_str())?;
                definition.attributes.get(member)?;
                self.view.attributes(object)?.get(member).cloned()
            }
        }
    }
}

impl View<'_> {
    /// The attributes of an object that its type declares.
    pub(super) fn declared_attributes(&self, program: &Program, object: &ObjectRef) -> Vec<(String, Value)> {
        let declared = program.schema.definition(object.kind.as_str()).map(|definition| &definition.attributes);
        let values = declared.and_then(|declared| Some((declared, self.attributes(object)?)));
        let Some((declared, values)) = values else { return Vec::new() };
        let values = values.iter().filter(|(name, _)| declared.contains_key(*name));
        values.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn moment(moment: Timestamp) -> Value {
    Value::String(moment.to_string())
}
