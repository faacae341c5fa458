//! The expressions of caveats as SpiceDB prints them: one layout, no parentheses that change nothing, literals in one
//! spelling, long ones broken after `&&` and `||`.

mod literal;
mod scan;

use crate::limits::CONDITION_NESTING_MAX;
use scan::{Scanner, Symbol};

/// The expression as SpiceDB prints it; as it is, if it is none.
pub(in crate::schema) fn canonical_condition(expression: &str) -> String {
    let mut reader = Reader { scanner: Scanner::new(expression), nesting: 0 };
    match reader.expression() {
        Some(printed) if reader.scanner.symbol() == Symbol::End => broken(&printed.pieces),
        _ => expression.trim().to_owned(),
    }
}

/// Where lines are broken, in bytes. SpiceDB counts the operator as it is called inside, `_&&_`.
const LINE_BYTES: usize = 80 - 4;

/// What looks like a call of two arguments or more, and is none to SpiceDB.
const MACROS: [&str; 6] = ["all", "exists", "exists_one", "existsOne", "filter", "map"];

/// A part of what is printed.
#[derive(Debug)]
enum Piece {
    Text(String),
    /// `&&` or `||`, after which a long line is broken.
    Breaking(&'static str),
}

/// Breaks long lines. A new one is counted from the operator before it.
fn broken(pieces: &[Piece]) -> String {
    let mut text = String::new();
    let mut start = 0;
    for piece in pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Breaking(operator) => {
                let long = text.len() - start >= LINE_BYTES;
                if long {
                    start = text.len();
                }
                text.push_str(&format!(" {operator}{}", if long { "\n\t" } else { " " }));
                // The tab is no part of what SpiceDB counts.
                start += usize::from(long);
            }
        }
    }
    text
}

/// How tightly operators bind, from the loosest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Relation,
    Sum,
    Product,
}

impl Level {
    /// The next tighter one.
    fn tighter(self) -> Option<Self> {
        match self {
            Self::Or => Some(Self::And),
            Self::And => Some(Self::Relation),
            Self::Relation => Some(Self::Sum),
            Self::Sum => Some(Self::Product),
            Self::Product => None,
        }
    }

    fn has(self, symbol: Symbol<'_>) -> bool {
        let Symbol::Sign(sign) = symbol else {
            return self == Self::Relation && symbol == Symbol::Word("in");
        };
        match self {
            Self::Or => sign == "||",
            Self::And => sign == "&&",
            Self::Relation => matches!(sign, "<" | "<=" | ">=" | ">" | "==" | "!="),
            Self::Sum => matches!(sign, "+" | "-"),
            Self::Product => matches!(sign, "*" | "/" | "%"),
        }
    }
}

/// What decides on parentheses around a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// None are ever needed.
    Closed,
    /// A call with two arguments or more, or an index, which SpiceDB puts into parentheses after `!` and beside `?`.
    Wide,
    Chain(Level),
    Conditional,
}

struct Printed {
    pieces: Vec<Piece>,
    shape: Shape,
    /// Whether it is a name, or names joined by `.`, as the type of a message is.
    path: bool,
}

impl Printed {
    fn closed(text: impl Into<String>) -> Self {
        Self { pieces: vec![Piece::Text(text.into())], shape: Shape::Closed, path: false }
    }

    fn push(&mut self, text: impl Into<String>) {
        self.pieces.push(Piece::Text(text.into()));
    }

    fn append(&mut self, part: Self, nested: bool) {
        if nested {
            self.push("(");
        }
        self.pieces.extend(part.pieces);
        if nested {
            self.push(")");
        }
    }

    fn is_operation(&self) -> bool {
        matches!(self.shape, Shape::Chain(_) | Shape::Conditional)
    }
}

struct Reader<'t> {
    scanner: Scanner<'t>,
    nesting: usize,
}

