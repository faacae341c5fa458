//! OpenFGA's modelling language, read into the JSON that its API takes.

mod scanner;

use std::{collections::BTreeMap, fmt};

use prokura_api::openfga::{
    AuthorizationModel, Condition, Difference, ObjectRelation, ParameterType, RelationMetadata, RelationReference,
    TupleToUserset, TypeDefinition, TypeMetadata, Userset, Usersets,
};
use prokura_model::limits::MODEL_NESTING_MAX;
use scanner::{Scanner, Token};
use serde_json::Map;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DslFault {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The column, in characters from 1.
    pub(crate) column: usize,
    /// What is wrong.
    pub(crate) message: String,
}

impl fmt::Display for DslFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// The model that the text says. Whether its names lead anywhere is looked at where it is written.
///
/// # Errors
/// The text is no model: what is wrong with it, in the order of the text, never empty. After a mistake, reading goes on
/// with the next line.
pub(crate) fn parse(text: &str) -> Result<AuthorizationModel, Vec<DslFault>> {
    let mut parser = Parser { scanner: Scanner::new(text), faults: Vec::new() };
    let model = parser.model();
    match model {
        Some(model) if parser.faults.is_empty() => Ok(model),
        _ => Err(parser.faults),
    }
}

struct Parser<'t> {
    scanner: Scanner<'t>,
    faults: Vec<DslFault>,
}

/// A mistake that was noted; what began with it is given up.
struct GivenUp;

type Read<T> = Result<T, GivenUp>;

/// How operands are combined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    ButNot,
}

impl Operator {
    const fn words(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::ButNot => "but not",
        }
    }
}

