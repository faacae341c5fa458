//! Which types of subject can ever stand in a relation or have a permission: what the schema alone decides, whatever is
//! written.

mod order;
mod types;

use std::collections::{BTreeMap, BTreeSet};

use super::{Allowed, AllowedSubject, Definition, Expression, Member, Schema};
use crate::{RelationName, TypeName};
use order::components;
use types::Types;

/// What the schema alone says about who can ever stand in each relation or have each permission.
#[derive(Clone, Debug)]
pub struct Reach<'s> {
    kinds: Vec<&'s TypeName>,
    nodes: Vec<Node<'s>>,
    numbers: BTreeMap<Place<'s>, usize>,
    arrows: BTreeMap<ArrowPlace<'s>, usize>,
    reaching: Vec<Types>,
    named: Vec<Types>,
}

/// A relation or permission of a definition.
type Place<'s> = (&'s TypeName, &'s RelationName);

/// How often the members of a circle are looked at again before what reaches them is no more than what they name. Real
/// schemas need two or three rounds.
const ROUNDS_MAX: usize = 64;

impl Schema {
    /// Which types of subject can ever reach each relation and permission.
    #[must_use]
    pub fn reach(&self) -> Reach<'_> {
        Analysis::new(self).run()
    }

    /// The types of object that can ever stand in this relation or have this permission, themselves, through a userset or
    /// as a wildcard: what an intersection or an exclusion rules out is left out. Empty if there is no such member. To
    /// ask for several, ask [`Schema::reach`] once.
    #[must_use]
    pub fn subject_types(&self, kind: &TypeName, member: &RelationName) -> BTreeSet<TypeName> {
        self.reach().subject_types(kind, member)
    }
}

impl<'s> Reach<'s> {
    /// The types of object that can ever stand in this relation or have this permission, themselves, through a userset or
    /// as a wildcard. Empty if there is no such member.
    #[must_use]
    pub fn subject_types(&self, kind: &TypeName, member: &RelationName) -> BTreeSet<TypeName> {
        self.listed(&self.reaching, kind, member)
    }

    /// Whether nobody can ever stand in this relation or have this permission, whatever is written.
    #[must_use]
    pub fn always_empty(&self, kind: &TypeName, member: &RelationName) -> bool {
        let types = self.numbers.get(&(kind, member)).and_then(|number| self.reaching.get(*number));
        types.is_some_and(Types::is_empty)
    }

    /// The types that are named on the way, also where an intersection or an exclusion rules them out, and without the
    /// object itself where `self` stands: what SpiceDB holds a permission's annotation to.
    pub(super) fn named_types(&self, kind: &TypeName, member: &RelationName) -> BTreeSet<TypeName> {
        self.listed(&self.named, kind, member)
    }

    /// The members that an arrow of the schema leads to, each with its definition.
    pub(super) fn arrow_members(
        &self,
        kind: &TypeName,
        tupleset: &RelationName,
        target: &RelationName,
    ) -> impl Iterator<Item = (&'s Definition, &'s Member)> {
        let node = self.arrows.get(&(kind, tupleset, target)).and_then(|number| self.nodes.get(*number));
        let members = match node {
            Some(Node::Arrow(members)) => members.as_slice(),
            _ => &[],
        };
        members.iter().filter_map(|number| match self.nodes.get(*number) {
            Some(Node::Member(definition, member)) => Some((*definition, *member)),
            _ => None,
        })
    }

    fn listed(&self, all: &[Types], kind: &TypeName, member: &RelationName) -> BTreeSet<TypeName> {
        let types = self.numbers.get(&(kind, member)).and_then(|number| all.get(*number));
        let numbers = types.into_iter().flat_map(Types::iter);
        numbers.filter_map(|number| self.kinds.get(number)).map(|kind| (*kind).clone()).collect()
    }
}

/// What others reach through.
#[derive(Clone, Debug)]
enum Node<'s> {
    Member(&'s Definition, &'s Member),
    /// An arrow, with the members it leads to: one node for all that use it, because it may lead to thousands.
    Arrow(Vec<usize>),
}

/// A relation that is followed, and what is asked of the objects found.
type ArrowPlace<'s> = (&'s TypeName, &'s RelationName, &'s RelationName);

struct Analysis<'s> {
    kinds: Vec<&'s TypeName>,
    kind_numbers: BTreeMap<&'s TypeName, usize>,
    nodes: Vec<Node<'s>>,
    numbers: BTreeMap<Place<'s>, usize>,
    arrows: BTreeMap<ArrowPlace<'s>, usize>,
    reaching: Vec<Types>,
    named: Vec<Types>,
}

