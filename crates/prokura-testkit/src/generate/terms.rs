use prokura_model::{CaveatName, CaveatUse, Terms, Timestamp, Value, schema::Allowed};

use super::{Maker, NOON};
use crate::{Context, rng::Rng};

const MINUTE: u64 = 60_000;

/// The caveats, each with its parameters and, for each of those, the values it is given.
///
/// Few parameters with few values, and shared, so that contexts that decide, leave open and contradict each other are all
/// ordinary.
pub(super) const CAVEATS: [(&str, &str); 5] = [
    ("on_day", "caveat on_day(day string) {\n  day == \"monday\"\n}\n"),
    ("switched", "caveat switched(on bool) {\n  on\n}\n"),
    ("within", "caveat within(amount int, most int) {\n  amount <= most\n}\n"),
    ("among", "caveat among(day string, days list<string>) {\n  day in days\n}\n"),
    ("shared", "caveat shared(on bool, amount int, parts int) {\n  on || amount / parts > 1\n}\n"),
];

const PARAMETERS: [(&str, &[&str]); 5] = [
    ("on_day", &["day"]),
    ("switched", &["on"]),
    ("within", &["amount", "most"]),
    ("among", &["day", "days"]),
    ("shared", &["on", "amount", "parts"]),
];

const EVERY_PARAMETER: [&str; 6] = ["day", "on", "amount", "most", "days", "parts"];

impl Maker {
    /// Terms such as the relation allows.
    pub(super) fn terms(&mut self, allowed: &Allowed) -> Terms {
        let caveat = allowed.caveat.clone().map(|name| {
            let context = self.written_context(&name);
            CaveatUse { name, context }
        });
        let ends =
            [NOON - MINUTE, NOON, NOON + 1, NOON + 1, NOON + 30 * MINUTE, NOON + 30 * MINUTE, NOON + 60 * MINUTE];
        Terms { caveat, expires_at: allowed.expires.then(|| Timestamp(*self.rng.pick(&ends))) }
    }

    /// Nothing, some, or all of what the caveat needs.
    fn written_context(&mut self, caveat: &CaveatName) -> Context {
        written(&mut self.rng, caveat)
    }

    /// The same, for what is added to a case.
    pub(super) fn bound_aside(&mut self, caveat: &CaveatName) -> Context {
        written(&mut self.aside, caveat)
    }

    /// Nothing, a part, or everything that any caveat asks for.
    pub(super) fn asked_context(&mut self) -> Context {
        let mut context = Context::new();
        let share = *self.rng.pick(&[0, 0, 0, 50, 50, 100, 100]);
        for parameter in EVERY_PARAMETER {
            if self.rng.chance(share) {
                context.insert(parameter.to_owned(), value(&mut self.rng, parameter));
            }
        }
        context
    }

    /// The same values as a question brings them: some as arguments, with something else under the same name in the context
    /// now and then.
    pub(super) fn brought(&mut self, values: Context) -> (Context, Context) {
        let (mut arguments, mut context) = (Context::new(), Context::new());
        let share = *self.aside.pick(&[0, 40, 100]);
        for (name, value) in values {
            if !self.aside.chance(share) {
                context.insert(name, value);
                continue;
            }
            if self.aside.chance(40) {
                context.insert(name.clone(), self::value(&mut self.aside, &name));
            }
            arguments.insert(name, value);
        }
        if self.guarded && self.aside.chance(75) {
            // The id of something that exists, mostly.
            let objects: Vec<String> = self.world.objects().into_iter().map(|object| object.id.to_string()).collect();
            let paper = match self.aside.below(12) {
                0 => Value::Integer(7),
                1 => Value::String("no id\n".to_owned()),
                2 => Value::String("nobody-wrote-of-this".to_owned()),
                _ if objects.is_empty() => return (arguments, context),
                _ => Value::String(self.aside.pick(&objects).clone()),
            };
            arguments.insert("paper".to_owned(), paper);
        }
        if self.aside.chance(15) {
            // No question says what is known.
            context.insert("resource.label".to_owned(), Value::String("public".to_owned()));
        }
        (arguments, context)
    }
}

fn written(rng: &mut Rng, caveat: &CaveatName) -> Context {
    let parameters = PARAMETERS.iter().find(|(name, _)| *name == caveat.as_str()).map_or(&[][..], |(_, all)| all);
    let written = if rng.chance(50) { 0 } else { rng.between(1, parameters.len().max(1)) };
    let mut context = Context::new();
    for parameter in rng.some(parameters, written) {
        context.insert(parameter.to_owned(), value(rng, parameter));
    }
    context
}

fn value(rng: &mut Rng, parameter: &str) -> Value {
    let day = |name: &str| Value::String(name.to_owned());
    match parameter {
        "day" => day(if rng.chance(65) { "monday" } else { "friday" }),
        "days" => Value::List(match rng.below(4) {
            0 => Vec::new(),
            1 => vec![day("friday")],
            _ => vec![day("monday"), day("friday")],
        }),
        "on" => Value::Bool(rng.chance(60)),
        "amount" => Value::Integer(*rng.pick(&[1, 5, 9])),
        "most" => Value::Integer(*rng.pick(&[5, 9])),
        // A share of nothing is not a number: the caveat fails.
        _ => Value::Integer(*rng.pick(&[0, 0, 1, 4])),
    }
}
