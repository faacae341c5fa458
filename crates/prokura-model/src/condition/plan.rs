//! From the checked tree to what is evaluated.
//!
//! The library evaluates what needs all its operands. What decides without some of them is ours, because the library knows
//! no missing names: `&&`, `||`, `?:`, macros, access to members, optional values.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use cel_core::{
    Activation, Ast, BinaryOp, CelType, ComprehensionData, Expr, MapKey, Program, Spanned, SpannedExpr, UnaryOp,
    Value as Cel, ValueMap,
};
use regex::Regex;

use super::{ConditionError, ParameterType, check, functions, position, root::PRESENCE};
use crate::limits::CONDITION_LOOPS_MAX;

#[derive(Debug)]
pub(super) enum Node {
    Constant(Cel),
    /// By its place among the declared parameters.
    Parameter(usize),
    /// Whether the parameter in this place has a value.
    Present(usize),
    /// A variable of a macro, by its depth.
    Variable(usize),
    All(Vec<Self>),
    Any(Vec<Self>),
    Choice(Box<[Self; 3]>),
    List(Vec<Element>),
    Map(Vec<(Self, Element)>),
    Select {
        of: Box<Self>,
        key: MapKey,
        optional: bool,
    },
    Index {
        of: Box<[Self; 2]>,
        optional: bool,
    },
    Has {
        of: Box<Self>,
        key: MapKey,
    },
    Compare(Comparison, Box<[Self; 2]>),
    Loop(Box<Loop>),
    Bind {
        value: Box<Self>,
        body: Box<Self>,
    },
    /// `.or` and `.orValue`, which look at the second only if the first is absent.
    Otherwise {
        of: Box<[Self; 2]>,
        unwrapped: bool,
    },
    Matches {
        of: Box<Self>,
        pattern: Pattern,
    },
    Function(functions::Function, Vec<Self>),
    Library(Box<Program>, Vec<Self>),
}

#[derive(Debug)]
pub(super) struct Element {
    pub(super) value: Node,
    pub(super) optional: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    In,
}

#[derive(Debug)]
pub(super) struct Loop {
    pub(super) range: Node,
    pub(super) does: Does,
}

#[derive(Debug)]
pub(super) enum Does {
    All(Node),
    Exists(Node),
    ExistsOne(Node),
    Map { only_if: Option<Node>, to: Node },
}

#[derive(Debug)]
pub(super) enum Pattern {
    Known(Box<Regex>),
    Computed(Box<Node>),
}

/// What a library operation is given: `@0` is the first operand.
pub(super) struct Operands<'v>(pub(super) &'v [Cel]);

impl Activation for Operands<'_> {
    fn resolve(&self, name: &str) -> Option<Cel> {
        let place: usize = name.strip_prefix('@')?.parse().ok()?;
        self.0.get(place).cloned()
    }
}

pub(super) struct Plan {
    pub(super) root: Node,
    /// The places of the parameters that are mentioned.
    pub(super) used: BTreeSet<usize>,
}

pub(super) fn plan(parameters: &[(String, ParameterType)], ast: &Ast) -> Result<Plan, ConditionError> {
    let template = check::environment()
        .program(&Ast::new_unchecked(Spanned::new(0, Expr::Null, 0..0), ""))
        .map_err(|error| position(ast.source(), 0, error.to_string()))?;
    let functions = Arc::new(template.functions().clone());
    let build =
        |expression: SpannedExpr| Program::new(Arc::new(Ast::new_unchecked(expression, "")), Arc::clone(&functions));
    let no_types = HashMap::new();
    let mut planner = Planner {
        types: ast.type_info().map_or(&no_types, |info| &info.type_map),
        places: check::places(parameters),
        build: &build,
        text: ast.source(),
        used: BTreeSet::new(),
        variables: Vec::new(),
        loops: 0,
    };
    let root = planner.node(ast.expr())?;
    Ok(Plan { root, used: planner.used })
}

