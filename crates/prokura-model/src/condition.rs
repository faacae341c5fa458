//! Conditions: CEL expressions over declared parameters, as caveats use them.
//!
//! The library that parses and evaluates CEL is behind this module and nowhere else. Text is measured before the library
//! sees it: deep or long expressions would exhaust its stack.

mod address;
mod check;
mod convert;
mod evaluate;
mod failure;
mod functions;
mod measure;
mod plan;
mod reference;
mod root;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use evaluate::Stop;
pub use failure::{ContextFault, Failure, Found, Misfit, ValueFault};
pub(crate) use reference::{Refused, refused};
pub use root::Root;

use crate::{Value, limits::CONDITION_STEPS_MAX};

/// The type of a parameter, as a schema declares it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ParameterType {
    /// `any`
    Any,
    /// `int`
    Int,
    /// `uint`
    Uint,
    /// `double`
    Double,
    /// `bool`
    Bool,
    /// `string`
    String,
    /// `bytes`
    Bytes,
    /// `duration`
    Duration,
    /// `timestamp`
    Timestamp,
    /// `ipaddress`
    IpAddress,
    /// `list<T>`
    List(Box<Self>),
    /// `map<T>`, the keys strings
    Map(Box<Self>),
}

impl ParameterType {
    /// The type of this name, with the type it has in `<…>`.
    pub(crate) fn named(name: &str, of: Option<Self>) -> Option<Self> {
        Some(match (name, of) {
            ("list", Some(of)) => Self::List(Box::new(of)),
            ("map", Some(of)) => Self::Map(Box::new(of)),
            ("any", None) => Self::Any,
            ("bool", None) => Self::Bool,
            ("bytes", None) => Self::Bytes,
            ("double", None) => Self::Double,
            ("duration", None) => Self::Duration,
            ("int", None) => Self::Int,
            ("ipaddress", None) => Self::IpAddress,
            ("string", None) => Self::String,
            ("timestamp", None) => Self::Timestamp,
            ("uint", None) => Self::Uint,
            _ => return None,
        })
    }
}

impl fmt::Display for ParameterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::Bool => f.write_str("bool"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Duration => f.write_str("duration"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::IpAddress => f.write_str("ipaddress"),
            Self::List(of) => write!(f, "list<{of}>"),
            Self::Map(of) => write!(f, "map<{of}>"),
        }
    }
}

/// A checked expression, ready to be evaluated. Two are equal if they were compiled from the same text and parameters.
///
/// ```
/// use std::collections::BTreeMap;
/// use prokura_model::{Value, condition::{Condition, Evaluation, ParameterType}};
///
/// let condition = Condition::compile(&[("hour".to_owned(), ParameterType::Int)], "hour >= 9 && hour < 17")?;
/// let at = |hour| BTreeMap::from([("hour".to_owned(), Value::Integer(hour))]);
/// assert_eq!(condition.evaluate(&BTreeMap::new(), &at(10)), Evaluation::True);
/// assert_eq!(condition.evaluate(&at(20), &at(10)), Evaluation::False);
/// assert_eq!(condition.evaluate(&BTreeMap::new(), &BTreeMap::new()), Evaluation::Missing(vec!["hour".to_owned()]));
/// # Ok::<(), prokura_model::condition::ConditionError>(())
/// ```
#[derive(Clone)]
pub struct Condition(Arc<Compiled>);

struct Compiled {
    parameters: Vec<(String, ParameterType)>,
    expression: String,
    used: Vec<String>,
    unsigned: bool,
    root: plan::Node,
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct ConditionError {
    /// The line inside the expression, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// How an evaluation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evaluation {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It cannot be said without values for these parameters: sorted, each once, never empty.
    Missing(Vec<String>),
    /// It cannot be said at all: a value is of the wrong type, a division by zero, a limit.
    Failed(Failure),
}

impl Condition {
    /// The condition that this expression states about these parameters.
    ///
    /// # Errors
    /// It does not parse, does not type-check, is not a `bool`, or is too long or too deep; or two parameters have the same
    /// name.
    pub fn compile(parameters: &[(String, ParameterType)], expression: &str) -> Result<Self, ConditionError> {
        Self::compile_with_roots(parameters, &[], expression)
    }

