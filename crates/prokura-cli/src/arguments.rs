//! The command line as a whole.

use std::{
    env,
    ffi::OsString,
    process::{ExitCode, exit},
};

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tokio::runtime::Builder;

use crate::{
    apply::Apply,
    approval::ApprovalCommand,
    attribute::AttributeCommand,
    bench::Bench,
    completions::Completions,
    decide::{Check, Decide},
    decision::DecisionCommand,
    delegation::{Delegate, DelegationCommand, Revoke},
    demo::Demo,
    endorsement::{Endorse, EndorsementCommand},
    explain::Explain,
    failure::Failure,
    import::Import,
    key::KeyCommand,
    lookup::{Expand, Permissions, Resources, Subjects},
    openapi::Openapi,
    principal::PrincipalCommand,
    relationship::RelationshipCommand,
    request::{AccessCommand, Approve, Pending, Refuse, Request},
    reservation::ReservationCommand,
    schema::SchemaCommand,
    serve::Serve,
    session::{Reach, Session},
    stats::Stats,
    task::TaskCommand,
    tenant::TenantCommand,
    test::Test,
    watch::Watch,
    webhook::WebhookCommand,
};

/// Live authorization for AI agents: a token says who is calling; Prokura decides what they may do, from the
/// relationships that hold at this moment.
#[derive(Debug, Parser)]
#[command(name = "prokura", version, propagate_version = true, infer_subcommands = false, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 done or allowed, 1 denied or conditional, 2 failed. The manual: docs/manual/cli.md"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(Demo),
    Serve(Serve),
    Apply(Apply),
    Test(Test),
    Import(Import),
    /// Check, format, compare, write and read the schema
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Write, delete, read, import and export relationships
    #[command(subcommand)]
    Relationship(RelationshipCommand),
    /// Read and set what is known about an object
    #[command(subcommand)]
    Attribute(AttributeCommand),
    /// Register, suspend, resume and off-board those who act
    #[command(subcommand)]
    Principal(PrincipalCommand),
    /// Open, complete and cancel units of work
    #[command(subcommand)]
    Task(TaskCommand),
    /// What an allow has reserved: commit it, or release it
    #[command(subcommand)]
    Reservation(ReservationCommand),
    Delegate(Delegate),
    Revoke(Revoke),
    /// List and show delegations
    #[command(subcommand)]
    Delegation(DelegationCommand),
    Endorse(Endorse),
    /// List, show and end endorsements
    #[command(subcommand)]
    Endorsement(EndorsementCommand),
    Request(Request),
    Pending(Pending),
    Approve(Approve),
    Refuse(Refuse),
    /// Ask for, list, show and take back approvals: a person's yes to one exact action
    #[command(subcommand)]
    Approval(ApprovalCommand),
    /// List, show, take back and review requests for access
    #[command(subcommand)]
    Access(AccessCommand),
    Check(Check),
    Decide(Decide),
    Explain(Explain),
    Resources(Resources),
    Subjects(Subjects),
    Permissions(Permissions),
    Expand(Expand),
    Watch(Watch),
    /// List and show recorded decisions
    #[command(subcommand)]
    Decision(DecisionCommand),
    /// Create and list tenants
    #[command(subcommand)]
    Tenant(TenantCommand),
    Stats(Stats),
    /// Create, list and revoke API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// List webhooks, and test whether one is there
    #[command(subcommand)]
    Webhook(WebhookCommand),
    Bench(Bench),
    Openapi(Openapi),
    Completions(Completions),
}

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Done,
    Denied,
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Done => Self::SUCCESS,
            Ended::Denied => Self::from(1),
        }
    }
}

/// Commands that ask no server, as `serve`, `schema check` and `schema fmt`: how one is reached is none of their business, and stays out of their help.
const LOCAL: [&str; 5] = ["demo", "bench", "openapi", "completions", "test"];
const CONNECTION: [&str; 4] = ["server", "key", "tenant", "certificates"];

/// The command line's definition.
pub(crate) fn definition() -> clap::Command {
    let definition = Arguments::command();
    let connection = definition.get_arguments().filter(|argument| CONNECTION.contains(&argument.get_id().as_str()));
    // An argument of a command's own goes before the global one of the same name.
    let hidden: Vec<_> = connection.map(|argument| argument.clone().global(false).hide(true)).collect();
    let config = definition.get_arguments().find(|argument| argument.get_id() == "config").cloned();
    let none = config.clone().map(|config| config.global(false).hide(true));
    let its_own = config.map(|config| config.global(false).help("The server's configuration file (TOML)"));
    let without = |command: clap::Command| command.args(hidden.clone()).args(none.clone());
    let definition = definition.mut_subcommand("serve", |command| command.args(hidden.clone()).args(its_own));
    let definition = LOCAL.iter().fold(definition, |definition, name| definition.mut_subcommand(name, without));
    definition.mut_subcommand("schema", |schema| {
        ["check", "fmt"].iter().fold(schema, |schema, name| schema.mut_subcommand(name, without))
    })
}