struct Planner<'a> {
    types: &'a HashMap<i64, CelType>,
    places: BTreeMap<&'a str, usize>,
    build: &'a dyn Fn(SpannedExpr) -> Program,
    text: &'a str,
    used: BTreeSet<usize>,
    variables: Vec<&'a str>,
    loops: usize,
}

type Planned = Result<Node, ConditionError>;

impl<'a> Planner<'a> {
    /// Only passes on, so that a frame of the recursion stays small.
    fn node(&mut self, expression: &'a SpannedExpr) -> Planned {
        match &expression.node {
            Expr::Ident(name) => self.name(expression, name, false),
            Expr::RootIdent(name) => self.name(expression, name, true),
            Expr::List(elements) => self.list(elements),
            Expr::Map(entries) => self.map(entries),
            Expr::Unary { op, expr } => self.unary(*op, expr),
            Expr::Binary { op, left, right } => self.binary(*op, left, right),
            Expr::Ternary { cond, then_expr, else_expr } => self.choice(cond, then_expr, else_expr),
            Expr::Member { .. } | Expr::MemberTestOnly { .. } | Expr::Index { .. } => self.access(expression),
            Expr::Call { expr, args } => self.call(expression, expr, args),
            Expr::Comprehension(comprehension) => self.comprehension(expression, comprehension),
            Expr::Bind { var_name, init, body } => self.bind(var_name, init, body),
            Expr::Struct { .. } => Err(self.refused(expression, "messages cannot be built in a condition")),
            Expr::Error => Err(self.refused(expression, "this cannot be read")),
            literal => Ok(Node::Constant(constant(literal))),
        }
    }

