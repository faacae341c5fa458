//! W4: the organisation of W1, and beside it users who can see 10, 1,000 and 100,000 documents, and documents that as many
//! users can see.

use std::collections::BTreeSet;

use prokura_model::{NameError, ObjectRef};

use super::{Names, World, docs::Docs, edge, reference::Reference};

/// How long the lists are.
const SIZES: [u32; 3] = [10, 1_000, 100_000];

/// Documents in one folder, members of one group.
const TOGETHER: u32 = 1_000;

/// One list: whose, and what is right.
pub(crate) struct List {
    pub(crate) size: u32,
    /// The user who sees, or the document that is seen.
    pub(crate) of: ObjectRef,
    pub(crate) right: BTreeSet<String>,
}

pub(crate) struct Lists {
    pub(crate) world: World,
    pub(crate) resources: Vec<List>,
    pub(crate) subjects: Vec<List>,
}

impl Lists {
    /// Beside an organisation of about so many relationships, with lists of up to the greatest size.
    pub(crate) fn generate(relationships: u32, largest: u32) -> Result<Self, NameError> {
        let names = Names::new()?;
        let mut world = Docs::generate(relationships).world()?;
        let sizes: Vec<u32> = SIZES.into_iter().filter(|size| *size <= largest).collect();
        let (mut users, mut documents) = (Vec::new(), Vec::new());
        for size in &sizes {
            // All of it is seen through a folder above folders, which is granted to a group within a group.
            let (top, outer, inner) = (format!("s{size}"), format!("s{size}"), format!("s{size}-inner"));
            let user = names.user(&format!("sees{size}"))?;
            let mut add = |relationship| world.relationships.push(relationship);
            add(edge(names.group(&inner)?, &names.member, user.clone()));
            add(edge(names.group(&outer)?, &names.member, names.members_of(&inner)?));
            add(edge(names.folder(&top)?, &names.viewer, names.members_of(&outer)?));
            for number in 0..*size {
                let folder = names.folder(&format!("s{size}-{}", number / TOGETHER))?;
                if number % TOGETHER == 0 {
                    add(edge(folder.clone(), &names.parent, names.folder(&top)?));
                }
                add(edge(names.document(&format!("s{size}-{number}"))?, &names.parent, folder));
            }
            users.push((*size, user));

            let document = names.document(&format!("seen{size}"))?;
            let readers = format!("r{size}");
            add(edge(document.clone(), &names.viewer, names.members_of(&readers)?));
            for number in 0..*size {
                let group = format!("r{size}-{}", number / TOGETHER);
                if number % TOGETHER == 0 {
                    add(edge(names.group(&readers)?, &names.member, names.members_of(&group)?));
                }
                add(edge(names.group(&group)?, &names.member, names.user(&format!("r{size}-{number}"))?));
            }
            documents.push((*size, document));
        }
        let reference = Reference::of(&world.relationships);
        let list = |(size, of): (u32, ObjectRef), right| List { size, of, right };
        let resources = users
            .into_iter()
            .map(|user| {
                let right = reference.resources(&user.1);
                list(user, right)
            })
            .collect();
        let subjects = documents
            .into_iter()
            .map(|document| {
                let right = reference.subjects(&document.1);
                list(document, right)
            })
            .collect();
        Ok(Self { world, resources, subjects })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slow_evaluator_finds_as_many_as_were_made() {
        let lists = Lists::generate(1_000, 1_000).expect("legal names");
        for list in lists.resources.iter().chain(&lists.subjects) {
            assert_eq!(list.right.len(), list.size as usize, "{}", list.of);
        }
        assert_eq!((lists.resources.len(), lists.subjects.len()), (2, 2));
    }
}
