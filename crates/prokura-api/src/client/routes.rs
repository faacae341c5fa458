use super::{Client, ClientError};
use crate::{
    AccessRequest, ApplyRequest, ApplyResponse, Approval, ApprovalQuery, ApprovalWords, AttributeQuery,
    AttributesWrite, CheckRequest, CheckResponse, CommitReservation, DecideRequest, Decision, DecisionQuery,
    DecisionRecord, Delegation, DelegationQuery, DeleteRelationships, DeletedRelationships, Endorsement,
    EndorsementQuery, ExpandRequest, ExpandResponse, ExplainRequest, ExplainResponse, Found, Key, NewAccessRequest,
    NewApproval, NewDelegation, NewEndorsement, NewKey, NewKeyResponse, NewTask, NewTenant, ObjectAttributes,
    OffBoardRequest, OffBoarding, Page, PageQuery, PermissionsRequest, PermissionsResponse, PlanRequest, PlanResponse,
    Principal, PrincipalQuery, PrincipalWrite, ReasonOnly, Receipt, RelationshipQuery, RequestApproval, RequestQuery,
    RequestWords, ResourcesRequest, Schema, SchemaDiffRequest, SchemaDiffResponse, SchemaWrite, StateChange, Stats,
    StoredRelationship, SubjectsRequest, Task, TaskQuery, Tenant, Transaction, Webhook, WebhookPing,
    WriteRelationships,
};

macro_rules! routes {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $answer:ty
        = $verb:ident $scope:tt [$($segment:expr),*] $(($sent:expr))?;)*) => {
        impl Client {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// See [`ClientError`].
                pub async fn $name(&self, $($argument: $type),*) -> Result<$answer, ClientError> {
                    self.$verb(&routes!(@path self $scope $($segment),*), $($sent)?).await
                }
            )*
        }
    };
    (@path $client:ident tenant $($segment:expr),*) => {
        ["v1", "tenants", &$client.tenant, $($segment),*]
    };
    (@path $client:ident server $($segment:expr),*) => {
        ["v1", $($segment),*]
    };
}

