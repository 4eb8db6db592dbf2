// GraphQL with third-party programs: the audits of graphql-http, and the client graphql-ws.
import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAudits } from "graphql-http";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { ask, serve } from "./harness.mjs";

const address = await serve();

const INGEST = `mutation ($messages: [MessageInput!]!) {
  ingest(messages: $messages) { results { status unifiedId } }
}`;

async function identify(messageId, name) {
  const message = {
    messageId,
    type: "IDENTIFY",
    timestamp: `2026-01-01T00:00:0${messageId}Z`,
    source: "crm",
    identifiers: [{ kind: "external_id", value: "u1" }],
    attributes: { df_name: name },
  };
  const { ingest } = await ask(address, INGEST, { messages: [message] });
  return ingest.results[0].unifiedId;
}

test("the whole audit suite of GraphQL over HTTP passes: MUST, SHOULD and MAY", async (t) => {
  const audits = serverAudits({ url: () => `${address}/graphql`, fetchFn: fetch });
  assert.equal(audits.length, 61);
  for (const { id, name, fn } of audits) {
    await t.test(`${id} ${name}`, async () => {
      const { status, reason } = await fn();
      assert.equal(status, "ok", reason);
    });
  }
});

test("graphql-ws receives changes, answers to queries, and errors for what cannot be run", async () => {
  const client = createClient({ url: `${address.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket });
  const once = (query) => client.iterate({ query }).next();
  const role = await once("{ viewer { role } }");
  assert.deepEqual(role.value, { data: { viewer: { role: "ADMIN" } } });
  await assert.rejects(once("subscription { nothing }"), (errors) => {
    assert.equal(errors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
    return true;
  });

  const unifiedId = await identify("1", "하나");
  const query = "subscription ($id: ID) { profileChanged(unifiedId: $id) { unifiedId basic { name } } }";
  const changes = client.iterate({ query, variables: { id: unifiedId } });
  // Operations of one connection start in the order in which they were sent.
  const received = changes.next();
  await once("{ viewer { role } }");
  await identify("2", "두리");
  assert.deepEqual((await received).value.data.profileChanged, { unifiedId, basic: { name: "두리" } });
  await changes.return();
  await client.dispose();
});
