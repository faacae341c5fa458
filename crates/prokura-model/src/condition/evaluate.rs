//! Evaluation with three outcomes: a value, names that are missing, or a failure.
//!
//! A missing name decides like this. `&&` is false if any operand is, `||` true if any is, whatever the others are. Else
//! the names that operands miss are what is missing, and only if none misses any, an operand's failure is the failure.
//! Everything else needs its operands in order, and the first that is no value decides.

use std::cmp::Ordering;

use cel_core::{EvalError, EvalErrorKind, MapKey, OptionalValue, Value as Cel};

use super::{
    convert::shortened,
    failure::Failure,
    functions::{self, no_overload},
    plan::{Comparison, Does, Loop, Node, Operands, Pattern, map_of},
};
use crate::limits::{CONDITION_MATCHED_BYTES_MAX, CONDITION_STEPS_MAX};

/// Why there is no value.
#[derive(Debug)]
pub(super) enum Stop {
    /// The places of parameters.
    Missing(Vec<usize>),
    Failed(Failure),
    /// No operand can make up for it.
    Exhausted,
}

pub(super) type Evaluated = Result<Cel, Stop>;

fn of_library(error: &EvalError) -> Failure {
    match error.kind {
        EvalErrorKind::NoMatchingOverload | EvalErrorKind::TypeMismatch => Failure::NoSuchOverload(error.to_string()),
        _ => Failure::Other(error.to_string()),
    }
}

/// What is wrong, in words of its own.
fn failed(fault: impl Into<String>) -> Stop {
    Stop::Failed(Failure::Other(fault.into()))
}

pub(super) struct Evaluator<'v> {
    /// By place; those that were not given are absent.
    pub(super) parameters: &'v [Option<Cel>],
    variables: Vec<Cel>,
    steps_left: usize,
}

/// What a pattern costs that is compiled again at every evaluation.
const PATTERN_STEPS: usize = CONDITION_STEPS_MAX / 10;

/// Bytes that are handled in a step.
const STEP_BYTES: usize = 16;

/// Whether evaluation goes on, for operands of `&&` and `||` and elements of `all` and `exists`.
struct Gathered {
    decisive: bool,
    missing: Vec<usize>,
    failed: Option<Failure>,
}

impl Gathered {
    const fn new(decisive: bool) -> Self {
        Self { decisive, missing: Vec::new(), failed: None }
    }

    /// The answer, if this operand alone decides it.
    fn add(&mut self, operand: Evaluated, operator: &str) -> Result<bool, Stop> {
        match operand {
            Ok(Cel::Bool(value)) if value == self.decisive => return Ok(true),
            Ok(Cel::Bool(_)) => {}
            Ok(_) => {
                self.failed.get_or_insert_with(|| no_overload(operator));
            }
            Err(Stop::Missing(places)) => self.missing.extend(places),
            Err(Stop::Failed(failure)) => {
                self.failed.get_or_insert(failure);
            }
            Err(Stop::Exhausted) => return Err(Stop::Exhausted),
        }
        Ok(false)
    }

    fn end(self) -> Evaluated {
        if !self.missing.is_empty() {
            return Err(Stop::Missing(self.missing));
        }
        self.failed.map_or(Ok(Cel::Bool(!self.decisive)), |failure| Err(Stop::Failed(failure)))
    }
}

impl<'v> Evaluator<'v> {
    pub(super) const fn new(parameters: &'v [Option<Cel>]) -> Self {
        Self { parameters, variables: Vec::new(), steps_left: CONDITION_STEPS_MAX }
    }

