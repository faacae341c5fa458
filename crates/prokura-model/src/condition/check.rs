//! The text, parsed and type-checked by the library against the declared parameters.

use std::{collections::BTreeMap, sync::LazyLock};

use cel_core::{
    Ast, CelType, CheckErrorKind, CheckResult, Env, FunctionDecl, OverloadDecl, ParseResult, SpannedExpr, ext,
    parser::{MacroRegistry, MacroStyle, ParseOptions, parse_with_options},
};

use super::{
    ConditionError, ParameterType, address, position,
    root::{self, PRESENCE, Root},
};
use crate::{did_you_mean, suggest::listed};

/// What every expression may use: the standard functions, optional values, and what caveats add.
static ENVIRONMENT: LazyLock<Env> = LazyLock::new(|| {
    let anything = CelType::map(CelType::String, CelType::Dyn);
    let in_cidr =
        OverloadDecl::method("ipaddress_in_cidr_string", vec![address_type(), CelType::String], CelType::Bool);
    let of_text = OverloadDecl::function("ipaddress_string", vec![CelType::String], address_type());
    let is_subtree = OverloadDecl::method("map_is_subtree_of_map", vec![anything.clone(), anything], CelType::Bool);
    let mut environment = Env::with_standard_library();
    let unknown = |operator: &str, operands: [CelType; 2]| {
        let overload = OverloadDecl::function("unknown", operands.to_vec(), CelType::Dyn);
        FunctionDecl::new(operator).with_overload(overload)
    };
    for operator in ["_+_", "_-_", "_*_", "_/_", "_%_"] {
        environment.add_function(unknown(operator, [dynamic(), dynamic()]));
    }
    environment.add_function(unknown("_+_", [dynamic(), CelType::Duration]));
    environment.add_function(unknown("_+_", [CelType::Duration, dynamic()]));
    environment.add_function(unknown("_-_", [dynamic(), CelType::Duration]));
    environment.add_function(unknown("_-_", [CelType::Timestamp, dynamic()]));
    let index = OverloadDecl::function("unknown_index", vec![dynamic(), CelType::Dyn], CelType::Dyn);
    let negative = OverloadDecl::function("unknown_negated", vec![dynamic()], CelType::Dyn);
    environment
        .with_function(FunctionDecl::new("_[_]").with_overload(index))
        .with_function(FunctionDecl::new("-_").with_overload(negative))
        .with_extension(ext::optionals_extension())
        .with_variable("optional_type", CelType::type_of(CelType::optional(CelType::Dyn)))
        .with_variable(TIMESTAMP, CelType::type_of(CelType::Timestamp))
        .with_variable(DURATION, CelType::type_of(CelType::Duration))
        .with_function(FunctionDecl::new("ipaddress").with_overload(of_text))
        .with_function(FunctionDecl::new("in_cidr").with_overload(in_cidr))
        .with_function(FunctionDecl::new("isSubtreeOf").with_overload(is_subtree))
});

/// The names of two types, as expressions write them.
pub(super) const TIMESTAMP: &str = "google.protobuf.Timestamp";
pub(super) const DURATION: &str = "google.protobuf.Duration";

/// Macros with one variable, and `has`. The others belong to extensions that are not there.
const MACROS: &[(&str, usize)] =
    &[("has", 1), ("all", 2), ("exists", 2), ("exists_one", 2), ("map", 2), ("map", 3), ("filter", 2), ("optMap", 2)];

/// A type that nothing has: only a value of unknown type is taken for it.
///
/// Where several overloads fit, the library gives the result of the last. With an operand of unknown type that must be
/// unknown, too, or what is right would be refused.
fn dynamic() -> CelType {
    CelType::Function { params: [].into(), result: CelType::Dyn.into() }
}

fn address_type() -> CelType {
    CelType::Abstract { name: address::TYPE_NAME.into(), params: [].into() }
}

pub(super) fn environment() -> &'static Env {
    &ENVIRONMENT
}