impl Arguments {
    /// The arguments of this process. Ends it, with a word on why, if they make no sense.
    pub(crate) fn read() -> Self {
        let read = definition().try_get_matches().and_then(|matches| Self::from_arg_matches(&matches));
        read.unwrap_or_else(|error| {
            let told = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            if told || !wants_json(env::args_os().skip(1)) {
                error.exit();
            }
            usage(&error).report(true);
            exit(2)
        })
    }

    pub(crate) fn run(self) -> Result<Ended, Failure> {
        match self.command {
            Command::Serve(serve) => threads()?.block_on(serve.run(self.reach)),
            Command::Demo(demo) => threads()?.block_on(demo.run(self.reach.json)),
            Command::Bench(bench) => bench.run(self.reach.json),
            Command::Openapi(openapi) => openapi.run(),
            Command::Completions(completions) => completions.run(),
            Command::Test(test) => test.run(&self.reach),
            Command::Schema(SchemaCommand::Diff(diff)) if diff.is_local() => diff.run_here(&self.reach),
            Command::Schema(SchemaCommand::Check(check)) => check.run(&self.reach),
            Command::Schema(SchemaCommand::Fmt(fmt)) => fmt.run(&self.reach),
            command => {
                let session = Session::open(&self.reach)?;
                let runtime = Builder::new_current_thread().enable_all().build().map_err(no_runtime)?;
                runtime.block_on(command.ask(&session))
            }
        }
    }
}

/// Whether the arguments, which could not be read, ask for JSON.
fn wants_json(mut arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.by_ref().take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// A mistake in the arguments, as any other failure.
fn usage(error: &clap::Error) -> Failure {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::new("usage", "a command is missing").help("see `prokura --help`");
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let message = text.split("\n\nUsage:").next().unwrap_or(text);
    let message = message.split("\n\nFor more information").next().unwrap_or(message);
    Failure::new("usage", message.split_whitespace().collect::<Vec<_>>().join(" "))
}

impl Command {
    /// The commands that ask a server.
    async fn ask(self, session: &Session) -> Result<Ended, Failure> {
        match self {
            Self::Apply(command) => command.run(session).await,
            Self::Schema(command) => command.run(session).await,
            Self::Relationship(command) => command.run(session).await,
            Self::Attribute(command) => command.run(session).await,
            Self::Principal(command) => command.run(session).await,
            Self::Task(command) => command.run(session).await,
            Self::Reservation(command) => command.run(session).await,
            Self::Delegate(command) => command.run(session).await,
            Self::Revoke(command) => command.run(session).await,
            Self::Delegation(command) => command.run(session).await,
            Self::Endorse(command) => command.run(session).await,
            Self::Endorsement(command) => command.run(session).await,
            Self::Request(command) => command.run(session).await,
            Self::Pending(command) => command.run(session).await,
            Self::Approve(command) => command.run(session).await,
            Self::Refuse(command) => command.run(session).await,
            Self::Approval(command) => command.run(session).await,
            Self::Access(command) => command.run(session).await,
            Self::Check(command) => command.run(session).await,
            Self::Decide(command) => command.run(session).await,
            Self::Explain(command) => command.run(session).await,
            Self::Import(command) => command.run(session).await,
            Self::Resources(command) => command.run(session).await,
            Self::Subjects(command) => command.run(session).await,
            Self::Permissions(command) => command.run(session).await,
            Self::Expand(command) => command.run(session).await,
            Self::Watch(command) => command.run(session).await,
            Self::Decision(command) => command.run(session).await,
            Self::Tenant(command) => command.run(session).await,
            Self::Stats(command) => command.run(session).await,
            Self::Key(command) => command.run(session).await,
            Self::Webhook(command) => command.run(session).await,
            Self::Bench(_)
            | Self::Demo(_)
            | Self::Serve(_)
            | Self::Openapi(_)
            | Self::Completions(_)
            | Self::Test(_) => Ok(Ended::Done),
        }
    }
}

fn threads() -> Result<tokio::runtime::Runtime, Failure> {
    Builder::new_multi_thread().enable_all().build().map_err(no_runtime)
}

#[expect(clippy::needless_pass_by_value, reason = "stands where `map_err` hands the error over")]
fn no_runtime(error: std::io::Error) -> Failure {
    Failure::new("internal", format!("the system gives no threads: {error}"))
}
