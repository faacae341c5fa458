//! What the reference implementation of CEL says is wrong with an expression, as far as ours finds the same: SpiceDB
//! passes its words on. It tells of every name and every operand that is wrong, and of the first mistake in the syntax.

use std::collections::BTreeSet;

use cel_core::{BinaryOp, CelType, CheckErrorKind, CheckResult, Expr, ParseResult, SpannedExpr};

use super::{ParameterType, check, measure, plan::function_of};

/// How an expression is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// What is wrong, each with the byte where it is.
    Wrong(Vec<(usize, String)>),
    /// It is of this type, and no `bool`.
    NotBool(String),
}

/// What can begin an operand, as its parser lists it.
const OPERAND: &str = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, \
                       BYTES, IDENTIFIER}";

/// Nothing where ours finds no mistake, or where it is not known how it is said.
pub(crate) fn refused(parameters: &[(String, ParameterType)], text: &str) -> Option<Refused> {
    measure::measure(text).ok()?;
    let parsed = check::parse(text);
    if !parsed.errors.is_empty() {
        return syntax(text, &parsed).map(|mistake| Refused::Wrong(vec![mistake]));
    }
    let tree = parsed.ast?;
    let checked = check::checked(parameters, false, &tree);
    let source = Source { text, tree: &tree, checked: &checked };
    let mut wrong = BTreeSet::new();
    for error in &checked.errors {
        wrong.extend(source.told(&error.kind, source.find(error.expr_id)?));
    }
    source.operands(&tree, &mut wrong);
    if !wrong.is_empty() {
        return Some(Refused::Wrong(wrong.into_iter().collect()));
    }
    match checked.type_map.get(&tree.id) {
        None | Some(CelType::Bool) => None,
        Some(CelType::Timestamp) => Some(Refused::NotBool(check::TIMESTAMP.to_owned())),
        Some(CelType::Duration) => Some(Refused::NotBool(check::DURATION.to_owned())),
        Some(found) => Some(Refused::NotBool(name_of(found))),
    }
}

/// A mistake in the syntax: something after the end, or something that is no operand where one must be.
fn syntax(text: &str, parsed: &ParseResult) -> Option<(usize, String)> {
    let span = &parsed.errors.first()?.span;
    let (before, found, after) = (text.get(..span.start)?, text.get(span.clone())?, text.get(span.end..)?.trim_start());
    // What makes sense once this one is left out is told in another way.
    let told = |fits: bool| if fits { "extraneous" } else { "mismatched" };
    if needs_operand(before) {
        return match found {
            "" if before.trim_end().ends_with(['-', '!']) => None,
            "" => Some((span.start, format!("Syntax error: mismatched input '<EOF>' expecting {OPERAND}"))),
            found if begins_operand(found) => None,
            found => {
                let told = told(begins_operand(after));
                Some((span.start, format!("Syntax error: {told} input '{found}' expecting {OPERAND}")))
            }
        };
    }
    // What the parser does not get to see is told in another way.
    parsed.ast.as_ref()?;
    let whole = check::parse(before);
    (whole.errors.is_empty() && whole.ast.is_some() && !found.is_empty()).then(|| {
        let told = told(after.is_empty());
        (span.start, format!("Syntax error: {told} input '{found}' expecting <EOF>"))
    })
}

/// Whether an expression that breaks off here lacks an operand, and nothing else could go on.
fn needs_operand(before: &str) -> bool {
    let before = before.trim_end();
    let ends_a_name = |before: &str| before.ends_with(|last: char| last.is_alphanumeric() || last == '_');
    if let Some(before) = before.strip_suffix('(').or_else(|| before.strip_suffix("in")) {
        // A call may go on without arguments, and a name may end in `in`.
        return !ends_a_name(before) && !before.ends_with('.');
    }
    before.is_empty() || before.ends_with(['+', '-', '*', '/', '%', '=', '<', '>', '&', '|', '?', ':', '!'])
}