    /// The condition that this expression states about these parameters and what it reads of these roots. Each member of a
    /// root is a parameter of its whole name: `resource.environment`. Where one has no value, it is missing, unless
    /// `has(resource.environment)` asked before.
    ///
    /// # Errors
    /// As [`compile`](Self::compile); or it uses a root as a value, or reads what a root does not have.
    pub fn compile_with_roots(
        parameters: &[(String, ParameterType)],
        roots: &[Root],
        expression: &str,
    ) -> Result<Self, ConditionError> {
        for (place, (name, _)) in parameters.iter().enumerate() {
            if parameters.iter().take(place).any(|(earlier, _)| earlier == name) {
                return Err(position(expression, 0, format!("the parameter `{name}` is declared twice")));
            }
        }
        measure::measure(expression)?;
        let (ast, unsigned) = check::check(parameters, roots, expression)?;
        let of_roots = roots.iter().flat_map(Root::parameters);
        let parameters: Vec<_> = parameters.iter().cloned().chain(of_roots).collect();
        let plan::Plan { root, used } = plan::plan(&parameters, &ast)?;
        let used = used.into_iter().filter_map(|place| parameters.get(place)).map(|(name, _)| name.clone()).collect();
        let expression = expression.to_owned();
        Ok(Self(Arc::new(Compiled { parameters, expression, used, unsigned, root })))
    }

    /// Whether it holds, with values bound when a relationship was written, which win, and values brought by the question.
    ///
    /// Values for names that are no parameters are left alone. A value that does not fit the type of its parameter is a
    /// failure, whether or not it would have decided anything.
    #[must_use]
    pub fn evaluate(&self, written: &BTreeMap<String, Value>, asked: &BTreeMap<String, Value>) -> Evaluation {
        let mut converter = convert::Converter::new(self.0.unsigned);
        let mut values = Vec::with_capacity(self.0.parameters.len());
        for (name, declared) in &self.0.parameters {
            let value = match written.get(name).or_else(|| asked.get(name)) {
                None => None,
                Some(value) => match converter.convert(declared, value) {
                    Ok(value) => Some(value),
                    Err(fault) => return Evaluation::Failed(misfit(name, declared, fault).into()),
                },
            };
            values.push(value);
        }
        match evaluate::Evaluator::new(&values).evaluate(&self.0.root) {
            Ok(cel_core::Value::Bool(true)) => Evaluation::True,
            Ok(cel_core::Value::Bool(false)) => Evaluation::False,
            Ok(_) => Evaluation::Failed("the expression is no `bool`".to_owned().into()),
            Err(Stop::Missing(places)) => self.missing(&places),
            Err(Stop::Failed(failure)) => Evaluation::Failed(failure),
            Err(Stop::Exhausted) => {
                Evaluation::Failed(format!("the evaluation takes more than {CONDITION_STEPS_MAX} steps").into())
            }
        }
    }

    fn missing(&self, places: &[usize]) -> Evaluation {
        let names = places.iter().filter_map(|place| self.0.parameters.get(*place)).map(|(name, _)| name.clone());
        let names: BTreeSet<String> = names.collect();
        Evaluation::Missing(names.into_iter().collect())
    }

    /// Whether each of these values fits the type of its parameter.
    ///
    /// # Errors
    /// A name is no parameter, or a value does not fit. The error names it, and says what would be right.
    pub fn check_context(&self, values: &BTreeMap<String, Value>) -> Result<(), ContextFault> {
        let mut converter = convert::Converter::new(self.0.unsigned);
        for (name, value) in values {
            let Some((_, declared)) = self.0.parameters.iter().find(|(declared, _)| declared == name) else {
                let parameters = self.0.parameters.iter().map(|(name, _)| name.clone()).collect();
                return Err(ContextFault::Unknown { name: convert::shortened(name), parameters });
            };
            converter.convert(declared, value).map_err(|fault| misfit(name, declared, fault))?;
        }
        Ok(())
    }

    /// The declared parameters, in the order of their declaration.
    #[must_use]
    pub fn parameters(&self) -> &[(String, ParameterType)] {
        &self.0.parameters
    }

    /// The declared parameters that the expression mentions, in the order of their declaration.
    #[must_use]
    pub fn parameters_used(&self) -> &[String] {
        &self.0.used
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.0.expression
    }
}

/// Whether the value is one of this type, as a condition would read it.
///
/// # Errors
/// It is not: what is wrong.
pub fn check_value(declared: &ParameterType, value: &Value) -> Result<(), ValueFault> {
    convert::Converter::new(false).convert(declared, value).map(|_| ())
}

fn misfit(name: &str, declared: &ParameterType, fault: ValueFault) -> Misfit {
    Misfit { parameter: name.to_owned(), declared: declared.clone(), fault }
}

/// An error at this byte of the text.
fn position(text: &str, byte: usize, message: String) -> ConditionError {
    let before = || text.char_indices().take_while(|(at, _)| *at < byte).map(|(_, character)| character);
    let line = 1 + before().filter(|character| *character == '\n').count();
    let column = before().fold(1, |column, character| if character == '\n' { 1 } else { column + 1 });
    ConditionError { line, column, message }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.expression == other.0.expression && self.0.parameters == other.0.parameters)
    }
}

impl Eq for Condition {}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.0.expression).finish()
    }
}