impl<'s> Analysis<'s> {
    fn new(schema: &'s Schema) -> Self {
        let kinds: Vec<&TypeName> = schema.definitions().keys().collect();
        let kind_numbers = kinds.iter().enumerate().map(|(number, kind)| (*kind, number)).collect();
        let mut analysis = Self {
            kinds,
            kind_numbers,
            nodes: Vec::new(),
            numbers: BTreeMap::new(),
            arrows: BTreeMap::new(),
            reaching: Vec::new(),
            named: Vec::new(),
        };
        for definition in schema.definitions().values() {
            for member in definition.members.values() {
                analysis.numbers.insert((&definition.name, member.name()), analysis.nodes.len());
                analysis.nodes.push(Node::Member(definition, member));
            }
        }
        analysis.add_arrows(schema);
        let nobody = vec![Types::none(analysis.kinds.len()); analysis.nodes.len()];
        Self { reaching: nobody.clone(), named: nobody, ..analysis }
    }

    fn add_arrows(&mut self, schema: &'s Schema) {
        let mut declared: BTreeMap<&RelationName, Vec<(usize, usize)>> = BTreeMap::new();
        for ((kind, name), number) in &self.numbers {
            if let Some(kind) = self.kind_numbers.get(kind) {
                declared.entry(name).or_default().push((*kind, *number));
            }
        }
        let mut led_to: BTreeMap<Place<'s>, Types> = BTreeMap::new();
        for definition in schema.definitions().values() {
            for expression in definition.members.values().flat_map(expressions) {
                let Expression::Arrow { tupleset, target, .. } = expression else { continue };
                let place = (&definition.name, tupleset, target);
                if self.arrows.contains_key(&place) {
                    continue;
                }
                let kinds =
                    led_to.entry((&definition.name, tupleset)).or_insert_with(|| self.led_to(definition, tupleset));
                let found = declared.get(target).into_iter().flatten().filter(|(kind, _)| kinds.contains(*kind));
                let found = found.map(|(_, number)| *number).collect();
                self.arrows.insert(place, self.nodes.len());
                self.nodes.push(Node::Arrow(found));
            }
        }
    }

