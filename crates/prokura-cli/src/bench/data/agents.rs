//! W2: people whose agents act for them over one to five hops, within projects; once as plain relationships, once as tasks
//! and delegations. Some agents are revoked, some banned from a project, some suspended.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use prokura::Question;
use prokura_model::{
    Amount, Budget, BudgetName, Cap, CapClause, CapPermissions, CapResource, Change, Delegation, DelegationId,
    DelegationKind, Measure, NameError, ObjectRef, Principal, PrincipalState, RelationName, Task, TaskId, TaskState,
    Timestamp, Value,
};

use super::{Check, Random, World, edge};

const RELATIONSHIPS: &str = "\
definition user {
	relation delegate: agent
	relation revoked: agent
	permission actor = (delegate + delegate->actor) - revoked
}

definition agent {
	relation delegate: agent
	relation revoked: agent
	permission actor = (delegate + delegate->actor) - revoked
}

definition project {
	relation scope: agent
	relation banned: agent
}

definition resource {
	relation viewer: user
	relation project: project
	permission act = (viewer->actor & project->scope) - project->banned
}
";

const DELEGATIONS: &str = "\
definition user {}

definition agent {}

definition resource {
	relation viewer: user
	permission act = viewer
}
";

/// The same, with a guard that looks at the resource, the chain and the task each time.
const BOUNDED: &str = "\
use guards

definition user {}

definition agent {}

definition resource {
	attribute environment string
	relation viewer: user
	permission act = viewer
}

guard staged on resource#act {
	when resource.environment != \"production\"
	require chain.length <= 5 && has(task.id)
}
";

/// What is there beside relationships of people, tasks and delegations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bounds {
    /// Nothing.
    None,
    /// A guard on what is asked, and a budget on every task that counts and is never used up.
    GuardAndBudget,
}

const SEED: u64 = 0x5eed_0002;
pub(crate) const DEPTH_MAX: usize = 5;
const CHAINS_A_PERSON: u32 = 2;
const RESOURCES_A_PERSON: u32 = 5;
const VIEWERS: u32 = 3;
const SCOPES: usize = 3;

/// An agent: the last of the chain above it.
#[derive(Default)]
struct Agent {
    user: u32,
    /// The agents between the person and this one, nearest the person first.
    above: Vec<u32>,
    scopes: BTreeSet<u32>,
    banned_in: Option<u32>,
    /// Which of those above revoked it; 0 is the person.
    revoked_by: Option<usize>,
    link_revoked: bool,
    suspended: bool,
    /// A resource that its link does not carry.
    not_carried: Option<u32>,
}

/// The generated people, agents and resources, as numbers.
pub(crate) struct Agents {
    agents: Vec<Agent>,
    /// For each person, the resources it may see.
    seen: Vec<Vec<u32>>,
    viewers: Vec<HashSet<u32>>,
    project_of_resource: Vec<u32>,
}

impl Agents {
    /// For so many people; 2,000 are about 90,000 relationships.
    pub(crate) fn generate(people: u32) -> Self {
        let mut random = Random::new(SEED ^ u64::from(people));
        let (resources, projects) = (people * RESOURCES_A_PERSON, (people / 4).max(1));
        let viewers: Vec<HashSet<u32>> =
            (0..resources).map(|_| (0..VIEWERS).map(|_| random.below(people)).collect()).collect();
        let project_of_resource: Vec<u32> = (0..resources).map(|_| random.below(projects)).collect();
        let mut seen: Vec<Vec<u32>> = (0..people).map(|_| Vec::new()).collect();
        for (resource, viewers) in (0_u32..).zip(&viewers) {
            let mut sorted: Vec<_> = viewers.iter().copied().collect();
            sorted.sort_unstable();
            for viewer in sorted {
                if let Some(seen) = seen.get_mut(viewer as usize) {
                    seen.push(resource);
                }
            }
        }
        let mut made = Self { agents: Vec::new(), seen, viewers, project_of_resource };
        for user in 0..people {
            for _ in 0..CHAINS_A_PERSON {
                made.add_chain(&mut random, user, projects);
            }
        }
        made
    }

