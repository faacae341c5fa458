//! `caveat only_on(day string) { day == "monday" }`

use super::{Parser, Read};
use crate::{
    limits::SCHEMA_NESTING_MAX,
    name::shortened,
    schema::{
        syntax::{CaveatNode, ParameterNode, ParameterTypeNode},
        token::{TokenId, TokenKind},
    },
};

impl Parser<'_> {
    pub(super) fn caveat(&mut self) -> Read<CaveatNode> {
        let keyword = self.advance();
        let name = self.path("the name of the caveat")?;
        let open_parameters = self.expect(TokenKind::LeftParenthesis, "`(`")?;
        let (parameters, close_parameters) = self.parameters()?;
        let open = self.expect(TokenKind::LeftBrace, "`{`")?;
        let expression = self.opaque_expression()?;
        let close = self.expect(TokenKind::RightBrace, "the rest of the expression, or `}`")?;
        Ok(CaveatNode { keyword, name, open_parameters, parameters, close_parameters, open, expression, close })
    }

    /// The parameters up to the parenthesis that closes them.
    pub(super) fn parameters(&mut self) -> Read<(Vec<ParameterNode>, TokenId)> {
        let mut parameters = vec![self.parameter()?];
        while self.take(TokenKind::Comma) {
            parameters.push(self.parameter()?);
        }
        Ok((parameters, self.expect(TokenKind::RightParenthesis, "`,` or `)`")?))
    }

    fn parameter(&mut self) -> Read<ParameterNode> {
        let name = self.name("a parameter, as in `day string`")?;
        Ok(ParameterNode { name, kind: self.parameter_type(0)? })
    }

    /// As deep as the limit allows.
    pub(super) fn parameter_type(&mut self, nesting: usize) -> Read<ParameterTypeNode> {
        let name = self.name("the type of the parameter")?;
        let mut of = Vec::new();
        if self.kind() == TokenKind::Less {
            if nesting == SCHEMA_NESTING_MAX {
                let message = format!("types are nested more than {SCHEMA_NESTING_MAX} deep");
                return self.refuse(self.next, "nesting_too_deep", message, None);
            }
            self.next += 1;
            of.push(self.parameter_type(nesting + 1)?);
            while self.take(TokenKind::Comma) {
                of.push(self.parameter_type(nesting + 1)?);
            }
            self.expect(TokenKind::Greater, "`>`")?;
        }
        Ok(ParameterTypeNode { name, of })
    }

    /// An expression is another language's: all tokens up to the brace that closes it, of which there is at least one.
    fn opaque_expression(&mut self) -> Read<(TokenId, TokenId)> {
        let (first, mut last, mut depth) = (self.next, None, 0_usize);
        loop {
            match self.kind() {
                TokenKind::LeftBrace => depth += 1,
                TokenKind::RightBrace if depth == 0 => break,
                TokenKind::RightBrace => depth -= 1,
                TokenKind::End | TokenKind::UnclosedComment => break,
                TokenKind::Unknown => return self.meaningless("the expression of a caveat"),
                _ => {}
            }
            if self.kind() != TokenKind::LineEnd {
                last = Some(self.next);
            }
            self.next += 1;
        }
        match last {
            Some(last) => Ok((first, last)),
            None => self.unexpected("the expression of the caveat", None),
        }
    }

    /// What stands here has no meaning in an expression.
    pub(super) fn meaningless<T>(&mut self, place: &str) -> Read<T> {
        let found = shortened(self.tokens.text_of(self.next));
        let help = found.starts_with(['"', '\'']).then(|| "the quote is never closed".to_owned());
        self.refuse(self.next, "unexpected_token", format!("`{found}` has no meaning in {place}"), help)
    }
}
