use std::collections::{BTreeMap, BTreeSet};

use prokura_api::grpc::v1;
use prokura_model::{ObjectRef, RelationName, Relationship, SubjectRef, Terms, TypeName};
use prokura_testkit::{Answer, Context};

use super::Door;
use crate::{
    grpc::door::{self, item},
    support::Setup,
};

pub(super) struct Grpc {
    setup: Setup,
    door: door::Door,
    begin: v1::ZedToken,
}

fn terms(stored: BTreeMap<String, v1::Relationship>) -> BTreeMap<String, String> {
    stored.into_iter().map(|(key, found)| (key, format!("{found:?}"))).collect()
}

impl Door for Grpc {
    async fn begin(setup: Setup, schema: &str) -> Self {
        let door = door::Door::of(&setup).await;
        let begin = door.write_schema(schema).await;
        Self { setup, door, begin }
    }

    fn setup(&self) -> &Setup {
        &self.setup
    }

    async fn check(&self, goal: (&ObjectRef, &RelationName), who: &SubjectRef, context: &Context) -> Answer {
        self.door.check(item(goal.0, goal.1, who, context)).await
    }

    async fn resources(
        &self,
        of: (&TypeName, &RelationName),
        who: &SubjectRef,
        context: &Context,
        page: u32,
    ) -> Answer {
        self.door.resources(of, who, context, page).await
    }

    async fn subjects(
        &self,
        goal: (&ObjectRef, &RelationName),
        of: (&TypeName, Option<&RelationName>),
        context: &Context,
        page: u32,
    ) -> Answer {
        self.door.subjects(goal, of, context, page).await
    }

    fn key(edge: &Relationship) -> String {
        door::text(&door::relationship(edge, &Terms::default()))
    }

    async fn read(&self, kinds: &BTreeSet<TypeName>) -> BTreeMap<String, String> {
        terms(self.door.read(kinds).await)
    }

    async fn replayed(&self) -> BTreeMap<String, String> {
        terms(self.door.watched(self.begin.clone()).await)
    }
}