impl Parser<'_> {
    fn model(&mut self) -> Option<AuthorizationModel> {
        let mut model = AuthorizationModel { schema_version: self.header().ok()?, ..AuthorizationModel::default() };
        let mut conditions = BTreeMap::new();
        loop {
            self.scanner.skip_lines();
            match self.scanner.peek() {
                Token::End => break,
                Token::Word("type") => {
                    if let Ok(found) = self.type_definition() {
                        model.type_definitions.push(found);
                    }
                }
                Token::Word("condition") => match self.condition() {
                    Ok(found) => {
                        if conditions.contains_key(&found.name) {
                            self.note(format!("there are two conditions `{}`; a name is used once", found.name));
                        }
                        conditions.insert(found.name.clone(), found);
                    }
                    Err(GivenUp) => self.scanner.skip_line(),
                },
                Token::Word("module" | "extend") => {
                    self.note("modules are put together before they are imported: `fga model transform` does it");
                    self.scanner.skip_line();
                }
                _ => {
                    self.note("expected `type` or `condition`");
                    self.scanner.skip_line();
                }
            }
        }
        model.conditions = (!conditions.is_empty()).then_some(conditions);
        Some(model)
    }

    /// `model`, and `schema 1.1` in the next line.
    fn header(&mut self) -> Read<String> {
        self.scanner.skip_lines();
        self.keyword("model")?;
        self.end_of_line()?;
        self.scanner.skip_lines();
        self.keyword("schema")?;
        match self.scanner.peek() {
            Token::Word(version) if matches!(version, "1.1" | "1.2") => {
                let version = version.to_owned();
                self.scanner.next();
                self.end_of_line()?;
                Ok(version)
            }
            _ => self.fail("expected the version of the schema, `1.1` or `1.2`"),
        }
    }

    fn type_definition(&mut self) -> Read<TypeDefinition> {
        self.scanner.next();
        let named = self.name("a type").and_then(|kind| self.end_of_line().map(|()| kind));
        let Ok(kind) = named else {
            self.scanner.skip_line();
            return Err(GivenUp);
        };
        let (mut relations, mut metadata) = (BTreeMap::new(), BTreeMap::new());
        self.scanner.skip_lines();
        if self.scanner.peek() == Token::Word("relations") {
            self.scanner.next();
            if self.end_of_line().is_err() {
                self.scanner.skip_line();
            }
            loop {
                self.scanner.skip_lines();
                if self.scanner.peek() != Token::Word("define") {
                    break;
                }
                if self.definition(&kind, &mut relations, &mut metadata).is_err() {
                    self.scanner.skip_line();
                }
            }
        }
        let metadata = (!metadata.is_empty()).then_some(TypeMetadata { relations: Some(metadata) });
        Ok(TypeDefinition { kind, relations: Some(relations), metadata })
    }

    /// `define viewer: [user] or editor`
    fn definition(
        &mut self,
        kind: &str,
        relations: &mut BTreeMap<String, Userset>,
        metadata: &mut BTreeMap<String, RelationMetadata>,
    ) -> Read<()> {
        self.scanner.next();
        let place = self.scanner.place();
        let name = self.name("a relation")?;
        if relations.contains_key(&name) {
            self.note_at(place, format!("type `{kind}` has a relation `{name}` already"));
        }
        self.sign(':')?;
        let mut allowed = Vec::new();
        let userset = self.expression(&mut allowed, true, MODEL_NESTING_MAX)?;
        self.end_of_line()?;
        relations.insert(name.clone(), userset);
        metadata.insert(name, RelationMetadata { directly_related_user_types: Some(allowed) });
        Ok(())
    }

    /// Operands with one operator between them. What is written to the relation stands before all others.
    fn expression(&mut self, allowed: &mut Vec<RelationReference>, first: bool, left: usize) -> Read<Userset> {
        let mut operands = vec![self.operand(allowed, first, left)?];
        let mut between = None;
        while let Some(operator) = self.operator()? {
            match between {
                None => between = Some(operator),
                Some(before) if before == operator && operator != Operator::ButNot => {}
                Some(before) => {
                    let (before, words) = (before.words(), operator.words());
                    return self
                        .fail(format!("`{words}` after `{before}`: say with parentheses what belongs together"));
                }
            }
            self.skip_operator(operator);
            operands.push(self.operand(allowed, false, left)?);
        }
        let combined = |child| Some(Usersets { child });
        Ok(match between {
            Some(Operator::Or) => Userset { union: combined(operands), ..Userset::default() },
            Some(Operator::And) => Userset { intersection: combined(operands), ..Userset::default() },
            Some(Operator::ButNot) => {
                let subtract = Box::new(operands.pop().unwrap_or_default());
                let base = Box::new(operands.pop().unwrap_or_default());
                Userset { difference: Some(Difference { base, subtract }), ..Userset::default() }
            }
            None => operands.pop().unwrap_or_default(),
        })
    }

    fn operand(&mut self, allowed: &mut Vec<RelationReference>, first: bool, left: usize) -> Read<Userset> {
        match self.scanner.peek() {
            Token::Sign('[') if first => {
                *allowed = self.allowed()?;
                Ok(Userset { this: Some(Map::new()), ..Userset::default() })
            }
            Token::Sign('[') => self.fail("the types that may be written stand first in a relation, and once"),
            Token::Sign('(') => {
                let Some(left) = left.checked_sub(1) else {
                    return self.fail(format!("parentheses more than {MODEL_NESTING_MAX} deep"));
                };
                self.scanner.next();
                let inner = self.expression(allowed, first, left)?;
                self.sign(')')?;
                Ok(inner)
            }
            Token::Word(word) if !matches!(word, "or" | "and" | "but" | "from") => {
                let relation = word.to_owned();
                self.scanner.next();
                if self.scanner.peek() != Token::Word("from") {
                    let computed_userset = Some(ObjectRelation { relation });
                    return Ok(Userset { computed_userset, ..Userset::default() });
                }
                self.scanner.next();
                let tupleset = ObjectRelation { relation: self.name("a relation")? };
                let from = TupleToUserset { tupleset, computed_userset: ObjectRelation { relation } };
                Ok(Userset { tuple_to_userset: Some(from), ..Userset::default() })
            }
            _ => self.fail("expected a relation, or the types that may be written, `[user]`"),
        }
    }

    /// The operator that comes next, if one does.
    fn operator(&mut self) -> Read<Option<Operator>> {
        Ok(match self.scanner.peek() {
            Token::Word("or") => Some(Operator::Or),
            Token::Word("and") => Some(Operator::And),
            Token::Word("but") if self.scanner.peek_second() == Token::Word("not") => Some(Operator::ButNot),
            Token::Word("but") => return self.fail("expected `but not`"),
            _ => None,
        })
    }

    fn skip_operator(&mut self, operator: Operator) {
        self.scanner.next();
        if operator == Operator::ButNot {
            self.scanner.next();
        }
    }

    /// `[user, group#member, user:* with only_on]`
    fn allowed(&mut self) -> Read<Vec<RelationReference>> {
        self.scanner.next();
        let mut all = Vec::new();
        loop {
            self.scanner.skip_newlines();
            let mut reference = RelationReference { kind: self.name("a type")?, ..RelationReference::default() };
            match self.scanner.peek() {
                Token::Sign('#') => {
                    self.scanner.next();
                    reference.relation = Some(self.name("a relation")?);
                }
                Token::Sign(':') => {
                    self.scanner.next();
                    self.sign('*')?;
                    reference.wildcard = Some(Map::new());
                }
                _ => {}
            }
            if self.scanner.peek() == Token::Word("with") {
                self.scanner.next();
                reference.condition = Some(self.name("a condition")?);
            }
            all.push(reference);
            self.scanner.skip_newlines();
            match self.scanner.peek() {
                Token::Sign(',') => self.scanner.next(),
                Token::Sign(']') => {
                    self.scanner.next();
                    return Ok(all);
                }
                _ => return self.fail("expected `,` or `]`"),
            }
        }
    }

    /// `condition only_on(day: string) { day == "monday" }`
    fn condition(&mut self) -> Read<Condition> {
        self.scanner.next();
        let name = self.name("a condition")?;
        self.sign('(')?;
        let mut parameters = BTreeMap::new();
        loop {
            self.scanner.skip_newlines();
            let place = self.scanner.place();
            let parameter = self.name("a parameter")?;
            self.sign(':')?;
            let kind = self.parameter_type()?;
            if parameters.insert(parameter.clone(), kind).is_some() {
                self.note_at(place, format!("condition `{name}` has a parameter `{parameter}` already"));
            }
            self.scanner.skip_newlines();
            match self.scanner.peek() {
                Token::Sign(',') => self.scanner.next(),
                Token::Sign(')') => {
                    self.scanner.next();
                    break;
                }
                _ => return self.fail("expected `,` or `)`"),
            }
        }
        self.scanner.skip_newlines();
        if self.scanner.peek() != Token::Sign('{') {
            return self.fail("expected `{`");
        }
        match self.scanner.braced() {
            Some(expression) => {
                let expression = expression.trim().to_owned();
                self.end_of_line()?;
                Ok(Condition { name, expression, parameters: Some(parameters) })
            }
            None => self.fail("the expression of the condition does not end: `}` is missing"),
        }
    }

    fn parameter_type(&mut self) -> Read<ParameterType> {
        let simple = |word: &str| {
            let known = ["any", "bool", "string", "int", "uint", "double", "duration", "timestamp", "ipaddress"];
            known.contains(&word).then(|| format!("TYPE_NAME_{}", word.to_uppercase()))
        };
        let Token::Word(word) = self.scanner.peek() else { return self.fail("expected the type of the parameter") };
        if !matches!(word, "list" | "map") {
            let Some(type_name) = simple(word) else { return self.fail(format!("`{word}` is no type of a parameter")) };
            self.scanner.next();
            return Ok(ParameterType { type_name, generic_types: None });
        }
        let type_name = format!("TYPE_NAME_{}", word.to_uppercase());
        self.scanner.next();
        self.sign('<')?;
        let Token::Word(word) = self.scanner.peek() else { return self.fail("expected a type between `<` and `>`") };
        let Some(inner) = simple(word) else {
            return self.fail(format!("`{word}` does not stand in a list or a map"));
        };
        self.scanner.next();
        self.sign('>')?;
        Ok(ParameterType {
            type_name,
            generic_types: Some(vec![ParameterType { type_name: inner, generic_types: None }]),
        })
    }

    fn name(&mut self, what: &str) -> Read<String> {
        match self.scanner.peek() {
            Token::Word(word) => {
                let name = word.to_owned();
                self.scanner.next();
                Ok(name)
            }
            _ => self.fail(format!("expected the name of {what}")),
        }
    }

    fn keyword(&mut self, word: &str) -> Read<()> {
        if self.scanner.peek() == Token::Word(word) {
            self.scanner.next();
            return Ok(());
        }
        self.fail(format!("expected `{word}`"))
    }

    fn sign(&mut self, sign: char) -> Read<()> {
        if self.scanner.peek() == Token::Sign(sign) {
            self.scanner.next();
            return Ok(());
        }
        self.fail(format!("expected `{sign}`"))
    }

    fn end_of_line(&mut self) -> Read<()> {
        match self.scanner.peek() {
            Token::Newline | Token::End => Ok(()),
            _ => self.fail("expected the end of the line"),
        }
    }

    fn fail<T>(&mut self, message: impl Into<String>) -> Read<T> {
        self.note(message);
        Err(GivenUp)
    }

    fn note(&mut self, message: impl Into<String>) {
        let place = self.scanner.place();
        self.note_at(place, message);
    }

    fn note_at(&mut self, (line, column): (usize, usize), message: impl Into<String>) {
        self.faults.push(DslFault { line, column, message: message.into() });
    }
}

#[cfg(test)]
mod tests;