/// `uint` is another word for `int`, as in SpiceDB, unless `unsigned`.
fn cel_type(declared: &ParameterType, unsigned: bool) -> CelType {
    match declared {
        ParameterType::Any => CelType::Dyn,
        ParameterType::Uint if unsigned => CelType::UInt,
        ParameterType::Int | ParameterType::Uint => CelType::Int,
        ParameterType::Double => CelType::Double,
        ParameterType::Bool => CelType::Bool,
        ParameterType::String => CelType::String,
        ParameterType::Bytes => CelType::Bytes,
        ParameterType::Duration => CelType::Duration,
        ParameterType::Timestamp => CelType::Timestamp,
        ParameterType::IpAddress => address_type(),
        ParameterType::List(of) => CelType::list(cel_type(of, unsigned)),
        ParameterType::Map(of) => CelType::map(CelType::String, cel_type(of, unsigned)),
    }
}

fn mentions_uint(declared: &ParameterType) -> bool {
    match declared {
        ParameterType::Uint => true,
        ParameterType::List(of) | ParameterType::Map(of) => mentions_uint(of),
        _ => false,
    }
}

/// The tree, and whether `uint` had to be a type of its own for it to check.
///
/// SpiceDB reads a `uint` parameter as an `int`, OpenFGA as a `uint`; an expression can only be meant in one way.
pub(super) fn check(
    parameters: &[(String, ParameterType)],
    roots: &[Root],
    text: &str,
) -> Result<(Ast, bool), ConditionError> {
    if text.trim().is_empty() {
        return Err(position(text, 0, "an expression is needed".to_owned()));
    }
    let parsed = parse(text);
    if let Some(error) = parsed.errors.first() {
        return Err(position(text, error.span.start, reworded(&error.message)));
    }
    let Some(mut tree) = parsed.ast else {
        return Err(position(text, 0, "an expression is needed".to_owned()));
    };
    root::resolve(&mut tree, roots, text)?;
    let names: Vec<&str> =
        parameters.iter().map(|(name, _)| name.as_str()).chain(roots.iter().map(|root| root.name.as_str())).collect();
    let parameters = &with_members(parameters, roots);
    let mut first = None;
    for unsigned in [false, true] {
        if unsigned && !parameters.iter().any(|(_, declared)| mentions_uint(declared)) {
            break;
        }
        if let Some((name, _)) = parameters.iter().find(|(name, _)| ENVIRONMENT.variables().contains_key(name)) {
            return Err(position(text, 0, format!("`{name}` is the name of a type, and cannot be a parameter's")));
        }
        let checked = checked(parameters, unsigned, &tree);
        let problem = match checked.errors.first() {
            Some(error) => Some(position(text, error.span.start, describe(&error.kind, &names))),
            None => match checked.type_map.get(&tree.id) {
                Some(CelType::Bool) => None,
                other => {
                    let found = other.map_or_else(|| "nothing".to_owned(), CelType::display_name);
                    Some(position(text, 0, format!("the expression must be a `bool`, and it is `{found}`")))
                }
            },
        };
        match problem {
            None => return Ok((Ast::new_checked(tree, text, checked), unsigned)),
            Some(problem) => first = first.or(Some(problem)),
        }
    }
    Err(first.unwrap_or_else(|| position(text, 0, "the expression cannot be checked".to_owned())))
}

/// The parameters, and of each root its members and whether each of them has a value.
fn with_members(parameters: &[(String, ParameterType)], roots: &[Root]) -> Vec<(String, ParameterType)> {
    let members = roots.iter().flat_map(Root::parameters);
    let members = members.flat_map(|(name, kind)| [(format!("{PRESENCE}{name}"), ParameterType::Bool), (name, kind)]);
    parameters.iter().cloned().chain(members).collect()
}

pub(super) fn parse(text: &str) -> ParseResult {
    parse_with_options(text, ParseOptions::with_macros(macros()))
}

/// The tree, type-checked against the parameters.
pub(super) fn checked(parameters: &[(String, ParameterType)], unsigned: bool, tree: &SpannedExpr) -> CheckResult {
    let mut environment = ENVIRONMENT.clone();
    for (name, declared) in parameters {
        environment.add_variable(name.clone(), cel_type(declared, unsigned));
    }
    environment.check(tree)
}

