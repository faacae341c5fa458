use std::collections::{BTreeMap, BTreeSet};

use prokura_model::{
    Change, Schema,
    schema::{Caveat, Definition, Expression, Member, Relation},
};

use crate::generate::expression_text;

/// A small list of changes that still fails: parts are left out, and schemas made simpler, as long as it does.
///
/// What it tries is always plausible: the schema parses and every edge fits it, and only what exists ends.
#[must_use]
pub fn shrink(changes: &[Change], fails: &dyn Fn(&[Change]) -> bool) -> Vec<Change> {
    let mut best = changes.to_vec();
    loop {
        let before = best.clone();
        leave_out(&mut best, fails);
        simplify(&mut best, fails);
        if best == before {
            return best;
        }
    }
}

fn leave_out(best: &mut Vec<Change>, fails: &dyn Fn(&[Change]) -> bool) {
    let mut size = best.len().div_ceil(2).max(1);
    loop {
        let mut start = 0;
        while start < best.len() {
            let end = (start + size).min(best.len());
            let shorter: Vec<_> = best.iter().take(start).chain(best.iter().skip(end)).cloned().collect();
            if plausible(&shorter) && fails(&shorter) {
                *best = shorter;
            } else {
                start = end;
            }
        }
        if size == 1 {
            return;
        }
        size /= 2;
    }
}

fn simplify(best: &mut Vec<Change>, fails: &dyn Fn(&[Change]) -> bool) {
    for position in 0..best.len() {
        while let Some(simpler) = simplified(best, position, fails) {
            *best = simpler;
        }
    }
}

/// The changes with a simpler schema at this place that still fail, if it is a schema and can be simpler.
fn simplified(best: &[Change], position: usize, fails: &dyn Fn(&[Change]) -> bool) -> Option<Vec<Change>> {
    let Some(Change::SchemaWritten(before)) = best.get(position) else {
        return None;
    };
    let schema = Schema::parse(before).ok()?;
    simpler(&schema).into_iter().filter(|text| text != before).find_map(|text| {
        let mut changed = best.to_vec();
        *changed.get_mut(position)? = Change::SchemaWritten(text);
        (plausible(&changed) && fails(&changed)).then_some(changed)
    })
}

/// Whether a writer would let it be, as far as the index relies on it.
fn plausible(changes: &[Change]) -> bool {
    let mut schema: Option<Schema> = None;
    let mut edges = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for change in changes {
        match change {
            Change::SchemaWritten(text) => match Schema::parse(text) {
                Ok(parsed) if edges.iter().all(|(edge, terms)| parsed.check_relationship(edge, terms).is_ok()) => {
                    schema = Some(parsed);
                }
                _ => return false,
            },
            Change::RelationshipTouched(edge, terms) => {
                if schema.as_ref().is_none_or(|schema| schema.check_relationship(edge, terms).is_err()) {
                    return false;
                }
                edges.insert(edge.clone(), terms.clone());
            }
            Change::RelationshipDeleted(edge) | Change::RelationshipExpired(edge) => {
                edges.remove(edge);
            }
            Change::TaskOpened(task) => {
                ids.insert(task.id.as_str());
            }
            Change::DelegationCreated(link) => {
                ids.insert(link.id.as_str());
            }
            Change::EndorsementCreated(endorsement) => {
                ids.insert(endorsement.id.as_str());
            }
            Change::TaskClosed(id, _) if !ids.contains(id.as_str()) => return false,
            Change::DelegationRevoked(id) if !ids.contains(id.as_str()) => return false,
            Change::Consumed(found) if found.task.as_ref().is_some_and(|task| !ids.contains(task.as_str())) => {
                return false;
            }
            Change::EndorsementRevoked(id) if !ids.contains(id.as_str()) => return false,
            _ => {}
        }
    }
    schema.is_some()
}

