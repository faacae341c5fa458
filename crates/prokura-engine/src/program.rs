use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use papaya::LocalGuard;
use prokura_model::{
    Schema,
    schema::{AllowedSubject, Expression, Member, Relation},
};

use crate::{
    ApplyError,
    hash::PackedHash,
    names::Names,
    packed::{KindId, RelationId, Subject},
};

/// A schema with every name a number: what a check runs on. Made once for each schema that is written.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) schema: Arc<Schema>,
    kinds: Kinds,
    members: Vec<Compiled>,
    by_name: HashMap<u32, MemberId, PackedHash>,
    /// The expressions of all permissions; the operands of one operator stand side by side.
    steps: Vec<Step>,
    /// The right sides of exclusions, as the schema writes them.
    right_sides: HashMap<u32, String, PackedHash>,
}

/// A relation or permission of a definition, as a position in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemberId(u32);

/// An expression, as a position in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StepId(pub(crate) u32);

/// A compiled relation or permission.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) rule: Rule,
    /// Types whose objects may have it, whatever the relationships are. It is false for all others.
    reach: Kinds,
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

/// A set of types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(Vec<u64>);

impl Program {
    pub(crate) fn new(schema: Schema, names: &Names, guard: &LocalGuard<'_>) -> Result<Self, ApplyError> {
        let schema = Arc::new(schema);
        let mut program = Self {
            schema: Arc::clone(&schema),
            kinds: Kinds::default(),
            members: Vec::new(),
            by_name: HashMap::default(),
            steps: Vec::new(),
            right_sides: HashMap::default(),
        };
        let mut declared = Vec::new();
        for definition in schema.definitions().values() {
            let kind = names.add_kind(&definition.name, guard)?;
            program.kinds.insert(kind);
            for (name, member) in &definition.members {
                let relation = names.add_relation(name, guard)?;
                let id = MemberId(u32::try_from(declared.len()).unwrap_or(u32::MAX));
                program.by_name.insert(member_key(kind, relation), id);
                declared.push((kind, member));
            }
        }
        for (kind, member) in declared {
            let rule = match member {
                Member::Relation(relation) => Rule::Relation(allowed(relation, names, guard)),
                Member::Permission(permission) => {
                    Rule::Permission(program.compile(kind, &permission.expression, names, guard))
                }
            };
            program.members.push(Compiled { rule, reach: Kinds::default() });
        }
        program.find_reach();
        Ok(program)
    }

    /// Whether the schema defines the type.
    pub(crate) fn defines(&self, kind: KindId) -> bool {
        self.kinds.contains(kind)
    }

    pub(crate) fn member_id(&self, kind: KindId, relation: RelationId) -> Option<MemberId> {
        self.by_name.get(&member_key(kind, relation)).copied()
    }

    pub(crate) fn member(&self, id: MemberId) -> Option<&Compiled> {
        self.members.get(id.0 as usize)
    }

    /// The right side of an exclusion, as the schema writes it.
    pub(crate) fn right_side(&self, id: StepId) -> &str {
        self.right_sides.get(&id.0).map_or("", String::as_str)
    }

    pub(crate) fn step(&self, id: StepId) -> Step {
        self.steps.get(id.0 as usize).copied().unwrap_or(Step::Never)
    }