    fn add_chain(&mut self, random: &mut Random, user: u32, projects: u32) {
        let mut above: Vec<u32> = Vec::new();
        for _ in 0..=random.below_length(DEPTH_MAX) {
            let own = self.seen.get(user as usize).map_or(&[] as &[u32], Vec::as_slice);
            // Two projects in which the person has something to do, and any one.
            let mut scopes = BTreeSet::from([random.below(projects)]);
            for _ in 1..SCOPES {
                let resource = own.get(random.below_length(own.len()) as usize);
                scopes.extend(resource.and_then(|resource| self.project_of_resource.get(*resource as usize)));
            }
            let one_in = |random: &mut Random, many: u32| random.below(many) == 0;
            let agent = Agent {
                user,
                banned_in: one_in(random, 20).then(|| scopes.first().copied()).flatten(),
                revoked_by: one_in(random, 20).then(|| random.below_length(above.len() + 1) as usize),
                link_revoked: one_in(random, 30),
                suspended: one_in(random, 30),
                not_carried: own.get(random.below_length(own.len()) as usize).copied(),
                above: above.clone(),
                scopes,
            };
            above.push(u32::try_from(self.agents.len()).unwrap_or_default());
            self.agents.push(agent);
        }
    }

    /// The slow evaluator of the relationships: may the agent act on the resource?
    fn may_act(&self, agent: &Agent, resource: u32) -> bool {
        let sees = self.viewers.get(resource as usize).is_some_and(|viewers| viewers.contains(&agent.user));
        let Some(project) = self.project_of_resource.get(resource as usize) else { return false };
        sees && agent.revoked_by.is_none() && agent.scopes.contains(project) && agent.banned_in != Some(*project)
    }

    /// The slow evaluator of the delegations: may the agent act on the resource, for the person its chain begins with?
    fn may_act_for(&self, agent: u32, resource: u32) -> bool {
        let Some(last) = self.agents.get(agent as usize) else { return false };
        let sees = self.viewers.get(resource as usize).is_some_and(|viewers| viewers.contains(&last.user));
        let links = last.above.iter().chain([&agent]).filter_map(|link| self.agents.get(*link as usize));
        sees && links
            .into_iter()
            .all(|link| !link.link_revoked && !link.suspended && link.not_carried != Some(resource))
    }

    /// As plain relationships.
    pub(crate) fn world(&self) -> Result<World, NameError> {
        let names = Names::new()?;
        let mut relationships = Vec::new();
        for (number, agent) in (0_u32..).zip(&self.agents) {
            let this = names.agent(number)?;
            let node = |position: usize| match agent.above.get(position.wrapping_sub(1)) {
                Some(above) if position > 0 => names.agent(*above),
                _ => names.user(agent.user),
            };
            relationships.push(edge(node(agent.above.len())?, &names.delegate, this.clone()));
            if let Some(position) = agent.revoked_by {
                relationships.push(edge(node(position)?, &names.revoked, this.clone()));
            }
            for project in &agent.scopes {
                relationships.push(edge(names.project(*project)?, &names.scope, this.clone()));
            }
            if let Some(project) = agent.banned_in {
                relationships.push(edge(names.project(project)?, &names.banned, this.clone()));
            }
        }
        for (resource, project) in (0_u32..).zip(&self.project_of_resource) {
            relationships.push(edge(names.resource(resource)?, &names.project, names.project(*project)?));
        }
        relationships.extend(self.viewings(&names)?);
        Ok(World { schema: RELATIONSHIPS, relationships })
    }

    fn viewings(&self, names: &Names) -> Result<Vec<prokura_model::Relationship>, NameError> {
        let mut viewings = Vec::new();
        for (resource, viewers) in (0_u32..).zip(&self.viewers) {
            let mut viewers: Vec<_> = viewers.iter().copied().collect();
            viewers.sort_unstable();
            for viewer in viewers {
                viewings.push(edge(names.resource(resource)?, &names.viewer, names.user(viewer)?));
            }
        }
        Ok(viewings)
    }

    /// Questions about the relationships, allowed and denied in turn.
    pub(crate) fn checks(&self, count: usize) -> Result<Vec<Check>, NameError> {
        let names = Names::new()?;
        let mut random = Random::new(SEED ^ 0x0071_7565);
        let mut checks = Vec::with_capacity(count);
        for _ in 0..count.saturating_mul(200) {
            if checks.len() == count {
                break;
            }
            let allowed = checks.len() % 2 == 0;
            let number = random.below_length(self.agents.len());
            let Some((agent, resource)) = self.something_to_do(&mut random, number) else { continue };
            if self.may_act(agent, resource) == allowed {
                let (resource, subject) = (names.resource(resource)?, names.agent(number)?);
                checks.push(Check { resource, permission: names.act.clone(), subject, allowed });
            }
        }
        Ok(checks)
    }

    /// The agent, and a resource that the person it acts for may see.
    fn something_to_do(&self, random: &mut Random, agent: u32) -> Option<(&Agent, u32)> {
        let agent = self.agents.get(agent as usize)?;
        let seen = self.seen.get(agent.user as usize)?;
        Some((agent, *seen.get(random.below_length(seen.len()) as usize)?))
    }

