//! What SpiceDB's parser makes of texts: trees, and where it finds something wrong.

use std::fmt::Write as _;

use super::{super::super::syntax::*, *};
use crate::schema::{parser, token::Tokens};

/// Where ours says it of the word that is wrong, and SpiceDB of the token after it.
const ELSEWHERE: [&str; 3] = ["arrowillegalfunc", "invaliduse", "useafterdef"];

#[test]
fn spicedb_syntax_trees() {
    let Some(folder) = folder("the syntax trees of SpiceDB's parser") else {
        return;
    };
    let (mut trees, mut refused) = (0, 0);
    for path in files(&folder.join("spicedb/schemadsl/parser"), "zed") {
        let (text, expected) = (read(&path), read(&path.with_extension("zed.expected")));
        let name = path.file_stem().unwrap().to_str().unwrap();
        match parser::parse(&text) {
            Err(problems) => {
                let chained = problems.iter().all(|problem| problem.code == "arrow_chained");
                assert!(chained || expected.contains("NodeTypeError"), "{name}: {}", said(&problems));
                if !chained && !ELSEWHERE.contains(&name) {
                    let ours = text.get(..problems[0].span.start).unwrap().chars().count();
                    assert_eq!(ours, first_error(&expected), "{name}: {}", said(&problems));
                }
                refused += 1;
            }
            Ok((tokens, file)) => {
                assert!(!expected.contains("NodeTypeError"), "{name} should be refused");
                assert_eq!(ours(&tokens, &file), theirs(&expected), "{name}");
                trees += 1;
            }
        }
    }
    println!("{trees} texts read like SpiceDB's parser, {refused} refused where it refuses them");
    assert!(trees >= 20 && refused >= 24, "{trees}, {refused}");
}

/// Where the first error of a dump stands, in characters from 0.
fn first_error(dump: &str) -> usize {
    let error = dump.get(dump.find("NodeTypeError").unwrap()..).unwrap();
    let start = error.lines().find_map(|line| line.trim().strip_prefix("start-rune = ")).unwrap();
    start.parse().unwrap()
}

/// SpiceDB's dump of a syntax tree, with the parts that both trees have.
fn theirs(dump: &str) -> String {
    let kept = [
        "annotation-types",
        "caveat-definition-name",
        "caveat-expression-expressionstr",
        "caveat-name",
        "caveat-parameter-name",
        "definition-name",
        "function-name",
        "identifier-value",
        "import-path",
        "partial-name",
        "partial-reference-name",
        "relation-name",
        "trait-name",
        "type-name",
        "use-flag-name",
    ];
    let mut lines = Vec::new();
    for line in dump.lines().map(str::trim_end) {
        let said = line.trim_start();
        let depth = line.len() - said.len();
        if said.starts_with("NodeType") && said != "NodeTypeComment" {
            lines.push((depth, said.to_owned(), Vec::new()));
        } else if let Some((key, value)) = said.split_once(" = ")
            && kept.contains(&key)
        {
            let (at, _, values) = lines.last_mut().unwrap();
            assert!(*at < depth);
            values.push(value.to_owned());
        }
    }
    let mut text = String::new();
    for (depth, node, mut values) in lines {
        values.sort();
        // A wildcard's dump names only the type.
        writeln!(text, "{}{node} {}", " ".repeat(depth), values.join(" ")).unwrap();
    }
    text
}

fn ours(tokens: &Tokens<'_>, file: &File) -> String {
    let mut writer = Writer { tokens, text: "NodeTypeFile \n".to_owned() };
    for item in &file.items {
        match item {
            Item::Use { flag, .. } => writer.line(4, "UseFlag", &[tokens.text_of(*flag)]),
            Item::Import { path, .. } => {
                writer.line(4, "Import", &[tokens.string_value(*path)]);
            }
            Item::Caveat(node) => writer.caveat(node),
            Item::Definition(node) => writer.definition("Definition", node),
            Item::Partial(node) => writer.definition("Partial", node),
            // SpiceDB has no such line, so that no tree of its is like this one.
            Item::Access(_) => writer.line(4, "Access", &[]),
            Item::Authority(_) => writer.line(4, "Authority", &[]),
            Item::Guard(_) => writer.line(4, "Guard", &[]),
        }
    }
    writer.text
}

struct Writer<'w> {
    tokens: &'w Tokens<'w>,
    text: String,
}

