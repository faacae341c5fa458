use prokura_model::{ObjectRef, RelationName, Relationship, SubjectRef, WitnessEdge};

/// Why a check came out as it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explanation {
    /// The subject has it, and this is why.
    Held(Proof),
    /// The subject does not have it, and this was nearest.
    NotHeld(NearMiss),
}

/// A relation or permission of an object: what a check asks for, step by step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Goal {
    /// The object.
    pub object: ObjectRef,
    /// The relation or permission.
    pub member: RelationName,
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.object, self.member)
    }
}

/// Why a goal holds: everything in `parts` together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What holds.
    pub goal: Goal,
    /// How the schema computes it, as it writes it; none for a relation.
    pub rule: Option<String>,
    /// What it rests on. Empty only where the tree was cut off at its limit.
    pub parts: Vec<ProofPart>,
    /// Whether parts were left out because the tree reached
    /// [`EXPLAINED_GOALS_MAX`](crate::limits::EXPLAINED_GOALS_MAX).
    pub cut_off: bool,
}

/// One thing a goal rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofPart {
    /// The subject is this very userset.
    Itself,
    /// An edge names the subject, or everyone of its type.
    Edge(WitnessEdge),
    /// An edge leads to another goal that holds.
    Followed(Followed),
    /// Another relation or permission of the same object holds.
    Member(Proof),
    /// The right side of an exclusion, as the schema writes it, does not hold.
    NotHeld(String),
}

/// An edge, and the goal at its end: the userset it names, or what an arrow asks for there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The edge.
    pub edge: WitnessEdge,
    /// Why the goal at its end holds.
    pub to: Proof,
}

/// What came nearest to an allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// Which goals were tried, in the order they were reached first.
    pub tried: Vec<Goal>,
    /// Whether more were tried than are listed.
    pub cut_off: bool,
    /// What excluded the subject where it would have been let in otherwise, the outermost first.
    pub excluded: Vec<Exclusion>,
    /// The closest single relationship that would have made it an allow. None if one alone would not have.
    pub missing: Option<Relationship>,
    /// The whole in one sentence.
    pub message: String,
}

/// An exclusion that took away what its left side gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// The permission with the exclusion.
    pub goal: Goal,
    /// The right side, as the schema writes it.
    pub expression: String,
    /// Who is excluded.
    pub subject: SubjectRef,
    /// Why the right side holds: everything in here together.
    pub because: Vec<ProofPart>,
}

impl Explanation {
    /// Every edge the allow rests on, each once, in the order of the tree; none for a deny.
    #[must_use]
    pub fn witness(&self) -> Vec<WitnessEdge> {
        Vec::new()
    }
}