    /// Questions under delegations with chains of so many hops, each with whether it is allowed.
    pub(crate) fn questions(&self, hops: usize, count: usize) -> Result<Vec<(Question, bool)>, NameError> {
        let names = Names::new()?;
        let own: Vec<u32> = (0_u32..)
            .zip(&self.agents)
            .filter(|(_, agent)| agent.above.len() + 1 == hops)
            .map(|(own, _)| own)
            .collect();
        let mut random = Random::new(SEED ^ hops as u64);
        let mut questions = Vec::with_capacity(count);
        for _ in 0..count.saturating_mul(200) {
            if questions.len() == count {
                break;
            }
            let allowed = questions.len() % 2 == 0;
            let Some(number) = own.get(random.below_length(own.len()) as usize).copied() else { break };
            let Some((_, resource)) = self.something_to_do(&mut random, number) else { continue };
            if self.may_act_for(number, resource) == allowed {
                let question = Question {
                    actor: names.agent(number)?,
                    delegation: delegation_id(number),
                    permission: names.act.clone(),
                    resource: names.resource(resource)?,
                    arguments: prokura::Context::new(),
                    credential: None,
                    tool_schema: None,
                    context: prokura::Context::new(),
                };
                questions.push((question, allowed));
            }
        }
        Ok(questions)
    }

    /// As relationships of people alone, tasks and delegations: what is written, in order.
    pub(crate) fn delegations(&self, now: Timestamp, bounds: Bounds) -> Result<Vec<Change>, NameError> {
        const DAY_MS: u64 = 86_400_000;
        let names = Names::new()?;
        let schema = if bounds == Bounds::None { DELEGATIONS } else { BOUNDED };
        let mut changes = vec![Change::SchemaWritten(schema.to_owned())];
        changes.extend(self.viewings(&names)?.into_iter().map(Change::touched));
        if bounds != Bounds::None {
            let staging = BTreeMap::from([("environment".to_owned(), Value::String("staging".to_owned()))]);
            for resource in (0_u32..).take(self.viewers.len()) {
                changes.push(Change::AttributesSet(names.resource(resource)?, staging.clone()));
            }
        }
        let principal = |object: ObjectRef, owner: Option<ObjectRef>, state| {
            Change::PrincipalSet(Principal { object, owner, state, declared: false })
        };
        for user in (0_u32..).take(self.seen.len()) {
            changes.push(principal(names.user(user)?, None, PrincipalState::Active));
        }
        for (number, agent) in (0_u32..).zip(&self.agents) {
            let (this, user) = (names.agent(number)?, names.user(agent.user)?);
            changes.push(principal(this.clone(), Some(user.clone()), PrincipalState::Active));
            let root = agent.above.first().copied().unwrap_or(number);
            let Some((task, id)) = task_id(root).zip(delegation_id(number)) else { continue };
            if agent.above.is_empty() {
                changes.push(Change::TaskOpened(Task {
                    id: task.clone(),
                    origin: user.clone(),
                    purpose: "look after the resources".to_owned(),
                    opened_at: now,
                    expires_at: now.plus_ms(DAY_MS),
                    state: TaskState::Open,
                    declared: false,
                    parent: None,
                    owner: None,
                    budgets: budget().filter(|_| bounds != Bounds::None).into_iter().collect(),
                }));
            }
            changes.push(Change::DelegationCreated(Delegation {
                id,
                task,
                kind: DelegationKind::Lends,
                from: agent.above.last().map_or(Ok(user), |above| names.agent(*above))?,
                to: this,
                parent: agent.above.last().and_then(|above| delegation_id(*above)),
                cap: self.cap(&names, agent)?,
                depth: u32::try_from(DEPTH_MAX.saturating_sub(agent.above.len())).unwrap_or_default(),
                not_before: None,
                expires_at: None,
                revoked_at: None,
                declared: false,
                uses: None,
            }));
        }
        // Only now, for a chain below what is stopped could not be made.
        for (number, agent) in (0_u32..).zip(&self.agents) {
            if let (true, Some(id)) = (agent.link_revoked, delegation_id(number)) {
                changes.push(Change::DelegationRevoked(id));
            }
            if agent.suspended {
                changes.push(principal(names.agent(number)?, Some(names.user(agent.user)?), PrincipalState::Suspended));
            }
        }
        Ok(changes)
    }

