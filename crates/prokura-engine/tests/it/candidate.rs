use prokura_engine::{Decision, EngineError, Index, Limits, Permissionship, Question, View};
use prokura_model::{Change, Timestamp, Transaction};
use prokura_testkit::{Answer, Ask, Candidate, Verdict};

/// The engine, fed and asked like any candidate.
#[derive(Debug, Default)]
pub(crate) struct Engine {
    pub(crate) index: Index,
    pub(crate) limits: Limits,
}

impl Candidate for Engine {
    fn apply(&mut self, changes: &[Change], at: Timestamp) {
        let revision = self.index.applied().next();
        let transaction = Transaction {
            revision,
            time: at,
            author: "test".to_owned(),
            reason: String::new(),
            request_id: None,
            changes: changes.to_vec(),
        };
        self.index.apply(&transaction).expect("a generated transaction is sound");
        self.index.publish(revision);
    }

    fn answer(&self, ask: &Ask) -> Answer {
        answer(&self.index.view(), ask, &self.limits)
    }
}

/// What the view says, in the words of the test kit.
pub(crate) fn answer(view: &View<'_>, ask: &Ask, limits: &Limits) -> Answer {
    match ask {
        Ask::Check { resource, permission, subject } => match view.check(resource, permission, subject, limits) {
            Ok(Permissionship::Has) => Answer::Has,
            Ok(Permissionship::HasNot) => Answer::HasNot,
            Err(error) => failed(&error),
        },
        Ask::Decide { question, now } => match view.decide(&asked(question), *now, limits) {
            Ok(decision) => decided(&decision),
            Err(error) => failed(&error),
        },
    }
}

pub(crate) fn asked(question: &prokura_testkit::Question) -> Question {
    let prokura_testkit::Question { actor, delegation, permission, resource } = question.clone();
    Question { actor, delegation, permission, resource }
}

pub(crate) fn decided(decision: &Decision) -> Answer {
    Answer::Decided(Verdict { reason: decision.reason, at: decision.at, valid_until: decision.valid_until })
}

pub(crate) fn failed(error: &EngineError) -> Answer {
    Answer::Failed(error.code().to_owned())
}
