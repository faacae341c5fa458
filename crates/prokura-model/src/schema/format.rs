mod access;
mod guard;

use super::{
    Diagnostic, Span, parser,
    syntax::{
        ArrowNode, CaveatNode, DefinitionNode, ExpressionNode, File, Item, MemberBody, MemberNode, ParameterNode,
        ParameterTypeNode, Path, Statement, TermsNode, TypeForm, TypeNode,
    },
    token::{Comment, Place, TokenId, TokenKind, Tokens},
};

/// The text in canonical form: tabs, one statement a line, `;` and `#...` left out, every comment kept, and parentheses
/// where operators are mixed, because `a - b + c` is `a - (b + c)`. Formatting twice changes nothing.
///
/// # Errors
/// The text is not syntactically a schema: everything found wrong with it, never empty. What names mean is not checked.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let (tokens, file) = parser::parse(text)?;
    let mut printer = Printer { tokens: &tokens, text: String::new(), indent: 0, last: None };
    printer.file(&file);
    Ok(printer.text)
}

struct Printer<'p> {
    tokens: &'p Tokens<'p>,
    text: String,
    indent: usize,
    /// The last token that was printed.
    last: Option<TokenId>,
}

impl<'p> Printer<'p> {
    fn file(&mut self, file: &File) {
        let mut before: Option<&Item> = None;
        for item in &file.items {
            let leading = self.comments_before(item.first());
            let place = self.tokens.token(item.first()).place;
            let apart = leading.first().map_or(place, |comment| comment.place) == Place::Apart;
            // What is used and what is imported stands together.
            let together = match (before, item) {
                (Some(Item::Use { .. }), Item::Use { .. }) | (Some(Item::Import { .. }), Item::Import { .. }) => !apart,
                _ => false,
            };
            if !self.text.is_empty() && !together {
                self.blank_line();
            }
            self.comment_lines(leading);
            if !leading.is_empty() && place == Place::Apart {
                self.blank_line();
            }
            match item {
                Item::Guard(node) => self.guard(node),
                Item::Use { keyword, flag: second } | Item::Import { keyword, path: second } => {
                    self.begin(*keyword);
                    self.print(*second, " ");
                }
                Item::Caveat(node) => self.caveat(node),
                Item::Definition(node) | Item::Partial(node) => self.definition(node),
                Item::Access(node) => self.access(node),
                Item::Authority(node) => self.authority(node),
            }
            before = Some(item);
        }
        let leading = self.comments_before(file.end);
        if leading.first().is_some_and(|first| first.place == Place::Apart) && !self.text.is_empty() {
            self.blank_line();
        }
        self.comment_lines(leading);
        self.end_line();
    }

    /// The expression is another language's, and stays as it is but for the space in front of its lines.
    fn caveat(&mut self, node: &CaveatNode) {
        self.begin(node.keyword);
        self.path(node.name, " ");
        self.print(node.open_parameters, "");
        self.parameters(&node.parameters);
        self.print(node.close_parameters, "");
        self.print(node.open, " ");
        let (first, last) = node.expression;
        self.indent += 1;
        let leading = self.comments_before(first);
        self.comment_lines(leading);
        self.start_line();
        let span = Span { start: self.tokens.token(first).span.start, end: self.tokens.token(last).span.end };
        let text = self.expression_text(self.tokens.slice(span), span.start);
        self.text.push_str(&text);
        self.last = Some(last);
        let trailing = self.comments_before(node.close);
        self.comment_lines(trailing);
        self.indent -= 1;
        self.begin(node.close);
    }

    fn parameters(&mut self, nodes: &[ParameterNode]) {
        for (position, parameter) in nodes.iter().enumerate() {
            if position > 0 {
                self.print(parameter.name - 1, "");
            }
            self.print(parameter.name, if position > 0 { " " } else { "" });
            self.parameter_type(&parameter.kind, " ");
        }
    }

    fn definition(&mut self, definition: &DefinitionNode) {
        self.begin(definition.keyword);
        self.path(definition.name, " ");
        self.print(definition.open, " ");
        if definition.statements.is_empty() && self.tokens.comments_between(self.last, definition.close).is_empty() {
            return self.print(definition.close, "");
        }
        self.indent += 1;
        let mut first = true;
        for statement in &definition.statements {
            self.statement(statement, first);
            first = false;
        }
        let leading = self.comments_before(definition.close);
        if !first && leading.first().is_some_and(|first| first.place == Place::Apart) {
            self.blank_line();
        }
        self.comment_lines(leading);
        self.indent -= 1;
        self.begin(definition.close);
    }

    /// What stands before a statement of a definition or a guard.
    fn lead(&mut self, statement: TokenId, first: bool) {
        let leading = self.comments_before(statement);
        let place = self.tokens.token(statement).place;
        let blank_before = leading.first().map_or(place, |comment| comment.place) == Place::Apart;
        if !first && (blank_before || !leading.is_empty()) {
            self.blank_line();
        }
        self.comment_lines(leading);
        if !leading.is_empty() && place == Place::Apart {
            self.blank_line();
        }
    }

