//! Names with members that are no parameters: `resource.environment`.
//!
//! What is read of them are values like any other, each with its type, so each becomes a parameter of its whole name before
//! the library sees the expression. `has(resource.environment)` becomes the question whether that parameter has a value.

use std::collections::BTreeMap;

use cel_core::{Expr, SpannedExpr};

use super::{ConditionError, ParameterType, position};
use crate::{did_you_mean, suggest::listed};

/// A name whose members an expression may read, and which is no value itself.
#[derive(Clone, Debug, Default)]
pub struct Root {
    /// As it is written.
    pub name: String,
    /// What can be read of it.
    pub members: BTreeMap<String, ParameterType>,
    /// What could be expected of it and cannot be read, each with why.
    pub refused: BTreeMap<String, String>,
    /// Members that always have a value, so that nobody needs to ask whether they do.
    pub certain: &'static [&'static str],
    /// Whether the question names it. Then nothing asks whether it has a value, or who names none would pass.
    pub named_by_question: bool,
}

/// In front of a whole name: the question whether it has a value. Nothing that is written begins so.
pub(super) const PRESENCE: char = '?';

impl Root {
    /// The whole names of its members, and their types.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (String, ParameterType)> {
        self.members.iter().map(|(member, kind)| (format!("{}.{member}", self.name), kind.clone()))
    }
}

/// Puts whole names in the place of roots and their members.
pub(super) fn resolve(tree: &mut SpannedExpr, roots: &[Root], text: &str) -> Result<(), ConditionError> {
    let resolver = Resolver { roots, text };
    resolver.expression(tree)
}

struct Resolver<'r> {
    roots: &'r [Root],
    text: &'r str,
}

type Resolved = Result<(), ConditionError>;

impl Resolver<'_> {
    /// As deep as the expression is nested, which is measured before.
    fn expression(&self, tree: &mut SpannedExpr) -> Resolved {
        let start = tree.span.start;
        match &mut tree.node {
            Expr::Member { expr, field, optional } => match self.root(expr) {
                None => self.expression(expr),
                Some(root) if *optional => {
                    let message = format!("`.?` is not for `{}`: ask `has({}.{field})`", root.name, root.name);
                    Err(position(self.text, start, message))
                }
                Some(root) => {
                    tree.node = Expr::Ident(self.member(root, field, start)?);
                    Ok(())
                }
            },
            Expr::MemberTestOnly { expr, field } => match self.root(expr) {
                None => self.expression(expr),
                Some(root) if root.named_by_question => {
                    let message = format!(
                        "`has({0}.{field})` is not for what a question names: read `{0}.{field}`, and without a value it is not allowed",
                        root.name
                    );
                    Err(position(self.text, start, message))
                }
                Some(root) if root.certain.contains(&field.as_str()) => {
                    let message = format!("`{}.{field}` always has a value, so `has` asks nothing", root.name);
                    Err(position(self.text, start, message))
                }
                Some(root) => {
                    let name = self.member(root, field, start)?;
                    tree.node = Expr::Ident(format!("{PRESENCE}{name}"));
                    Ok(())
                }
            },
            Expr::Ident(_) | Expr::RootIdent(_) => match self.root(tree) {
                None => Ok(()),
                Some(root) => {
                    let example = root.members.keys().next().map_or("…", String::as_str);
                    let message = format!("`{0}` is no value: read one of its own, as `{0}.{example}`", root.name);
                    Err(position(self.text, start, message))
                }
            },
            _ => self.parts(tree),
        }
    }

    fn parts(&self, tree: &mut SpannedExpr) -> Resolved {
        let start = tree.span.start;
        match &mut tree.node {
            Expr::List(elements) => elements.iter_mut().try_for_each(|element| self.expression(&mut element.expr)),
            Expr::Map(entries) => entries.iter_mut().try_for_each(|entry| {
                self.expression(&mut entry.key)?;
                self.expression(&mut entry.value)
            }),
            Expr::Unary { expr, .. } => self.expression(expr),
            Expr::Binary { left, right, .. } => {
                self.expression(left)?;
                self.expression(right)
            }
            Expr::Ternary { cond, then_expr, else_expr } => {
                [cond, then_expr, else_expr].into_iter().try_for_each(|part| self.expression(part))
            }
            Expr::Index { expr, index, .. } => {
                self.expression(expr)?;
                self.expression(index)
            }
            Expr::Call { expr, args } => self.call(expr, args),
            Expr::Struct { fields, .. } => fields.iter_mut().try_for_each(|field| self.expression(&mut field.value)),
            Expr::Comprehension(shape) => {
                self.variable(&shape.iter_var, start)?;
                self.variable(&shape.iter_var2, start)?;
                let parts = [
                    &mut shape.iter_range,
                    &mut shape.accu_init,
                    &mut shape.loop_condition,
                    &mut shape.loop_step,
                    &mut shape.result,
                ];
                parts.into_iter().try_for_each(|part| self.expression(part))
            }
            Expr::Bind { var_name, init, body } => {
                self.variable(var_name, start)?;
                self.expression(init)?;
                self.expression(body)
            }
            _ => Ok(()),
        }
    }

    /// What is called is a name of a function, or a member of a value.
    fn call(&self, callee: &mut SpannedExpr, arguments: &mut [SpannedExpr]) -> Resolved {
        match &mut callee.node {
            Expr::Member { expr, field, .. } => match self.root(expr) {
                None => self.expression(expr)?,
                Some(root) => {
                    let message = format!("`{}` has no function `{field}`", root.name);
                    return Err(position(self.text, callee.span.start, message));
                }
            },
            Expr::Ident(_) | Expr::RootIdent(_) => {}
            _ => self.expression(callee)?,
        }
        arguments.iter_mut().try_for_each(|argument| self.expression(argument))
    }

    fn root(&self, tree: &SpannedExpr) -> Option<&Root> {
        let (Expr::Ident(name) | Expr::RootIdent(name)) = &tree.node else { return None };
        let name = name.strip_prefix('.').unwrap_or(name);
        self.roots.iter().find(|root| root.name == name)
    }

    fn member(&self, root: &Root, field: &str, start: usize) -> Result<String, ConditionError> {
        if root.members.contains_key(field) {
            return Ok(format!("{}.{field}", root.name));
        }
        let name = &root.name;
        let message = if let Some(why) = root.refused.get(field) {
            why.clone()
        } else if let Some(meant) = did_you_mean(field, root.members.keys().map(String::as_str)) {
            format!("`{name}` has no `{field}`; did you mean `{name}.{meant}`?")
        } else {
            format!("`{name}` has no `{field}`; it has {}", listed(root.members.keys()))
        };
        Err(position(self.text, start, message))
    }

    fn variable(&self, name: &str, start: usize) -> Resolved {
        if self.roots.iter().any(|root| root.name == name) {
            let message = format!("`{name}` has a meaning here already: give the variable another name");
            return Err(position(self.text, start, message));
        }
        Ok(())
    }
}
