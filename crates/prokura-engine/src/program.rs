mod by_name;
mod flat;
mod reach;
mod text;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use prokura_model::{
    CaveatName, RelationName, Schema, Terms, TypeName,
    schema::{self, AllowedSubject, Expression, Member, Quantifier, Relation},
};

use self::by_name::ByName;
pub(crate) use self::{
    by_name::beginning,
    flat::{Flat, Way},
    reach::Kinds,
    text::written,
};
use crate::{
    ApplyError,
    guard::Guard,
    hash::PackedHash,
    mentions::Mentions,
    names::Names,
    packed::{Class, KindId, Node, RelationId, Subject},
};

static NUMBERS: AtomicU32 = AtomicU32::new(0);

/// A schema with every name a number: what a check runs on. Made once for each schema that is written.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) schema: Arc<Schema>,
    /// Its own among all programs of the process.
    number: u32,
    /// Whether relationships may be stored that it does not allow; then they are passed over.
    strict: bool,
    kinds: Kinds,
    definitions: ByName<Declared>,
    members: Vec<Compiled>,
    by_name: HashMap<u32, MemberId, PackedHash>,
    /// The expressions of all permissions; the operands of one operator stand side by side.
    steps: Vec<Step>,
    /// The right sides of exclusions, as the schema writes them.
    right_sides: HashMap<u32, String, PackedHash>,
    mentions: Mentions,
    /// The relations, of object 0, that usersets are made of, where all that is ever in them are objects, everyone, and
    /// usersets of such relations.
    nested: Vec<Node>,
    /// The guards on each relation and permission that has some, by their names.
    guards: HashMap<u32, Vec<schema::Guard>, PackedHash>,
    /// The attributes of which somebody reads what runs have touched.
    read_of_runs: BTreeSet<String>,
    /// The names of what may be lost with an edge that it does not rest on.
    turning: BTreeSet<RelationName>,
}

/// A definition's number, and those of its members.
#[derive(Debug)]
struct Declared {
    kind: KindId,
    members: ByName<RelationId>,
}

/// A relation or permission of a definition, as a position in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MemberId(u32);

impl MemberId {
    pub(crate) const FIRST: Self = Self(0);

    /// Its place among the members of a program.
    pub(crate) fn place(self) -> usize {
        self.0 as usize
    }
}

/// An expression, as a position in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StepId(pub(crate) u32);

/// A compiled relation or permission.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// Of whose objects.
    pub(crate) kind: KindId,
    pub(crate) rule: Rule,
    /// Of a permission that is a relation too: which edges may be written to it.
    direct: Option<Allowed>,
    /// Types whose objects may have it, whatever the relationships are. It is false for all others.
    reach: Kinds,
    /// How it is reached, if nothing but unions stands between.
    flat: Option<Flat>,
}

#[derive(Debug)]
pub(crate) enum Rule {
    Relation(Allowed),
    /// The body, always an operator.
    Permission(StepId),
}

/// Which subjects may stand in a relation.
#[derive(Debug, Default)]
pub(crate) struct Allowed {
    objects: Vec<KindId>,
    wildcards: Vec<KindId>,
    usersets: Vec<(KindId, RelationId)>,
    /// Each that is allowed, with the caveat that goes with it and whether an expiry does.
    exactly: Vec<(Subject, Option<CaveatName>, bool)>,
}

/// One step of an expression.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Member {
        relation: RelationId,
        member: MemberId,
    },
    Arrow {
        tupleset: RelationId,
        target: RelationId,
        /// Whether every object must have it.
        every: bool,
    },
    /// The object itself, as a subject.
    Itself,
    /// The edges written to the permission, which is a relation too.
    Direct {
        member: MemberId,
    },
    Operator {
        operator: Operator,
        first: StepId,
        end: StepId,
    },
    /// A name that is not declared. No checked schema has one; it never holds.
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Union,
    Intersection,
    Exclusion,
}

impl Program {
    /// The program of a schema that everything that is stored fits.
    pub(crate) fn new(schema: Schema, names: &Names, guard: &Guard<'_>) -> Result<Self, ApplyError> {
        Self::compiled(schema, false, names, guard)
    }

    /// The program of a model, beside which relationships are stored that it does not allow.
    pub(crate) fn of_model(schema: Schema, names: &Names, guard: &Guard<'_>) -> Result<Self, ApplyError> {
        Self::compiled(schema, true, names, guard)
    }

