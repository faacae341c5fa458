use std::{collections::BTreeSet, fmt::Write as _};

use prokura_model::{
    CaveatName, RelationName, TypeName,
    schema::{Allowed, AllowedSubject, Expression, Quantifier},
};

use super::terms::CAVEATS;
use crate::Rng;

/// Types without relations, which act and receive.
pub(super) const ACTING: [&str; 2] = ["user", "agent"];
const HOLDING: [&str; 3] = ["group", "folder", "document"];
/// Operators within operators, at most.
const NESTING: usize = 2;
pub(super) const PARENTS: [&str; 2] = ["parent", "home"];
const RELATIONS: [&str; 5] = ["owner", "viewer", "banned", "member", "guest"];
const PERMISSIONS: [&str; 5] = ["view", "edit", "manage", "share", "read_all"];

/// A schema as it was meant, to compare with what the parser makes of its text.
#[derive(Clone, Debug)]
pub struct Sketch {
    /// The definitions that hold anything, in the order of the text.
    pub kinds: Vec<Kind>,
}

/// One definition.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its name.
    pub name: TypeName,
    /// Its relations.
    pub relations: Vec<(RelationName, Vec<Allowed>)>,
    /// Its permissions; each may refer to the ones before it.
    pub permissions: Vec<(RelationName, Expression)>,
}

impl Sketch {
    /// A random schema that type-checks.
    pub fn random(rng: &mut Rng) -> Self {
        let mut kinds = Vec::new();
        let count = rng.between(1, HOLDING.len());
        for name in rng.some(&HOLDING, count) {
            let mut relations: Vec<&str> = Vec::new();
            relations.extend(rng.some(&PARENTS, 1));
            if rng.chance(30) {
                relations.extend(PARENTS.iter().filter(|parent| !relations.contains(parent)).collect::<Vec<_>>());
            }
            let plain = rng.between(2, 4);
            relations.extend(rng.some(&RELATIONS, plain));
            let permissions = rng.between(2, 4);
            kinds.push(Kind {
                name: named(name),
                relations: relations.into_iter().map(|relation| (relation_name(relation), Vec::new())).collect(),
                permissions: rng
                    .some(&PERMISSIONS, permissions)
                    .into_iter()
                    .map(|name| (relation_name(name), Expression::Union(Vec::new())))
                    .collect(),
            });
        }
        let mut sketch = Self { kinds };
        sketch.fill_relations(rng);
        sketch.fill_permissions(rng);
        sketch
    }

    /// Whether a `-` or an `.all()` stands anywhere in it: where none does, one edge more never takes anything away.
    #[must_use]
    pub fn has_exclusion(&self) -> bool {
        fn within(expression: &Expression) -> bool {
            match expression {
                Expression::Arrow { quantifier, .. } => *quantifier == Quantifier::All,
                Expression::Member(_) | Expression::Itself | Expression::Nil | Expression::Direct => false,
                Expression::Union(operands) | Expression::Intersection(operands) => operands.iter().any(within),
                Expression::Exclusion(..) => true,
            }
        }
        self.kinds.iter().flat_map(|kind| &kind.permissions).any(|(_, expression)| within(expression))
    }

    /// Gives every permission a new expression and leaves the relations, so that every stored edge still fits.
    pub fn fill_permissions(&mut self, rng: &mut Rng) {
        for kind in 0..self.kinds.len() {
            for permission in 0..self.kinds.get(kind).map_or(0, |kind| kind.permissions.len()) {
                let expression = self.expression(rng, kind, permission, NESTING);
                if let Some((_, slot)) = self.kinds.get_mut(kind).and_then(|kind| kind.permissions.get_mut(permission))
                {
                    *slot = expression;
                }
            }
        }
    }

