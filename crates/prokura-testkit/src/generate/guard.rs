//! Guards on what is asked about, attributes for them to read, and credentials.

use prokura_model::{Change, Credential, Timestamp, Value};

use super::{Maker, NOON};

/// When a guard applies; the first word is the parameter it needs, if it needs one.
const WHEN: [(&str, &str); 11] = [
    ("", "resource.label == \"secret\""),
    ("", "has(resource.label) && resource.label == \"secret\""),
    ("", "!has(actor.rank) || actor.rank < 3"),
    ("", "actor.rank < 3"),
    ("", "chain.length > 1"),
    ("", "has(origin.id) && origin.id != actor.id"),
    ("", "\"secret\" in run.label"),
    ("", "!has(run.label) || !(\"public\" in run.label)"),
    ("", "has(run.label) && run.label.size() > 1"),
    ("day string", "day == \"monday\""),
    ("on bool", "on || resource.label == \"secret\""),
];

const SAYS: [(&str, &str); 19] = [
    ("", "forbid"),
    ("", "forbid; record before answer"),
    ("", "require has(credential.method) && credential.method == \"mtls\""),
    ("", "require credential.method == \"mtls\""),
    ("", "require resource.label != \"secret\""),
    ("", "require !(\"secret\" in run.label)"),
    ("", "require run.label.all(label, label != resource.label)"),
    ("", "require chain.dispatched || chain.length < 2"),
    ("", "require has(task.id) && task.expires_at > now"),
    ("", "require resource.id != \"plan\" && actor.type == \"agent\""),
    ("amount int", "require amount < 9"),
    ("amount int, parts int", "require amount / parts > 1"),
    ("", "require confirmation from origin"),
    ("", "require confirmation from origin within 1h"),
    ("paper KIND", "require paper.label == \"public\" || paper.id == resource.id"),
    ("paper KIND", "require chain.length > 2 || paper.label != resource.label"),
    ("", "require approval from PLACE"),
    ("", "require approval from PLACE within 15m, reusable"),
    ("", "record before answer"),
];

impl Maker {
    /// The text with attributes in its definitions, and guards behind it.
    pub(super) fn with_guards(&mut self, text: &str) -> String {
        if !self.guarded {
            return text.to_owned();
        }
        let mut text = format!("use guards\n{text}");
        for kind in super::schema::ACTING {
            text = text.replace(
                &format!("definition {kind} {{}}"),
                &format!("definition {kind} {{\n  attribute rank int\n}}"),
            );
        }
        let mut places = Vec::new();
        for kind in &self.sketch.kinds {
            let head = format!("definition {} {{\n", kind.name);
            text = text.replace(&head, &format!("{head}  attribute label string\n"));
            let members =
                kind.relations.iter().map(|(name, _)| name).chain(kind.permissions.iter().map(|(name, _)| name));
            places.extend(members.map(|member| format!("{}#{member}", kind.name)));
        }
        let mut number = 0;
        for place in places {
            // A second one now and then, so that their order counts.
            for chance in [60, 40] {
                if !self.aside.chance(chance) {
                    break;
                }
                number += 1;
                text.push_str(&self.guard(number, &place));
            }
        }
        text
    }

    fn guard(&mut self, number: usize, place: &str) -> String {
        let mut parameters: Vec<&str> = Vec::new();
        let mut lines = String::new();
        if self.aside.chance(70) {
            let (needs, when) = *self.aside.pick(&WHEN);
            parameters.push(needs);
            lines.push_str(&format!("  when {when}\n"));
        }
        let (needs, says) = *self.aside.pick(&SAYS);
        let kind = place.split('#').next().unwrap_or_default();
        let needs = needs.replace("KIND", kind);
        parameters.push(&needs);
        lines.push_str(&format!("  {}\n", says.replace("PLACE", place)));
        parameters.retain(|needs| !needs.is_empty());
        let parameters = if parameters.is_empty() { String::new() } else { format!("({})", parameters.join(", ")) };
        format!("guard guard{number}{parameters} on {place} {{\n{lines}}}\n")
    }

    /// Attributes of some of those that act, and of some things.
    pub(super) fn attributes(&mut self) {
        if !self.guarded {
            return;
        }
        let objects: Vec<_> = self.world.objects().into_iter().cloned().collect();
        for object in objects {
            if !self.aside.chance(60) {
                continue;
            }
            let acts = super::schema::ACTING.contains(&object.kind.as_str());
            let (name, value) = if acts {
                ("rank", Value::Integer(*self.aside.pick(&[1, 2, 3, 4])))
            } else {
                ("label", Value::String((*self.aside.pick(&["secret", "secret", "public"])).to_owned()))
            };
            self.push(Change::AttributesSet(object, [(name.to_owned(), value)].into()));
        }
    }

    /// Mostly none; with guards sometimes one of two tools.
    pub(super) fn tool_schema(&mut self) -> Option<String> {
        let tool = *self.aside.pick(&["", "", "", "one", "two"]);
        (self.guarded && !tool.is_empty()).then(|| tool.to_owned())
    }

    pub(super) fn credential(&mut self) -> Option<Credential> {
        let method = *self.aside.pick(&["", "api_key", "mtls", "mtls"]);
        let authenticated_at = self.aside.chance(50).then_some(Timestamp(NOON - 60_000));
        (!method.is_empty()).then(|| Credential { method: method.to_owned(), authenticated_at })
    }
}
