//! W1, "docs N": people in nested groups, documents in nested folders, grants on both.
//!
//! N/10 users in two groups each; N/100 groups in a random forest (5 % roots, depth ≤ 6); N/20 folders (2 % roots,
//! depth ≤ 8); 3N/10 documents, each in a random folder with one grant (60 % to a user, 40 % to `group#member`); the rest
//! are grants on folders. Roles are 70 % viewer, 20 % editor, 10 % owner. The generator carries its own slow evaluator,
//! which walks the arrays below and knows nothing of the engine.

use std::collections::HashSet;

use prokura_model::{NameError, RelationName, Relationship, SubjectRef};

use super::{Check, Names, Random, World, edge};

pub(crate) const SCHEMA: &str = "\
definition user {}

definition group {
	relation member: user | group#member
}

definition folder {
	relation parent: folder
	relation viewer: user | group#member
	relation editor: user | group#member
	relation owner: user | group#member
	permission view = viewer + editor + owner + parent->view
}

definition document {
	relation parent: folder
	relation viewer: user | group#member
	relation editor: user | group#member
	relation owner: user | group#member
	permission view = viewer + editor + owner + parent->view
}
";

const SEED: u64 = 0x5eed_0001;
const GROUP_DEPTH_MAX: u32 = 6;
const FOLDER_DEPTH_MAX: u32 = 8;

/// Who holds a grant.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Grantee {
    User(u32),
    Group(u32),
}

#[derive(Clone, Copy)]
struct Grant {
    role: &'static str,
    grantee: Grantee,
}

/// The generated organisation, as numbers.
pub(crate) struct Docs {
    /// For each user, the groups it is in.
    groups_of_user: Vec<Vec<u32>>,
    /// For each group, the group that has it as a member.
    parent_of_group: Vec<Option<u32>>,
    parent_of_folder: Vec<Option<u32>>,
    folder_grants: Vec<Vec<Grant>>,
    folder_of_document: Vec<u32>,
    document_grant: Vec<Grant>,
    /// For each group, the users directly in it: only for making allowed questions.
    users_of_group: Vec<Vec<u32>>,
    children_of_group: Vec<Vec<u32>>,
}

/// May `user` view `document`? And what is right.
#[derive(Clone, Copy)]
struct Question {
    user: u32,
    document: u32,
    allowed: bool,
}

fn user_id(number: u32) -> String {
    format!("u{number}")
}

fn document_id(number: u32) -> String {
    format!("d{number}")
}

fn grantee(names: &Names, grantee: Grantee) -> Result<SubjectRef, NameError> {
    match grantee {
        Grantee::User(user) => Ok(SubjectRef::Object(names.user(&user_id(user))?)),
        Grantee::Group(group) => names.members_of(&format!("g{group}")),
    }
}

impl Docs {
    /// The organisation of about `relationships` relationships; the same for the same number, always.
    pub(crate) fn generate(relationships: u32) -> Self {
        let mut random = Random::new(SEED ^ u64::from(relationships));
        let users = relationships / 10;
        let groups = (relationships / 100).max(1);
        let folders = (relationships / 20).max(1);
        let documents = relationships / 10 * 3;

        let parent_of_group = forest(&mut random, groups, 5, GROUP_DEPTH_MAX);
        let parent_of_folder = forest(&mut random, folders, 2, FOLDER_DEPTH_MAX);
        let groups_of_user: Vec<Vec<u32>> = (0..users)
            .map(|_| {
                let first = random.below(groups);
                let second = random.below(groups);
                if first == second { vec![first] } else { vec![first, second] }
            })
            .collect();
        let folder_of_document = (0..documents).map(|_| random.below(folders)).collect();
        let document_grant: Vec<Grant> = (0..documents).map(|_| grant(&mut random, users, groups)).collect();

        let written: usize = groups_of_user.iter().map(Vec::len).sum::<usize>()
            + parent_of_group.iter().flatten().count()
            + parent_of_folder.iter().flatten().count()
            + 2 * document_grant.len();
        let mut folder_grants: Vec<Vec<Grant>> = (0..folders).map(|_| Vec::new()).collect();
        for _ in written..relationships as usize {
            let folder = random.below(folders);
            if let Some(grants) = folder_grants.get_mut(folder as usize) {
                grants.push(grant(&mut random, users, groups));
            }
        }

        let mut users_of_group: Vec<Vec<u32>> = (0..groups).map(|_| Vec::new()).collect();
        for (user, groups) in (0_u32..).zip(&groups_of_user) {
            for group in groups {
                if let Some(members) = users_of_group.get_mut(*group as usize) {
                    members.push(user);
                }
            }
        }
        let mut children_of_group: Vec<Vec<u32>> = (0..groups).map(|_| Vec::new()).collect();
        for (group, parent) in (0_u32..).zip(&parent_of_group) {
            if let Some(children) = parent.and_then(|parent| children_of_group.get_mut(parent as usize)) {
                children.push(group);
            }
        }
        Self {
            groups_of_user,
            parent_of_group,
            parent_of_folder,
            folder_grants,
            folder_of_document,
            document_grant,
            users_of_group,
            children_of_group,
        }
    }

