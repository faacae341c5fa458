//! A tree as a person reads it, drawn with lines.

/// A text, which may have several lines, and what hangs below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Branch {
    pub(crate) text: String,
    pub(crate) below: Vec<Self>,
}

impl Branch {
    pub(crate) fn leaf(text: impl Into<String>) -> Self {
        Self { text: text.into(), below: Vec::new() }
    }

    pub(crate) fn new(text: impl Into<String>, below: Vec<Self>) -> Self {
        Self { text: text.into(), below }
    }

    /// The whole tree; the root stands at the left edge.
    pub(crate) fn drawn(&self) -> String {
        let mut out = String::new();
        let continued = if self.below.is_empty() { "  " } else { "│ " };
        push_lines(&mut out, &self.text, "", continued);
        self.draw_below(&mut out, "");
        out
    }

    /// Nothing deeper than a schema allows reaches this, and that is bounded; see the engine's limit on explanations.
    fn draw_below(&self, out: &mut String, before: &str) {
        for (position, branch) in self.below.iter().enumerate() {
            let last = position + 1 == self.below.len();
            let (joint, rest) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let hanging = if branch.below.is_empty() { "" } else { "│" };
            push_lines(out, &branch.text, &format!("{before}{joint}"), &format!("{before}{rest}{hanging:<2}"));
            branch.draw_below(out, &format!("{before}{rest}"));
        }
    }
}

fn push_lines(out: &mut String, text: &str, first: &str, others: &str) {
    for (number, line) in text.lines().enumerate() {
        out.push_str(if number == 0 { first } else { others });
        out.push_str(line);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::Branch;

    #[test]
    fn branches_hang_below_their_text_with_lines_between() {
        let tree = Branch::new(
            "root\nsecond line",
            vec![Branch::new("one\nmore of one", vec![Branch::leaf("leaf")]), Branch::leaf("two\nmore of two")],
        );
        let drawn = "root\n│ second line\n├─ one\n│  │ more of one\n│  └─ leaf\n└─ two\n     more of two\n";
        assert_eq!(tree.drawn(), drawn);
    }
}
