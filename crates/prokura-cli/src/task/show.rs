//! `prokura task show`: the task, and what is under it.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use prokura_api::{ClientError, Delegation, DelegationQuery, Task, TaskQuery};
use serde::Serialize;

use super::{state_text, told};
use crate::{
    arguments::Ended,
    failure::Failure,
    near,
    output::{CHANGE, FAINT, harmless, paint},
    session::{Session, gather},
    time::{over, shown},
    tree::Branch,
    wire,
};

/// Show one task, the tasks that are part of it, and the delegations under each
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Which
    pub(super) task: String,
    /// Most tasks, and most delegations, to show
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

/// A task, and what is under it.
#[derive(Debug, Serialize)]
struct Tree {
    #[serde(flatten)]
    task: Task,
    delegations: Vec<Delegation>,
    tasks: Vec<Self>,
}

/// What is left to be read, and whether that was enough.
struct Left {
    tasks: usize,
    delegations: usize,
    cut: bool,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    tree: Tree,
    /// There is more than the limit.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

impl Show {
    pub(super) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let task = match session.client.task(&self.task).await {
            Ok(task) => task,
            Err(error) => return Err(near::failure(session, &error, &self.task).await),
        };
        let mut left = Left { tasks: self.limit, delegations: self.limit, cut: false };
        let tree = read(session, task, &mut left).await.map_err(|error| session.failure(&error))?;
        session.out.show(&Shown { tree, cut: left.cut }, text)?;
        Ok(Ended::Done)
    }
}

/// Reads the tree level by level, each task once: what is under one is known before its parts are looked for.
async fn read(session: &Session, root: Task, left: &mut Left) -> Result<Tree, ClientError> {
    let mut found = vec![(root.clone(), delegations(session, &root.id, left).await?)];
    let mut seen = BTreeSet::from([root.id.clone()]);
    let mut next = 0;
    while let Some((parent, _)) = found.get(next) {
        let query = TaskQuery { parent: Some(parent.id.clone()), ..TaskQuery::default() };
        let page = gather(left.tasks, async |limit, cursor| {
            session.client.tasks(&TaskQuery { limit, cursor, ..query.clone() }).await
        })
        .await?;
        left.cut |= page.next_cursor.is_some();
        left.tasks -= page.items.len().min(left.tasks);
        for task in page.items {
            if seen.insert(task.id.clone()) {
                let links = delegations(session, &task.id, left).await?;
                found.push((task, links));
            }
        }
        next += 1;
    }
    Ok(hung(root, found))
}

async fn delegations(session: &Session, task: &str, left: &mut Left) -> Result<Vec<Delegation>, ClientError> {
    let query = DelegationQuery { task: Some(task.to_owned()), ..DelegationQuery::default() };
    let page = gather(left.delegations, async |limit, cursor| {
        session.client.delegations(&DelegationQuery { limit, cursor, ..query.clone() }).await
    })
    .await?;
    left.cut |= page.next_cursor.is_some();
    left.delegations -= page.items.len().min(left.delegations);
    Ok(page.items)
}

/// Every task below its parent: the last ones found are hung first, so nothing is looked at twice.
fn hung(root: Task, found: Vec<(Task, Vec<Delegation>)>) -> Tree {
    let mut below: BTreeMap<String, Vec<Tree>> = BTreeMap::new();
    let mut top = None;
    for (task, delegations) in found.into_iter().rev() {
        let mut tasks = below.remove(&task.id).unwrap_or_default();
        tasks.reverse();
        let tree = Tree { delegations, tasks, task };
        match &tree.task.parent {
            Some(parent) if tree.task.id != root.id => below.entry(parent.clone()).or_default().push(tree),
            _ => top = Some(tree),
        }
    }
    top.unwrap_or(Tree { task: root, delegations: Vec::new(), tasks: Vec::new() })
}

fn text(shown: &Shown) -> String {
    let tree = &shown.tree;
    let mut text = told(&tree.task);
    if !tree.tasks.is_empty() || !tree.delegations.is_empty() {
        text.push('\n');
        text.push_str(&branch(tree).drawn());
    }
    if shown.cut {
        text.push_str("there is more; see --limit\n");
    }
    text
}

/// Recursive: tasks nest no deeper than the server lets them.
fn branch(tree: &Tree) -> Branch {
    let Task { id, purpose, .. } = &tree.task;
    let head = format!("{id}  {}  {}", paint(CHANGE, state_text(&tree.task)), harmless(purpose));
    let mut below = links(&tree.delegations, None, 0);
    below.extend(tree.tasks.iter().map(branch));
    Branch::new(head, below)
}

/// The links below one, or those that begin a chain. A link whose parent is under another task is none of these.
fn links(all: &[Delegation], parent: Option<&str>, depth: usize) -> Vec<Branch> {
    /// No chain that carries anything is longer.
    const DEEPEST: usize = 64;
    if depth == DEEPEST {
        return Vec::new();
    }
    let below = all.iter().filter(|link| link.parent.as_deref() == parent);
    below.map(|link| Branch::new(link_text(link), links(all, Some(&link.id), depth + 1))).collect()
}

fn link_text(link: &Delegation) -> String {
    let state = match link.revoked_at {
        Some(when) => format!("  {}", paint(CHANGE, format!("revoked {}", shown(when)))),
        None if over(link.expires_at) => format!("  {}", paint(CHANGE, "expired")),
        None => String::new(),
    };
    let kind = match link.kind {
        prokura_api::DelegationKind::Lends => "lends to",
        prokura_api::DelegationKind::Dispatches => "dispatches to",
    };
    format!(
        "{} {kind} {}{state}  {}",
        wire::object_text(&link.from),
        wire::object_text(&link.to),
        paint(FAINT, &link.id)
    )
}