    fn compiled(schema: Schema, strict: bool, names: &Names, guard: &Guard<'_>) -> Result<Self, ApplyError> {
        let schema = Arc::new(schema);
        let mut program = Self {
            schema: Arc::clone(&schema),
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            strict,
            kinds: Kinds::default(),
            definitions: ByName::new([]),
            members: Vec::new(),
            by_name: HashMap::default(),
            steps: Vec::new(),
            right_sides: HashMap::default(),
            mentions: Mentions::default(),
            nested: Vec::new(),
            guards: HashMap::default(),
            read_of_runs: schema.read_of_runs(),
            turning: schema.turning(),
        };
        let (mut declared, mut definitions) = (Vec::new(), Vec::new());
        for definition in schema.definitions().values() {
            let kind = names.add_kind(&definition.name, guard)?;
            program.kinds.insert(kind);
            let mut members = Vec::with_capacity(definition.members.len());
            for (name, member) in &definition.members {
                let relation = names.add_relation(name, guard)?;
                members.push((name.as_str(), relation));
                let id = MemberId(u32::try_from(declared.len()).unwrap_or(u32::MAX));
                program.by_name.insert(member_key(kind, relation), id);
                declared.push((kind, member));
            }
            definitions.push((definition.name.as_str(), Declared { kind, members: ByName::new(members) }));
        }
        program.definitions = ByName::new(definitions);
        for (position, (kind, member)) in declared.into_iter().enumerate() {
            let id = MemberId(u32::try_from(position).unwrap_or(u32::MAX));
            let (rule, direct) = match member {
                Member::Relation(relation) => {
                    let allowed = allowed(relation, names, guard);
                    match &relation.computed {
                        None => (Rule::Relation(allowed), None),
                        Some(computed) => {
                            (Rule::Permission(program.compile(kind, id, computed, names, guard)), Some(allowed))
                        }
                    }
                }
                Member::Permission(permission) => {
                    (Rule::Permission(program.compile(kind, id, &permission.expression, names, guard)), None)
                }
            };
            program.members.push(Compiled { kind, rule, direct, reach: Kinds::default(), flat: None });
        }
        program.find_reach();
        program.find_nested();
        program.find_flat();
        program.mentions = Mentions::of(&program);
        program.find_guards();
        Ok(program)
    }

    fn find_guards(&mut self) {
        let schema = Arc::clone(&self.schema);
        for guard in schema.guards().values() {
            for (kind, member) in &guard.on {
                if let Some((kind, relation)) = self.member_named(kind, member) {
                    self.guards.entry(member_key(kind, relation)).or_default().push(guard.clone());
                }
            }
        }
    }

    /// The guards on a relation or permission, by their names.
    pub(crate) fn guards(&self, (kind, relation): (KindId, RelationId)) -> &[schema::Guard] {
        if self.guards.is_empty() {
            return &[];
        }
        self.guards.get(&member_key(kind, relation)).map_or(&[], Vec::as_slice)
    }

    /// The attributes of which a guard or an access item reads what runs have touched. Of no others anything is kept.
    pub(crate) fn read_of_runs(&self) -> &BTreeSet<String> {
        &self.read_of_runs
    }