    /// A userset of a relation that allows a wildcard may be a subject only within its own definition, and only of a
    /// relation over which no arrow goes; so it is decided first which relations allow one.
    fn fill_relations(&mut self, rng: &mut Rng) {
        let names: Vec<TypeName> = self.kinds.iter().map(|kind| kind.name.clone()).collect();
        let mut open = BTreeSet::new();
        let mut usersets = Vec::new();
        for kind in &self.kinds {
            for (relation, _) in &kind.relations {
                if !PARENTS.contains(&relation.as_str()) && rng.chance(50) {
                    open.insert((kind.name.clone(), relation.clone()));
                }
            }
            for name in kind.member_names().filter(|name| !open.contains(&(kind.name.clone(), (*name).clone()))) {
                usersets.push(AllowedSubject::Userset(kind.name.clone(), name.clone()));
            }
        }
        for kind in &mut self.kinds {
            for (relation, allowed) in &mut kind.relations {
                if PARENTS.contains(&relation.as_str()) {
                    let count = rng.between(1, 2);
                    let mut subjects: Vec<_> =
                        rng.some(&names, count).into_iter().map(AllowedSubject::Object).collect();
                    if rng.chance(20) {
                        subjects.push(rng.pick(&usersets).clone());
                    }
                    allowed.extend(subjects.into_iter().map(|subject| on_terms(rng, subject)));
                    continue;
                }
                let mut subjects = Vec::new();
                let mut from: Vec<_> = ACTING.iter().map(|name| AllowedSubject::Object(named(name))).collect();
                let count = rng.between(1, 2);
                from.extend(rng.some(&usersets, count));
                if open.contains(&(kind.name.clone(), relation.clone())) {
                    let count = rng.between(1, 2);
                    let wildcards: Vec<_> = ACTING.iter().map(|name| AllowedSubject::Wildcard(named(name))).collect();
                    subjects.extend(rng.some(&wildcards, count));
                    let own = open.iter().filter(|(of, _)| *of == kind.name).map(|(_, relation)| relation.clone());
                    from.extend(own.map(|relation| AllowedSubject::Userset(kind.name.clone(), relation)));
                }
                let count = rng.between(1, 3);
                subjects.extend(rng.some(&from, count));
                for subject in subjects {
                    let one = on_terms(rng, subject.clone());
                    // The same subject with and without terms.
                    let other = rng.chance(20).then(|| on_terms(rng, subject)).filter(|other| *other != one);
                    allowed.extend([one].into_iter().chain(other));
                }
            }
        }
    }

    fn expression(&self, rng: &mut Rng, kind: usize, permission: usize, nesting: usize) -> Expression {
        if nesting == 0 || rng.chance(20) {
            return self.leaf(rng, kind, permission, nesting == NESTING);
        }
        if nesting == NESTING
            && rng.chance(8)
            && let Some(Expression::Arrow { tupleset, target, .. }) = self.arrow(rng, kind, permission)
        {
            // Nothing around it that could hide what it says.
            return Expression::Arrow { tupleset, target, quantifier: Quantifier::All };
        }
        match rng.below(3) {
            0 => {
                Expression::Union(self.operands(rng, kind, permission, nesting, |e| matches!(e, Expression::Union(_))))
            }
            1 => Expression::Intersection(
                self.operands(rng, kind, permission, nesting, |e| matches!(e, Expression::Intersection(_))),
            ),
            _ => Expression::Exclusion(
                Box::new(self.expression(rng, kind, permission, nesting - 1)),
                Box::new(self.expression(rng, kind, permission, nesting - 1)),
            ),
        }
    }

    /// Two or three operands, none of which is of the same operator: `a + (b + c)` has no one right tree.
    fn operands(
        &self,
        rng: &mut Rng,
        kind: usize,
        permission: usize,
        nesting: usize,
        same: fn(&Expression) -> bool,
    ) -> Vec<Expression> {
        let count = rng.between(2, 3);
        let mut operands = Vec::new();
        while operands.len() < count {
            let operand = self.expression(rng, kind, permission, nesting - 1);
            if !same(&operand) {
                operands.push(operand);
            }
        }
        operands
    }

    /// A relation, an earlier permission, or an arrow.
    fn leaf(&self, rng: &mut Rng, number: usize, permission: usize, whole: bool) -> Expression {
        let Some(kind) = self.kinds.get(number) else {
            panic!("a definition that is being filled exists");
        };
        if rng.chance(8) {
            return if rng.chance(60) { Expression::Itself } else { Expression::Nil };
        }
        if rng.chance(45)
            && let Some(arrow) = self.arrow(rng, number, permission)
        {
            return arrow;
        }
        // Permissions that mean each other are legal, but not when they mean nothing else.
        let known = if whole || !rng.chance(20) { permission } else { kind.permissions.len() };
        let relations = kind.relations.iter().map(|(name, _)| name);
        let earlier = kind.permissions.iter().take(known).map(|(name, _)| name);
        let names: Vec<_> = relations.chain(earlier).collect();
        Expression::Member((*rng.pick(&names)).clone())
    }

    /// An arrow to something that one of the types it may lead to has: often to the permission that is being defined.
    fn arrow(&self, rng: &mut Rng, kind: usize, permission: usize) -> Option<Expression> {
        let kind = self.kinds.get(kind)?;
        let own = kind.permissions.get(permission).map(|(name, _)| name.clone());
        let mut arrows = Vec::new();
        for (tupleset, allowed) in kind.relations.iter().filter(|(name, _)| PARENTS.contains(&name.as_str())) {
            for target in allowed.iter().flat_map(|allowed| self.members_of(&allowed.subject)) {
                let quantifier = if rng.chance(40) { Quantifier::All } else { Quantifier::Any };
                arrows.push(Expression::Arrow { tupleset: tupleset.clone(), target, quantifier });
            }
        }
        let recursive: Vec<_> = arrows
            .iter()
            .filter(|arrow| matches!(arrow, Expression::Arrow { target, .. } if Some(target) == own.as_ref()))
            .cloned()
            .collect();
        let from = if !recursive.is_empty() && rng.chance(40) { recursive } else { arrows };
        (!from.is_empty()).then(|| rng.pick(&from).clone())
    }