    /// Without recursion: an exclusion may be nested as deep as a schema text is long.
    fn compile(&mut self, kind: KindId, expression: &Expression, names: &Names, guard: &LocalGuard<'_>) -> StepId {
        let body = self.reserve(1);
        let only = self.reserve(1);
        self.put(body, Step::Operator { operator: Operator::Union, first: only, end: after(only) });
        let mut open = VecDeque::from([(body, expression, true)]);
        while let Some((place, expression, is_body)) = open.pop_front() {
            let (operator, operands): (Operator, Vec<&Expression>) = match expression {
                Expression::Union(operands) => (Operator::Union, operands.iter().collect()),
                Expression::Intersection(operands) => (Operator::Intersection, operands.iter().collect()),
                Expression::Exclusion(left, right) => (Operator::Exclusion, vec![left, right]),
                Expression::Member(_) | Expression::Arrow { .. } => {
                    let leaf = self.leaf(kind, expression, names, guard);
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

    fn leaf(&self, kind: KindId, expression: &Expression, names: &Names, guard: &LocalGuard<'_>) -> Step {
        let found = match expression {
            Expression::Member(name) => names.relation(name, guard).and_then(|relation| {
                let member = self.member_id(kind, relation)?;
                Some(Step::Member { relation, member })
            }),
            Expression::Arrow { tupleset, target } => names
                .relation(tupleset, guard)
                .zip(names.relation(target, guard))
                .map(|(tupleset, target)| Step::Arrow { tupleset, target }),
            Expression::Union(_) | Expression::Intersection(_) | Expression::Exclusion(..) => None,
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

/// Which types' objects can have what: the least sets that the allowed subjects and the rules ask for. Relationships that do
/// not fit the schema are not asked about, so the sets bound what any graph can say.
impl Program {
    fn find_reach(&mut self) {
        /// Sets that still grow after this many rounds are given up as "every type": the schema is stranger than any
        /// organisation, and nothing is lost but speed.
        const ROUNDS_MAX: usize = 64;
        let kinds: HashMap<usize, KindId> =
            self.by_name.iter().map(|(key, id)| (id.0 as usize, key_kind(*key))).collect();
        for _ in 0..ROUNDS_MAX {
            let mut grown = false;
            for index in 0..self.members.len() {
                let Some((member, kind)) = self.members.get(index).zip(kinds.get(&index)) else { continue };
                let reach = match &member.rule {
                    Rule::Relation(allowed) => self.relation_reach(allowed),
                    Rule::Permission(body) => self.body_reach(*body, *kind),
                };
                if let Some(member) = self.members.get_mut(index)
                    && member.reach != reach
                {
                    member.reach = reach;
                    grown = true;
                }
            }
            if !grown {
                return;
            }
        }
        let all = self.kinds.clone();
        for member in &mut self.members {
            member.reach = all.clone();
        }
    }

    fn relation_reach(&self, allowed: &Allowed) -> Kinds {
        let mut reach = Kinds::default();
        for kind in allowed.objects.iter().chain(&allowed.wildcards) {
            reach.insert(*kind);
        }
        for (kind, relation) in &allowed.usersets {
            reach.add(self.reach_of(*kind, *relation));
        }
        reach
    }

    /// Operands stand after their operator, so going backwards finds them ready.
    fn body_reach(&self, body: StepId, kind: KindId) -> Kinds {
        let mut found: HashMap<u32, Kinds> = HashMap::new();
        for place in self.reachable_steps(body).into_iter().rev() {
            let reach = match self.step(place) {
                Step::Never => Kinds::default(),
                Step::Member { member, .. } => {
                    self.member(member).map(|member| member.reach.clone()).unwrap_or_default()
                }
                Step::Arrow { tupleset, target } => self.arrow_reach(kind, tupleset, target),
                Step::Operator { operator, first, end } => {
                    let mut operands = (first.0..end.0).filter_map(|place| found.remove(&place));
                    let mut reach = operands.next().unwrap_or_default();
                    for operand in operands {
                        match operator {
                            Operator::Union => reach.add(Some(&operand)),
                            Operator::Intersection => reach.keep(&operand),
                            Operator::Exclusion => {}
                        }
                    }
                    reach
                }
            };
            found.insert(place.0, reach);
        }
        found.remove(&body.0).unwrap_or_default()
    }

    fn reachable_steps(&self, body: StepId) -> Vec<StepId> {
        let mut all = vec![body];
        let mut next = 0;
        while let Some(place) = all.get(next).copied() {
            next += 1;
            if let Step::Operator { first, end, .. } = self.step(place) {
                all.extend((first.0..end.0).map(StepId));
            }
        }
        all
    }

    fn arrow_reach(&self, kind: KindId, tupleset: RelationId, target: RelationId) -> Kinds {
        let mut reach = Kinds::default();
        let followed = self.member_id(kind, tupleset).and_then(|member| self.member(member));
        if let Some(Compiled { rule: Rule::Relation(allowed), .. }) = followed {
            let usersets = allowed.usersets.iter().map(|(kind, _)| kind);
            for kind in allowed.objects.iter().chain(usersets) {
                reach.add(self.reach_of(*kind, target));
            }
        }
        reach
    }

    fn reach_of(&self, kind: KindId, relation: RelationId) -> Option<&Kinds> {
        self.member(self.member_id(kind, relation)?).map(|member| &member.reach)
    }
}

impl Compiled {
    /// Whether an object of the type may have it, whatever the relationships are.
    pub(crate) fn reaches(&self, kind: KindId) -> bool {
        self.reach.contains(kind)
    }
}

impl Allowed {
    /// Whether an edge to this very subject may be written.
    pub(crate) fn allows(&self, subject: Subject) -> bool {
        let node = subject.node();
        match subject.class() {
            crate::packed::Class::Object => self.objects.contains(&node.kind()),
            crate::packed::Class::Wildcard => self.wildcards.contains(&node.kind()),
            crate::packed::Class::Userset => self.usersets.contains(&(node.kind(), node.relation())),
        }
    }

    pub(crate) fn has_wildcards(&self) -> bool {
        !self.wildcards.is_empty()
    }

    pub(crate) fn has_usersets(&self) -> bool {
        !self.usersets.is_empty()
    }
}

impl Kinds {
    fn insert(&mut self, kind: KindId) {
        let (word, bit) = (usize::from(kind.0 / 64), kind.0 % 64);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << bit;
        }
    }

    fn contains(&self, kind: KindId) -> bool {
        self.0.get(usize::from(kind.0 / 64)).is_some_and(|word| word >> (kind.0 % 64) & 1 == 1)
    }

    fn add(&mut self, other: Option<&Self>) {
        let Some(other) = other else { return };
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }

    fn keep(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine &= theirs;
        }
    }
}

fn allowed(relation: &Relation, names: &Names, guard: &LocalGuard<'_>) -> Allowed {
    let mut allowed = Allowed::default();
    for subject in &relation.allowed {
        match subject {
            AllowedSubject::Object(kind) => allowed.objects.extend(names.kind(kind, guard)),
            AllowedSubject::Wildcard(kind) => allowed.wildcards.extend(names.kind(kind, guard)),
            AllowedSubject::Userset(kind, relation) => {
                allowed.usersets.extend(names.kind(kind, guard).zip(names.relation(relation, guard)));
            }
        }
    }
    allowed
}

fn member_key(kind: KindId, relation: RelationId) -> u32 {
    u32::from(kind.0) << 16 | u32::from(relation.0)
}

fn key_kind(key: u32) -> KindId {
    KindId((key >> 16) as u16)
}

fn after(step: StepId) -> StepId {
    StepId(step.0.saturating_add(1))
}

/// The expression as the schema language writes it, an operator's operands in parentheses where they are operators.
pub(crate) fn written(expression: &Expression) -> String {
    /// Nobody reads further, and an exclusion may be nested as deep as a schema text is long.
    const SHOWN_NESTING_MAX: usize = 16;
    fn inner(expression: &Expression, nesting: usize) -> String {
        let text = outer(expression, nesting);
        match expression {
            Expression::Member(_) | Expression::Arrow { .. } => text,
            Expression::Union(_) | Expression::Intersection(_) | Expression::Exclusion(..) => format!("({text})"),
        }
    }
    fn outer(expression: &Expression, nesting: usize) -> String {
        let Some(nesting) = nesting.checked_sub(1) else { return "…".to_owned() };
        let join = |operands: &[Expression], sign: &str| {
            operands.iter().map(|operand| inner(operand, nesting)).collect::<Vec<_>>().join(sign)
        };
        match expression {
            Expression::Member(name) => name.to_string(),
            Expression::Arrow { tupleset, target } => format!("{tupleset}->{target}"),
            Expression::Union(operands) => join(operands, " + "),
            Expression::Intersection(operands) => join(operands, " & "),
            Expression::Exclusion(left, right) => format!("{} - {}", inner(left, nesting), inner(right, nesting)),
        }
    }
    outer(expression, SHOWN_NESTING_MAX)
}