    fn statement(&mut self, statement: &Statement, first: bool) {
        self.lead(statement.first(), first);
        match statement {
            Statement::Member(member) => self.member(member),
            Statement::Reference { dots, name } => {
                self.begin(*dots);
                self.print(*name, "");
            }
        }
    }

    fn member(&mut self, member: &MemberNode) {
        self.begin(member.keyword);
        self.print(member.name, " ");
        match &member.body {
            MemberBody::Relation(types) => {
                self.print(member.sign, "");
                for (position, node) in types.iter().enumerate() {
                    let pipe = node.path.first - 1;
                    if position > 0 && self.last != Some(pipe) {
                        self.print(pipe, " ");
                    }
                    self.subject_type(node);
                }
            }
            MemberBody::Attribute(kind) => self.parameter_type(kind, " "),
            MemberBody::Permission(expression) => {
                if let Some(annotation) = &member.annotation {
                    self.print(annotation.colon, "");
                    for (position, kind) in annotation.types.iter().enumerate() {
                        if position > 0 {
                            self.print(kind - 1, " ");
                        }
                        self.print(*kind, " ");
                    }
                }
                self.print(member.sign, " ");
                self.expression(expression, " ");
            }
        }
    }

    fn subject_type(&mut self, node: &TypeNode) {
        match node.form {
            TypeForm::Object => self.path(node.path, " "),
            TypeForm::Ellipsis { hash, dots } => self.type_without_dots(node.path, hash, dots, node.terms.is_some()),
            TypeForm::Userset { hash, relation } => {
                self.path(node.path, " ");
                self.print(hash, "");
                self.print(relation, "");
            }
            TypeForm::Wildcard { colon, star } => {
                self.path(node.path, " ");
                self.print(colon, "");
                self.print(star, "");
            }
        }
        if let Some(TermsNode { with, caveat, and, expiration }) = node.terms {
            if self.last != Some(with) {
                self.print(with, " ");
            }
            if let Some(path) = caveat {
                self.path(path, " ");
            }
            for token in [and, expiration].into_iter().flatten() {
                self.print(token, " ");
            }
        }
    }

    /// Leaves `#...` out. Comments after it may end their line, which after a name would end the statement, so they move
    /// in front of the type.
    fn type_without_dots(&mut self, path: Path, hash: TokenId, dots: TokenId, with_terms: bool) {
        let next = Some(dots + 1).filter(|next| with_terms || self.tokens.token(*next).kind == TokenKind::Pipe);
        for sign in hash..=next.unwrap_or(dots) {
            let comments = self.tokens.comments_between(Some(sign - 1), sign);
            self.inline_comments(comments);
        }
        self.path(path, " ");
        if let Some(next) = next {
            self.space(" ");
            self.text.push_str(self.tokens.text_of(next));
        }
        self.last = next.or(Some(dots));
    }

    fn parameter_type(&mut self, node: &ParameterTypeNode, space: &str) {
        self.print(node.name, space);
        for (position, of) in node.of.iter().enumerate() {
            self.rest_through(of.name - 1);
            self.parameter_type(of, if position > 0 { " " } else { "" });
        }
        if !node.of.is_empty() {
            let close = self.last.map_or(node.name, |last| last + 1);
            self.print(close, "");
        }
    }

    /// The tokens that are not printed yet, up to this one, without space between them.
    fn rest_through(&mut self, last: TokenId) {
        let next = self.last.map_or(0, |printed| printed + 1);
        for id in next..=last {
            self.print(id, "");
        }
    }

    fn expression(&mut self, node: &ExpressionNode, space: &str) {
        match node {
            ExpressionNode::Name(name) | ExpressionNode::Itself(name) | ExpressionNode::Nil(name) => {
                self.print(*name, space);
            }
            ExpressionNode::Arrow(ArrowNode { left, sign, right, function }) => {
                self.print(*left, space);
                self.print(*sign, "");
                if let Some(function) = function {
                    self.print(function.name, "");
                    self.print(function.open, "");
                }
                self.print(*right, "");
                if let Some(function) = function {
                    self.print(function.close, "");
                }
            }
            ExpressionNode::Group { open, inner, close } => {
                self.print(*open, space);
                self.expression(inner, "");
                self.print(*close, "");
            }
            ExpressionNode::Chain { operands, signs, .. } => {
                let mut space = space;
                let mut signs = signs.iter();
                for operand in operands {
                    let mixed = matches!(operand, ExpressionNode::Chain { .. });
                    if mixed {
                        self.space(space);
                        self.text.push('(');
                    }
                    self.expression(operand, if mixed { "" } else { space });
                    if mixed {
                        self.text.push(')');
                    }
                    if let Some(sign) = signs.next() {
                        self.print(*sign, " ");
                    }
                    space = " ";
                }
            }
        }
    }