/// Schemas with one thing fewer.
fn simpler(schema: &Schema) -> Vec<String> {
    let definitions: Vec<_> = schema.definitions().values().cloned().collect();
    let mut found = Vec::new();
    for left_out in schema.caveats().keys() {
        let kept = schema.caveats().values().filter(|caveat| caveat.name != *left_out);
        found.push(text(kept, &definitions));
    }
    let text = |definitions: &[Definition]| text(schema.caveats().values(), definitions);
    for position in 0..definitions.len() {
        let mut fewer = definitions.clone();
        fewer.remove(position);
        found.push(text(&fewer));
        for changed in definitions.get(position).into_iter().flat_map(simpler_definitions) {
            let mut others = definitions.clone();
            if let Some(slot) = others.get_mut(position) {
                *slot = changed;
            }
            found.push(text(&others));
        }
    }
    found
}

fn simpler_definitions(definition: &Definition) -> Vec<Definition> {
    let mut found = Vec::new();
    for (name, member) in &definition.members {
        let mut fewer = definition.clone();
        fewer.members.remove(name);
        found.push(fewer);
        for simpler in simpler_members(member) {
            let mut changed = definition.clone();
            changed.members.insert(name.clone(), simpler);
            found.push(changed);
        }
    }
    found
}

fn simpler_members(member: &Member) -> Vec<Member> {
    match member {
        Member::Relation(relation) if relation.allowed.len() > 1 => (0..relation.allowed.len())
            .map(|position| {
                let mut allowed = relation.allowed.clone();
                allowed.remove(position);
                Member::Relation(Relation { allowed, ..relation.clone() })
            })
            .collect(),
        Member::Relation(_) => Vec::new(),
        Member::Permission(permission) => simpler_expressions(&permission.expression)
            .into_iter()
            .map(|expression| {
                let mut changed = permission.clone();
                changed.expression = expression;
                Member::Permission(changed)
            })
            .collect(),
    }
}

fn simpler_expressions(expression: &Expression) -> Vec<Expression> {
    let rebuild: fn(Vec<Expression>) -> Expression = match expression {
        Expression::Nil => return Vec::new(),
        Expression::Member(_) | Expression::Arrow { .. } | Expression::Itself | Expression::Direct => {
            return vec![Expression::Nil];
        }
        Expression::Union(_) => Expression::Union,
        Expression::Intersection(_) => Expression::Intersection,
        Expression::Exclusion(..) => |mut sides| {
            let taken = sides.pop().map(Box::new);
            let from = sides.pop().map(Box::new);
            let (from, taken) = from.zip(taken).expect("an exclusion has two sides");
            Expression::Exclusion(from, taken)
        },
    };
    let operands: Vec<Expression> = match expression {
        Expression::Union(operands) | Expression::Intersection(operands) => operands.clone(),
        Expression::Exclusion(from, taken) => vec![(**from).clone(), (**taken).clone()],
        _ => Vec::new(),
    };
    let mut found = operands.clone();
    for (position, operand) in operands.iter().enumerate() {
        if operands.len() > 2 {
            let mut fewer = operands.clone();
            fewer.remove(position);
            found.push(rebuild(fewer));
        }
        for simpler in simpler_expressions(operand) {
            let mut changed = operands.clone();
            if let Some(slot) = changed.get_mut(position) {
                *slot = simpler;
            }
            found.push(rebuild(changed));
        }
    }
    found
}

fn text<'a>(caveats: impl Iterator<Item = &'a Caveat>, definitions: &[Definition]) -> String {
    let mut text = "use expiration\nuse self\n".to_owned();
    for Caveat { name, parameters, expression, .. } in caveats {
        let parameters: Vec<_> = parameters.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
        text.push_str(&format!("caveat {name}({}) {{ {} }}\n", parameters.join(", "), expression.trim()));
    }
    for definition in definitions {
        text.push_str(&format!("definition {} {{\n", definition.name));
        for (name, member) in &definition.members {
            match member {
                Member::Relation(relation) => {
                    let allowed: Vec<_> = relation.allowed.iter().map(ToString::to_string).collect();
                    text.push_str(&format!("  relation {name}: {}\n", allowed.join(" | ")));
                }
                Member::Permission(permission) => {
                    let expression = expression_text(&permission.expression, &mut |_| false);
                    text.push_str(&format!("  permission {name} = {expression}\n"));
                }
            }
        }
        text.push_str("}\n");
    }
    text
}