impl Writer<'_> {
    fn line(&mut self, depth: usize, node: &str, values: &[&str]) {
        writeln!(self.text, "{}NodeType{node} {}", " ".repeat(depth), values.join(" ")).unwrap();
    }

    fn caveat(&mut self, node: &CaveatNode) {
        self.line(4, "CaveatDefinition", &[&self.tokens.text_of_path(node.name)]);
        self.line(8, "CaveatExpression", &[self.tokens.expression_of(node).lines().next().unwrap()]);
        for parameter in &node.parameters {
            self.line(8, "CaveatParameter", &[self.tokens.text_of(parameter.name)]);
            self.parameter_type(12, &parameter.kind);
        }
    }

    fn parameter_type(&mut self, depth: usize, node: &ParameterTypeNode) {
        self.line(depth, "CaveatTypeReference", &[self.tokens.text_of(node.name)]);
        node.of.iter().for_each(|node| self.parameter_type(depth + 4, node));
    }

    fn definition(&mut self, what: &str, node: &DefinitionNode) {
        self.line(4, what, &[&self.tokens.text_of_path(node.name)]);
        for statement in &node.statements {
            match statement {
                Statement::Reference { name, .. } => self.line(8, "PartialReference", &[self.tokens.text_of(*name)]),
                Statement::Member(member) => self.member(member),
            }
        }
    }

    fn member(&mut self, member: &MemberNode) {
        let name = self.tokens.text_of(member.name);
        match &member.body {
            MemberBody::Attribute(_) => panic!("SpiceDB has no attributes"),
            MemberBody::Relation(types) => {
                self.line(8, "Relation", &[name]);
                self.line(12, "TypeReference", &[]);
                types.iter().for_each(|node| self.subject_type(node));
            }
            MemberBody::Permission(expression) => {
                self.line(8, "Permission", &[name]);
                self.expression(expression, 12);
                if let Some(annotation) = &member.annotation {
                    self.line(12, "TypeAnnotation", &[]);
                    let names = annotation.types.iter();
                    names.for_each(|name| self.line(16, "Identifier", &[self.tokens.text_of(*name)]));
                }
            }
        }
    }

    fn subject_type(&mut self, node: &TypeNode) {
        let path = self.tokens.text_of_path(node.path);
        let relation = match node.form {
            TypeForm::Userset { relation, .. } => Some(self.tokens.text_of(relation)),
            TypeForm::Ellipsis { dots, .. } => Some(self.tokens.text_of(dots)),
            TypeForm::Object | TypeForm::Wildcard { .. } => None,
        };
        let mut values = vec![path.as_str()];
        values.extend(relation);
        values.sort_unstable();
        self.line(16, "SpecificTypeReference", &values);
        if let Some(path) = node.terms.and_then(|terms| terms.caveat) {
            self.line(20, "CaveatReference", &[&self.tokens.text_of_path(path)]);
        }
        if let Some(expiration) = node.terms.and_then(|terms| terms.expiration) {
            self.line(20, "TraitReference", &[self.tokens.text_of(expiration)]);
        }
    }

    fn expression(&mut self, node: &ExpressionNode, depth: usize) {
        match node {
            ExpressionNode::Name(name) => self.line(depth, "Identifier", &[self.tokens.text_of(*name)]),
            ExpressionNode::Nil(_) => self.line(depth, "NilExpression", &[]),
            ExpressionNode::Itself(_) => self.line(depth, "SelfExpression", &[]),
            ExpressionNode::Arrow(ArrowNode { left, right, function, .. }) => {
                let function: Vec<_> = function.iter().map(|function| self.tokens.text_of(function.name)).collect();
                self.line(depth, "ArrowExpression", &function);
                self.line(depth + 4, "Identifier", &[self.tokens.text_of(*left)]);
                self.line(depth + 4, "Identifier", &[self.tokens.text_of(*right)]);
            }
            ExpressionNode::Group { inner, .. } => self.expression(inner, depth),
            ExpressionNode::Chain { operator, operands, .. } => {
                let name = match operator {
                    Operator::Union => "UnionExpression",
                    Operator::Intersection => "IntersectExpression",
                    Operator::Exclusion => "ExclusionExpression",
                };
                // Theirs is a tree of pairs that grows to the left.
                let pairs = operands.len() - 1;
                for pair in 0..pairs {
                    self.line(depth + 4 * pair, name, &[]);
                }
                for (position, operand) in operands.iter().enumerate() {
                    self.expression(operand, depth + 4 * (pairs + 1 - position.max(1)));
                }
            }
        }
    }
}