    pub(super) fn evaluate(&mut self, node: &Node) -> Evaluated {
        self.spend(1)?;
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Parameter(place) => match self.parameters.get(*place) {
                Some(Some(value)) => Ok(value.clone()),
                _ => Err(Stop::Missing(vec![*place])),
            },
            Node::Present(place) => Ok(Cel::Bool(matches!(self.parameters.get(*place), Some(Some(_))))),
            Node::Variable(depth) => self.variables.get(*depth).cloned().ok_or_else(|| failed("no such variable")),
            Node::All(operands) => self.junction(operands, false, "_&&_"),
            Node::Any(operands) => self.junction(operands, true, "_||_"),
            Node::Choice(parts) => self.choice(parts),
            Node::List(_) | Node::Map(_) => self.literal(node),
            Node::Select { of, key, optional } => {
                let of = self.evaluate(of)?;
                select(&of, key, *optional)
            }
            Node::Index { of, optional } => self.index(of, *optional),
            Node::Has { of, key } => {
                let of = self.evaluate(of)?;
                has(&of, key)
            }
            Node::Compare(comparison, operands) => self.compare(*comparison, operands),
            Node::Loop(over) => self.over(over),
            Node::Bind { value, body } => {
                let value = self.evaluate(value)?;
                self.variables.push(value);
                let result = self.evaluate(body);
                self.variables.pop();
                result
            }
            Node::Otherwise { of, unwrapped } => self.otherwise(of, *unwrapped),
            Node::Matches { of, pattern } => self.matches(of, pattern),
            Node::Function(function, operands) => {
                let operands = self.operands(operands)?;
                functions::call(*function, &operands).map_err(Stop::Failed)
            }
            Node::Library(program, operands) => {
                let operands = self.operands(operands)?;
                // The library adds maps up, which nothing says it should.
                if let [Cel::Map(_), Cel::Map(_)] = operands.as_slice() {
                    return Err(Stop::Failed(no_overload("_+_")));
                }
                match functions::settled(program.eval(&Operands(&operands))) {
                    Cel::Error(error) => Err(Stop::Failed(of_library(&error))),
                    value => Ok(value),
                }
            }
        }
    }

    fn spend(&mut self, steps: usize) -> Result<(), Stop> {
        self.steps_left = self.steps_left.checked_sub(steps).ok_or(Stop::Exhausted)?;
        Ok(())
    }

    /// Spends what looking at a whole value costs. Values share parts, so one can be larger than memory is.
    fn weigh(&mut self, value: &Cel) -> Result<(), Stop> {
        match value {
            Cel::String(text) => self.spend(text.len() / STEP_BYTES),
            Cel::Bytes(bytes) => self.spend(bytes.len() / STEP_BYTES),
            Cel::List(values) => {
                self.spend(values.len())?;
                values.iter().try_for_each(|value| self.weigh(value))
            }
            Cel::Map(members) => {
                self.spend(members.len())?;
                members.values().try_for_each(|value| self.weigh(value))
            }
            Cel::Optional(OptionalValue::Some(value)) => self.weigh(value),
            _ => Ok(()),
        }
    }

    fn operands(&mut self, nodes: &[Node]) -> Result<Vec<Cel>, Stop> {
        let mut values = Vec::with_capacity(nodes.len());
        for node in nodes {
            let value = self.evaluate(node)?;
            self.weigh(&value)?;
            values.push(value);
        }
        Ok(values)
    }

    fn junction(&mut self, operands: &[Node], decisive: bool, operator: &str) -> Evaluated {
        let mut gathered = Gathered::new(decisive);
        for operand in operands {
            let operand = self.evaluate(operand);
            if gathered.add(operand, operator)? {
                return Ok(Cel::Bool(decisive));
            }
        }
        gathered.end()
    }

    fn choice(&mut self, parts: &[Node; 3]) -> Evaluated {
        let [condition, holds, fails] = parts;
        match self.evaluate(condition)? {
            Cel::Bool(true) => self.evaluate(holds),
            Cel::Bool(false) => self.evaluate(fails),
            _ => Err(Stop::Failed(no_overload("_?_:_"))),
        }
    }

    fn literal(&mut self, node: &Node) -> Evaluated {
        match node {
            Node::List(elements) => {
                let mut values = Vec::with_capacity(elements.len());
                for element in elements {
                    let value = self.evaluate(&element.value)?;
                    values.extend(present(value, element.optional));
                }
                Ok(Cel::List(values.into()))
            }
            Node::Map(entries) => {
                let mut members = Vec::with_capacity(entries.len());
                for (key, element) in entries {
                    let key = self.evaluate(key)?;
                    let key = MapKey::from_value(&key).ok_or_else(|| failed("this value cannot be a key"))?;
                    let value = self.evaluate(&element.value)?;
                    members.extend(present(value, element.optional).map(|value| (key, value)));
                }
                Ok(map_of(members.into_iter()))
            }
            other => self.evaluate(other),
        }
    }

    fn index(&mut self, of: &[Node; 2], optional: bool) -> Evaluated {
        let [of, index] = of;
        let of = self.evaluate(of)?;
        let index = self.evaluate(index)?;
        element(&of, &index, optional)
    }

    fn compare(&mut self, comparison: Comparison, operands: &[Node; 2]) -> Evaluated {
        let [left, right] = operands;
        let left = self.evaluate(left)?;
        let right = self.evaluate(right)?;
        self.weigh(&left)?;
        self.weigh(&right)?;
        compare(comparison, &left, &right).map(Cel::Bool).map_err(Stop::Failed)
    }

    fn otherwise(&mut self, of: &[Node; 2], unwrapped: bool) -> Evaluated {
        let [first, second] = of;
        match self.evaluate(first)? {
            Cel::Optional(OptionalValue::Some(value)) if unwrapped => Ok(*value),
            Cel::Optional(OptionalValue::None) => self.evaluate(second),
            value @ Cel::Optional(_) => Ok(value),
            _ => Err(Stop::Failed(no_overload(if unwrapped { "orValue" } else { "or" }))),
        }
    }

    fn matches(&mut self, of: &Node, pattern: &Pattern) -> Evaluated {
        let of = self.evaluate(of)?;
        let Cel::String(text) = &of else { return Err(Stop::Failed(no_overload("matches"))) };
        let long = || failed(format!("`matches` on {} bytes; the most is {CONDITION_MATCHED_BYTES_MAX}", text.len()));
        let found = match pattern {
            Pattern::Known(pattern) => (text.len() <= CONDITION_MATCHED_BYTES_MAX).then(|| pattern.is_match(text)),
            Pattern::Computed(pattern) => {
                let Cel::String(pattern) = self.evaluate(pattern)? else {
                    return Err(Stop::Failed(no_overload("matches")));
                };
                self.spend(PATTERN_STEPS)?;
                let pattern = functions::pattern(&pattern).map_err(failed)?;
                (text.len() <= CONDITION_MATCHED_BYTES_MAX).then(|| pattern.is_match(text))
            }
        };
        self.spend(text.len())?;
        found.map(Cel::Bool).ok_or_else(long)
    }

    fn over(&mut self, over: &Loop) -> Evaluated {
        let elements: Vec<Cel> = match self.evaluate(&over.range)? {
            Cel::List(values) => {
                self.spend(values.len())?;
                values.to_vec()
            }
            Cel::Map(members) => {
                self.spend(members.len())?;
                members.keys().map(MapKey::to_value).collect()
            }
            _ => return Err(failed("only lists and maps have elements")),
        };
        match &over.does {
            Does::All(body) => self.each(elements, body, false, "all"),
            Does::Exists(body) => self.each(elements, body, true, "exists"),
            Does::ExistsOne(body) => {
                let mut found = 0_usize;
                for element in elements {
                    found += usize::from(self.holds(element, body)?);
                }
                Ok(Cel::Bool(found == 1))
            }
            Does::Map { only_if, to } => {
                let mut values = Vec::with_capacity(elements.len());
                for element in elements {
                    let taken = match only_if {
                        Some(condition) => self.holds(element.clone(), condition)?,
                        None => true,
                    };
                    if taken {
                        values.push(self.with(element, to)?);
                    }
                }
                Ok(Cel::List(values.into()))
            }
        }
    }

    fn each(&mut self, elements: Vec<Cel>, body: &Node, decisive: bool, macro_name: &str) -> Evaluated {
        let mut gathered = Gathered::new(decisive);
        for element in elements {
            let outcome = self.with(element, body);
            if gathered.add(outcome, macro_name)? {
                return Ok(Cel::Bool(decisive));
            }
        }
        gathered.end()
    }

    fn with(&mut self, element: Cel, body: &Node) -> Evaluated {
        self.variables.push(element);
        let result = self.evaluate(body);
        self.variables.pop();
        result
    }

    fn holds(&mut self, element: Cel, body: &Node) -> Result<bool, Stop> {
        match self.with(element, body)? {
            Cel::Bool(holds) => Ok(holds),
            _ => Err(Stop::Failed(no_overload("_?_:_"))),
        }
    }
}

