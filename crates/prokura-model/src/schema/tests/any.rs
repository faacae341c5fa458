//! Any schema text, laid out in any way the language allows.

use proptest::{collection, prelude::*};

use crate::schema::token::{TokenKind, Tokens};

/// A text that is a schema, with comments and line breaks wherever they may stand.
pub(super) fn schema_text() -> impl Strategy<Value = String> {
    collection::vec(any::<u8>(), 0..600).prop_map(|rolls| {
        let mut dice = Dice { rolls, next: 0 };
        let statements = schema(&mut dice);
        lay_out(&statements, &mut dice)
    })
}

/// Text made of pieces of schemas, hardly ever one.
pub(super) fn nearly_a_schema() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "definition user {}",
        "definition ",
        "relation ",
        "permission ",
        "user",
        "group#member",
        "user:*",
        "{",
        "}",
        "{\n",
        "\n}\n",
        "\n",
        "\n\n",
        ";",
        ":",
        "=",
        " = viewer",
        "->",
        "a->b",
        "(",
        ")",
        "+",
        "-",
        "&",
        "|",
        "#",
        "...",
        "*",
        "/",
        "//c\n",
        "// c",
        "/*c*/",
        "/*\n c */",
        "/* * c\n\n*/",
        "/*",
        "nil",
        "with",
        "caveat",
        "caveat only(day string) {",
        "use ",
        "use expiration\n",
        "use partial\n",
        "use self\n",
        "partial shared {\n",
        "...shared",
        " and expiration",
        "self",
        "<",
        ">",
        "&&",
        "[",
        " ",
        "\t",
        "\r\n",
        "\"",
        "'",
        "é",
        "\u{feff}",
        ".",
        ".any(",
        ",",
    ]);
    let piece = prop_oneof![20 => known.prop_map(str::to_owned), 1 => "\\PC{0,4}"];
    collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Chances that shrink towards 0.
struct Dice {
    rolls: Vec<u8>,
    next: usize,
}

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        let roll = self.rolls.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        usize::from(roll) % sides
    }

    fn one<'o>(&mut self, options: &[&'o str]) -> &'o str {
        options[self.roll(options.len())]
    }
}

const TYPES: [&str; 4] = ["user", "group", "docs/folder", "document"];
const RELATIONS: [&str; 4] = ["member", "parent", "viewer", "owner"];

/// The tokens of a schema; `\n` where a statement ends. Every type has every relation, so that any reference holds.
fn schema(dice: &mut Dice) -> Vec<String> {
    let mut tokens = Vec::new();
    for flag in ["expiration", "self", "partial"] {
        tokens.extend(["use", flag, "\n"].map(str::to_owned));
    }
    caveat(dice, &mut tokens);
    tokens.extend(["partial", "shared", "{"].map(str::to_owned));
    for member in ["helper", "watcher"].iter().take(dice.roll(3)) {
        tokens.extend(["relation", member, ":", "user", "\n"].map(str::to_owned));
    }
    tokens.extend(["}", "\n"].map(str::to_owned));
    for kind in TYPES {
        tokens.push("definition".to_owned());
        path(kind, &mut tokens);
        tokens.push("{".to_owned());
        for relation in RELATIONS {
            tokens.extend(["relation".to_owned(), relation.to_owned(), ":".to_owned()]);
            subject_types(relation, dice, &mut tokens);
            tokens.push("\n".to_owned());
        }
        if dice.roll(2) == 1 {
            tokens.extend(["...", "shared", "\n"].map(str::to_owned));
        }
        for permission in ["view", "edit"].iter().take(dice.roll(3)) {
            tokens.extend(["permission".to_owned(), (*permission).to_owned()]);
            if dice.roll(3) == 1 {
                tokens.extend([":", "user", "|", "group"].map(str::to_owned));
            }
            tokens.push("=".to_owned());
            expression(dice, 3, &mut tokens);
            tokens.push("\n".to_owned());
        }
        tokens.extend(["}".to_owned(), "\n".to_owned()]);
    }
    tokens
}

/// A caveat whose expression is one token here: what may stand inside it is another language's matter.
fn caveat(dice: &mut Dice, tokens: &mut Vec<String>) {
    let head = [
        "caveat", "docs", "/", "Only", "(", "day", "string", ",", "days", "map", "<", "list", "<", "string", ">", ">",
        ")", "{",
    ];
    tokens.extend(head.map(str::to_owned));
    tokens.push(
        dice.one(&[
            "day in days.week",
            "days[\"}\"] == [day]",
            "(day == 'a' ||\n      day in\n        days.week) // c",
            "day == \"\"\"a\n  b\"\"\" && {\n'a': day\n}.a in days.week",
            "// d\n day\n\t== 'a' // e }\n\n && size(days) > 1",
        ])
        .to_owned(),
    );
    tokens.extend(["}", "\n"].map(str::to_owned));
}

