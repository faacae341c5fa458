//! The story of an answer as a person reads it.

use std::collections::BTreeMap;

use prokura_api::{
    Condition, Delegation, Disposition, Explanation, ExplanationNode, NearMiss, Principal, PrincipalState, StepKind,
    TaskState, Time, WitnessEdge,
};

use super::{Provenance, Story};
use crate::{
    decide::verdict,
    limits::TRIED_TOLD_MAX,
    output::{ALLOW, CHANGE, COMMAND, DENY, FAINT, STRONG, harmless, paint, table},
    time::shown,
    tree::Branch,
    wire,
};

pub(crate) fn story(story: &Story) -> String {
    let mut parts = vec![head(story)];
    if story.decision.task.is_some() || !story.decision.chain.is_empty() {
        parts.push(chain(story).drawn());
    }
    if let Some(graph) = graph(story) {
        parts.push(graph.drawn());
    }
    if !story.provenance.is_empty() {
        parts.push(written(&story.provenance));
    }
    if let Some(help) = help(story) {
        parts.push(format!("{} {help}\n", paint(COMMAND, "what would help:")));
    }
    if let Some(now) = &story.now {
        parts.push(format!("asked now: {}, {}\n", verdict(now.disposition), now.message));
    }
    parts.join("\n")
}

/// Only the task and the links.
pub(crate) fn chain_text(story: &Story) -> String {
    chain(story).drawn()
}

fn allowed(story: &Story) -> bool {
    story.decision.disposition == Disposition::Allow
}

fn mark(good: bool) -> String {
    if good { paint(ALLOW, "✓") } else { paint(DENY, "✗") }
}

/// Neither: it depends on what the question did not say.
fn open_mark() -> String {
    paint(CHANGE, "?")
}

fn head(story: &Story) -> String {
    let asked = &story.asked;
    let (sign, may) = match story.decision.disposition {
        Disposition::Allow => (mark(true), "may"),
        Disposition::Deny => (mark(false), "may not"),
        Disposition::Conditional => (open_mark(), "may, on a condition,"),
        Disposition::Held => (open_mark(), "may, once somebody agrees,"),
    };
    let title = format!(
        "{sign} {} {} {} {}",
        paint(STRONG, wire::object_text(&asked.actor)),
        may,
        paint(STRONG, &asked.permission),
        paint(STRONG, wire::object_text(&asked.resource)),
    );
    let decision = &story.decision;
    let origin = match (&decision.id, &story.decided_at) {
        (Some(id), Some(time)) => format!("decision {id}, decided {} at revision {}", shown(*time), decision.revision),
        _ => format!("a preview at revision {}: not recorded, not to be enforced", decision.revision),
    };
    let mut text = format!("{title}\n  {} ({})\n  {}\n", decision.message, decision.reason, paint(FAINT, origin));
    if let Some(owner) = story.actor_registered.as_ref().and_then(|actor| actor.owner.as_ref()) {
        let (actor, owner) = (wire::object_text(&asked.actor), wire::object_text(owner));
        text.push_str(&format!("  {}\n", paint(FAINT, format!("{owner} answers for {actor}"))));
    }
    if let Some(until) = decision.valid_until {
        text.push_str(&format!("  {}\n", paint(FAINT, format!("valid until {}", shown(until)))));
    }
    text
}

/// The task, and below it the links root first, each below the one it continues.
fn chain(story: &Story) -> Branch {
    let decision = &story.decision;
    let failed_at = decision.failed_at.unwrap_or(usize::MAX);
    let task_failed = decision.reason.starts_with("task_");
    let mut below: Vec<Branch> = Vec::new();
    for (position, link) in decision.chain.iter().enumerate().rev() {
        let stored = story.delegations.get(position).and_then(Option::as_ref);
        let reached = !task_failed && position <= failed_at;
        let sign = if reached { mark(position != failed_at) } else { paint(FAINT, "·") };
        let mut text = format!(
            "{sign} {} → {}  {}",
            wire::object_text(&link.from),
            wire::object_text(&link.to),
            paint(FAINT, &link.delegation)
        );
        for line in stored.map(link_lines).unwrap_or_default() {
            text.push_str(&format!("\n{line}"));
        }
        if position == failed_at {
            text.push_str(&format!("\n{}", paint(DENY, format!("here: {}", decision.reason))));
        }
        below = vec![Branch::new(text, below)];
    }
    Branch::new(task_text(story, task_failed), below)
}

fn task_text(story: &Story, failed: bool) -> String {
    let id = story.decision.task.as_deref().unwrap_or("unknown");
    let Some(task) = &story.task else {
        return format!("{} task {id}", mark(!failed));
    };
    let state = match task.state {
        TaskState::Open if story.decision.reason == "task_expired" => format!("expired {}", shown(task.expires_at)),
        TaskState::Open => format!("open, expires {}", shown(task.expires_at)),
        TaskState::Completed => "completed".to_owned(),
        TaskState::Cancelled => "cancelled".to_owned(),
    };
    format!(
        "{} task {} for {}\n“{}”\n{}",
        mark(!failed),
        paint(STRONG, id),
        wire::object_text(&task.origin),
        harmless(&task.purpose),
        paint(FAINT, state)
    )
}