/// The value of an element, unless it is optional and absent.
fn present(value: Cel, optional: bool) -> Option<Cel> {
    match value {
        Cel::Optional(OptionalValue::Some(value)) if optional => Some(*value),
        Cel::Optional(OptionalValue::None) if optional => None,
        value => Some(value),
    }
}

fn no_such_key(key: &MapKey) -> Stop {
    Stop::Failed(Failure::NoSuchKey(match key.to_value() {
        Cel::String(text) => shortened(&text),
        other => other.to_string(),
    }))
}

/// What is wrapped once more if it was reached through something optional.
fn wrapped(found: Option<&Cel>, optional: bool, absent: impl FnOnce() -> Stop) -> Evaluated {
    match (found, optional) {
        (Some(value), true) => Ok(Cel::optional_some(value.clone())),
        (Some(value), false) => Ok(value.clone()),
        (None, true) => Ok(Cel::optional_none()),
        (None, false) => Err(absent()),
    }
}

/// What an optional value has inside, if something can be looked up in it.
fn inside(optional: &OptionalValue) -> Option<&Cel> {
    match optional {
        OptionalValue::Some(inner) if matches!(inner.as_ref(), Cel::Map(_) | Cel::List(_)) => Some(inner),
        _ => None,
    }
}

/// From `.?` on, what is not there is absent, and no failure.
fn select(of: &Cel, key: &MapKey, optional: bool) -> Evaluated {
    match of {
        Cel::Map(members) => wrapped(members.get(key), optional, || no_such_key(key)),
        Cel::Optional(value) => inside(value).map_or(Ok(Cel::optional_none()), |inner| select(inner, key, true)),
        Cel::List(_) => Err(failed("only maps have members")),
        _ if optional => Ok(Cel::optional_none()),
        _ => Err(failed("only maps have members")),
    }
}