routes! {
    /// The tenants.
    tenants(query: &PageQuery) -> Page<Tenant> = fetch_by server ["tenants"] (query);
    /// Where the server's memory goes.
    stats() -> Stats = fetch server ["stats"];
    /// Creates a tenant.
    create_tenant(tenant: &NewTenant) -> Tenant = post server ["tenants"] (tenant);
    /// The keys, without their secrets.
    keys(query: &PageQuery) -> Page<Key> = fetch_by server ["keys"] (query);
    /// Makes a key. The answer is the only one that holds its secret.
    create_key(key: &NewKey) -> NewKeyResponse = post server ["keys"] (key);
    /// Revokes a key.
    revoke_key(id: &str, why: &ReasonOnly) -> Receipt = post server ["keys", id, "revoke"] (why);
    /// The webhooks, and how far each is in each tenant.
    webhooks(query: &PageQuery) -> Page<Webhook> = fetch_by server ["webhooks"] (query);
    /// Sends a webhook a `ping`.
    ping_webhook(name: &str) -> WebhookPing = post server ["webhooks", name, "ping"] (&ReasonOnly::default());

    /// The schema in force.
    schema() -> Schema = fetch tenant ["schema"];
    /// Puts a schema in force.
    write_schema(schema: &SchemaWrite) -> Receipt = put tenant ["schema"] (schema);
    /// Relationships, in a stable order.
    relationships(query: &RelationshipQuery) -> Page<StoredRelationship> = fetch_by tenant ["relationships"] (query);
    /// Writes and deletes relationships, in one transaction.
    write_relationships(changes: &WriteRelationships) -> Receipt = post tenant ["relationships", "write"] (changes);
    /// Deletes what a filter means, in one transaction.
    delete_relationships(what: &DeleteRelationships) -> DeletedRelationships
        = post tenant ["relationships", "delete"] (what);
    /// What a schema would change, against the one in force.
    schema_diff(schema: &SchemaDiffRequest) -> SchemaDiffResponse = post tenant ["schema", "diff"] (schema);
    /// Objects' attributes.
    attributes(query: &AttributeQuery) -> Page<ObjectAttributes> = fetch_by tenant ["attributes"] (query);
    /// Sets all attributes of an object.
    set_attributes(attributes: &AttributesWrite) -> Receipt = put tenant ["attributes"] (attributes);

    /// The registered principals.
    principals(query: &PrincipalQuery) -> Page<Principal> = fetch_by tenant ["principals"] (query);
    /// Registers a principal, or changes its owner.
    set_principal(principal: &PrincipalWrite) -> Principal = put tenant ["principals"] (principal);
    /// Suspends a principal: from now on it may do nothing, and nothing may be done through it.
    suspend_principal(change: &StateChange) -> Principal = post tenant ["principals", "suspend"] (change);
    /// Resumes a suspended principal.
    resume_principal(change: &StateChange) -> Principal = post tenant ["principals", "resume"] (change);
    /// What off-boarding a principal would come to. Nothing is written.
    preview_off_boarding(whom: &OffBoardRequest) -> OffBoarding = post tenant ["principals", "off-board", "preview"] (whom);
    /// Off-boards a principal for good, and ends or hands over what depends on it, in one transaction.
    off_board_principal(whom: &OffBoardRequest) -> OffBoarding = post tenant ["principals", "off-board"] (whom);
    /// Removes a principal from the register.
    remove_principal(change: &StateChange) -> Receipt = post tenant ["principals", "remove"] (change);

    /// The tasks.
    tasks(query: &TaskQuery) -> Page<Task> = fetch_by tenant ["tasks"] (query);
    /// One task.
    task(id: &str) -> Task = fetch tenant ["tasks", id];
    /// Opens a task.
    open_task(task: &NewTask) -> Task = post tenant ["tasks"] (task);
    /// Completes a task; everything under it ends.
    complete_task(id: &str, why: &ReasonOnly) -> Task = post tenant ["tasks", id, "complete"] (why);
    /// Cancels a task; everything under it ends.
    cancel_task(id: &str, why: &ReasonOnly) -> Task = post tenant ["tasks", id, "cancel"] (why);

    /// The delegations.
    delegations(query: &DelegationQuery) -> Page<Delegation> = fetch_by tenant ["delegations"] (query);
    /// One delegation.
    delegation(id: &str) -> Delegation = fetch tenant ["delegations", id];
    /// Creates a delegation.
    delegate(delegation: &NewDelegation) -> Delegation = post tenant ["delegations"] (delegation);
    /// Revokes a delegation; every link below it ends.
    revoke_delegation(id: &str, why: &ReasonOnly) -> Delegation = post tenant ["delegations", id, "revoke"] (why);
    /// The endorsements.
    endorsements(query: &EndorsementQuery) -> Page<Endorsement> = fetch_by tenant ["endorsements"] (query);
    /// One endorsement.
    endorsement(id: &str) -> Endorsement = fetch tenant ["endorsements", id];
    /// Endorses a worker.
    endorse(endorsement: &NewEndorsement) -> Endorsement = post tenant ["endorsements"] (endorsement);
    /// Revokes an endorsement.
    revoke_endorsement(id: &str, why: &ReasonOnly) -> Endorsement = post tenant ["endorsements", id, "revoke"] (why);

    /// Requests for access.
    access_requests(query: &RequestQuery) -> Page<AccessRequest> = fetch_by tenant ["requests"] (query);
    /// One request for access.
    access_request(id: &str) -> AccessRequest = fetch tenant ["requests", id];
    /// Asks for access.
    request_access(request: &NewAccessRequest) -> AccessRequest = post tenant ["requests"] (request);
    /// Approves a request for access, or a part of it.
    approve_request(id: &str, approval: &RequestApproval) -> AccessRequest
        = post tenant ["requests", id, "approve"] (approval);
    /// Refuses a request for access.
    refuse_request(id: &str, words: &RequestWords) -> AccessRequest = post tenant ["requests", id, "refuse"] (words);
    /// Takes a request for access back, or ends what it was granted.
    cancel_request(id: &str, words: &RequestWords) -> AccessRequest = post tenant ["requests", id, "cancel"] (words);
    /// Closes the review of a broken glass.
    review_request(id: &str, words: &RequestWords) -> AccessRequest = post tenant ["requests", id, "review"] (words);

    /// Approvals from when they are asked for.
    approvals(query: &ApprovalQuery) -> Page<Approval> = fetch_by tenant ["approvals"] (query);
    /// One approval.
    approval(id: &str) -> Approval = fetch tenant ["approvals", id];
    /// Asks for the approval that a question is held for.
    ask_for_approval(question: &NewApproval) -> Approval = post tenant ["approvals"] (question);
    /// Gives an approval.
    give_approval(id: &str, words: &ApprovalWords) -> Approval = post tenant ["approvals", id, "give"] (words);
    /// Refuses an approval.
    refuse_approval(id: &str, words: &ApprovalWords) -> Approval = post tenant ["approvals", id, "refuse"] (words);
    /// Takes an approval back.
    cancel_approval(id: &str, words: &ApprovalWords) -> Approval = post tenant ["approvals", id, "cancel"] (words);

    /// Decides. Recorded.
    decide(question: &DecideRequest) -> Decision = post tenant ["decide"] (question);
    /// Looks ahead over the actions of a plan. Recorded as such, and not to be enforced.
    decide_plan(plan: &PlanRequest) -> PlanResponse = post tenant ["decide", "plan"] (plan);
    /// Takes for good what an allow has reserved.
    commit_reservation(id: &str, what: &CommitReservation) -> Receipt
        = post tenant ["reservations", id, "commit"] (what);
    /// Gives back what an allow has reserved.
    release_reservation(id: &str, why: &ReasonOnly) -> Receipt = post tenant ["reservations", id, "release"] (why);
    /// Asks the graph. Not recorded, and not to be enforced: it looks at no task and at no suspension.
    check(question: &CheckRequest) -> CheckResponse = post tenant ["check"] (question);
    /// On which objects a subject has a permission.
    resources(question: &ResourcesRequest) -> Found = post tenant ["resources"] (question);
    /// Who has a permission on a resource.
    subjects(question: &SubjectsRequest) -> Found = post tenant ["subjects"] (question);
    /// What a subject may do on a resource.
    permissions(question: &PermissionsRequest) -> PermissionsResponse = post tenant ["permissions"] (question);
    /// How a permission on a resource comes about.
    expand(question: &ExpandRequest) -> ExpandResponse = post tenant ["expand"] (question);
    /// Explains what would be decided. Not recorded, and not to be enforced.
    explain(question: &ExplainRequest) -> ExplainResponse = post tenant ["explain"] (question);
    /// Recorded decisions, newest first.
    decisions(query: &DecisionQuery) -> Page<DecisionRecord> = fetch_by tenant ["decisions"] (query);
    /// One recorded decision.
    decision(id: &str) -> DecisionRecord = fetch tenant ["decisions", id];
    /// One transaction.
    transaction(revision: u64) -> Transaction = fetch tenant ["transactions", &revision.to_string()];
    /// Makes what there is what it should be, in one transaction.
    apply(request: &ApplyRequest) -> ApplyResponse = post tenant ["apply"] (request);
}
