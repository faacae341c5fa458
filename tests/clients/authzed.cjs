// Drives a server with the client that AuthZed publishes for Node, and says what it met. Arguments: URL, key.

const { v1 } = require("@authzed/authzed-node");

const SCHEMA = `caveat on_day(day string) {
	day == "monday"
}

definition document {
	relation viewer: user | user with on_day
	permission view = viewer
}

definition user {}`;

function met(what, found, wanted) {
  const [one, two] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (one !== two) {
    throw new Error(`${what}: found ${one}, wanted ${two}`);
  }
  console.log(`${what}: met`);
}

const plan = v1.ObjectReference.create({ objectType: "document", objectId: "plan" });
const who = (name) =>
  v1.SubjectReference.create({ object: v1.ObjectReference.create({ objectType: "user", objectId: name }) });
const fully = v1.Consistency.create({ requirement: { oneofKind: "fullyConsistent", fullyConsistent: true } });

function touch(name, caveat) {
  return v1.RelationshipUpdate.create({
    operation: v1.RelationshipUpdate_Operation.TOUCH,
    relationship: v1.Relationship.create({
      resource: plan,
      relation: "viewer",
      subject: who(name),
      optionalCaveat: caveat && v1.ContextualizedCaveat.create({ caveatName: caveat }),
    }),
  });
}

async function drive(url, key) {
  const address = url.replace("http://", "");
  const made = v1.NewClient(key, address, v1.ClientSecurity.INSECURE_PLAINTEXT_CREDENTIALS);
  const client = made.promises;
  await client.writeSchema(v1.WriteSchemaRequest.create({ schema: SCHEMA }));
  met("the schema", (await client.readSchema(v1.ReadSchemaRequest.create({}))).schemaText, SCHEMA);
  const updates = [touch("ann"), touch("bob", "on_day")];
  await client.writeRelationships(v1.WriteRelationshipsRequest.create({ updates }));
  const check = async (name) => {
    const request = v1.CheckPermissionRequest.create({
      consistency: fully,
      resource: plan,
      permission: "view",
      subject: who(name),
    });
    return client.checkPermission(request);
  };
  const { HAS_PERMISSION, NO_PERMISSION } = v1.CheckPermissionResponse_Permissionship;
  met("a check", (await check("ann")).permissionship, HAS_PERMISSION);
  met("a stranger", (await check("eve")).permissionship, NO_PERMISSION);
  met("a condition", (await check("bob")).partialCaveatInfo.missingRequiredContext, ["day"]);
  const resources = await client.lookupResources(
    v1.LookupResourcesRequest.create({
      consistency: fully,
      resourceObjectType: "document",
      permission: "view",
      subject: who("ann"),
    }),
  );
  met("resources", resources.map((found) => found.resourceObjectId), ["plan"]);
  const subjects = await client.lookupSubjects(
    v1.LookupSubjectsRequest.create({
      consistency: fully,
      resource: plan,
      permission: "view",
      subjectObjectType: "user",
    }),
  );
  met("subjects", subjects.map((found) => found.subject.subjectObjectId).sort(), ["ann", "bob"]);
  const relationshipFilter = v1.RelationshipFilter.create({ resourceType: "document" });
  const read = await client.readRelationships(
    v1.ReadRelationshipsRequest.create({ consistency: fully, relationshipFilter }),
  );
  met("relationships", read.map((found) => found.relationship.subject.object.objectId).sort(), ["ann", "bob"]);
  await client.deleteRelationships(v1.DeleteRelationshipsRequest.create({ relationshipFilter }));
  met("a check after a deletion", (await check("ann")).permissionship, NO_PERMISSION);
  console.log("all met");
  made.close();
}

drive(process.argv[2], process.argv[3]).then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