    /// Whether what this name stands for may be lost with an edge that it does not rest on; without a name, whether anything may.
    pub(crate) fn may_turn(&self, name: Option<&RelationName>) -> bool {
        match name {
            Some(name) => self.turning.contains(name),
            None => !self.turning.is_empty(),
        }
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Whether relationships may be stored that the schema does not allow.
    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// What may stand in the relation, where what is stored must be held against it.
    pub(crate) fn restricted(&self, node: Node) -> Option<&Allowed> {
        if !self.strict {
            return None;
        }
        self.allowed(self.member_id(node.kind(), node.relation())?)
    }

    /// What a subject is in, if it is in something only through usersets of relations, is in these, of some object; none of
    /// a model, or where they are too many to go through.
    pub(crate) fn nested(&self) -> &[Node] {
        &self.nested
    }

    /// How the member is reached, if nothing but unions stands between.
    pub(crate) fn flat(&self, id: MemberId) -> Option<&Flat> {
        self.member(id)?.flat.as_ref()
    }

    /// Whether the goal is one of these, of some object.
    #[inline(always)]
    pub(crate) fn is_nested(&self, goal: Node) -> bool {
        self.nested.contains(&goal.with_object(0))
    }

    /// The number of a type that the schema defines.
    pub(crate) fn kind_named(&self, name: &TypeName) -> Option<KindId> {
        self.definitions.find(name.as_str()).map(|definition| definition.kind)
    }

    /// The numbers of a type and a member that the schema defines.
    pub(crate) fn member_named(&self, kind: &TypeName, member: &RelationName) -> Option<(KindId, RelationId)> {
        let definition = self.definitions.find(kind.as_str())?;
        definition.members.find(member.as_str()).map(|relation| (definition.kind, *relation))
    }

    pub(crate) fn member_id(&self, kind: KindId, relation: RelationId) -> Option<MemberId> {
        self.by_name.get(&member_key(kind, relation)).copied()
    }

    pub(crate) fn member(&self, id: MemberId) -> Option<&Compiled> {
        self.members.get(id.0 as usize)
    }

    /// Who mentions what.
    pub(crate) fn mentions(&self) -> &Mentions {
        &self.mentions
    }

    /// Every relation and permission of every definition.
    pub(crate) fn members(&self) -> impl Iterator<Item = (KindId, RelationId, MemberId)> {
        self.by_name.iter().map(|(key, id)| (key_kind(*key), key_relation(*key), *id))
    }

    /// The edges that may be written to a member.
    pub(crate) fn allowed(&self, id: MemberId) -> Option<&Allowed> {
        let member = self.member(id)?;
        match &member.rule {
            Rule::Relation(allowed) => Some(allowed),
            Rule::Permission(_) => member.direct(),
        }
    }

    /// The right side of an exclusion, as the schema writes it.
    pub(crate) fn right_side(&self, id: StepId) -> &str {
        self.right_sides.get(&id.0).map_or("", String::as_str)
    }

    pub(crate) fn step(&self, id: StepId) -> Step {
        self.steps.get(id.0 as usize).copied().unwrap_or(Step::Never)
    }

    /// Without recursion: an exclusion may be nested as deep as a schema text is long.
    fn compile(
        &mut self,
        kind: KindId,
        of: MemberId,
        expression: &Expression,
        names: &Names,
        guard: &Guard<'_>,
    ) -> StepId {
        let body = self.reserve(1);
        let only = self.reserve(1);
        self.put(body, Step::Operator { operator: Operator::Union, first: only, end: after(only) });
        let mut open = VecDeque::from([(body, expression, true)]);
        while let Some((place, expression, is_body)) = open.pop_front() {
            let (operator, operands): (Operator, Vec<&Expression>) = match expression {
                Expression::Union(operands) => (Operator::Union, operands.iter().collect()),
                Expression::Intersection(operands) => (Operator::Intersection, operands.iter().collect()),
                Expression::Exclusion(left, right) => (Operator::Exclusion, vec![left, right]),
                Expression::Member(_)
                | Expression::Arrow { .. }
                | Expression::Itself
                | Expression::Nil
                | Expression::Direct => {
                    let leaf = self.leaf(kind, of, expression, names, guard);
                    self.put(if is_body { only } else { place }, leaf);
                    continue;
                }
            };
            let first = self.reserve(operands.len());
            let end = StepId(first.0.saturating_add(u32::try_from(operands.len()).unwrap_or(u32::MAX)));
            self.put(place, Step::Operator { operator, first, end });
            if let Expression::Exclusion(_, right) = expression {
                self.right_sides.insert(after(first).0, written(right));
            }
            let places = (first.0..end.0).map(StepId);
            open.extend(places.zip(operands).map(|(place, operand)| (place, operand, false)));
        }
        body
    }

    fn leaf(&self, kind: KindId, of: MemberId, expression: &Expression, names: &Names, guard: &Guard<'_>) -> Step {
        let found = match expression {
            Expression::Member(name) => names.relation(name, guard).and_then(|relation| {
                let member = self.member_id(kind, relation)?;
                Some(Step::Member { relation, member })
            }),
            Expression::Arrow { tupleset, target, quantifier } => names
                .relation(tupleset, guard)
                .zip(names.relation(target, guard))
                .map(|(tupleset, target)| Step::Arrow { tupleset, target, every: *quantifier == Quantifier::All }),
            Expression::Itself => Some(Step::Itself),
            Expression::Direct => Some(Step::Direct { member: of }),
            Expression::Nil | Expression::Union(_) | Expression::Intersection(_) | Expression::Exclusion(..) => None,
        };
        found.unwrap_or(Step::Never)
    }

    fn reserve(&mut self, count: usize) -> StepId {
        let first = StepId(u32::try_from(self.steps.len()).unwrap_or(u32::MAX));
        self.steps.resize(self.steps.len() + count, Step::Never);
        first
    }

    fn put(&mut self, place: StepId, step: Step) {
        if let Some(slot) = self.steps.get_mut(place.0 as usize) {
            *slot = step;
        }
    }
}

impl Compiled {
    /// Which edges may be written to it, if it is a permission that is a relation too.
    pub(crate) fn direct(&self) -> Option<&Allowed> {
        self.direct.as_ref()
    }