    fn run(mut self) -> Reach<'s> {
        let edges: Vec<Vec<usize>> = self.nodes.iter().map(|node| self.uses(node)).collect();
        for component in components(&edges) {
            self.name(&component, &edges);
            self.settle(&component, &edges);
        }
        let Self { kinds, nodes, numbers, arrows, reaching, named, .. } = self;
        Reach { kinds, nodes, numbers, arrows, reaching, named }
    }

    /// What is named: the same for all members of a circle.
    fn name(&mut self, component: &[usize], edges: &[Vec<usize>]) {
        let mut types = Types::none(self.kinds.len());
        for number in component {
            if let Some(Node::Member(_, member)) = self.nodes.get(*number) {
                for allowed in allowed(member) {
                    self.add_allowed(allowed, &mut types);
                }
            }
            for used in edges.get(*number).into_iter().flatten() {
                if let Some(found) = self.named.get(*used) {
                    types.add_all(found);
                }
            }
        }
        for number in component {
            if let Some(named) = self.named.get_mut(*number) {
                *named = types.clone();
            }
        }
    }

    /// What reaches: from nobody on, until nothing is added.
    fn settle(&mut self, component: &[usize], edges: &[Vec<usize>]) {
        let circle = component.len() > 1
            || component.iter().any(|number| edges.get(*number).is_some_and(|used| used.contains(number)));
        let rounds = if circle { ROUNDS_MAX } else { 1 };
        for _ in 0..rounds {
            let mut changed = false;
            for number in component {
                let types = self.reaches(*number);
                if let Some(place) = self.reaching.get_mut(*number)
                    && *place != types
                {
                    *place = types;
                    changed = true;
                }
            }
            if !changed || !circle {
                return;
            }
        }
        // Too entangled to say less than that anybody may reach it.
        for number in component {
            if let Some(types) = self.reaching.get_mut(*number) {
                self.kind_numbers.values().for_each(|kind| types.add(*kind));
            }
        }
    }

    fn reaches(&self, number: usize) -> Types {
        match self.nodes.get(number) {
            Some(Node::Member(definition, Member::Permission(permission))) => {
                self.expression(definition, &permission.expression, &[])
            }
            Some(Node::Member(definition, Member::Relation(relation))) => match &relation.computed {
                Some(computed) => self.expression(definition, computed, &relation.allowed),
                None => self.direct(&relation.allowed),
            },
            Some(Node::Arrow(members)) => {
                let mut types = Types::none(self.kinds.len());
                members.iter().filter_map(|member| self.reaching.get(*member)).for_each(|found| types.add_all(found));
                types
            }
            None => Types::none(self.kinds.len()),
        }
    }

    fn direct(&self, allowed: &[Allowed]) -> Types {
        let mut types = Types::none(self.kinds.len());
        for allowed in allowed {
            self.add_allowed(allowed, &mut types);
            if let AllowedSubject::Userset(kind, relation) = &allowed.subject {
                self.add_member(kind, relation, &mut types);
            }
        }
        types
    }

    fn add_allowed(&self, allowed: &Allowed, types: &mut Types) {
        match &allowed.subject {
            AllowedSubject::Object(kind) | AllowedSubject::Wildcard(kind) => {
                if let Some(number) = self.kind_numbers.get(kind) {
                    types.add(*number);
                }
            }
            AllowedSubject::Userset(..) => {}
        }
    }

    fn add_member(&self, kind: &TypeName, member: &RelationName, types: &mut Types) {
        let found = self.numbers.get(&(kind, member)).and_then(|number| self.reaching.get(*number));
        if let Some(found) = found {
            types.add_all(found);
        }
    }

    /// As deep as the expression is nested, which whoever made the schema has bounded.
    fn expression(&self, definition: &Definition, expression: &Expression, direct: &[Allowed]) -> Types {
        let mut types = Types::none(self.kinds.len());
        match expression {
            Expression::Member(name) => self.add_member(&definition.name, name, &mut types),
            Expression::Arrow { tupleset, target, .. } => {
                let number = self.arrows.get(&(&definition.name, tupleset, target));
                if let Some(found) = number.and_then(|number| self.reaching.get(*number)) {
                    types.add_all(found);
                }
            }
            Expression::Itself => {
                if let Some(number) = self.kind_numbers.get(&definition.name) {
                    types.add(*number);
                }
            }
            Expression::Nil => {}
            Expression::Direct => types = self.direct(direct),
            Expression::Union(operands) => {
                for operand in operands {
                    types.add_all(&self.expression(definition, operand, direct));
                }
            }
            Expression::Intersection(operands) => {
                for (position, operand) in operands.iter().enumerate() {
                    let found = self.expression(definition, operand, direct);
                    if position == 0 {
                        types = found;
                    } else {
                        types.keep_only(&found);
                    }
                }
            }
            Expression::Exclusion(base, _) => types = self.expression(definition, base, direct),
        }
        types
    }

    /// The types of the objects that an arrow finds. A wildcard is followed by none.
    fn led_to(&self, definition: &Definition, tupleset: &RelationName) -> Types {
        let mut types = Types::none(self.kinds.len());
        if let Some(Member::Relation(relation)) = definition.member(tupleset.as_str()) {
            for allowed in &relation.allowed {
                if !matches!(allowed.subject, AllowedSubject::Wildcard(_))
                    && let Some(number) = self.kind_numbers.get(allowed.subject.kind())
                {
                    types.add(*number);
                }
            }
        }
        types
    }

    /// The nodes that a node uses.
    fn uses(&self, node: &Node<'s>) -> Vec<usize> {
        let (definition, member) = match node {
            Node::Arrow(members) => return members.clone(),
            Node::Member(definition, member) => (definition, member),
        };
        let mut used = BTreeSet::new();
        for allowed in allowed(member) {
            if let AllowedSubject::Userset(kind, relation) = &allowed.subject {
                used.extend(self.numbers.get(&(kind, relation)));
            }
        }
        for expression in expressions(member) {
            match expression {
                Expression::Member(name) => used.extend(self.numbers.get(&(&definition.name, name))),
                Expression::Arrow { tupleset, target, .. } => {
                    used.extend(self.arrows.get(&(&definition.name, tupleset, target)));
                }
                _ => {}
            }
        }
        used.into_iter().collect()
    }
}

fn allowed(member: &Member) -> &[Allowed] {
    match member {
        Member::Relation(relation) => &relation.allowed,
        Member::Permission(_) => &[],
    }
}

/// The expression of a member, and all within it.
fn expressions(member: &Member) -> Vec<&Expression> {
    let whole = match member {
        Member::Permission(permission) => Some(&permission.expression),
        Member::Relation(relation) => relation.computed.as_ref(),
    };
    let mut found = Vec::new();
    let mut open: Vec<&Expression> = whole.into_iter().collect();
    while let Some(expression) = open.pop() {
        found.push(expression);
        match expression {
            Expression::Union(operands) | Expression::Intersection(operands) => open.extend(operands),
            Expression::Exclusion(base, excluded) => open.extend([base.as_ref(), excluded.as_ref()]),
            _ => {}
        }
    }
    found
}
