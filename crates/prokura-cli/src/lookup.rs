//! Questions whose answer is a list: `prokura resources`, `subjects`, `permissions` and `expand`.

use clap::Args;
use prokura_api::{
    ExpandRequest, ExpansionNode, Found, FoundObject, Operation, Page, PermissionsRequest, Permissionship,
    ResourcesRequest, SubjectsRequest,
};
use prokura_model::{ObjectRef, RelationName, SubjectRef, TypeName};
use serde_json::Value;

use crate::{
    arguments::Ended,
    decide::{context, lacking, members},
    failure::Failure,
    output::{ALLOW, CHANGE, DENY, FAINT, paint, table},
    session::{Session, more},
    tree::Branch,
    wire,
};

/// List the objects of a type on which a subject has a permission
///
/// Exit code 0 if there is one, 1 if there is none, or only on conditions.
#[derive(Args, Debug)]
pub(crate) struct Resources {
    /// Among the objects of this type
    #[arg(value_name = "TYPE")]
    kind: TypeName,
    /// A permission, or a relation
    permission: RelationName,
    /// Who: `user:alice`, or a userset such as `team:core#member`
    subject: SubjectRef,
    #[command(flatten)]
    how: How,
}

/// List who of a type has a permission on a resource
///
/// Exit code 0 if somebody has, 1 if nobody has, or only on conditions.
#[derive(Args, Debug)]
pub(crate) struct Subjects {
    /// On what
    resource: ObjectRef,
    /// A permission, or a relation
    permission: RelationName,
    /// Among the objects of this type (`user`), or their usersets (`team#member`)
    #[arg(value_name = "TYPE[#RELATION]")]
    kind: SubjectKind,
    #[command(flatten)]
    how: How,
}

/// List what a subject may do on a resource
///
/// Exit code 0 if it may do anything, 1 if nothing, or only on conditions.
#[derive(Args, Debug)]
pub(crate) struct Permissions {
    /// On what
    resource: ObjectRef,
    /// Who: `user:alice`, or a userset such as `team:core#member`
    subject: SubjectRef,
    /// Values for the parameters of caveats, a JSON object
    #[arg(long, value_name = "JSON", value_parser = context)]
    context: Option<Value>,
    /// Also those the subject does not have
    #[arg(long)]
    all: bool,
}

/// Draw how a permission on a resource comes about, one step deep
#[derive(Args, Debug)]
pub(crate) struct Expand {
    /// On what
    resource: ObjectRef,
    /// A permission, or a relation
    permission: RelationName,
    /// Values for the parameters of caveats, a JSON object
    #[arg(long, value_name = "JSON", value_parser = context)]
    context: Option<Value>,
}

#[derive(Args, Clone, Debug)]
struct How {
    /// Values for the parameters of caveats, a JSON object
    #[arg(long, value_name = "JSON", value_parser = context)]
    context: Option<Value>,
    /// Most to list
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

/// `user`, or `team#member`.
#[derive(Clone, Debug)]
struct SubjectKind {
    kind: TypeName,
    relation: Option<RelationName>,
}

impl std::str::FromStr for SubjectKind {
    type Err = prokura_model::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, relation) = text.split_once('#').map_or((text, None), |(kind, name)| (kind, Some(name)));
        Ok(Self { kind: kind.parse()?, relation: relation.map(str::parse).transpose()? })
    }
}

/// Entries asked for at once.
const PAGE: usize = 500;

/// Page after page, until there are as many as wanted or no more.
async fn gathered(
    limit: usize,
    mut page: impl AsyncFnMut(usize, Option<String>) -> Result<Found, prokura_api::ClientError>,
) -> Result<Found, prokura_api::ClientError> {
    let mut found = page(limit.min(PAGE), None).await?;
    while found.items.len() < limit && found.next_cursor.is_some() {
        let next = page((limit - found.items.len()).min(PAGE), found.next_cursor.take()).await?;
        found.items.extend(next.items);
        found.next_cursor = next.next_cursor;
    }
    Ok(found)
}

impl Resources {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let found = gathered(self.how.limit, async |limit, cursor| {
            let request = ResourcesRequest {
                resource_type: self.kind.to_string(),
                permission: self.permission.to_string(),
                subject: wire::subject(&self.subject),
                context: members(self.how.context.as_ref()),
                limit: Some(limit),
                cursor,
                consistency: None,
            };
            session.client.resources(&request).await
        })
        .await
        .map_err(|error| session.failure(&error))?;
        session.out.show(&found, |found| listed("resource", self.kind.as_str(), None, found))?;
        Ok(ended(found.items.iter().map(|item| item.permissionship)))
    }
}