    fn map(&mut self, entries: &'a [cel_core::MapEntry]) -> Planned {
        let mut planned = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = self.node(&entry.key)?;
            planned.push((key, Element { value: self.node(&entry.value)?, optional: entry.optional }));
        }
        Ok(Node::Map(planned))
    }

    fn choice(&mut self, condition: &'a SpannedExpr, holds: &'a SpannedExpr, fails: &'a SpannedExpr) -> Planned {
        self.check_operands("_?_:_", holds, fails)?;
        Ok(Node::Choice(Box::new([self.node(condition)?, self.node(holds)?, self.node(fails)?])))
    }

    fn access(&mut self, expression: &'a SpannedExpr) -> Planned {
        Ok(match &expression.node {
            Expr::Member { expr, field, optional } => match self.constant_name(expression) {
                Some(constant) => constant,
                None => Node::Select { of: Box::new(self.node(expr)?), key: key(field), optional: *optional },
            },
            Expr::MemberTestOnly { expr, field } => Node::Has { of: Box::new(self.node(expr)?), key: key(field) },
            Expr::Index { expr, index, optional } => {
                self.check_operands("_[_]", expr, index)?;
                Node::Index { of: Box::new([self.node(expr)?, self.node(index)?]), optional: *optional }
            }
            _ => return Err(self.refused(expression, "this cannot be read")),
        })
    }

    fn bind(&mut self, name: &'a str, value: &'a SpannedExpr, body: &'a SpannedExpr) -> Planned {
        let value = Box::new(self.node(value)?);
        self.variables.push(name);
        let body = self.node(body);
        self.variables.pop();
        Ok(Node::Bind { value, body: Box::new(body?) })
    }

    fn refused(&self, expression: &SpannedExpr, message: &str) -> ConditionError {
        position(self.text, expression.span.start, message.to_owned())
    }

    /// A variable of a macro, innermost first; a parameter; or the name of a type.
    fn name(&mut self, expression: &'a SpannedExpr, name: &'a str, root: bool) -> Planned {
        let name = name.strip_prefix('.').unwrap_or(name);
        if !root && let Some(depth) = self.variables.iter().rposition(|variable| *variable == name) {
            return Ok(Node::Variable(depth));
        }
        if let Some(place) = self.places.get(name) {
            self.used.insert(*place);
            return Ok(Node::Parameter(*place));
        }
        if let Some(place) = name.strip_prefix(PRESENCE).and_then(|name| self.places.get(name)) {
            self.used.insert(*place);
            return Ok(Node::Present(*place));
        }
        self.constant(expression).ok_or_else(|| self.refused(expression, &format!("`{name}` is no value here")))
    }

    /// `google.protobuf.Timestamp` and the like: names with dots that begin with nothing we know.
    fn constant_name(&self, expression: &SpannedExpr) -> Option<Node> {
        let mut first = expression;
        let mut parts = Vec::new();
        while let Expr::Member { expr, optional: false, field } = &first.node {
            parts.push(field.as_str());
            first = expr;
        }
        let (Expr::Ident(name) | Expr::RootIdent(name)) = &first.node else { return None };
        let name = name.strip_prefix('.').unwrap_or(name);
        parts.push(name);
        parts.reverse();
        let whole = parts.join(".");
        let known = [check::TIMESTAMP, check::DURATION].contains(&whole.as_str()) && !self.knows(name);
        known.then(|| Node::Constant(Cel::new_type(whole)))
    }

    fn knows(&self, name: &str) -> bool {
        self.variables.contains(&name) || self.places.contains_key(name)
    }

    /// What the library makes of an expression in which nothing of ours occurs.
    fn constant(&self, expression: &SpannedExpr) -> Option<Node> {
        let value = (self.build)(expression.clone()).eval_empty();
        (!value.is_error()).then_some(Node::Constant(value))
    }

    fn list(&mut self, elements: &'a [cel_core::ListElement]) -> Planned {
        let elements: Vec<Element> = elements
            .iter()
            .map(|element| Ok(Element { value: self.node(&element.expr)?, optional: element.optional }))
            .collect::<Result<_, _>>()?;
        let constants: Option<Vec<Cel>> = elements
            .iter()
            .map(|element| match &element.value {
                Node::Constant(value) if !element.optional => Some(value.clone()),
                _ => None,
            })
            .collect();
        Ok(constants.map_or(Node::List(elements), |values| Node::Constant(Cel::List(values.into()))))
    }

    fn unary(&mut self, operator: UnaryOp, operand: &'a SpannedExpr) -> Planned {
        let operand = self.node(operand)?;
        if let (UnaryOp::Neg, Node::Constant(Cel::Int(value))) = (operator, &operand)
            && let Some(negative) = value.checked_neg()
        {
            return Ok(Node::Constant(Cel::Int(negative)));
        }
        let operation = Expr::Unary { op: operator, expr: Box::new(placeholder(0)) };
        Ok(self.call_library(operation, vec![operand]))
    }

    /// The library lets more types meet than make sense. Two that can never be equal are a mistake.
    fn check_operands(&self, function: &str, left: &SpannedExpr, right: &SpannedExpr) -> Result<(), ConditionError> {
        let (Some(one), Some(other)) = (self.types.get(&left.id), self.types.get(&right.id)) else { return Ok(()) };
        if check::takes(function, one, other) {
            return Ok(());
        }
        let types = format!("`({}, {})`", one.display_name(), other.display_name());
        Err(self.refused(left, &format!("found no matching overload for `{function}` applied to {types}")))
    }

    fn binary(&mut self, operator: BinaryOp, left: &'a SpannedExpr, right: &'a SpannedExpr) -> Planned {
        self.check_operands(function_of(operator), left, right)?;
        let (left, right) = (self.node(left)?, self.node(right)?);
        let comparison = match operator {
            BinaryOp::And => return Ok(Node::All(flattened(left, right, true))),
            BinaryOp::Or => return Ok(Node::Any(flattened(left, right, false))),
            BinaryOp::Eq => Comparison::Equal,
            BinaryOp::Ne => Comparison::Unequal,
            BinaryOp::Lt => Comparison::Less,
            BinaryOp::Le => Comparison::AtMost,
            BinaryOp::Gt => Comparison::More,
            BinaryOp::Ge => Comparison::AtLeast,
            BinaryOp::In => Comparison::In,
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod => {
                let operation =
                    Expr::Binary { op: operator, left: Box::new(placeholder(0)), right: Box::new(placeholder(1)) };
                return Ok(self.call_library(operation, vec![left, right]));
            }
        };
        Ok(Node::Compare(comparison, Box::new([left, right])))
    }

    fn call_library(&self, operation: Expr, operands: Vec<Node>) -> Node {
        Node::Library(Box::new((self.build)(Spanned::new(1, operation, 0..0))), operands)
    }

    fn call(&mut self, call: &'a SpannedExpr, callee: &'a SpannedExpr, arguments: &'a [SpannedExpr]) -> Planned {
        let mut operands = Vec::with_capacity(arguments.len() + 1);
        let (name, receiver) = match &callee.node {
            Expr::Ident(name) => (name.as_str(), None),
            Expr::RootIdent(name) => (name.strip_prefix('.').unwrap_or(name), None),
            Expr::Member { expr, field, .. } if self.is_namespace(expr) => (field.as_str(), Some(true)),
            Expr::Member { expr, field, .. } => {
                operands.push(self.node(expr)?);
                (field.as_str(), Some(false))
            }
            _ => return Err(self.refused(call, "this cannot be called")),
        };
        for argument in arguments {
            operands.push(self.node(argument)?);
        }
        match receiver {
            Some(true) => {
                let function = functions::optional(name);
                let function =
                    function.ok_or_else(|| self.refused(call, &format!("there is no function `optional.{name}`")))?;
                Ok(Node::Function(function, operands))
            }
            _ => Ok(self.function(name, receiver.is_some(), operands)),
        }
    }

    /// `optional.of` is a name; `m.of` is a call on a value.
    fn is_namespace(&self, receiver: &SpannedExpr) -> bool {
        matches!(&receiver.node, Expr::Ident(name) if name == "optional" && !self.knows(name))
    }

    fn function(&self, name: &str, member: bool, mut operands: Vec<Node>) -> Node {
        if let ("matches", 2) = (name, operands.len())
            && let (Some(pattern), Some(of)) = (operands.pop(), operands.pop())
        {
            let pattern = match &pattern {
                Node::Constant(Cel::String(text)) => functions::pattern(text).ok().map(Box::new).map(Pattern::Known),
                _ => None,
            }
            .unwrap_or_else(|| Pattern::Computed(Box::new(pattern)));
            return Node::Matches { of: Box::new(of), pattern };
        }
        if let ("or" | "orValue", true, [_, _]) = (name, member, operands.as_slice())
            && let (Some(second), Some(first)) = (operands.pop(), operands.pop())
        {
            return Node::Otherwise { of: Box::new([first, second]), unwrapped: name == "orValue" };
        }
        if let Some(function) = functions::named(name, member, operands.len()) {
            return Node::Function(function, operands);
        }
        let mut places = (0..operands.len()).map(placeholder);
        let callee = match (member, if member { places.next() } else { None }) {
            (true, Some(receiver)) => {
                Expr::Member { expr: Box::new(receiver), field: name.to_owned(), optional: false }
            }
            _ => Expr::Ident(name.to_owned()),
        };
        let operation = Expr::Call { expr: Box::new(Spanned::new(2, callee, 0..0)), args: places.collect() };
        self.call_library(operation, operands)
    }

    /// A macro is known by the shape the parser gives it.
    fn comprehension(&mut self, expression: &'a SpannedExpr, shape: &'a ComprehensionData) -> Planned {
        let range = self.node(&shape.iter_range)?;
        if let Some(of) = self.types.get(&shape.iter_range.id)
            && !check::has_elements(of)
        {
            let message = format!("only lists and maps have elements, and this is `{}`", of.display_name());
            return Err(self.refused(&shape.iter_range, &message));
        }
        if self.loops >= CONDITION_LOOPS_MAX {
            let message = format!("macros over lists are nested more than {CONDITION_LOOPS_MAX} deep");
            return Err(self.refused(expression, &message));
        }
        self.loops += 1;
        self.variables.push(&shape.iter_var);
        let does = self.body(shape);
        self.variables.pop();
        self.loops -= 1;
        let unknown = || self.refused(expression, "this macro is not known");
        Ok(Node::Loop(Box::new(Loop { range, does: does?.ok_or_else(unknown)? })))
    }

    fn body(&mut self, shape: &'a ComprehensionData) -> Result<Option<Does>, ConditionError> {
        if !shape.iter_var2.is_empty() {
            return Ok(None);
        }
        Ok(match (&shape.accu_init.node, &shape.loop_step.node) {
            (Expr::Bool(true), Expr::Binary { op: BinaryOp::And, left, .. }) => Some(Does::All(self.node(left)?)),
            (Expr::Bool(false), Expr::Binary { op: BinaryOp::Or, left, .. }) => Some(Does::Exists(self.node(left)?)),
            (Expr::Int(0), Expr::Ternary { cond, .. }) => Some(Does::ExistsOne(self.node(cond)?)),
            (Expr::List(_), Expr::Ternary { cond, then_expr, .. }) => match appended(then_expr) {
                Some(to) => Some(Does::Map { only_if: Some(self.node(cond)?), to: self.node(to)? }),
                None => None,
            },
            (Expr::List(_), _) => match appended(&shape.loop_step) {
                Some(to) => Some(Does::Map { only_if: None, to: self.node(to)? }),
                None => None,
            },
            _ => None,
        })
    }
}

