use std::{collections::BTreeMap, time::Duration};

use prokura_api::grpc::v1::{
    self, permissions_service_client::PermissionsServiceClient, schema_service_client::SchemaServiceClient,
};
use tonic::{Code, Request, Status, metadata::MetadataValue, transport::Channel};

use super::worlds::{Answer, Listed, Question, Standing, World};

/// How long one answer is waited for. No question of a world without cycles takes long.
const PATIENCE: Duration = Duration::from_secs(60);

/// One of the two servers.
pub(crate) struct Server {
    permissions: PermissionsServiceClient<Channel>,
    schema: SchemaServiceClient<Channel>,
    key: String,
}

impl Server {
    pub(crate) async fn at(address: &str, key: &str) -> Self {
        let endpoint = Channel::from_shared(format!("http://{address}")).expect("an address is HOST:PORT");
        let channel = endpoint
            .timeout(PATIENCE)
            .connect()
            .await
            .unwrap_or_else(|error| panic!("nothing answers at {address}: {error}"));
        let most = 64 * 1_048_576;
        Self {
            permissions: PermissionsServiceClient::new(channel.clone()).max_decoding_message_size(most),
            schema: SchemaServiceClient::new(channel),
            key: key.to_owned(),
        }
    }

    /// Forgets what it holds, and holds this world.
    pub(crate) async fn hold(&self, world: &World) -> Result<(), Status> {
        if let Ok(text) = self.schema.clone().read_schema(self.signed(v1::ReadSchemaRequest {})).await {
            for kind in definitions(&text.into_inner().schema_text) {
                let filter = v1::RelationshipFilter { resource_type: kind, ..v1::RelationshipFilter::default() };
                let request = v1::DeleteRelationshipsRequest {
                    relationship_filter: Some(filter),
                    ..v1::DeleteRelationshipsRequest::default()
                };
                self.permissions.clone().delete_relationships(self.signed(request)).await?;
            }
        }
        // A caveat may not lose a parameter in one step, so everything goes first.
        for text in ["definition nothing {}", &world.schema] {
            let request = v1::WriteSchemaRequest { schema: text.to_owned() };
            self.schema.clone().write_schema(self.signed(request)).await?;
        }
        for some in world.relationships.chunks(500) {
            let updates = some.iter().map(|relationship| v1::RelationshipUpdate {
                operation: v1::relationship_update::Operation::Touch.into(),
                relationship: Some(relationship.clone()),
            });
            let request = v1::WriteRelationshipsRequest {
                updates: updates.collect(),
                ..v1::WriteRelationshipsRequest::default()
            };
            self.permissions.clone().write_relationships(self.signed(request)).await?;
        }
        Ok(())
    }

    /// Many checks at once.
    pub(crate) async fn checks(&self, questions: &[&Question]) -> Vec<Answer> {
        let mut answers = Vec::new();
        for some in questions.chunks(400) {
            let items = some.iter().map(|question| question.item()).collect();
            let request = v1::CheckBulkPermissionsRequest { consistency: fully(), items, with_tracing: false };
            let found = self.permissions.clone().check_bulk_permissions(self.signed(request)).await;
            match found {
                Ok(found) => answers.extend(found.into_inner().pairs.into_iter().map(|pair| match pair.response {
                    Some(v1::check_bulk_permissions_pair::Response::Item(item)) => {
                        Answer::Stands(standing(item.permissionship))
                    }
                    Some(v1::check_bulk_permissions_pair::Response::Error(error)) => Answer::Failed(error.message),
                    None => Answer::Failed("no answer".to_owned()),
                })),
                Err(status) => answers.extend(some.iter().map(|_| failed(&status))),
            }
        }
        // One that fails may fail those that were asked with it: each is asked alone again.
        for (answer, question) in answers.iter_mut().zip(questions) {
            if matches!(answer, Answer::Failed(_)) {
                *answer = self.check(question).await;
            }
        }
        answers
    }

    pub(crate) async fn check(&self, question: &Question) -> Answer {
        let v1::CheckBulkPermissionsRequestItem { resource, permission, subject, context } = question.item();
        let request = v1::CheckPermissionRequest {
            consistency: fully(),
            resource,
            permission,
            subject,
            context,
            ..v1::CheckPermissionRequest::default()
        };
        match self.permissions.clone().check_permission(self.signed(request)).await {
            Ok(found) => Answer::Stands(standing(found.into_inner().permissionship)),
            Err(status) => failed(&status),
        }
    }