    /// Whether nothing but unions stands between it and those who have it.
    pub(crate) fn is_flat(&self) -> bool {
        self.flat.is_some()
    }

    /// Whether an object of the type may have it, whatever the relationships are.
    pub(crate) fn reaches(&self, kind: KindId) -> bool {
        self.reach.contains(kind)
    }
}

impl Allowed {
    /// Whether an edge to this subject on these terms is allowed.
    pub(crate) fn fits(&self, subject: Subject, terms: Option<&Terms>) -> bool {
        let shape = shape_of(subject);
        let caveat = terms.and_then(|terms| terms.caveat.as_ref()).map(|caveat| &caveat.name);
        let ends = terms.is_some_and(|terms| terms.expires_at.is_some());
        self.exactly
            .iter()
            .any(|(allowed, with, expires)| *allowed == shape && with.as_ref() == caveat && *expires == ends)
    }

    /// The types of the objects that an arrow over the relation leads to.
    pub(crate) fn kinds_led_to(&self) -> impl Iterator<Item = KindId> {
        self.objects.iter().chain(self.usersets.iter().map(|(kind, _)| kind)).copied()
    }

    /// The usersets that may stand in it.
    pub(crate) fn usersets(&self) -> impl Iterator<Item = (KindId, RelationId)> {
        self.usersets.iter().copied()
    }

    /// The relations of usersets that may stand in the relation, for one type.
    pub(crate) fn userset_relations(&self, kind: KindId) -> impl Iterator<Item = RelationId> {
        self.usersets.iter().filter(move |(of, _)| *of == kind).map(|(_, relation)| *relation)
    }

    pub(crate) fn has_wildcards(&self) -> bool {
        !self.wildcards.is_empty()
    }

    pub(crate) fn has_usersets(&self) -> bool {
        !self.usersets.is_empty()
    }
}

fn allowed(relation: &Relation, names: &Names, guard: &Guard<'_>) -> Allowed {
    let mut allowed = Allowed::default();
    for subject in &relation.allowed {
        let Some(kind) = names.kind(subject.subject.kind(), guard) else { continue };
        let shape = match &subject.subject {
            AllowedSubject::Object(_) => {
                allowed.objects.push(kind);
                Subject::object(kind, 0)
            }
            AllowedSubject::Wildcard(_) => {
                allowed.wildcards.push(kind);
                Subject::wildcard(kind)
            }
            AllowedSubject::Userset(_, relation) => {
                let Some(relation) = names.relation(relation, guard) else { continue };
                allowed.usersets.push((kind, relation));
                Subject::userset(Node::new(kind, relation, 0))
            }
        };
        allowed.exactly.push((shape, subject.caveat.clone(), subject.expires));
    }
    allowed
}

/// The subject without which object it is.
fn shape_of(subject: Subject) -> Subject {
    let node = subject.node();
    match subject.class() {
        Class::Object => Subject::object(node.kind(), 0),
        Class::Wildcard => subject,
        Class::Userset => Subject::userset(Node::new(node.kind(), node.relation(), 0)),
    }
}

fn member_key(kind: KindId, relation: RelationId) -> u32 {
    u32::from(kind.0) << 16 | u32::from(relation.0)
}

fn key_kind(key: u32) -> KindId {
    KindId((key >> 16) as u16)
}

fn key_relation(key: u32) -> RelationId {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
    RelationId(key as u16)
}

fn after(step: StepId) -> StepId {
    StepId(step.0.saturating_add(1))
}