    /// Every relationship, each once.
    pub(crate) fn world(&self) -> Result<World, NameError> {
        let names = Names::new()?;
        let mut found = HashSet::new();
        let mut all = Vec::new();
        let mut add = |relationship: Relationship| {
            if found.insert(relationship.clone()) {
                all.push(relationship);
            }
        };
        let (g, f) = (|number: u32| format!("g{number}"), |number: u32| format!("f{number}"));
        for (user, groups) in (0..).zip(&self.groups_of_user) {
            for group in groups {
                add(edge(names.group(&g(*group))?, &names.member, names.user(&user_id(user))?));
            }
        }
        for (group, parent) in (0..).zip(&self.parent_of_group) {
            if let Some(parent) = parent {
                add(edge(names.group(&g(*parent))?, &names.member, names.members_of(&g(group))?));
            }
        }
        for (folder, parent) in (0..).zip(&self.parent_of_folder) {
            if let Some(parent) = parent {
                add(edge(names.folder(&f(folder))?, &names.parent, names.folder(&f(*parent))?));
            }
        }
        for (folder, grants) in (0..).zip(&self.folder_grants) {
            for grant in grants {
                add(edge(names.folder(&f(folder))?, &RelationName::new(grant.role)?, grantee(&names, grant.grantee)?));
            }
        }
        for ((document, folder), grant) in (0..).zip(&self.folder_of_document).zip(&self.document_grant) {
            let resource = names.document(&document_id(document))?;
            add(edge(resource.clone(), &names.parent, names.folder(&f(*folder))?));
            add(edge(resource, &RelationName::new(grant.role)?, grantee(&names, grant.grantee)?));
        }
        Ok(World { schema: SCHEMA, relationships: all })
    }

    /// Distinct questions, allowed and denied in turn, spread evenly over documents and users.
    pub(crate) fn uniform(&self, count: usize) -> Result<Vec<Check>, NameError> {
        let names = Names::new()?;
        let check = |Question { user, document, allowed }: Question| {
            Ok(Check {
                resource: names.document(&document_id(document))?,
                permission: names.view.clone(),
                subject: names.user(&user_id(user))?,
                allowed,
            })
        };
        self.questions(count).into_iter().map(check).collect()
    }

    /// Questions of one hop: whether a document's grant to a user is one to this user, in turn yes and no.
    pub(crate) fn direct(&self, count: usize) -> Result<Vec<Check>, NameError> {
        let names = Names::new()?;
        let mut random = Random::new(SEED ^ 0x6469_7265);
        let mut checks = Vec::with_capacity(count);
        for _ in 0..count.saturating_mul(200) {
            if checks.len() == count {
                break;
            }
            let (anyone, document) = self.anyone(&mut random);
            let Some(Grant { role, grantee: Grantee::User(granted) }) = self.document_grant.get(document as usize)
            else {
                continue;
            };
            let user = if checks.len() % 2 == 0 { *granted } else { anyone };
            checks.push(Check {
                resource: names.document(&document_id(document))?,
                permission: RelationName::new(role)?,
                subject: names.user(&user_id(user))?,
                allowed: user == *granted,
            });
        }
        Ok(checks)
    }

    fn questions(&self, count: usize) -> Vec<Question> {
        let mut random = Random::new(SEED ^ 0x0071_7565);
        let mut seen = HashSet::new();
        let mut questions = Vec::with_capacity(count);
        // The bound only matters for organisations too small to hold that many distinct questions.
        for _ in 0..count.saturating_mul(200) {
            if questions.len() == count {
                break;
            }
            let allowed = questions.len() % 2 == 0;
            let candidate = if allowed { self.someone_allowed(&mut random) } else { Some(self.anyone(&mut random)) };
            let Some((user, document)) = candidate else { continue };
            if self.may_view(user, document) == allowed && seen.insert((user, document)) {
                questions.push(Question { user, document, allowed });
            }
        }
        questions
    }

    /// The slow evaluator: every folder above the document, every group above the user.
    fn may_view(&self, user: u32, document: u32) -> bool {
        let granted_to = self.groups_above(user);
        let holds = |grantee: Grantee| match grantee {
            Grantee::User(granted) => granted == user,
            Grantee::Group(group) => granted_to.contains(&group),
        };
        if self.document_grant.get(document as usize).is_some_and(|grant| holds(grant.grantee)) {
            return true;
        }
        let mut folder = self.folder_of_document.get(document as usize).copied();
        while let Some(current) = folder {
            if self
                .folder_grants
                .get(current as usize)
                .is_some_and(|grants| grants.iter().any(|grant| holds(grant.grantee)))
            {
                return true;
            }
            folder = self.parent_of_folder.get(current as usize).copied().flatten();
        }
        false
    }

