//! Caveats: their parameters, and their expressions, which the condition language checks.

use super::{Lowered, Lowering, Partials};
use crate::{
    TypeName,
    condition::{Condition, ConditionError, ParameterType},
    name::shortened,
    schema::{
        Caveat, Span,
        syntax::{CaveatNode, ParameterNode, ParameterTypeNode},
        token::TokenId,
    },
    suggest::did_you_mean,
};

const TYPES: [&str; 12] =
    ["any", "bool", "bytes", "double", "duration", "int", "ipaddress", "list", "map", "string", "timestamp", "uint"];

/// What a parameter stands for.
#[derive(Debug)]
pub(super) enum ParameterKind {
    Value(ParameterType),
    /// An object of this type.
    Object(TypeName),
}

impl Lowering<'_, '_> {
    pub(super) fn caveat<'f>(
        &mut self,
        node: &'f CaveatNode,
        before: Option<TokenId>,
        partials: &Partials<'_>,
        lowered: &mut Lowered<'f>,
    ) {
        let parameters = self.parameters(&node.parameters);
        let span = self.tokens.span_of_path(node.name);
        let Some(name) = self.caveat_name(node.name) else {
            return;
        };
        let Some(parameters) = parameters else {
            lowered.mistaken_caveats.insert(name);
            return;
        };
        if !self.is_free(name.as_str(), span, partials, lowered) {
            return;
        }
        let (first, last) = node.expression;
        let whole = Span { start: self.span(first).start, end: self.span(last).end };
        let expression = self.tokens.slice(whole).to_owned();
        let condition = match Condition::compile(&parameters, &expression) {
            Ok(condition) => condition,
            Err(error) => {
                let span = place_inside(&expression, whole, &error);
                let message = format!("caveat `{name}`: {}", error.message.replace('\n', " "));
                lowered.mistaken_caveats.insert(name);
                return self.problems.report(span, "caveat_invalid", message, None);
            }
        };
        let used = |name: &str| condition.parameters_used().iter().any(|used| used == name);
        self.unused(&node.parameters, &used, "use it in the expression");
        let doc = self.doc(before, node.keyword);
        lowered.caveats.insert(name.clone(), Caveat { name: name.clone(), doc, parameters, expression, condition });
        lowered.caveat_nodes.push((name, node));
    }

    pub(super) fn parameters(&mut self, nodes: &[ParameterNode]) -> Option<Vec<(String, ParameterType)>> {
        let named = self.named_parameters(nodes, |_| None)?;
        let values = named.into_iter().filter_map(|(name, kind)| match kind {
            ParameterKind::Value(kind) => Some((name, kind)),
            ParameterKind::Object(_) => None,
        });
        Some(values.collect())
    }

    /// The parameters of which these names are those of types stand for objects.
    pub(super) fn named_parameters(
        &mut self,
        nodes: &[ParameterNode],
        object: impl Fn(&str) -> Option<TypeName>,
    ) -> Option<Vec<(String, ParameterKind)>> {
        let mut parameters: Vec<(String, ParameterKind)> = Vec::new();
        let mut legal = true;
        for parameter in nodes {
            let name = self.tokens.text_of(parameter.name);
            let object =
                Some(self.tokens.text_of(parameter.kind.name)).filter(|name| !TYPES.contains(name)).and_then(&object);
            let kind = match object {
                Some(object) if parameter.kind.of.is_empty() => Some(ParameterKind::Object(object)),
                _ => self.parameter_type(&parameter.kind).map(ParameterKind::Value),
            };
            if name.starts_with(|first: char| first.is_ascii_digit()) || !name.is_ascii() {
                let message = format!(
                    "`{}` is not the name of a parameter: letters, digits and `_`, first no digit",
                    shortened(name)
                );
                self.problems.report(self.span(parameter.name), "name_invalid", message, None);
                legal = false;
            } else if parameters.iter().any(|(other, _)| other == name) {
                let message = format!("parameter `{}` is declared twice", shortened(name));
                self.problems.report(self.span(parameter.name), "parameter_duplicate", message, None);
                legal = false;
            } else if let Some(kind) = kind {
                parameters.push((name.to_owned(), kind));
            } else {
                legal = false;
            }
        }
        legal.then_some(parameters)
    }

    /// As deep as types are nested, which the parser bounds.
    pub(super) fn parameter_type(&mut self, node: &ParameterTypeNode) -> Option<ParameterType> {
        let name = self.tokens.text_of(node.name);
        let Some(wanted) = TYPES.contains(&name).then(|| usize::from(matches!(name, "list" | "map"))) else {
            let message = format!("there is no parameter type `{}`", shortened(name));
            let help = did_you_mean(name, TYPES)
                .map_or_else(|| format!("there are {}", listed()), |name| format!("did you mean `{name}`?"));
            self.problems.report(self.span(node.name), "parameter_type_unknown", message, Some(help));
            return None;
        };
        if node.of.len() != wanted {
            let message = match wanted {
                0 => format!("type `{name}` has no type in `<…>`"),
                _ => format!("type `{name}` has one type in `<…>`, this one has {}", node.of.len()),
            };
            let help = (wanted == 1).then(|| format!("as in `{name}<string>`"));
            self.problems.report(self.span(node.name), "parameter_type_shape", message, help);
            return None;
        }
        let of = match node.of.first() {
            Some(node) => Some(self.parameter_type(node)?),
            None => None,
        };
        ParameterType::named(name, of)
    }

    /// A parameter that is never read is most likely a mistake, and SpiceDB refuses it.
    pub(super) fn unused(&mut self, nodes: &[ParameterNode], used: &dyn Fn(&str) -> bool, otherwise: &str) {
        for parameter in nodes {
            let name = self.tokens.text_of(parameter.name);
            if !used(name) {
                let message = format!("parameter `{}` is not used", shortened(name));
                let help = format!("leave it out, or {otherwise}");
                self.problems.report(self.span(parameter.name), "parameter_unused", message, Some(help));
            }
        }
    }
}

fn listed() -> String {
    TYPES.map(|name| format!("`{name}`")).join(", ")
}

/// Where an error inside an expression is in the whole text: one character, or nothing at its end.
pub(super) fn place_inside(expression: &str, whole: Span, error: &ConditionError) -> Span {
    let line_start: usize = expression.split_inclusive('\n').take(error.line.saturating_sub(1)).map(str::len).sum();
    let line = expression.get(line_start..).unwrap_or_default();
    let line = line.split('\n').next().unwrap_or_default();
    let offset = line.char_indices().nth(error.column.saturating_sub(1)).map_or(line.len(), |(offset, _)| offset);
    let start = whole.start + line_start.min(expression.len()) + offset;
    let length = line.get(offset..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    Span { start, end: start + length }
}