impl Subjects {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let SubjectKind { kind, relation } = &self.kind;
        let found = gathered(self.how.limit, async |limit, cursor| {
            let request = SubjectsRequest {
                resource: wire::object(&self.resource),
                permission: self.permission.to_string(),
                subject_type: kind.to_string(),
                subject_relation: relation.as_ref().map(ToString::to_string),
                context: members(self.how.context.as_ref()),
                limit: Some(limit),
                cursor,
                consistency: None,
            };
            session.client.subjects(&request).await
        })
        .await
        .map_err(|error| session.failure(&error))?;
        session.out.show(&found, |found| listed("subject", kind.as_str(), relation.as_ref(), found))?;
        let everyone = found.everyone.iter().map(|everyone| everyone.permissionship);
        Ok(ended(everyone.chain(found.items.iter().map(|item| item.permissionship))))
    }
}

impl Permissions {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let request = PermissionsRequest {
            resource: wire::object(&self.resource),
            subject: wire::subject(&self.subject),
            context: members(self.context.as_ref()),
            consistency: None,
        };
        let answer = session.client.permissions(&request).await.map_err(|error| session.failure(&error))?;
        session.out.show(&answer, |answer| {
            let shown = answer.permissions.iter();
            let shown = shown.filter(|held| self.all || held.permissionship != Permissionship::NoPermission);
            let rows =
                shown.map(|held| [held.permission.clone(), answered(held.permissionship, &held.missing)]).collect();
            table(["permission", "answer"], rows, "no permissions")
        })?;
        Ok(ended(answer.permissions.iter().map(|held| held.permissionship)))
    }
}

impl Expand {
    pub(crate) async fn run(self, session: &Session) -> Result<Ended, Failure> {
        let request = ExpandRequest {
            resource: wire::object(&self.resource),
            permission: self.permission.to_string(),
            context: members(self.context.as_ref()),
            consistency: None,
        };
        let answer = session.client.expand(&request).await.map_err(|error| session.failure(&error))?;
        session.out.show(&answer, |answer| branch(&answer.tree).drawn())?;
        Ok(Ended::Done)
    }
}

/// Somebody has it for certain, or nobody.
fn ended(found: impl IntoIterator<Item = Permissionship>) -> Ended {
    let certain = found.into_iter().any(|found| found == Permissionship::HasPermission);
    if certain { Ended::Done } else { Ended::Denied }
}

fn answered(found: Permissionship, missing: &[String]) -> String {
    match found {
        Permissionship::HasPermission => paint(ALLOW, "yes"),
        Permissionship::NoPermission => paint(DENY, "no"),
        Permissionship::ConditionalPermission => format!("{}{}", paint(CHANGE, "conditional"), lacking(missing)),
    }
}

fn listed(head: &str, kind: &str, relation: Option<&RelationName>, found: &Found) -> String {
    let name = |id: &str| {
        let id = Some(id.to_owned());
        let relation = relation.map(ToString::to_string);
        wire::subject_text(&prokura_api::SubjectRef { kind: kind.to_owned(), id, relation, wildcard: false })
    };
    let row = |item: &FoundObject| [name(&item.id), answered(item.permissionship, &item.missing)];
    let mut rows = Vec::new();
    if let Some(everyone) = &found.everyone {
        rows.push([format!("{kind}:*"), answered(everyone.permissionship, &everyone.missing)]);
        for out in &everyone.excluded {
            rows.push([format!("{kind}:* but {}", name(&out.id)), answered(out.permissionship, &out.missing)]);
        }
    }
    rows.extend(found.items.iter().map(row));
    let none = format!("no {head}s");
    let going_on = Page::<()> { items: Vec::new(), next_cursor: found.next_cursor.clone() };
    table([head, "answer"], rows, &none) + &more(&going_on)
}

fn branch(node: &ExpansionNode) -> Branch {
    let goal = format!("{}#{}", wire::object_text(&node.object), node.relation);
    let text = match node.operation {
        None => goal,
        Some(Operation::Union) => format!("{goal}  {}", paint(FAINT, "any of")),
        Some(Operation::Intersection) => format!("{goal}  {}", paint(FAINT, "all of")),
        Some(Operation::Exclusion) => format!("{goal}  {}", paint(FAINT, "the first, without the others")),
    };
    let mut below: Vec<_> = node.children.iter().map(branch).collect();
    below.extend(node.relationships.iter().map(|edge| {
        // What it is an edge of stands above it.
        let text = wire::relationship_text(edge);
        Branch::leaf(text.split_once('@').map_or_else(|| text.clone(), |(_, subject)| subject.to_owned()))
    }));
    Branch::new(text, below)
}