    fn members_of(&self, subject: &AllowedSubject) -> Vec<RelationName> {
        let (AllowedSubject::Object(name) | AllowedSubject::Userset(name, _) | AllowedSubject::Wildcard(name)) =
            subject;
        let kind = self.kinds.iter().find(|kind| kind.name == *name);
        kind.into_iter().flat_map(Kind::member_names).cloned().collect()
    }

    /// The schema's text, with as few parentheses as its meaning allows, or a few more.
    pub fn text(&self, rng: &mut Rng) -> String {
        let mut text = "use expiration\nuse self\n\n".to_owned();
        for (_, caveat) in CAVEATS {
            text.push_str(caveat);
        }
        for name in ACTING {
            let _ = writeln!(text, "definition {name} {{}}\n");
        }
        for kind in &self.kinds {
            let _ = writeln!(text, "definition {} {{", kind.name);
            for (name, allowed) in &kind.relations {
                let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
                let _ = writeln!(text, "  relation {name}: {}", allowed.join(" | "));
            }
            for (name, expression) in &kind.permissions {
                let _ =
                    writeln!(text, "  permission {name} = {}", expression_text(expression, &mut |_| rng.chance(15)));
            }
            text.push_str("}\n\n");
        }
        text
    }
}

impl Kind {
    fn member_names(&self) -> impl Iterator<Item = &RelationName> {
        self.relations.iter().map(|(name, _)| name).chain(self.permissions.iter().map(|(name, _)| name))
    }
}

/// Mostly without terms, otherwise with a caveat, an expiry or both.
fn on_terms(rng: &mut Rng, subject: AllowedSubject) -> Allowed {
    let dice = rng.below(100);
    let caveat = (45..90).contains(&dice).then(|| caveat_name(rng.pick(&CAVEATS).0));
    Allowed { subject, caveat, expires: dice >= 80 }
}

/// The expression as text. The language binds `+` closest, then `&`, then `-`, each to the left; parentheses stand where
/// that would read differently, and where `extra` asks for them.
pub(crate) fn expression_text(expression: &Expression, extra: &mut dyn FnMut(&Expression) -> bool) -> String {
    let operands = |operands: &[Expression], sign: &str, extra: &mut dyn FnMut(&Expression) -> bool| {
        let texts: Vec<_> = operands.iter().map(|operand| within(operand, looseness(expression), extra)).collect();
        texts.join(sign)
    };
    match expression {
        Expression::Member(name) => name.to_string(),
        Expression::Arrow { tupleset, target, quantifier: Quantifier::All } => format!("{tupleset}.all({target})"),
        Expression::Arrow { tupleset, target, .. } if extra(expression) => format!("{tupleset}.any({target})"),
        Expression::Arrow { tupleset, target, .. } => format!("{tupleset}->{target}"),
        Expression::Itself => "self".to_owned(),
        Expression::Nil => "nil".to_owned(),
        // The language has no word for it, because it is what a relation is.
        Expression::Direct => String::new(),
        Expression::Union(all) => operands(all, " + ", extra),
        Expression::Intersection(all) => operands(all, " & ", extra),
        Expression::Exclusion(from, taken) => {
            // To the left: `a - b - c` is `(a - b) - c`.
            let from = within(from, looseness(expression) + 1, extra);
            format!("{from} - {}", within(taken, looseness(expression), extra))
        }
    }
}

fn within(operand: &Expression, around: u8, extra: &mut dyn FnMut(&Expression) -> bool) -> String {
    let plain = looseness(operand) == 0;
    let text = expression_text(operand, extra);
    if looseness(operand) >= around || (!plain && extra(operand)) { format!("({text})") } else { text }
}

fn looseness(expression: &Expression) -> u8 {
    match expression {
        Expression::Member(_)
        | Expression::Arrow { .. }
        | Expression::Itself
        | Expression::Nil
        | Expression::Direct => 0,
        Expression::Union(_) => 1,
        Expression::Intersection(_) => 2,
        Expression::Exclusion(..) => 3,
    }
}

pub(crate) fn named(name: &str) -> TypeName {
    TypeName::new(name).expect("a legal type name")
}

pub(super) fn caveat_name(name: &str) -> CaveatName {
    CaveatName::new(name).expect("a legal caveat name")
}

pub(crate) fn relation_name(name: &str) -> RelationName {
    RelationName::new(name).expect("a legal relation name")
}
