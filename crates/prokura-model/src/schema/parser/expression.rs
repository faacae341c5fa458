//! Permissions' expressions.

use super::{Parser, Read};
use crate::{
    limits::SCHEMA_NESTING_MAX,
    schema::{
        Quantifier, Span,
        syntax::{ArrowNode, ExpressionNode, FunctionNode, Operator},
        token::{Keyword, TokenId, TokenKind},
    },
};

impl Parser<'_> {
    /// `a - b & c + d` is `a - (b & (c + d))`: SpiceDB's precedence, which is not arithmetic's.
    pub(super) fn exclusion(&mut self, nesting: usize) -> Read<ExpressionNode> {
        self.chain(Operator::Exclusion, TokenKind::Minus, |parser| {
            parser.chain(Operator::Intersection, TokenKind::Ampersand, |parser| {
                parser.chain(Operator::Union, TokenKind::Plus, |parser| parser.operand(nesting))
            })
        })
    }

    fn chain(
        &mut self,
        operator: Operator,
        sign: TokenKind,
        operand: impl Fn(&mut Self) -> Read<ExpressionNode>,
    ) -> Read<ExpressionNode> {
        let first = operand(self)?;
        if self.kind() != sign {
            return Ok(first);
        }
        let (mut operands, mut signs) = (vec![first], Vec::new());
        while self.kind() == sign {
            signs.push(self.advance());
            operands.push(operand(self)?);
        }
        Ok(ExpressionNode::Chain { operator, operands, signs })
    }

    fn operand(&mut self, nesting: usize) -> Read<ExpressionNode> {
        match self.kind() {
            TokenKind::LeftParenthesis => {
                if nesting == SCHEMA_NESTING_MAX {
                    let message = format!("parentheses are nested more than {SCHEMA_NESTING_MAX} deep");
                    let help = "name a part of the expression as a permission of its own";
                    return self.refuse(self.next, "nesting_too_deep", message, Some(help.to_owned()));
                }
                let open = self.advance();
                let inner = Box::new(self.exclusion(nesting + 1)?);
                let close = self.expect(TokenKind::RightParenthesis, "`)`")?;
                Ok(ExpressionNode::Group { open, inner, close })
            }
            TokenKind::Keyword(Keyword::Nil) => Ok(ExpressionNode::Nil(self.advance())),
            TokenKind::Keyword(Keyword::Itself) => Ok(ExpressionNode::Itself(self.advance())),
            _ => {
                let left = self.name("a relation, a permission or `(`")?;
                match self.kind() {
                    TokenKind::Arrow | TokenKind::Period => self.arrow(left).map(ExpressionNode::Arrow),
                    _ => Ok(ExpressionNode::Name(left)),
                }
            }
        }
    }

    /// `parent->view`, `parent.any(view)`, `parent.all(view)`
    fn arrow(&mut self, left: TokenId) -> Read<ArrowNode> {
        let dotted = self.kind() == TokenKind::Period;
        let sign = self.advance();
        let arrow = if dotted {
            let (name, quantifier) = self.quantifier()?;
            let open = self.expect(TokenKind::LeftParenthesis, "`(`")?;
            let right = self.name("the name of a relation or permission")?;
            let close = self.expect(TokenKind::RightParenthesis, "`)`")?;
            ArrowNode { left, sign, right, function: Some(FunctionNode { name, quantifier, open, close }) }
        } else {
            let right = self.name("the name of a relation or permission after `->`")?;
            ArrowNode { left, sign, right, function: None }
        };
        if matches!(self.kind(), TokenKind::Arrow | TokenKind::Period) {
            return self.chained(arrow);
        }
        Ok(arrow)
    }

    fn quantifier(&mut self) -> Read<(TokenId, Quantifier)> {
        let quantifier = match self.tokens.text_of(self.next) {
            "any" => Quantifier::Any,
            "all" => Quantifier::All,
            _ => return self.unexpected("`any` or `all`", Some("an arrow is written `->`".to_owned())),
        };
        Ok((self.advance(), quantifier))
    }

    fn chained<T>(&mut self, first: ArrowNode) -> Read<T> {
        let (left, right) = (self.tokens.text_of(first.left), self.tokens.text_of(first.right));
        let help = format!(
            "declare a permission for the rest on the type that `{left}` leads to, as `permission … = {right}->…`, and let \
             the arrow end at it"
        );
        let span = Span { start: self.tokens.token(first.left).span.start, end: self.tokens.token(self.next).span.end };
        self.refuse_span(span, "arrow_chained", "arrows cannot be chained".to_owned(), Some(help))
    }
}