    fn path(&mut self, path: Path, space: &str) {
        self.print(path.first, space);
        for id in path.first + 1..=path.last {
            self.print(id, "");
        }
    }

    /// A token within a statement, after the comments that stand before it.
    fn print(&mut self, id: TokenId, space: &str) {
        let comments = self.tokens.comments_between(self.last, id);
        self.inline_comments(comments);
        self.space(if comments.is_empty() { space } else { " " });
        self.text.push_str(self.tokens.text_of(id));
        self.last = Some(id);
    }

    /// Prints the comments after the last token that belong to its line, and returns those above this token.
    fn comments_before(&mut self, id: TokenId) -> &'p [Comment] {
        let (trailing, leading) = self.tokens.comments_split(self.last, id);
        for comment in trailing {
            self.space(" ");
            let text = self.comment_text(*comment);
            self.text.push_str(&text);
        }
        leading
    }

    /// A token at the start of a line, its comments printed already.
    fn begin(&mut self, id: TokenId) {
        self.start_line();
        self.text.push_str(self.tokens.text_of(id));
        self.last = Some(id);
    }

    /// Comments on lines of their own.
    fn comment_lines(&mut self, comments: &[Comment]) {
        for (position, comment) in comments.iter().enumerate() {
            if position > 0 && comment.place == Place::Apart {
                self.blank_line();
            }
            self.start_line();
            let text = self.comment_text(*comment);
            self.text.push_str(&text);
        }
    }

    /// Comments within a statement. After one that ends its line, the statement goes on in the next.
    fn inline_comments(&mut self, comments: &[Comment]) {
        for comment in comments {
            self.space(" ");
            let text = self.comment_text(*comment);
            self.text.push_str(&text);
            if text.starts_with("//") {
                self.text.push('\n');
                self.tabs(self.indent + 1);
            }
        }
    }

    /// A comment with its marks; what it says is not touched, only the space around it.
    fn comment_text(&self, comment: Comment) -> String {
        let text = self.tokens.slice(comment.span);
        if let Some(line) = text.strip_prefix("//") {
            let line = line.trim_end();
            let gap = if line.is_empty() || line.starts_with(['/', ' ', '\t']) { "" } else { " " };
            return format!("//{gap}{line}");
        }
        let starred = text.lines().skip(1).map(str::trim).all(|line| line.is_empty() || line.starts_with('*'));
        let mut printed = String::new();
        for (position, line) in text.lines().enumerate() {
            if position > 0 {
                printed.push('\n');
            }
            if position > 0 && starred && !line.trim().is_empty() {
                printed.extend(std::iter::repeat_n('\t', self.indent));
                printed.push(' ');
                printed.push_str(line.trim());
            } else {
                printed.push_str(line.trim_end());
            }
        }
        printed
    }

    /// The expression of a caveat, its later lines moved so that the least indented of them stands under the first.
    /// Lines that begin inside a string stay as they are.
    fn expression_text(&self, text: &str, start: usize) -> String {
        let inside_string = |offset: usize| self.tokens.in_string(start + offset);
        let lines = line_starts(text);
        let indented = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
        let movable = |offset: usize, line: &str| !inside_string(offset) && !line.trim().is_empty();
        let shared = lines.iter().skip(1).filter(|(offset, line)| movable(*offset, line));
        let shared = shared.map(|(_, line)| indented(line)).min().unwrap_or(0);
        let mut printed = String::new();
        for (position, (offset, line)) in lines.into_iter().enumerate() {
            let kept = if inside_string(offset + line.len()) { line } else { line.trim_end() };
            if position > 0 {
                printed.push('\n');
            }
            if position > 0 && movable(offset, line) {
                printed.extend(std::iter::repeat_n('\t', self.indent));
                printed.push_str(kept.get(shared..).unwrap_or(kept));
            } else {
                printed.push_str(kept);
            }
        }
        printed
    }

    fn space(&mut self, space: &str) {
        if !self.text.is_empty() && !self.text.ends_with(['\n', '\t']) {
            self.text.push_str(space);
        }
    }

    fn start_line(&mut self) {
        self.end_line();
        self.tabs(self.indent);
    }

    fn blank_line(&mut self) {
        self.end_line();
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn end_line(&mut self) {
        self.text.truncate(self.text.trim_end_matches('\t').len());
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn tabs(&mut self, count: usize) {
        self.text.extend(std::iter::repeat_n('\t', count));
    }
}

/// The lines of a text, without what ends them, and where they start.
fn line_starts(text: &str) -> Vec<(usize, &str)> {
    let mut offset = 0;
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        lines.push((offset, line.strip_suffix('\n').unwrap_or(line)));
        offset += line.len();
    }
    lines
}