/// Whether an operator takes values of these types, as far as the library lets more types meet than make sense.
pub(super) fn takes(operator: &str, one: &CelType, other: &CelType) -> bool {
    match (operator, one, other) {
        ("_==_" | "_!=_" | "_?_:_", one, other) => comparable(one, other),
        ("@in", one, CelType::List(of) | CelType::Map(of, _)) => comparable(one, of),
        ("_[_]", CelType::List(_), index) => comparable(&CelType::Int, index),
        ("_[_]", CelType::Map(key, _), index) => comparable(key, index),
        ("_+_", one, other) => !matches!((one, other), (CelType::Map(..), _) | (_, CelType::Map(..))),
        _ => true,
    }
}

/// Whether values of these types can be equal at all.
fn comparable(one: &CelType, other: &CelType) -> bool {
    let open = |of: &CelType| {
        matches!(
            of,
            CelType::Dyn
                | CelType::TypeVar(_)
                | CelType::TypeParam(_)
                | CelType::Error
                | CelType::Wrapper(_)
                | CelType::Message(_)
        )
    };
    let nullable = |of: &CelType| {
        matches!(of, CelType::Abstract { .. } | CelType::Timestamp | CelType::Duration | CelType::Optional(_))
    };
    match (one, other) {
        (one, other) if open(one) || open(other) || one == other => true,
        (CelType::Optional(one), CelType::Optional(other)) => comparable(one, other),
        (CelType::List(one), CelType::List(other)) => comparable_inside(one, other),
        (CelType::Map(key, value), CelType::Map(other_key, other_value)) => {
            comparable(key, other_key) && comparable_inside(value, other_value)
        }
        (CelType::Type(_), CelType::Type(_)) => true,
        (CelType::Null, of) | (of, CelType::Null) => nullable(of),
        _ => false,
    }
}

/// The library takes `[?x]` for a list of optional values, though it holds what is inside them.
fn comparable_inside(one: &CelType, other: &CelType) -> bool {
    comparable(one, other)
        || match (one, other) {
            (CelType::Optional(inner), plain) | (plain, CelType::Optional(inner)) => comparable(inner, plain),
            _ => false,
        }
}

/// Whether a macro can go over its elements.
pub(super) const fn has_elements(of: &CelType) -> bool {
    matches!(
        of,
        CelType::List(_)
            | CelType::Map(..)
            | CelType::Dyn
            | CelType::TypeVar(_)
            | CelType::TypeParam(_)
            | CelType::Error
    )
}

fn macros() -> MacroRegistry {
    let mut registry = MacroRegistry::new();
    for definition in MacroRegistry::standard().iter() {
        let global = definition.style == MacroStyle::Global;
        let known = MACROS
            .iter()
            .any(|(name, arguments)| *name == definition.name && definition.arg_count.count() == *arguments);
        if known && !definition.arg_count.is_vararg() && global == (definition.name == "has") {
            registry.register(definition.clone());
        }
    }
    registry
}

fn describe(kind: &CheckErrorKind, names: &[&str]) -> String {
    match kind {
        CheckErrorKind::UndeclaredReference { name, .. } => undeclared(name, names),
        CheckErrorKind::NoMatchingOverload { function, arg_types } => {
            let types: Vec<_> = arg_types.iter().map(CelType::display_name).collect();
            format!("found no matching overload for `{function}` applied to `({})`", types.join(", "))
        }
        other => reworded(&other.to_string()),
    }
}

fn undeclared(name: &str, names: &[&str]) -> String {
    match did_you_mean(name, names.iter().copied()) {
        Some(meant) => format!("undeclared reference to `{name}`; did you mean `{meant}`?"),
        None => format!("undeclared reference to `{name}`; the parameters are {}", listed(names.iter())),
    }
}

/// The library's words, with names in backticks.
fn reworded(message: &str) -> String {
    let message = message.replace('\'', "`").replace("found None", "found the end");
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// The declared parameters by name, with their places.
pub(super) fn places(parameters: &[(String, ParameterType)]) -> BTreeMap<&str, usize> {
    parameters.iter().enumerate().map(|(place, (name, _))| (name.as_str(), place)).collect()
}
