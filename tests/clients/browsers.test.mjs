// Browser SDKs from npm in a real Chromium, on a page of another site. Only the host is changed.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, test } from "node:test";
import { ask, customer, serve, serveWithKeys } from "./harness.mjs";

// The same browser driver as in the tests of the page.
const { chromium } = createRequire(new URL("../../web/package.json", import.meta.url))("playwright-core");
const packages = join(import.meta.dirname, "node_modules");
const folders = {
  segment: join(packages, "@segment/analytics-next/dist/umd"),
  rudder: join(packages, "@rudderstack/analytics-js/dist/npm/legacy/bundled/umd"),
};

// A shop whose pages load an SDK. Its host name makes it another site than the server.
const shop = createServer(async ({ url }, response) => {
  const { pathname } = new URL(url, "http://localhost");
  const [, whose, file] = pathname.split("/");
  if (!file) return response.setHeader("content-type", "text/html").end("<!doctype html><title>Shop</title>");
  const text = await readFile(join(folders[whose], file)).catch(() => undefined);
  response
    .setHeader("content-type", "text/javascript")
    .writeHead(text ? 200 : 404)
    .end(text);
});
await new Promise((resolve) => shop.listen(0, "127.0.0.1", resolve));
const shopAddress = `http://localhost:${shop.address().port}`;

const server = await serveWithKeys();
const { address, ingest: key } = server;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
after(async () => {
  await browser.close();
  shop.close();
});

/** Opens a page of the shop with an SDK; returns the errors in its console. */
async function visit(whose) {
  const page = await (await browser.newContext()).newPage();
  const consoleErrors = [];
  page.on("console", (message) => message.type() === "error" && consoleErrors.push(message.text()));
  page.on("pageerror", (error) => consoleErrors.push(String(error)));
  await page.goto(shopAddress);
  await page.addScriptTag({ url: `/${whose}/index.js` });
  return { page, consoleErrors };
}

/** The stored customer, without the ID that the SDK generated for the device. */
async function known(id, n) {
  const { identifiers, ...rest } = await customer(server, id, n, day);
  assert.equal(
    identifiers.filter((identifier) => identifier.startsWith("device_id ")).length,
    1,
    identifiers.join(),
  );
  return { ...rest, identifiers: identifiers.filter((identifier) => !identifier.startsWith("device_id ")) };
}

const expected = (id) => ({
  identifiers: [`email ${id}@example.com`, `external_id ${id}`],
  basic: { name: "한지우", email: `${id}@example.com`, phone: null },
  attributes: { plan: "gold" },
  purchases: { refundAmount: "0", refundCount: 0, window: { count: 1, amount: "25000" }, currency: "KRW" },
  events: ["df_purchase", "page_view"],
  platforms: ["WEB"],
});
// Purchases of today count from tomorrow on, in every time zone.
const day = new Date(Date.now() + 48 * 3600 * 1000).toISOString().slice(0, 10);

const visitors = {
  segment: async ([id, key, address, strategy]) => {
    const segment = strategy && {
      integrations: { "Segment.io": { deliveryStrategy: { strategy, config: { size: 2, timeout: 50 } } } },
    };
    const analytics = AnalyticsNext.AnalyticsBrowser.load({ writeKey: key, cdnURL: address }, segment);
    await analytics.page();
    await analytics.identify(id, { name: "한지우", email: `${id}@example.com`, plan: "gold" });
    await analytics.track("Order Completed", { order_id: `o-${id}`, total: 25000, currency: "KRW" });
  },
  rudder: async ([id, key, address, useBeacon]) => {
    const analytics = new rudderanalytics.RudderAnalytics();
    await new Promise((resolve) => {
      analytics.load(key, address, { configUrl: address, useBeacon, onLoaded: resolve, logLevel: "ERROR" });
    });
    analytics.page();
    analytics.identify(id, { name: "한지우", email: `${id}@example.com`, plan: "gold" });
    analytics.track("Order Completed", { order_id: `o-${id}`, total: 25000, currency: "KRW" });
  },
};

for (const strategy of [undefined, "batching"]) {
  test(`Segment's SDK for browsers, ${strategy ?? "a call a request"}`, async () => {
    const id = `segment-web-${strategy ?? "one"}`;
    const { page, consoleErrors } = await visit("segment");
    await page.evaluate(visitors.segment, [id, key, address, strategy]);
    assert.deepEqual(await known(id, 2), expected(id));
    assert.deepEqual(consoleErrors, []);
  });
}

for (const useBeacon of [false, true]) {
  test(`RudderStack's SDK for browsers, ${useBeacon ? "by beacons" : "by requests"}`, async () => {
    const id = `rudder-web-${useBeacon}`;
    const { page, consoleErrors } = await visit("rudder");
    await page.evaluate(visitors.rudder, [id, key, address, useBeacon]);
    // The SDK flushes its queue when the page is closed.
    if (useBeacon) await page.close({ runBeforeUnload: false }).catch(() => {});
    assert.deepEqual(await known(id, 2), expected(id));
    assert.deepEqual(consoleErrors, []);
  });
}

test("a beacon from the own site is accepted; from another site it is rejected if the server requires no key", async () => {
  const { page } = await visit("segment");
  const beacon = ([address, writeKey, userId]) =>
    navigator.sendBeacon(
      `${address}/v1/t`,
      JSON.stringify({ type: "track", event: "Left", userId, messageId: userId, writeKey }),
    );
  await page.evaluate(beacon, [address, key, "beacon"]);
  assert.deepEqual((await customer(server, "beacon", 1)).events, ["Left"]);

  const keyless = await serve();
  await page.evaluate(beacon, [keyless, "any", "beacon"]);
  const answer = await page.evaluate(
    (address) =>
      fetch(`${address}/v1/t`, { method: "POST", body: "{}" }).then(
        () => "answered",
        () => "refused",
      ),
    keyless,
  );
  assert.equal(answer, "refused");
  const query = `{ profile(by: { identifier: { kind: "external_id", value: "beacon" } }) { unifiedId } }`;
  assert.deepEqual(await ask(keyless, query), { profile: null });
});
