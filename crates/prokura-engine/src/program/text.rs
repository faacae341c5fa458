use prokura_model::schema::{Expression, Quantifier};

/// The expression as the schema language writes it, an operator's operands in parentheses where they are operators.
pub(crate) fn written(expression: &Expression) -> String {
    /// Nobody reads further, and an exclusion may be nested as deep as a schema text is long.
    const SHOWN_NESTING_MAX: usize = 16;
    fn inner(expression: &Expression, nesting: usize) -> String {
        let text = outer(expression, nesting);
        match expression {
            Expression::Member(_)
            | Expression::Arrow { .. }
            | Expression::Itself
            | Expression::Nil
            | Expression::Direct => text,
            Expression::Union(_) | Expression::Intersection(_) | Expression::Exclusion(..) => format!("({text})"),
        }
    }
    fn outer(expression: &Expression, nesting: usize) -> String {
        let Some(nesting) = nesting.checked_sub(1) else { return "…".to_owned() };
        let join = |operands: &[Expression], sign: &str| {
            operands.iter().map(|operand| inner(operand, nesting)).collect::<Vec<_>>().join(sign)
        };
        match expression {
            Expression::Member(name) => name.to_string(),
            Expression::Arrow { tupleset, target, quantifier: Quantifier::Any } => format!("{tupleset}->{target}"),
            Expression::Arrow { tupleset, target, quantifier: Quantifier::All } => format!("{tupleset}.all({target})"),
            Expression::Itself => "self".to_owned(),
            Expression::Nil => "nil".to_owned(),
            Expression::Direct => "direct".to_owned(),
            Expression::Union(operands) => join(operands, " + "),
            Expression::Intersection(operands) => join(operands, " & "),
            Expression::Exclusion(left, right) => format!("{} - {}", inner(left, nesting), inner(right, nesting)),
        }
    }
    outer(expression, SHOWN_NESTING_MAX)
}