fn path(kind: &str, tokens: &mut Vec<String>) {
    for (position, part) in kind.split('/').enumerate() {
        if position > 0 {
            tokens.push("/".to_owned());
        }
        tokens.push(part.to_owned());
    }
}

fn subject_types(relation: &str, dice: &mut Dice, tokens: &mut Vec<String>) {
    let count = dice.roll(3) + 1;
    for (position, kind) in TYPES.iter().take(count).enumerate() {
        if position > 0 {
            tokens.push("|".to_owned());
        }
        path(kind, tokens);
        // Wildcards only where no userset and no arrow leads.
        let forms: &[&[&str]] = if relation == "owner" {
            &[&[], &["#", "..."], &["#", "member"], &[":", "*"]]
        } else {
            &[&[], &["#", "..."], &["#", "member"]]
        };
        tokens.extend(forms[dice.roll(forms.len())].iter().map(|token| (*token).to_owned()));
        let terms: [&[&str]; 4] = [
            &[],
            &["with", "expiration"],
            &["with", "docs", "/", "Only"],
            &["with", "docs", "/", "Only", "and", "expiration"],
        ];
        tokens.extend(terms[dice.roll(terms.len())].iter().map(|token| (*token).to_owned()));
    }
}

fn expression(dice: &mut Dice, depth: usize, tokens: &mut Vec<String>) {
    for position in 0..=dice.roll(4) {
        if position > 0 {
            tokens.push(dice.one(&["+", "&", "-"]).to_owned());
        }
        match dice.roll(6) {
            0 if depth > 0 => {
                tokens.push("(".to_owned());
                expression(dice, depth - 1, tokens);
                tokens.push(")".to_owned());
            }
            1 => tokens.extend([dice.one(&RELATIONS[..3]), "->", dice.one(&RELATIONS)].map(str::to_owned)),
            2 => tokens.push(dice.one(&["self", "nil"]).to_owned()),
            3 => {
                let quantifier = dice.one(&["any", "all"]);
                let arrow = [dice.one(&RELATIONS[..3]), ".", quantifier, "(", dice.one(&RELATIONS), ")"];
                tokens.extend(arrow.map(str::to_owned));
            }
            _ => tokens.push(dice.one(&RELATIONS).to_owned()),
        }
    }
}

/// The tokens as text. A line break, and so a comment that needs one, stands only where it ends no statement.
fn lay_out(tokens: &[String], dice: &mut Dice) -> String {
    let mut text = String::new();
    for (position, token) in tokens.iter().enumerate() {
        let next = tokens.get(position + 1).map_or("", String::as_str);
        if token == "\n" {
            // After `...` only `;` ends a statement; at the top of a text, only one end may stand.
            let dots = tokens[position - 1] == "...";
            let ends: &[&str] = match (dots, next) {
                (true, _) => &[";\n", "; // c\n", ";;\n\n// d\n", "; /* e */"],
                (_, "definition" | "caveat" | "partial" | "use" | "") => {
                    &["\n", "\n\n\n", " // c\n", ";", "\n// d\n// e\n\n", "\n/* f */", " /*g*/ /*h\n*/\n"]
                }
                _ => {
                    &["\n", "\n\n\n", " // c\n", ";", "; /* d */", "\n// e\n//f\n\n", ";\n//   g\n/* h\n\t* i\n\nj */"]
                }
            };
            text.push_str(dice.one(ends));
            continue;
        }
        text.push_str(token);
        let breaks = !ends_statement(token) && next != "\n" && !token.contains("//");
        let gaps: &[&str] = if breaks {
            &["", " ", "\n", " // c\n", " /* d */ ", "\n\n/* e\n f */", "\t/**g*/ // h\n\n"]
        } else {
            &[" ", "  ", " /* c */ ", " /* d\n* e */ "]
        };
        // An expression may end in a comment.
        let gaps = if token.contains("//") { &["\n", "\n\n // f\n"] } else { gaps };
        let gap = dice.one(gaps);
        text.push_str(gap);
        // `/` and a comment after it would be another comment, and so would two words be one word.
        let dotted = token.ends_with('.') || next.starts_with('.');
        if gap.is_empty() && (token == "/" || next == "/" || dotted) {
            text.push(' ');
        }
    }
    text
}

fn ends_statement(token: &str) -> bool {
    let tokens = Tokens::new(token);
    matches!(
        tokens.token(0).kind,
        TokenKind::Identifier
            | TokenKind::Keyword(_)
            | TokenKind::RightBrace
            | TokenKind::RightParenthesis
            | TokenKind::Star
    )
}