fn link_lines(link: &Delegation) -> Vec<String> {
    let mut lines: Vec<_> = link
        .cap
        .clauses
        .iter()
        .map(|clause| wire::cap_text(&prokura_api::Cap { clauses: vec![clause.clone()] }))
        .collect();
    let mut times = Vec::new();
    let mut time = |name: &str, time: Option<Time>| {
        if let Some(time) = time {
            times.push(format!("{name} {}", shown(time)));
        }
    };
    time("from", link.not_before);
    time("expires", link.expires_at);
    time("revoked", link.revoked_at);
    if !times.is_empty() {
        lines.push(paint(FAINT, times.join(", ")));
    }
    lines
}

/// What the graph has to do with it.
fn graph(story: &Story) -> Option<Branch> {
    let asked = format!("{} on {}", story.asked.permission, wire::object_text(&story.asked.resource));
    let Some(explanation) = &story.explanation else {
        let edges = story.decision.witness.iter().map(|witness| Branch::leaf(edge(witness)));
        let title = format!("{} the graph: by these edges", mark(true));
        return (!story.decision.witness.is_empty()).then(|| Branch::new(title, edges.collect()));
    };
    let title = explanation_title(explanation, &asked);
    let mut below: Vec<_> = explanation.proof.iter().map(step).collect();
    if let Some(miss) = &explanation.near_miss {
        below = near_miss(miss, &story.tried);
    }
    if let Some(condition) = &explanation.condition {
        below = depending(condition);
    }
    Some(Branch::new(title, below))
}

/// An explanation on its own, as far as the graph goes.
pub(crate) fn explanation(explanation: &Explanation, asked: &str) -> Branch {
    let mut below: Vec<_> = explanation.proof.iter().map(step).collect();
    if let Some(miss) = &explanation.near_miss {
        below = near_miss(miss, &BTreeMap::new());
    }
    if let Some(condition) = &explanation.condition {
        below = depending(condition);
    }
    Branch::new(explanation_title(explanation, asked), below)
}

fn explanation_title(explanation: &Explanation, asked: &str) -> String {
    let subject = wire::object_text(&explanation.subject);
    let (sign, verb) = match (&explanation.condition, explanation.holds) {
        (Some(_), _) => (open_mark(), "may have"),
        (None, true) => (mark(true), "has"),
        (None, false) => (mark(false), "does not have"),
    };
    format!("{sign} the graph: {subject} {verb} {asked}")
}

/// What a conditional answer depends on: the values it lacks, and the relationships whose caveats want them.
fn depending(condition: &Condition) -> Vec<Branch> {
    let edges = condition.relationships.iter().map(|witness| Branch::leaf(edge(witness))).collect();
    let missing: Vec<_> = condition.missing.iter().map(|name| format!("`{name}`")).collect();
    vec![
        Branch::leaf(condition.message.clone()),
        Branch::new(format!("no value for {}, which is asked for by", missing.join(", ")), edges),
    ]
}

fn step(node: &ExplanationNode) -> Branch {
    // A relation holds by an edge of its own name; saying both is saying it twice.
    if let (StepKind::Goal, None, [only]) = (&node.kind, &node.rule, node.children.as_slice())
        && only.kind == StepKind::Edge
    {
        return step(only);
    }
    let mut text = match (&node.kind, &node.edge, &node.rule) {
        (StepKind::Edge, Some(witness), _) => edge(witness),
        (StepKind::Goal, _, Some(rule)) => format!("{}  {}", node.text, paint(FAINT, format!("= {rule}"))),
        (StepKind::NotHeld, _, _) => format!("and not {}", node.text),
        (StepKind::Itself, _, _) => format!("{}, which the subject itself is", node.text),
        (StepKind::Goal | StepKind::Edge, _, _) => node.text.clone(),
    };
    if node.cut_off {
        text.push_str(&format!("\n{}", paint(FAINT, "… and more, left out")));
    }
    Branch::new(text, node.children.iter().map(step).collect())
}

fn near_miss(miss: &NearMiss, found: &BTreeMap<String, bool>) -> Vec<Branch> {
    let mut below = Vec::new();
    let mut tried: Vec<_> =
        miss.tried.iter().take(TRIED_TOLD_MAX).map(|goal| Branch::leaf(goal_text(goal, found))).collect();
    if miss.cut_off || miss.tried.len() > TRIED_TOLD_MAX {
        tried.push(Branch::leaf(paint(FAINT, "… and more")));
    }
    if !tried.is_empty() {
        below.push(Branch::new("looked at, in this order", tried));
    }
    for exclusion in &miss.excluded {
        let text = format!(
            "{} excluded by `- {}` of {}: {}",
            mark(false),
            exclusion.expression,
            exclusion.goal,
            wire::subject_text(&exclusion.subject)
        );
        below.push(Branch::new(text, exclusion.because.iter().map(step).collect()));
    }
    below.push(Branch::leaf(format!("nearest: {}", miss.message)));
    below
}