    fn groups_above(&self, user: u32) -> HashSet<u32> {
        let mut above = HashSet::new();
        let mut open = self.groups_of_user.get(user as usize).cloned().unwrap_or_default();
        while let Some(group) = open.pop() {
            if above.insert(group) {
                open.extend(self.parent_of_group.get(group as usize).copied().flatten());
            }
        }
        above
    }

    fn anyone(&self, random: &mut Random) -> (u32, u32) {
        (random.below_length(self.groups_of_user.len()), random.below_length(self.document_grant.len()))
    }

    /// A random document, a random grant that reaches it, and a random user whom that grant reaches.
    fn someone_allowed(&self, random: &mut Random) -> Option<(u32, u32)> {
        let document = random.below_length(self.document_grant.len());
        let mut grants = vec![*self.document_grant.get(document as usize)?];
        let mut folder = self.folder_of_document.get(document as usize).copied();
        while let Some(current) = folder {
            grants.extend(self.folder_grants.get(current as usize)?);
            folder = self.parent_of_folder.get(current as usize).copied().flatten();
        }
        let grant = grants.get(random.below_length(grants.len()) as usize)?;
        let mut group = match grant.grantee {
            Grantee::User(user) => return Some((user, document)),
            Grantee::Group(group) => group,
        };
        loop {
            let children = self.children_of_group.get(group as usize)?;
            let members = self.users_of_group.get(group as usize)?;
            let pick = random.below_length(children.len() + members.len().min(2)) as usize;
            match children.get(pick) {
                Some(child) => group = *child,
                None => return Some((*members.get(random.below_length(members.len()) as usize)?, document)),
            }
        }
    }
}

/// A random forest: for each node its parent, an earlier node, or none. `roots` in a hundred have none by choice.
fn forest(random: &mut Random, nodes: u32, roots: u32, depth_max: u32) -> Vec<Option<u32>> {
    let mut parents = Vec::new();
    let mut depths: Vec<u32> = Vec::new();
    for node in 0..nodes {
        let mut parent = (node > 0 && random.below(100) >= roots).then(|| random.below(node));
        // Too deep a parent is exchanged for one of its ancestors, which keeps the share of roots.
        while let Some(candidate) = parent {
            if depths.get(candidate as usize).is_some_and(|depth| *depth < depth_max) {
                break;
            }
            parent = parents.get(candidate as usize).copied().flatten();
        }
        let depth = parent.and_then(|parent| depths.get(parent as usize)).map_or(1, |above| above + 1);
        parents.push(parent);
        depths.push(depth);
    }
    parents
}

fn grant(random: &mut Random, users: u32, groups: u32) -> Grant {
    let role = match random.below(10) {
        0..7 => "viewer",
        7..9 => "editor",
        _ => "owner",
    };
    let grantee =
        if random.below(10) < 6 { Grantee::User(random.below(users)) } else { Grantee::Group(random.below(groups)) };
    Grant { role, grantee }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Users 0 and 1 in group 0, which is in group 1; user 2 in neither. Folder 1 lies in folder 0.
    fn by_hand() -> Docs {
        let to = |grantee| Grant { role: "viewer", grantee };
        Docs {
            groups_of_user: vec![vec![0], vec![0], vec![]],
            parent_of_group: vec![Some(1), None],
            parent_of_folder: vec![None, Some(0)],
            folder_grants: vec![vec![to(Grantee::Group(1))], vec![]],
            folder_of_document: vec![1, 1, 0],
            document_grant: vec![to(Grantee::User(2)), to(Grantee::Group(0)), to(Grantee::User(0))],
            users_of_group: vec![vec![0, 1], vec![]],
            children_of_group: vec![vec![], vec![0]],
        }
    }

    #[test]
    fn the_slow_evaluator_knows_grants_groups_and_folders() {
        let docs = by_hand();
        let may = |user, document| docs.may_view(user, document);
        assert!(may(2, 0), "the document's own grant");
        assert!(!may(2, 1) && !may(2, 2), "nothing reaches them");
        assert!(may(0, 0) && may(1, 2), "the folder above is granted to the group above");
    }

    #[test]
    fn both_slow_evaluators_agree() {
        let docs = Docs::generate(2_000);
        let world = docs.world().expect("legal names");
        let reference = super::super::reference::Reference::of(&world.relationships);
        let checks = docs.uniform(400).expect("legal names");
        assert_eq!(checks.iter().filter(|check| check.allowed).count(), 200);
        for check in checks {
            assert_eq!(reference.may_view(&check.subject, &check.resource), check.allowed, "{check:?}");
        }
    }

    #[test]
    fn the_same_size_is_the_same_organisation() {
        let (one, other) = (Docs::generate(1_000).world(), Docs::generate(1_000).world());
        let (one, other) = (one.expect("legal names"), other.expect("legal names"));
        assert_eq!(one.relationships, other.relationships);
        assert!((950..=1_000).contains(&one.relationships.len()), "{}", one.relationships.len());
    }
}
