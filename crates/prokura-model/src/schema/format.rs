use super::{
    Diagnostic, parser,
    syntax::{DefinitionNode, ExpressionNode, File, MemberBody, MemberNode, Path, TypeForm, TypeNode},
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
        for definition in &file.definitions {
            let leading = self.comments_before(definition.keyword);
            if !self.text.is_empty() {
                self.blank_line();
            }
            self.comment_lines(leading);
            if !leading.is_empty() && self.tokens.token(definition.keyword).place == Place::Apart {
                self.blank_line();
            }
            self.definition(definition);
        }
        let leading = self.comments_before(file.end);
        if leading.first().is_some_and(|first| first.place == Place::Apart) && !self.text.is_empty() {
            self.blank_line();
        }
        self.comment_lines(leading);
        self.end_line();
    }

    fn definition(&mut self, definition: &DefinitionNode) {
        self.begin(definition.keyword);
        self.path(definition.name, " ");
        self.print(definition.open, " ");
        if definition.members.is_empty() && self.tokens.comments_between(self.last, definition.close).is_empty() {
            return self.print(definition.close, "");
        }
        self.indent += 1;
        let mut first = true;
        for member in &definition.members {
            self.member(member, first);
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

    fn member(&mut self, member: &MemberNode, first: bool) {
        let leading = self.comments_before(member.keyword);
        let place = self.tokens.token(member.keyword).place;
        let blank_before = leading.first().map_or(place, |comment| comment.place) == Place::Apart;
        if !first && (blank_before || !leading.is_empty()) {
            self.blank_line();
        }
        self.comment_lines(leading);
        if !leading.is_empty() && place == Place::Apart {
            self.blank_line();
        }
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
            MemberBody::Permission(expression) => {
                self.print(member.sign, " ");
                self.expression(expression, " ");
            }
        }
    }

    fn subject_type(&mut self, node: &TypeNode) {
        match node.form {
            TypeForm::Object => self.path(node.path, " "),
            TypeForm::Ellipsis { hash, dots } => self.type_without_dots(node.path, hash, dots),
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
    }

    /// Leaves `#...` out. Comments after it may end their line, which after a name would end the statement, so they move
    /// in front of the type.
    fn type_without_dots(&mut self, path: Path, hash: TokenId, dots: TokenId) {
        let pipe = Some(dots + 1).filter(|next| self.tokens.token(*next).kind == TokenKind::Pipe);
        for sign in hash..=pipe.unwrap_or(dots) {
            let comments = self.tokens.comments_between(Some(sign - 1), sign);
            self.inline_comments(comments);
        }
        self.path(path, " ");
        if pipe.is_some() {
            self.text.push_str(" |");
        }
        self.last = pipe.or(Some(dots));
    }

    fn expression(&mut self, node: &ExpressionNode, space: &str) {
        match node {
            ExpressionNode::Name(name) => self.print(*name, space),
            ExpressionNode::Arrow { left, arrow, right } => {
                self.print(*left, space);
                self.print(*arrow, "");
                self.print(*right, "");
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