/// A relation or permission on the way, and whether the subject has it, where that was found out.
fn goal_text(goal: &str, found: &BTreeMap<String, bool>) -> String {
    let sign = found.get(goal).map_or_else(|| paint(FAINT, "·"), |has| mark(*has));
    format!("{sign} {goal}")
}

/// An edge, and the transaction that made it; see [`written`].
fn edge(witness: &WitnessEdge) -> String {
    let relationship = wire::relationship_text(&witness.relationship);
    format!("{relationship}  {}", paint(FAINT, format!("revision {}", witness.since)))
}

/// Who wrote the edges above, when and why.
fn written(provenance: &BTreeMap<u64, Provenance>) -> String {
    let rows = provenance.iter().map(|(revision, written)| {
        [
            revision.to_string(),
            shown(written.time),
            harmless(&written.author).into_owned(),
            harmless(&written.reason).into_owned(),
        ]
    });
    table(["revision", "written", "by", "why"], rows.collect(), "")
}

/// The command that would turn the deny around, if whoever reads this thinks it should be.
fn help(story: &Story) -> Option<String> {
    if allowed(story) {
        return None;
    }
    let asked = &story.asked;
    let actor = wire::object_text(&asked.actor);
    let link = story.decision.failed_at.and_then(|at| story.decision.chain.get(at));
    let link_id = link.map_or("ID", |link| link.delegation.as_str());
    if story.decision.reason == "context_missing" {
        let members: Vec<_> = story.decision.missing.iter().map(|name| format!("\"{name}\": …")).collect();
        // The condition of a link is mostly about what is done; that of a relationship, about when and where.
        let place = if link.is_some() { "arguments" } else { "context" };
        return Some(format!("the question with these values: `--{place} '{{{}}}'`", members.join(", ")));
    }
    Some(match story.decision.reason.as_str() {
        "actor_suspended" => resumed(&actor, story.actor_registered.as_ref()),
        "principal_suspended" => {
            let from = link.map_or_else(|| "PRINCIPAL".to_owned(), |link| wire::object_text(&link.from));
            resumed(&from, story.stopped.as_ref())
        }
        "owner_off_boarded" => {
            let owned = link.map_or(actor, |link| wire::object_text(&link.from));
            format!("another owner: `prokura principal set '{owned}' --owner PERSON`")
        }
        "delegation_unknown" => "the right id: see `prokura delegation list`".to_owned(),
        "delegation_not_for_actor" => {
            format!("a delegation made to {actor}: see `prokura delegation list --to '{actor}'`")
        }
        "delegation_revoked" | "delegation_expired" | "redelegation_forbidden" | "depth_exceeded" | "outside_cap" => {
            format!("a new link in place of {link_id}, by whoever made it: `prokura delegate --help`")
        }
        "delegation_not_yet_valid" => "waiting: the link's time has not come".to_owned(),
        "chain_broken" | "chain_too_long" | "root_not_origin" => "a new chain from the task's origin".to_owned(),
        "task_unknown" | "task_completed" | "task_cancelled" | "task_expired" => {
            "a new task by the origin: `prokura task open --origin … --purpose … --expires 8h`, and a new chain"
                .to_owned()
        }
        _ => {
            let miss = story.explanation.as_ref()?.near_miss.as_ref()?;
            if let Some(missing) = &miss.missing {
                let edge = wire::relationship_text(missing);
                return Some(format!(
                    "one relationship that would allow it (there may be better ones, such as a membership further \
                     down): `prokura relationship write '{edge}'`, if it should be so"
                ));
            }
            let [only] = miss.excluded.first()?.because.as_slice() else { return None };
            let edge = wire::relationship_text(&only.edge.as_ref()?.relationship);
            format!("`prokura relationship delete '{edge}'`, if it should be so")
        }
    })
}

/// What lets a principal that was stopped act again, as far as anything does.
fn resumed(principal: &str, registered: Option<&Principal>) -> String {
    match registered.map(|registered| registered.state) {
        Some(PrincipalState::Suspended) => {
            format!("`prokura principal resume '{principal}'`, once whoever stopped it agrees")
        }
        Some(PrincipalState::OffBoarded) => {
            format!("another principal, and a new chain through it: {principal} is off-boarded, and that is for good")
        }
        Some(PrincipalState::Active) => format!("asking again: {principal} is active now"),
        None => format!("knowing why it was stopped: `prokura principal show '{principal}'`"),
    }
}

#[cfg(test)]
mod tests;