impl Reader<'_> {
    /// Bounded by the limit on conditions, which a condition has passed, and this text perhaps not.
    fn expression(&mut self) -> Option<Printed> {
        if self.nesting == CONDITION_NESTING_MAX {
            return None;
        }
        self.nesting += 1;
        let printed = self.conditional();
        self.nesting -= 1;
        printed
    }

    fn conditional(&mut self) -> Option<Printed> {
        let condition = self.chain(Level::Or)?;
        if !self.scanner.take("?") {
            return Some(condition);
        }
        let then = self.chain(Level::Or)?;
        self.scanner.take(":").then_some(())?;
        let otherwise = self.expression()?;
        let mut printed = Printed { pieces: Vec::new(), shape: Shape::Conditional, path: false };
        for (position, part) in [condition, then, otherwise].into_iter().enumerate() {
            printed.push(["", " ? ", " : "].get(position).copied().unwrap_or_default());
            let nested = part.shape != Shape::Closed;
            printed.append(part, nested);
        }
        Some(printed)
    }

    fn chain(&mut self, level: Level) -> Option<Printed> {
        let operand = |reader: &mut Self| match level.tighter() {
            Some(tighter) => reader.chain(tighter),
            None => reader.unary(),
        };
        let first = operand(self)?;
        if !level.has(self.scanner.symbol()) {
            return Some(first);
        }
        let looser = |part: &Printed| match part.shape {
            Shape::Chain(inner) => inner < level,
            Shape::Conditional => true,
            Shape::Closed | Shape::Wide => false,
        };
        let associative = matches!(level, Level::Or | Level::And);
        let mut printed = Printed { pieces: Vec::new(), shape: Shape::Chain(level), path: false };
        let nested = looser(&first);
        printed.append(first, nested);
        while level.has(self.scanner.symbol()) {
            match self.scanner.advance() {
                Symbol::Sign("&&") => printed.pieces.push(Piece::Breaking("&&")),
                Symbol::Sign("||") => printed.pieces.push(Piece::Breaking("||")),
                Symbol::Sign(sign) | Symbol::Word(sign) => printed.push(format!(" {sign} ")),
                _ => return None,
            }
            let part = operand(self)?;
            let nested = looser(&part) || (part.shape == Shape::Chain(level) && !associative);
            printed.append(part, nested);
        }
        Some(printed)
    }

    /// Two of the same sign cancel each other out.
    fn unary(&mut self) -> Option<Printed> {
        let Symbol::Sign(sign @ ("!" | "-")) = self.scanner.symbol() else {
            return self.member();
        };
        let mut count = 0_usize;
        while self.scanner.take(sign) {
            count += 1;
        }
        let operand = self.member()?;
        if count.is_multiple_of(2) {
            return Some(operand);
        }
        let nested = operand.shape != Shape::Closed;
        let mut printed = Printed::closed(sign);
        printed.append(operand, nested);
        Some(printed)
    }

    fn member(&mut self) -> Option<Printed> {
        let mut printed = self.primary()?;
        loop {
            if self.scanner.take(".") {
                let optional = self.scanner.take("?");
                let Symbol::Word(name) = self.scanner.advance() else { return None };
                let (nested, path) = (printed.is_operation(), printed.path && !optional);
                let target = std::mem::replace(&mut printed, Printed { path, ..Printed::closed("") });
                printed.append(target, nested);
                printed.push(format!("{}{name}", if optional { ".?" } else { "." }));
                if self.scanner.take("(") {
                    self.arguments(&mut printed)?;
                    if MACROS.contains(&name) {
                        printed.shape = Shape::Closed;
                    }
                }
            } else if self.scanner.take("[") {
                let optional = self.scanner.take("?");
                let index = self.expression()?;
                self.scanner.take("]").then_some(())?;
                let nested = printed.is_operation();
                let target = std::mem::replace(&mut printed, Printed { shape: Shape::Wide, ..Printed::closed("") });
                printed.append(target, nested);
                printed.push(if optional { "[?" } else { "[" });
                printed.append(index, false);
                printed.push("]");
            } else if printed.path && self.scanner.take("{") {
                printed.path = false;
                self.entries(&mut printed, "{", "}", true)?;
            } else {
                return Some(printed);
            }
        }
    }

    fn primary(&mut self) -> Option<Printed> {
        match self.scanner.advance() {
            Symbol::Sign("(") => {
                let inner = self.expression()?;
                self.scanner.take(")").then_some(Printed { path: false, ..inner })
            }
            Symbol::Sign("[") => {
                let mut printed = Printed::closed("");
                self.entries(&mut printed, "[", "]", false)?;
                Some(printed)
            }
            Symbol::Sign("{") => {
                let mut printed = Printed::closed("");
                self.entries(&mut printed, "{", "}", true)?;
                Some(printed)
            }
            Symbol::Sign(".") => {
                let Symbol::Word(name) = self.scanner.advance() else { return None };
                self.named(format!(".{name}"))
            }
            Symbol::Word(name) => self.named(name.to_owned()),
            Symbol::Number(text) => literal::number(text).map(Printed::closed),
            Symbol::Text { prefix, quoted } => literal::text(prefix, quoted).map(Printed::closed),
            Symbol::Sign(_) | Symbol::End | Symbol::Unknown => None,
        }
    }

    fn named(&mut self, name: String) -> Option<Printed> {
        let mut printed = Printed { path: true, ..Printed::closed(name) };
        if self.scanner.take("(") {
            self.arguments(&mut printed)?;
        }
        Some(printed)
    }

    /// The arguments of a call, the parenthesis taken.
    fn arguments(&mut self, printed: &mut Printed) -> Option<()> {
        printed.path = false;
        let count = self.entries(printed, "(", ")", false)?;
        if count > 1 {
            printed.shape = Shape::Wide;
        }
        Some(())
    }

    /// Values, or names or keys and values, up to the closing sign; how many.
    fn entries(&mut self, printed: &mut Printed, open: &str, close: &str, keyed: bool) -> Option<usize> {
        printed.push(open);
        let mut count = 0;
        while !self.scanner.take(close) {
            if count > 0 {
                self.scanner.take(",").then_some(())?;
                if self.scanner.take(close) {
                    break;
                }
                printed.push(", ");
            }
            if self.scanner.take("?") {
                printed.push("?");
            }
            let entry = self.expression()?;
            printed.append(entry, false);
            if keyed {
                self.scanner.take(":").then_some(())?;
                printed.push(": ");
                let value = self.expression()?;
                printed.append(value, false);
            }
            count += 1;
        }
        printed.push(close);
        Some(count)
    }
}