fn begins_operand(text: &str) -> bool {
    text.starts_with(|first: char| {
        first.is_alphanumeric() || matches!(first, '_' | '\'' | '"' | '[' | '{' | '(' | '.' | '-' | '!')
    })
}

struct Source<'s> {
    text: &'s str,
    tree: &'s SpannedExpr,
    checked: &'s CheckResult,
}

impl Source<'_> {
    fn find(&self, id: i64) -> Option<&SpannedExpr> {
        let mut waiting = vec![self.tree];
        while let Some(node) = waiting.pop() {
            if node.id == id {
                return Some(node);
            }
            waiting.extend(children(&node.node));
        }
        None
    }

    fn type_of(&self, node: &SpannedExpr) -> String {
        self.checked.type_map.get(&node.id).map_or_else(|| "dyn".to_owned(), name_of)
    }

    fn told(&self, kind: &CheckErrorKind, node: &SpannedExpr) -> Vec<(usize, String)> {
        let at = self.place(node);
        let message = match (kind, &node.node) {
            (CheckErrorKind::UndeclaredReference { name, .. }, _) => {
                format!("undeclared reference to '{name}' (in container '')")
            }
            (_, Expr::Binary { op: BinaryOp::And | BinaryOp::Or, left, right }) => {
                let wrong = [left, right].into_iter().filter(|operand| !self.may_be_bool(operand));
                return wrong.map(|operand| (self.place(operand), self.not_bool(operand))).collect();
            }
            (_, Expr::Ternary { cond, .. }) if !self.may_be_bool(cond) => {
                return vec![(self.place(cond), self.not_bool(cond))];
            }
            (CheckErrorKind::NoMatchingOverload { function, arg_types }, _) => {
                let types: Vec<String> = arg_types.iter().map(name_of).collect();
                no_overload(function, receives(node), &types)
            }
            (CheckErrorKind::TypeMismatch { expected, actual }, _) => {
                format!("expected type '{}' but found '{}'", name_of(expected), name_of(actual))
            }
            // What it is selected from was told.
            (CheckErrorKind::UndefinedField { .. }, Expr::Member { expr, .. } | Expr::MemberTestOnly { expr, .. })
                if matches!(self.checked.type_map.get(&expr.id), Some(CelType::Error)) =>
            {
                return Vec::new();
            }
            (CheckErrorKind::UndefinedField { .. }, Expr::Member { expr, .. } | Expr::MemberTestOnly { expr, .. }) => {
                format!("type '{}' does not support field selection", self.type_of(expr))
            }
            // More or fewer arguments than any overload takes.
            (_, Expr::Call { expr, args }) => {
                let receiver = match &expr.node {
                    Expr::Member { expr, .. } => Some(expr.as_ref()),
                    _ => None,
                };
                let types: Vec<String> = receiver.into_iter().chain(args).map(|node| self.type_of(node)).collect();
                no_overload(called(&expr.node), receiver.is_some(), &types)
            }
            (other, _) => other.to_string(),
        };
        vec![(at, message)]
    }

    fn may_be_bool(&self, node: &SpannedExpr) -> bool {
        matches!(
            self.checked.type_map.get(&node.id),
            None | Some(CelType::Bool | CelType::Dyn | CelType::Error | CelType::TypeVar(_) | CelType::TypeParam(_))
        )
    }

    fn not_bool(&self, node: &SpannedExpr) -> String {
        format!("expected type 'bool' but found '{}'", self.type_of(node))
    }

    /// Operands that the library lets meet, and the reference implementation does not.
    fn operands(&self, node: &SpannedExpr, wrong: &mut BTreeSet<(usize, String)>) {
        let pair = match &node.node {
            Expr::Binary { op, left, right } => Some((function_of(*op), left, right)),
            Expr::Index { expr, index, .. } => Some(("_[_]", expr, index)),
            _ => None,
        };
        if let Some((operator, one, other)) = pair
            && let Some((left, right)) = self.checked.type_map.get(&one.id).zip(self.checked.type_map.get(&other.id))
            && !check::takes(operator, left, right)
        {
            wrong.insert((self.place(node), no_overload(operator, false, &[name_of(left), name_of(right)])));
        }
        for child in children(&node.node) {
            self.operands(child, wrong);
        }
    }

    /// Where it is said to be: at an operator's sign, at the `(` of a call, at the `.` or `[` of an access.
    fn place(&self, node: &SpannedExpr) -> usize {
        let after = |operand: &SpannedExpr, sign: &str| {
            let rest = self.text.get(operand.span.end..).unwrap_or_default();
            rest.find(sign).map_or(node.span.start, |found| operand.span.end + found)
        };
        match &node.node {
            Expr::Binary { op, left, .. } => after(left, sign_of(*op)),
            Expr::Ternary { cond, .. } => after(cond, "?"),
            Expr::Index { expr, .. } => after(expr, "["),
            Expr::Call { expr, .. } => after(expr, "("),
            Expr::Member { expr, .. } => after(expr, "."),
            _ => node.span.start,
        }
    }
}

