//! W3: a document behind a chain of nested groups, and one behind a group with very many direct members.

use prokura_model::NameError;

use super::{Check, Names, World, docs::SCHEMA, edge};

/// Groups in the chain.
pub(crate) const NESTED: u32 = 45;

/// Questions of each kind.
const QUESTIONS: u32 = 1_000;

/// What W3 asks, each kind by itself.
pub(crate) struct Deep {
    pub(crate) world: World,
    /// What is asked, under the name it goes by.
    pub(crate) kinds: [(&'static str, &'static str, Vec<Check>); 5],
}

impl Deep {
    /// With so many members in the wide group.
    pub(crate) fn generate(members: u32) -> Result<Self, NameError> {
        let names = Names::new()?;
        let mut relationships = vec![edge(names.document("deep")?, &names.viewer, names.members_of("n0")?)];
        // The second chain leads to no document: whoever is in it is as deep, and denied.
        for chain in ["n", "o"] {
            for depth in 1..NESTED {
                let (outer, inner) = (format!("{chain}{}", depth - 1), format!("{chain}{depth}"));
                relationships.push(edge(names.group(&outer)?, &names.member, names.members_of(&inner)?));
            }
            let innermost = names.group(&format!("{chain}{}", NESTED - 1))?;
            for number in 0..QUESTIONS {
                relationships.push(edge(innermost.clone(), &names.member, names.user(&format!("in-{chain}{number}"))?));
            }
        }
        relationships.push(edge(names.document("wide")?, &names.viewer, names.members_of("wide")?));
        for number in 0..QUESTIONS {
            // Whoever is denied is somebody, elsewhere.
            relationships.push(edge(names.group("other")?, &names.member, names.user(&format!("out{number}"))?));
        }
        for number in 0..members {
            relationships.push(edge(names.group("wide")?, &names.member, names.user(&format!("m{number}"))?));
        }
        let checks = |document: &str, prefix: &str, of: u32, allowed: bool| {
            // Spread over all of them, however many there are.
            let questions = QUESTIONS.min(of);
            let check = |number: u32| {
                let place = u64::from(number) * u64::from(of) / u64::from(questions);
                Ok(Check {
                    resource: names.document(document)?,
                    permission: names.view.clone(),
                    subject: names.user(&format!("{prefix}{place}"))?,
                    allowed,
                })
            };
            (0..questions).map(check).collect::<Result<Vec<_>, NameError>>()
        };
        let kinds = [
            ("deep_allowed", "allow behind 45 nested groups", checks("deep", "in-n", QUESTIONS, true)?),
            ("deep_denied", "deny behind 45 nested groups", checks("deep", "out", QUESTIONS, false)?),
            (
                "deep_denied_beside",
                "deny between two times 45 nested groups",
                checks("deep", "in-o", QUESTIONS, false)?,
            ),
            ("wide_allowed", "allow by a wide group", checks("wide", "m", members, true)?),
            ("wide_denied", "deny by a wide group", checks("wide", "out", QUESTIONS, false)?),
        ];
        Ok(Self { world: World { schema: SCHEMA, relationships }, kinds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::data::reference::Reference;

    #[test]
    fn the_slow_evaluator_says_what_the_questions_say() {
        let deep = Deep::generate(100).expect("legal names");
        let reference = Reference::of(&deep.world.relationships);
        for (kind, _, checks) in deep.kinds {
            assert!(checks.len() >= 100, "{kind}");
            for check in checks.iter().step_by(50) {
                assert_eq!(reference.may_view(&check.subject, &check.resource), check.allowed, "{kind}: {check:?}");
            }
        }
    }
}
