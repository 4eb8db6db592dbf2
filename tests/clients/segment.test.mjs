// Segment's own SDK, as shops have it installed, against the running server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Analytics } from "@segment/analytics-node";
import { ask, serve } from "./harness.mjs";

const address = await serve();

test("what @segment/analytics-node sends is a customer with a purchase", async () => {
  const analytics = new Analytics({ writeKey: "any", host: address, flushAt: 20 });
  const failures = [];
  analytics.on("error", (error) => failures.push(error));
  const timestamp = new Date("2026-01-10T03:00:00.000Z");
  analytics.page({ anonymousId: "a-1", name: "Home", timestamp });
  analytics.identify({
    userId: "u-1",
    anonymousId: "a-1",
    traits: { name: "한지우", email: "Jiwoo@Example.com", phone: "010-1234-5678", plan: "gold" },
    timestamp,
  });
  analytics.track({
    userId: "u-1",
    event: "Order Completed",
    properties: {
      order_id: "o-1",
      total: 25000,
      currency: "KRW",
      products: [{ product_id: "p-1", name: "드립백 커피", category: "식품", price: 12500, quantity: 2 }],
    },
    timestamp,
  });
  analytics.track({
    userId: "u-1",
    event: "Order Refunded",
    properties: { order_id: "o-1", total: 5000 },
    timestamp: new Date("2026-01-11T03:00:00.000Z"),
  });
  analytics.screen({ userId: "u-1", anonymousId: "a-2", name: "Cart", timestamp });
  analytics.alias({ userId: "u-1", previousId: "a-0", timestamp });
  analytics.group({ userId: "u-1", groupId: "g-1", traits: { name: "Acme" }, timestamp });
  await analytics.closeAndFlush();
  assert.deepEqual(failures, []);

  const query = `{ profile(by: { identifier: { kind: "external_id", value: "u-1" } }) {
    identifiers { kind value }
    basic { name email phone }
    attributes(names: ["plan", "group_id", "group.name"]) { name value source }
    purchases { refundAmount refundCount firstPurchaseDate }
    timeline { nodes { name } }
  } }`;
  const { profile: customer } = await ask(address, query);
  assert.deepEqual(customer.identifiers.map(({ kind, value }) => `${kind} ${value}`).sort(), [
    "device_id a-0",
    "device_id a-1",
    "device_id a-2",
    "email jiwoo@example.com",
    "external_id u-1",
    "phone +821012345678",
  ]);
  assert.deepEqual(customer.basic, { name: "한지우", email: "jiwoo@example.com", phone: "+821012345678" });
  const source = "@segment/analytics-node";
  assert.deepEqual(customer.attributes, [
    { name: "group.name", value: "Acme", source },
    { name: "group_id", value: "g-1", source },
    { name: "plan", value: "gold", source },
  ]);
  assert.deepEqual(customer.purchases, {
    refundAmount: "5000",
    refundCount: 1,
    firstPurchaseDate: "2026-01-10",
  });
  assert.deepEqual(customer.timeline.nodes.map(({ name }) => name).sort(), [
    "df_purchase",
    "df_refund",
    "page_view",
    "screen_view",
  ]);
});