/// The name under which an operator that is checked here has overloads.
pub(super) const fn function_of(operator: BinaryOp) -> &'static str {
    match operator {
        BinaryOp::Eq => "_==_",
        BinaryOp::Ne => "_!=_",
        BinaryOp::In => "@in",
        BinaryOp::Add => "_+_",
        _ => "",
    }
}

/// The value of a literal.
fn constant(literal: &Expr) -> Cel {
    match literal {
        Expr::Bool(value) => Cel::Bool(*value),
        Expr::Int(value) => Cel::Int(*value),
        Expr::UInt(value) => Cel::UInt(*value),
        Expr::Float(value) => Cel::Double(*value),
        Expr::String(value) => Cel::String(value.as_str().into()),
        Expr::Bytes(value) => Cel::Bytes(value.as_slice().into()),
        _ => Cel::Null,
    }
}

fn key(field: &str) -> MapKey {
    MapKey::String(field.into())
}

fn placeholder(place: usize) -> SpannedExpr {
    Spanned::new(0, Expr::Ident(format!("@{place}")), 0..0)
}

/// `a && b && c` is one node with three operands: nothing is nested that need not be.
fn flattened(left: Node, right: Node, all: bool) -> Vec<Node> {
    let operands = |node: Node| match node {
        Node::All(nodes) if all => nodes,
        Node::Any(nodes) if !all => nodes,
        node => vec![node],
    };
    let mut nodes = operands(left);
    nodes.extend(operands(right));
    nodes
}

/// The `x` of `accumulated + [x]`.
fn appended(step: &SpannedExpr) -> Option<&SpannedExpr> {
    let Expr::Binary { op: BinaryOp::Add, right, .. } = &step.node else { return None };
    let Expr::List(elements) = &right.node else { return None };
    elements.first().map(|element| &element.expr)
}

/// A map from what was evaluated; later entries win over earlier ones.
pub(super) fn map_of(entries: impl Iterator<Item = (MapKey, Cel)>) -> Cel {
    let mut map = ValueMap::new();
    for (key, value) in entries {
        map.insert(key, value);
    }
    Cel::Map(Arc::new(map))
}