fn no_overload(function: &str, receives: bool, types: &[String]) -> String {
    let applied = match types {
        [receiver, arguments @ ..] if receives => format!("{receiver}.({})", arguments.join(", ")),
        types => format!("({})", types.join(", ")),
    };
    format!("found no matching overload for '{function}' applied to '{applied}'")
}

fn receives(node: &SpannedExpr) -> bool {
    matches!(&node.node, Expr::Call { expr, .. } if matches!(expr.node, Expr::Member { .. }))
}

fn called(callee: &Expr) -> &str {
    match callee {
        Expr::Ident(name) | Expr::RootIdent(name) => name,
        Expr::Member { field, .. } => field,
        _ => "",
    }
}

const fn sign_of(operator: BinaryOp) -> &'static str {
    match operator {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "%",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::And => "&&",
        BinaryOp::Or => "||",
        BinaryOp::In => "in",
    }
}

/// A type as the reference implementation writes it.
fn name_of(found: &CelType) -> String {
    match found {
        CelType::List(of) => format!("list({})", name_of(of)),
        CelType::Map(key, value) => format!("map({}, {})", name_of(key), name_of(value)),
        CelType::Optional(of) => format!("optional_type({})", name_of(of)),
        CelType::Type(of) => format!("type({})", name_of(of)),
        CelType::TypeVar(_) | CelType::TypeParam(_) => "dyn".to_owned(),
        other => other.display_name(),
    }
}

fn children(node: &Expr) -> Vec<&SpannedExpr> {
    match node {
        Expr::List(elements) => elements.iter().map(|element| &element.expr).collect(),
        Expr::Map(entries) => entries.iter().flat_map(|entry| [&entry.key, &entry.value]).collect(),
        Expr::Unary { expr, .. } | Expr::Member { expr, .. } | Expr::MemberTestOnly { expr, .. } => vec![expr],
        Expr::Binary { left, right, .. } => vec![left, right],
        Expr::Ternary { cond, then_expr, else_expr } => vec![cond, then_expr, else_expr],
        Expr::Index { expr, index, .. } => vec![expr, index],
        Expr::Call { expr, args } => std::iter::once(expr.as_ref()).chain(args).collect(),
        Expr::Struct { type_name, fields } => {
            std::iter::once(type_name.as_ref()).chain(fields.iter().map(|field| &field.value)).collect()
        }
        Expr::Comprehension(shape) => {
            vec![&shape.iter_range, &shape.accu_init, &shape.loop_condition, &shape.loop_step, &shape.result]
        }
        Expr::Bind { init, body, .. } => vec![init, body],
        Expr::Null
        | Expr::Bool(_)
        | Expr::Int(_)
        | Expr::UInt(_)
        | Expr::Float(_)
        | Expr::String(_)
        | Expr::Bytes(_)
        | Expr::Ident(_)
        | Expr::RootIdent(_)
        | Expr::Error => Vec::new(),
    }
}
