// Server SDKs from PyPI and npm against a running server. Only the host is changed.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import RudderAnalytics from "@rudderstack/rudder-sdk-node";
import { Analytics } from "@segment/analytics-node";
import { customer, serveWithKeys } from "./harness.mjs";

const server = await serveWithKeys();
const { address, ingest } = server;

/** A unique phone number: one that many customers share identifies none of them. */
const phone = (id) => `010-1234-${1000 + id.length}`;

/** The stored customer; every SDK sends the same one. */
function expected(id, platform) {
  const normal = `+8210${phone(id).slice(4).replace("-", "")}`;
  return {
    identifiers: [`device_id a-${id}`, `email ${id}@example.com`, `external_id ${id}`, `phone ${normal}`],
    basic: { name: "한지우", email: `${id}@example.com`, phone: normal },
    // The attribute that was unset is removed.
    attributes: { "group.name": "Acme", group_id: "g-1", plan: "gold" },
    purchases: {
      refundAmount: "5000",
      refundCount: 1,
      window: { count: 1, amount: "25000" },
      currency: "KRW",
    },
    events: ["df_purchase", "df_refund", "page_view", "screen_view"],
    platforms: [platform],
  };
}

const timestamp = new Date("2026-01-10T03:00:00.000Z");
const day = "2026-02-01";
const later = new Date("2026-01-11T03:00:00.000Z");
const order = {
  order_id: "o-1",
  total: 25000,
  currency: "KRW",
  products: [{ product_id: "p-1", name: "드립백 커피", category: "식품", price: 12500, quantity: 2 }],
};

function calls(id) {
  const traits = { name: "한지우", email: `${id}@example.com`, phone: phone(id), plan: "gold", tier: 3 };
  const own = { ...order, order_id: `o-${id}` };
  return [
    ["page", { anonymousId: `a-${id}`, name: "Home", timestamp }],
    [
      "identify",
      { userId: id, anonymousId: `a-${id}`, traits: { ...traits, address: { city: "서울" } }, timestamp },
    ],
    ["identify", { userId: id, traits: { tier: null, address: { city: null } }, timestamp: later }],
    ["track", { userId: id, event: "Order Completed", properties: own, timestamp }],
    [
      "track",
      {
        userId: id,
        event: "Order Refunded",
        properties: { order_id: own.order_id, total: 5000 },
        timestamp: later,
      },
    ],
    ["screen", { userId: id, name: "Cart", timestamp }],
    ["alias", { userId: id, previousId: `a-${id}`, timestamp }],
    ["group", { userId: id, groupId: "g-1", traits: { name: "Acme" }, timestamp }],
  ];
}

test("Segment's SDK for Node", async () => {
  const analytics = new Analytics({ writeKey: ingest, host: address, flushAt: 20 });
  const failures = [];
  analytics.on("error", (error) => failures.push(error));
  for (const [method, call] of calls("segment-nodejs")) analytics[method](call);
  await analytics.closeAndFlush();
  assert.deepEqual(failures, []);
  assert.deepEqual(await customer(server, "segment-nodejs", 4, day), expected("segment-nodejs", "API"));
});

test("RudderStack's SDK for Node, which compresses its bodies and labels them as a form", async () => {
  for (const gzip of [true, false]) {
    const id = `rudder-node-${gzip ? "packed" : "as-it-is"}`;
    const analytics = new RudderAnalytics(ingest, {
      dataPlaneUrl: address,
      flushAt: 3,
      gzip,
      logLevel: "none",
    });
    const sent = calls(id).map(
      ([method, call]) =>
        new Promise((resolve, reject) =>
          analytics[method](call, (error) => (error ? reject(error) : resolve())),
        ),
    );
    await analytics.flush();
    await Promise.all(sent);
    assert.deepEqual(await customer(server, id, 4, day), expected(id, "API"));
  }
});

for (const [whose, script] of [
  ["Segment's", "segment_sends.py"],
  ["RudderStack's", "rudder_sends.py"],
]) {
  test(`${whose} SDK for Python`, async () => {
    const id = script.split(".")[0];
    const folder = join(import.meta.dirname, "python");
    const python = join(folder, "venv/bin/python");
    await promisify(execFile)(python, [join(folder, script), address, ingest, id]);
    assert.deepEqual(await customer(server, id, 4, day), expected(id, "API"));
  });
}

test("RudderStack's SDK for Python reads why it is rejected", async () => {
  const folder = join(import.meta.dirname, "python");
  const { stdout } = await promisify(execFile)(join(folder, "venv/bin/python"), [
    join(folder, "rudder_is_refused.py"),
    address,
  ]);
  assert.equal(stdout.trim(), "UNAUTHENTICATED");
});

test("an invalid key is rejected", async () => {
  const send = (headers, body) =>
    fetch(`${address}/v1/batch`, { method: "POST", headers, body: JSON.stringify(body) });
  const batch = [{ type: "track", userId: "n", event: "x", messageId: "n-1" }];
  for (const [headers, body] of [
    [{}, { batch }],
    [{}, { batch, writeKey: "wrong" }],
    [
      {},
      {
        batch: [
          { ...batch[0], writeKey: ingest },
          { ...batch[0], writeKey: "wrong" },
        ],
      },
    ],
    [{ authorization: "Basic d3Jvbmc6" }, { batch, writeKey: ingest }],
  ]) {
    const response = await send(headers, body);
    assert.equal(response.status, 401, JSON.stringify([headers, body]));
    assert.equal((await response.json()).code, "UNAUTHENTICATED");
  }
  for (const [headers, body] of [
    [{}, { batch, writeKey: ingest }],
    [{}, { batch: [{ ...batch[0], writeKey: ingest }] }],
    [{ authorization: `Bearer ${ingest}` }, { batch }],
  ]) {
    assert.equal((await send(headers, body)).status, 200, JSON.stringify([headers, body]));
  }
});