    pub(crate) async fn resources(
        &self,
        kind: &str,
        permission: &str,
        subject: &v1::SubjectReference,
        question: &Question,
    ) -> Answer {
        let request = v1::LookupResourcesRequest {
            consistency: fully(),
            resource_object_type: kind.to_owned(),
            permission: permission.to_owned(),
            subject: Some(subject.clone()),
            context: question.context(),
            ..v1::LookupResourcesRequest::default()
        };
        let mut named = BTreeMap::new();
        let stream = self.permissions.clone().lookup_resources(self.signed(request)).await;
        let mut stream = match stream {
            Ok(stream) => stream.into_inner(),
            Err(status) => return failed(&status),
        };
        loop {
            match stream.message().await {
                Ok(Some(found)) => better(&mut named, found.resource_object_id, listed(found.permissionship)),
                Ok(None) => return Answer::Listed(Listed { named, others: Standing::No }),
                Err(status) => return failed(&status),
            }
        }
    }

    pub(crate) async fn subjects(
        &self,
        resource: &v1::ObjectReference,
        permission: &str,
        kind: &str,
        relation: &str,
        question: &Question,
    ) -> Answer {
        let request = v1::LookupSubjectsRequest {
            consistency: fully(),
            resource: Some(resource.clone()),
            permission: permission.to_owned(),
            subject_object_type: kind.to_owned(),
            optional_subject_relation: relation.to_owned(),
            context: question.context(),
            ..v1::LookupSubjectsRequest::default()
        };
        let stream = self.permissions.clone().lookup_subjects(self.signed(request)).await;
        let mut stream = match stream {
            Ok(stream) => stream.into_inner(),
            Err(status) => return failed(&status),
        };
        let (mut named, mut everyone): (BTreeMap<String, Standing>, Option<Listed>) = (BTreeMap::new(), None);
        loop {
            match stream.message().await {
                Ok(Some(found)) => {
                    let Some(subject) = found.subject else { continue };
                    let stands = listed(subject.permissionship);
                    if subject.subject_object_id != "*" {
                        better(&mut named, subject.subject_object_id, stands);
                        continue;
                    }
                    let excluded = found.excluded_subjects.into_iter().map(|excluded| {
                        let left = match listed(excluded.permissionship) {
                            Standing::Has => Standing::No,
                            _ => Standing::Conditional,
                        };
                        (excluded.subject_object_id, left)
                    });
                    let found = Listed { named: excluded.collect(), others: stands };
                    everyone = Some(match everyone {
                        None => found,
                        Some(before) => before.either(&found),
                    });
                }
                Ok(None) => break,
                Err(status) => return failed(&status),
            }
        }
        let mut all = everyone.unwrap_or_default();
        for (id, stands) in named {
            all.named.insert(id, stands);
        }
        let others = all.others;
        all.named.retain(|_, stands| *stands != others);
        Answer::Listed(all)
    }

    fn signed<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let bearer: MetadataValue<_> = format!("Bearer {}", self.key).parse().expect("a key is plain text");
        request.metadata_mut().insert("authorization", bearer);
        request
    }
}

fn fully() -> Option<v1::Consistency> {
    Some(v1::Consistency { requirement: Some(v1::consistency::Requirement::FullyConsistent(true)) })
}

fn failed(status: &Status) -> Answer {
    let code = if status.code() == Code::ResourceExhausted { "ResourceExhausted: " } else { "" };
    Answer::Failed(format!("{code}{}", status.message()))
}

fn standing(permissionship: i32) -> Standing {
    match permissionship {
        2 => Standing::Has,
        3 => Standing::Conditional,
        _ => Standing::No,
    }
}

fn listed(permissionship: i32) -> Standing {
    if permissionship == 1 { Standing::Has } else { Standing::Conditional }
}

/// The same may come several times, and the best counts.
fn better(named: &mut BTreeMap<String, Standing>, id: String, stands: Standing) {
    let known = named.entry(id).or_insert(stands);
    *known = (*known).max(stands);
}

/// The names after `definition` at the beginning of a line: what is read back is in canonical form.
fn definitions(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.strip_prefix("definition "));
    names.filter_map(|rest| rest.split_whitespace().next()).map(str::to_owned).collect()
}
