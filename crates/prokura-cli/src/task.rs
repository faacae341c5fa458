//! `prokura task`

mod show;

use clap::{Args, Subcommand, ValueEnum};
use prokura_api::{NewTask, ReasonOnly, Task, TaskQuery, TaskState};
use prokura_model::ObjectRef;

use self::show::Show;
use crate::{
    arguments::Ended,
    budget::{self, BudgetText},
    failure::Failure,
    near::{self, Filter},
    output::{fields, harmless, table},
    session::{Session, gather, more},
    time::{When, over, shown},
    wire,
};

#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    Open(Open),
    /// Say that the work is done; every delegation under the task ends
    Complete(Close),
    /// Call the work off; every delegation under the task ends
    Cancel(Close),
    List(List),
    Show(Show),
}

/// Open a task
#[derive(Args, Debug)]
pub(crate) struct Open {
    /// For whom the work is done; with a token, its own actor if left out
    #[arg(long, value_name = "PRINCIPAL")]
    origin: Option<ObjectRef>,
    /// What the work is
    #[arg(long, value_name = "TEXT")]
    purpose: String,
    /// The task it is a part of: it is over when that one is
    #[arg(long, value_name = "TASK")]
    parent: Option<String>,
    /// Who answers for it besides its origin, and may close it
    #[arg(long, value_name = "PRINCIPAL")]
    owner: Option<ObjectRef>,
    /// When it is over: `8h`, `30d`, or a time of RFC 3339
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    expires: When,
    /// What bounds how much is done under it: `name=payments,sum=amount,limit=100,per=24h; pay on account:*`; may be repeated
    #[arg(long, value_name = "BUDGET")]
    budget: Vec<BudgetText>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Close {
    task: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// List tasks
#[derive(Args, Debug)]
pub(crate) struct List {
    /// For this origin
    #[arg(long, value_name = "PRINCIPAL")]
    origin: Option<ObjectRef>,
    /// In this state
    #[arg(long)]
    state: Option<State>,
    /// A part of this task
    #[arg(long, value_name = "TASK")]
    parent: Option<String>,
    /// Most to list
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    Open,
    Completed,
    Cancelled,
}

impl From<State> for TaskState {
    fn from(state: State) -> Self {
        match state {
            State::Open => Self::Open,
            State::Completed => Self::Completed,
            State::Cancelled => Self::Cancelled,
        }
    }
}

/// What has become of the task by now. That its time is over is written nowhere: only the clock says so.
pub(crate) fn state_text(task: &Task) -> &'static str {
    match task.state {
        TaskState::Open if over(Some(task.expires_at)) => "expired",
        TaskState::Open => "open",
        TaskState::Completed => "completed",
        TaskState::Cancelled => "cancelled",
    }
}

impl TaskCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let client = &session.client;
        let named = match &self {
            Self::Complete(close) | Self::Cancel(close) => close.task.clone(),
            Self::Show(show) => show.task.clone(),
            Self::List(_) | Self::Open(_) => String::new(),
        };
        let answer = match self {
            Self::List(list) => return list.run(session).await,
            Self::Open(open) => client.open_task(&open.request()).await,
            Self::Complete(close) => client.complete_task(&close.task, &ReasonOnly { reason: close.reason }).await,
            Self::Cancel(close) => client.cancel_task(&close.task, &ReasonOnly { reason: close.reason }).await,
            Self::Show(show) => return show.run(session).await,
        };
        let task = match answer {
            Ok(task) => task,
            Err(error) => return Err(near::failure(session, &error, &named).await),
        };
        session.out.show(&task, told)?;
        Ok(Ended::Done)
    }
}

impl Open {
    fn request(&self) -> NewTask {
        NewTask {
            origin: self.origin.as_ref().map(wire::object),
            purpose: self.purpose.clone(),
            parent: self.parent.clone(),
            owner: self.owner.as_ref().map(wire::object),
            expires_at: self.expires.at(),
            expires_in_seconds: self.expires.in_seconds(),
            budgets: self.budget.iter().map(|BudgetText(budget)| budget.clone()).collect(),
            reason: self.reason.clone(),
        }
    }
}

impl List {
    async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let query = TaskQuery {
            origin_type: self.origin.as_ref().map(|origin| origin.kind.to_string()),
            origin_id: self.origin.as_ref().map(|origin| origin.id.as_str().to_owned()),
            state: self.state.map(Into::into),
            parent: self.parent.clone(),
            limit: None,
            cursor: None,
        };
        let found = gather(self.limit, async |limit, cursor| {
            session.client.tasks(&TaskQuery { limit, cursor, ..query.clone() }).await
        })
        .await
        .map_err(|error| session.failure(&error))?;
        if found.items.is_empty() {
            Filter::default().kind(self.origin.as_ref().map(|origin| &origin.kind)).known(session).await?;
        }
        session.out.show(&found, |found| {
            let rows = found.items.iter().map(row).collect();
            table(["task", "state", "origin", "expires", "purpose"], rows, "no tasks") + &more(found)
        })?;
        Ok(Ended::Done)
    }
}

fn row(task: &Task) -> [String; 5] {
    [
        task.id.clone(),
        state_text(task).to_owned(),
        wire::object_text(&task.origin),
        shown(task.expires_at),
        harmless(&task.purpose).into_owned(),
    ]
}

fn told(task: &Task) -> String {
    let reserved = task.reservations.iter().map(|open| format!("{}, until {}", open.id, shown(open.until)));
    let reserved: Vec<_> = reserved.collect();
    let uses = task.uses.iter().map(|link| format!("{} of {}", link.taken, link.delegation));
    let uses: Vec<_> = uses.collect();
    let touched = task.touched.iter().map(|(attribute, values)| {
        let values: Vec<_> = values.iter().map(|value| harmless(&value.to_string()).into_owned()).collect();
        format!("{attribute}: {}", values.join(", "))
    });
    let touched: Vec<_> = touched.collect();
    fields(&[
        ("task", task.id.clone()),
        ("state", state_text(task).to_owned()),
        ("origin", wire::object_text(&task.origin)),
        ("owner", task.owner.as_ref().map(wire::object_text).unwrap_or_default()),
        ("part of", task.parent.clone().unwrap_or_default()),
        ("purpose", harmless(&task.purpose).into_owned()),
        ("opened", shown(task.opened_at)),
        ("expires", shown(task.expires_at)),
        ("budgets", budget::told(task)),
        ("reserved", reserved.join("\n")),
        ("uses", uses.join("\n")),
        ("touched", touched.join("\n")),
    ])
}
