// Drives a server with the client that OpenFGA publishes, and says what it met. Arguments: URL, key.

const assert = require("node:assert/strict");
const { CredentialsMethod, OpenFgaClient, FgaApiValidationError, FgaApiAuthenticationError } = require("@openfga/sdk");

const model = {
  schema_version: "1.1",
  type_definitions: [
    { type: "user", relations: {} },
    {
      type: "document",
      relations: {
        editor: { this: {} },
        viewer: { union: { child: [{ this: {} }, { computedUserset: { relation: "editor" } }] } },
      },
      metadata: {
        relations: {
          editor: { directly_related_user_types: [{ type: "user" }, { type: "user", condition: "in_hours" }] },
          viewer: { directly_related_user_types: [{ type: "user" }, { type: "user", wildcard: {} }] },
        },
      },
    },
  ],
  conditions: {
    in_hours: {
      name: "in_hours",
      expression: "hour >= 9 && hour < 17",
      parameters: { hour: { type_name: "TYPE_NAME_INT" } },
    },
  },
};

function met(what, found, wanted) {
  assert.deepEqual(found, wanted, what);
  console.log(`met: ${what}`);
}

async function drive(apiUrl, key) {
  const connected = (token, storeId) =>
    new OpenFgaClient({
      apiUrl,
      storeId,
      credentials: { method: CredentialsMethod.ApiToken, config: { token } },
      retryParams: { maxRetry: 0 },
    });
  const made = await connected(key).createStore({ name: "node" });
  const listed = await connected(key).listStores();
  met("the store is listed", listed.stores.some((store) => store.id === made.id), true);
  await assert.rejects(connected("wrong", made.id).getStore(), FgaApiAuthenticationError);
  console.log("met: a wrong key is not let in");

  const client = connected(key, made.id);
  met("the store", (await client.getStore()).name, "node");
  const written = await client.writeAuthorizationModel(model);
  const latest = (await client.readLatestAuthorizationModel()).authorization_model;
  met("the newest model", latest.id, written.authorization_model_id);
  met("its types", latest.type_definitions.map((kind) => kind.type), ["user", "document"]);

  const anne = { user: "user:anne", relation: "editor", object: "document:plan" };
  const bob = { user: "user:bob", relation: "editor", object: "document:plan", condition: { name: "in_hours" } };
  await client.write({ writes: [anne, bob] });
  await assert.rejects(client.write({ writes: [anne] }), (refused) => {
    met("a duplicate's code", refused.apiErrorCode, "write_failed_due_to_invalid_input");
    return refused instanceof FgaApiValidationError;
  });

  const check = async (user, besides = {}) =>
    (await client.check({ user, relation: "viewer", object: "document:plan", ...besides })).allowed;
  met("a check", await check("user:anne"), true);
  met("another check", await check("user:carl"), false);
  met("a condition", await check("user:bob", { context: { hour: 10 } }), true);
  met("its other side", await check("user:bob", { context: { hour: 20 } }), false);
  await assert.rejects(check("user:bob"), (refused) => {
    met("a missing value's code", refused.apiErrorCode, "validation_error");
    return refused instanceof FgaApiValidationError;
  });
  const besides = [{ user: "user:carl", relation: "viewer", object: "document:plan" }];
  met("a contextual tuple", await check("user:carl", { contextualTuples: besides }), true);

  const item = { user: "user:anne", relation: "viewer", object: "document:plan", correlationId: "one" };
  const batch = await client.batchCheck({ checks: [item] });
  met("a batch", batch.result.map((found) => [found.correlationId, found.allowed]), [["one", true]]);
  const asked = { user: "user:anne", relation: "viewer", type: "document" };
  met("objects", (await client.listObjects(asked)).objects, ["document:plan"]);
  const streamed = [];
  for await (const found of client.streamedListObjects(asked)) streamed.push(found.object);
  met("streamed objects", streamed, ["document:plan"]);
  const relations = { user: "user:anne", object: "document:plan", relations: ["viewer", "editor"] };
  met("relations", (await client.listRelations(relations)).relations.sort(), ["editor", "viewer"]);
  const users = await client.listUsers({
    object: { type: "document", id: "plan" },
    relation: "viewer",
    user_filters: [{ type: "user" }],
    context: { hour: 10 },
  });
  met("users", users.users.map((user) => user.object.id).sort(), ["anne", "bob"]);
  const expanded = await client.expand({ relation: "viewer", object: "document:plan" });
  met("a tree", expanded.tree.root.union.nodes.map((node) => Boolean(node.leaf)), [true, true]);
  const read = await client.read({ object: "document:plan" });
  met("tuples", read.tuples.map((tuple) => tuple.key.user).sort(), ["user:anne", "user:bob"]);

  await client.write({ deletes: [anne] });
  met("a check after a deletion", await check("user:anne"), false);
  met("changes", (await client.readChanges({ type: "document" })).changes.length, 3);
  const assertion = { user: "user:anne", relation: "viewer", object: "document:plan", expectation: false };
  const about = { authorizationModelId: written.authorization_model_id };
  await client.writeAssertions([assertion], about);
  met("assertions", (await client.readAssertions(about)).assertions.length, 1);
  await client.deleteStore();
  console.log("all met");
}

drive(process.argv[2], process.argv[3]).catch((error) => {
  console.error(error);
  process.exit(1);
});
