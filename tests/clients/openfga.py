"""Drives a server with the client that OpenFGA publishes, and says what it met. Arguments: URL, key."""

import asyncio
import sys

from openfga_sdk import ClientConfiguration, OpenFgaClient
from openfga_sdk.client.models import (
    ClientAssertion,
    ClientBatchCheckItem,
    ClientBatchCheckRequest,
    ClientCheckRequest,
    ClientExpandRequest,
    ClientListObjectsRequest,
    ClientListRelationsRequest,
    ClientReadChangesRequest,
    ClientTuple,
    ClientWriteRequest,
)
from openfga_sdk.client.models.list_users_request import ClientListUsersRequest
from openfga_sdk.credentials import CredentialConfiguration, Credentials
from openfga_sdk.exceptions import UnauthorizedException, ValidationException
from openfga_sdk.models import (
    Condition,
    ConditionParamTypeRef,
    CreateStoreRequest,
    FgaObject,
    Metadata,
    ObjectRelation,
    ReadRequestTupleKey,
    RelationMetadata,
    RelationReference,
    RelationshipCondition,
    TypeDefinition,
    Userset,
    Usersets,
    UserTypeFilter,
    WriteAuthorizationModelRequest,
)


def model():
    user = RelationReference(type="user")
    conditional = RelationReference(type="user", condition="in_hours")
    document = TypeDefinition(
        type="document",
        relations={
            "editor": Userset(this={}),
            "viewer": Userset(
                union=Usersets(child=[Userset(this={}), Userset(computed_userset=ObjectRelation(relation="editor"))])
            ),
        },
        metadata=Metadata(
            relations={
                "editor": RelationMetadata(directly_related_user_types=[user, conditional]),
                "viewer": RelationMetadata(directly_related_user_types=[user, RelationReference(type="user", wildcard={})]),
            }
        ),
    )
    hours = Condition(
        name="in_hours",
        expression="hour >= 9 && hour < 17",
        parameters={"hour": ConditionParamTypeRef(type_name="TYPE_NAME_INT")},
    )
    return WriteAuthorizationModelRequest(
        schema_version="1.1",
        type_definitions=[TypeDefinition(type="user", relations={}), document],
        conditions={"in_hours": hours},
    )


def met(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: found {found!r}, wanted {wanted!r}")
    print(f"met: {what}")


async def drive(url, key):
    def configured(token, store=None):
        credentials = Credentials(method="api_token", configuration=CredentialConfiguration(api_token=token))
        return ClientConfiguration(api_url=url, store_id=store, credentials=credentials)

    async with OpenFgaClient(configured(key)) as client:
        made = await client.create_store(CreateStoreRequest(name="python"))
        listed = await client.list_stores()
        met("the store is listed", made.id in [store.id for store in listed.stores], True)
    async with OpenFgaClient(configured("wrong", made.id)) as client:
        try:
            await client.get_store()
            sys.exit("a wrong key was let in")
        except UnauthorizedException:
            print("met: a wrong key is not let in")
    async with OpenFgaClient(configured(key, made.id)) as client:
        met("the store", (await client.get_store()).name, "python")
        written = await client.write_authorization_model(model())
        client.set_authorization_model_id(written.authorization_model_id)
        latest = (await client.read_latest_authorization_model()).authorization_model
        met("the newest model", latest.id, written.authorization_model_id)
        met("its types", [kind.type for kind in latest.type_definitions], ["user", "document"])

        anne = ClientTuple(user="user:anne", relation="editor", object="document:plan")
        bob = ClientTuple(
            user="user:bob", relation="editor", object="document:plan", condition=RelationshipCondition(name="in_hours")
        )
        await client.write(ClientWriteRequest(writes=[anne, bob]))
        try:
            await client.write(ClientWriteRequest(writes=[anne]))
            sys.exit("a tuple was written twice")
        except ValidationException as refused:
            met("a duplicate's code", refused.code, "write_failed_due_to_invalid_input")

        def check(user, **besides):
            return client.check(ClientCheckRequest(user=user, relation="viewer", object="document:plan", **besides))

        met("a check", (await check("user:anne")).allowed, True)
        met("another check", (await check("user:carl")).allowed, False)
        met("a condition", (await check("user:bob", context={"hour": 10})).allowed, True)
        met("its other side", (await check("user:bob", context={"hour": 20})).allowed, False)
        try:
            await check("user:bob")
            sys.exit("a check without its context was answered")
        except ValidationException as refused:
            met("a missing value's code", refused.code, "validation_error")
        besides = [ClientTuple(user="user:carl", relation="viewer", object="document:plan")]
        met("a contextual tuple", (await check("user:carl", contextual_tuples=besides)).allowed, True)

        item = ClientBatchCheckItem(user="user:anne", relation="viewer", object="document:plan", correlation_id="one")
        batch = await client.batch_check(ClientBatchCheckRequest(checks=[item]))
        met("a batch", [(found.correlation_id, found.allowed) for found in batch.result], [("one", True)])
        asked = ClientListObjectsRequest(user="user:anne", relation="viewer", type="document")
        met("objects", (await client.list_objects(asked)).objects, ["document:plan"])
        streamed = [found.object async for found in client.streamed_list_objects(asked)]
        met("streamed objects", streamed, ["document:plan"])
        relations = ClientListRelationsRequest(user="user:anne", object="document:plan", relations=["viewer", "editor"])
        met("relations", sorted(await client.list_relations(relations)), ["editor", "viewer"])
        users = await client.list_users(
            ClientListUsersRequest(
                object=FgaObject(type="document", id="plan"),
                relation="viewer",
                user_filters=[UserTypeFilter(type="user")],
                context={"hour": 10},
            )
        )
        met("users", sorted(user.object.id for user in users.users), ["anne", "bob"])
        expanded = await client.expand(ClientExpandRequest(relation="viewer", object="document:plan"))
        met("a tree", [node.leaf is not None for node in expanded.tree.root.union.nodes], [True, True])
        read = await client.read(ReadRequestTupleKey(object="document:plan"))
        met("tuples", sorted(found.key.user for found in read.tuples), ["user:anne", "user:bob"])

        await client.write(ClientWriteRequest(deletes=[anne]))
        met("a check after a deletion", (await check("user:anne")).allowed, False)
        changes = await client.read_changes(ClientReadChangesRequest(type="document"))
        met("changes", len(changes.changes), 3)
        await client.write_assertions(
            [ClientAssertion(user="user:anne", relation="viewer", object="document:plan", expectation=False)]
        )
        met("assertions", len((await client.read_assertions()).assertions), 1)
        await client.delete_store()
    print("all met")


asyncio.run(drive(sys.argv[1], sys.argv[2]))
