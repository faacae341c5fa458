"""Drives a server with the client that AuthZed publishes for Python, and says what it met. Arguments: URL, key."""

import sys

import grpc
from authzed.api.v1 import (
    CheckBulkPermissionsRequest,
    CheckBulkPermissionsRequestItem,
    CheckPermissionRequest,
    CheckPermissionResponse,
    Consistency,
    ContextualizedCaveat,
    DeleteRelationshipsRequest,
    ExpandPermissionTreeRequest,
    InsecureClient,
    LookupResourcesRequest,
    LookupSubjectsRequest,
    ObjectReference,
    ReadRelationshipsRequest,
    ReadSchemaRequest,
    Relationship,
    RelationshipFilter,
    RelationshipUpdate,
    SubjectReference,
    WatchRequest,
    WriteRelationshipsRequest,
    WriteSchemaRequest,
)
from google.protobuf.struct_pb2 import Struct

SCHEMA = """caveat on_day(day string) {
	day == "monday"
}

definition document {
	relation viewer: user | user with on_day
	relation banned: user
	permission view = viewer - banned
}

definition user {}"""

FULL = Consistency(fully_consistent=True)
HAS = CheckPermissionResponse.PERMISSIONSHIP_HAS_PERMISSION
NO = CheckPermissionResponse.PERMISSIONSHIP_NO_PERMISSION
CONDITIONAL = CheckPermissionResponse.PERMISSIONSHIP_CONDITIONAL_PERMISSION


def met(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: found {found!r}, wanted {wanted!r}")
    print(f"{what}: met")


def thing(text):
    kind, name = text.split(":")
    return ObjectReference(object_type=kind, object_id=name)


def who(name):
    return SubjectReference(object=thing(f"user:{name}"))


def edge(relation, name, caveat=None):
    terms = ContextualizedCaveat(caveat_name=caveat) if caveat else None
    return Relationship(resource=thing("document:plan"), relation=relation, subject=who(name), optional_caveat=terms)


def update(operation, relationship):
    return RelationshipUpdate(operation=operation, relationship=relationship)


def context(**values):
    struct = Struct()
    struct.update(values)
    return struct


def drive(address, key):
    client = InsecureClient(address, key)
    client.WriteSchema(WriteSchemaRequest(schema=SCHEMA))
    met("the schema", client.ReadSchema(ReadSchemaRequest()).schema_text, SCHEMA)
    touch = RelationshipUpdate.OPERATION_TOUCH
    updates = [update(touch, edge("viewer", "ann")), update(touch, edge("viewer", "bob", "on_day"))]
    written = client.WriteRelationships(WriteRelationshipsRequest(updates=updates)).written_at

    def check(name, **values):
        request = CheckPermissionRequest(
            consistency=Consistency(at_least_as_fresh=written),
            resource=thing("document:plan"),
            permission="view",
            subject=who(name),
            context=context(**values),
        )
        return client.CheckPermission(request)

    met("a check", check("ann").permissionship, HAS)
    met("a stranger", check("eve").permissionship, NO)
    met("a condition", list(check("bob").partial_caveat_info.missing_required_context), ["day"])
    met("a condition that holds", check("bob", day="monday").permissionship, HAS)
    items = [
        CheckBulkPermissionsRequestItem(resource=thing("document:plan"), permission="view", subject=who(name))
        for name in ("ann", "bob", "eve")
    ]
    pairs = client.CheckBulkPermissions(CheckBulkPermissionsRequest(consistency=FULL, items=items)).pairs
    met("many at once", [pair.item.permissionship for pair in pairs], [HAS, CONDITIONAL, NO])
    resources = client.LookupResources(
        LookupResourcesRequest(
            consistency=FULL, resource_object_type="document", permission="view", subject=who("ann")
        )
    )
    met("resources", [found.resource_object_id for found in resources], ["plan"])
    subjects = client.LookupSubjects(
        LookupSubjectsRequest(
            consistency=FULL, resource=thing("document:plan"), permission="view", subject_object_type="user"
        )
    )
    met("subjects", sorted(found.subject.subject_object_id for found in subjects), ["ann", "bob"])
    tree = client.ExpandPermissionTree(
        ExpandPermissionTreeRequest(consistency=FULL, resource=thing("document:plan"), permission="view")
    ).tree_root
    met("a tree", len(tree.intermediate.children), 2)
    of_documents = RelationshipFilter(resource_type="document")
    read = client.ReadRelationships(ReadRelationshipsRequest(consistency=FULL, relationship_filter=of_documents))
    met("relationships", sorted(found.relationship.subject.object.object_id for found in read), ["ann", "bob"])
    try:
        create = RelationshipUpdate.OPERATION_CREATE
        client.WriteRelationships(WriteRelationshipsRequest(updates=[update(create, edge("viewer", "ann"))]))
        sys.exit("what exists was created again")
    except grpc.RpcError as error:
        met("what exists", error.code(), grpc.StatusCode.ALREADY_EXISTS)
    watched = client.Watch(WatchRequest(optional_start_cursor=written))
    client.DeleteRelationships(DeleteRelationshipsRequest(relationship_filter=of_documents))
    told = next(iter(watched))
    met("a watch", {found.operation for found in told.updates}, {RelationshipUpdate.OPERATION_DELETE})
    watched.cancel()
    written = told.changes_through
    met("a check after a deletion", check("ann").permissionship, NO)
    try:
        InsecureClient(address, "pk_nobody").ReadSchema(ReadSchemaRequest())
        sys.exit("a wrong key was let in")
    except grpc.RpcError as error:
        met("a wrong key", error.code(), grpc.StatusCode.PERMISSION_DENIED)
    print("all met")


drive(sys.argv[1].removeprefix("http://"), sys.argv[2])