fn has(of: &Cel, key: &MapKey) -> Evaluated {
    match of {
        Cel::Map(members) => Ok(Cel::Bool(members.contains_key(key))),
        Cel::List(_) => Err(failed("only maps have members")),
        Cel::Optional(value) => inside(value).map_or(Ok(Cel::Bool(false)), |inner| has(inner, key)),
        _ => Ok(Cel::Bool(false)),
    }
}

fn element(of: &Cel, index: &Cel, optional: bool) -> Evaluated {
    match of {
        Cel::List(values) => {
            let place = match index {
                Cel::Int(index) => usize::try_from(*index).ok(),
                Cel::UInt(index) => usize::try_from(*index).ok(),
                Cel::Double(index) => super::convert::whole(*index).and_then(|index| usize::try_from(index).ok()),
                _ => return Err(Stop::Failed(no_overload("_[_]"))),
            };
            let found = place.and_then(|place| values.get(place));
            let absent = || Stop::Failed(Failure::NoSuchElement { length: values.len(), index: index.to_string() });
            wrapped(found, optional, absent)
        }
        Cel::Map(members) => match functions::key_of(index) {
            Ok(key) => wrapped(members.get_with_numeric_coercion(&key), optional, || no_such_key(&key)),
            Err(_) if optional => Ok(Cel::optional_none()),
            Err(failure) => Err(Stop::Failed(failure)),
        },
        Cel::Optional(value) => inside(value).map_or(Ok(Cel::optional_none()), |inner| element(inner, index, true)),
        _ if optional => Ok(Cel::optional_none()),
        _ => Err(Stop::Failed(no_overload("_[_]"))),
    }
}

fn compare(comparison: Comparison, left: &Cel, right: &Cel) -> Result<bool, Failure> {
    let ordering = |operator: &str| left.compare(right).ok_or_else(|| no_overload(operator));
    Ok(match comparison {
        Comparison::Equal => left == right,
        Comparison::Unequal => left != right,
        Comparison::Less => ordering("_<_")? == Ordering::Less,
        Comparison::AtMost => ordering("_<=_")? != Ordering::Greater,
        Comparison::More => ordering("_>_")? == Ordering::Greater,
        Comparison::AtLeast => ordering("_>=_")? != Ordering::Less,
        Comparison::In => match right {
            Cel::List(values) => values.iter().any(|value| value == left),
            Cel::Map(members) => match functions::key_of(left) {
                Ok(key) => members.contains_key_with_numeric_coercion(&key),
                Err(_) => false,
            },
            _ => return Err(no_overload("@in")),
        },
    })
}