    /// What the person may see, but for one resource, and for those that the links above leave out.
    fn cap(&self, names: &Names, agent: &Agent) -> Result<Cap, NameError> {
        let seen = self.seen.get(agent.user as usize).into_iter().flatten();
        let above = agent.above.iter().filter_map(|above| self.agents.get(*above as usize));
        let left_out: BTreeSet<_> = above.chain([agent]).filter_map(|agent| agent.not_carried).collect();
        let carried = seen.filter(|resource| !left_out.contains(resource));
        let resources = carried.map(|resource| Ok(CapResource::Object(names.resource(*resource)?)));
        let permissions = CapPermissions::Only(BTreeSet::from([names.act.clone()]));
        let resources = resources.collect::<Result<_, NameError>>()?;
        Ok(Cap { clauses: vec![CapClause { permissions, resources, condition: None }] })
    }
}

/// So many a day that it never ends.
fn budget() -> Option<Budget> {
    let limit = Amount(u64::MAX);
    let name = BudgetName::new("actions")?;
    Some(Budget { name, covers: None, measure: Measure::Count, limit, per_ms: Some(86_400_000), in_flight: None })
}

fn task_id(root: u32) -> Option<TaskId> {
    TaskId::new(format!("t-bench-{root}"))
}

fn delegation_id(agent: u32) -> Option<DelegationId> {
    DelegationId::new(format!("d-bench-{agent}"))
}

/// The names of relations, made once.
struct Names {
    delegate: RelationName,
    revoked: RelationName,
    scope: RelationName,
    banned: RelationName,
    viewer: RelationName,
    project: RelationName,
    act: RelationName,
}

impl Names {
    fn new() -> Result<Self, NameError> {
        Ok(Self {
            delegate: RelationName::new("delegate")?,
            revoked: RelationName::new("revoked")?,
            scope: RelationName::new("scope")?,
            banned: RelationName::new("banned")?,
            viewer: RelationName::new("viewer")?,
            project: RelationName::new("project")?,
            act: RelationName::new("act")?,
        })
    }

    #[expect(clippy::unused_self, reason = "reads as the other names do")]
    fn user(&self, number: u32) -> Result<ObjectRef, NameError> {
        ObjectRef::new("user", format!("u{number}"))
    }

    #[expect(clippy::unused_self, reason = "reads as the other names do")]
    fn agent(&self, number: u32) -> Result<ObjectRef, NameError> {
        ObjectRef::new("agent", format!("a{number}"))
    }

    #[expect(clippy::unused_self, reason = "reads as the other names do")]
    fn project(&self, number: u32) -> Result<ObjectRef, NameError> {
        ObjectRef::new("project", format!("p{number}"))
    }

    #[expect(clippy::unused_self, reason = "reads as the other names do")]
    fn resource(&self, number: u32) -> Result<ObjectRef, NameError> {
        ObjectRef::new("resource", format!("r{number}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One person who sees resource 0 of project 0 and resource 1 of project 1, and a chain of two agents.
    fn by_hand() -> Agents {
        let outer = Agent { scopes: BTreeSet::from([0, 1]), ..Agent::default() };
        let inner = Agent { above: vec![0], scopes: BTreeSet::from([0]), not_carried: Some(1), ..Agent::default() };
        Agents {
            agents: vec![outer, inner],
            seen: vec![vec![0, 1]],
            viewers: vec![HashSet::from([0]), HashSet::from([0]), HashSet::new()],
            project_of_resource: vec![0, 1, 0],
        }
    }

    fn acts(agents: &Agents, agent: usize) -> [bool; 3] {
        [0, 1, 2].map(|resource| agents.may_act(&agents.agents[agent], resource))
    }

    fn acts_for(agents: &Agents, agent: u32) -> [bool; 3] {
        [0, 1, 2].map(|resource| agents.may_act_for(agent, resource))
    }

    #[test]
    fn an_agent_acts_where_its_person_sees_and_its_scope_reaches() {
        let mut agents = by_hand();
        assert_eq!(acts(&agents, 0), [true, true, false]);
        assert_eq!(acts(&agents, 1), [true, false, false]);
        agents.agents[0].banned_in = Some(1);
        assert_eq!(acts(&agents, 0), [true, false, false]);
        agents.agents[1].revoked_by = Some(0);
        assert_eq!(acts(&agents, 1), [false; 3]);
        assert_eq!(acts(&agents, 0), [true, false, false], "who is above is not revoked with it");
    }

    #[test]
    fn a_chain_carries_what_every_link_of_it_carries() {
        let mut agents = by_hand();
        assert_eq!(acts_for(&agents, 0), [true, true, false]);
        assert_eq!(acts_for(&agents, 1), [true, false, false]);
        agents.agents[0].suspended = true;
        assert_eq!((acts_for(&agents, 0), acts_for(&agents, 1)), ([false; 3], [false; 3]));
        agents.agents[0].suspended = false;
        agents.agents[1].link_revoked = true;
        assert_eq!((acts_for(&agents, 0), acts_for(&agents, 1)), ([true, true, false], [false; 3]));
    }
}
