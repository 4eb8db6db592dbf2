import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ask,
  consoleErrors,
  documents,
  foreignRequests,
  listedDocuments,
  until,
  violations,
  visit,
} from "./harness.mjs";

/** Faults of GraphiQL that we cannot fix, each with its reason. */
const thirdParty = [
  // A tab holds the button that closes it: its own markup.
  [".graphiql-tabs"],
  // The colors of words in the editors are its theme's, set by its code.
  [".monaco-editor .view-lines"],
];

/** Every view, with a selector that matches once it is complete. */
async function views() {
  const { profiles, withheldLinks } = await ask(`{
    profiles(first: 2, orderBy: { field: PURCHASE_AMOUNT_12M, direction: DESC }) { nodes { unifiedId } }
    withheldLinks(first: 1, reason: LIMIT) { nodes { link { a { unifiedId } b { unifiedId } } } }
  }`);
  const [{ link }] = withheldLinks.nodes;
  return [
    { path: "/customers", complete: "tbody a" },
    { path: `/customers/${profiles.nodes[0].unifiedId}`, complete: "#timeline summary" },
    { path: `/customers/${profiles.nodes[0].unifiedId}/identity`, complete: "tr[data-link]" },
    { path: "/merge", complete: "h1" },
    {
      path: `/merge?id=${profiles.nodes[0].unifiedId}&id=${profiles.nodes[1].unifiedId}`,
      complete: "[data-summary]",
    },
    {
      path: `/compare?id=${profiles.nodes[0].unifiedId}&id=${profiles.nodes[1].unifiedId}`,
      complete: "tr[data-field]",
    },
    { path: "/policy", complete: "[data-version]" },
    { path: "/health", complete: "dl dd" },
    { path: "/inbox", complete: "section li > button[class*=row]" },
    { path: "/graphiql", complete: ".graphiql-execute-button", not: thirdParty },
    { path: `/inbox?link=${link.a.unifiedId}.${link.b.unifiedId}`, complete: "article thead a" },
    { path: "/activity", complete: "main h1" },
  ];
}

async function complete(page, view) {
  await page.locator(view.complete).first().waitFor();
  await page.locator("[aria-busy=true]").waitFor({ state: "detached" });
}

for (const colorScheme of ["light", "dark"]) {
  for (const [locale, width] of [
    ["en-US", 1440],
    ["ko-KR", 375],
  ]) {
    test(`axe finds nothing: ${colorScheme}, ${locale}, ${width} wide`, async (t) => {
      for (const view of await views()) {
        const page = await visit(t, view.path, { colorScheme, locale, viewport: { width, height: 800 } });
        await complete(page, view);
        assert.deepEqual(await violations(page, view.not), [], view.path);
      }
    });
  }
}

test("no view is wider than a phone", async (t) => {
  for (const view of await views()) {
    const page = await visit(t, view.path, { viewport: { width: 375, height: 800 } });
    await complete(page, view);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 375, `${view.path} is ${width} wide`);
  }
});

test("no dialog is wider than a phone", async (t) => {
  const { profiles } = await ask(`{
    profiles(first: 50) { nodes { unifiedId identifiers { unifiedId } graph { links { a { unifiedId } b { unifiedId } } } } }
  }`);
  const { unifiedId, identifiers, graph } = profiles.nodes.find(({ graph }) => graph.links.length > 3);
  const [{ a, b }] = graph.links;
  for (const [at, name] of [
    [`${a.unifiedId}.${b.unifiedId}`, "Unlink…"],
    [identifiers[0].unifiedId, "Mark as reassigned…"],
  ]) {
    const path = `/customers/${unifiedId}/identity?at=${at}`;
    const page = await visit(t, path, { viewport: { width: 375, height: 800 } });
    await page.getByRole("button", { name }).click();
    const dialog = page.getByRole("dialog");
    await dialog.locator("[data-parts], [data-needs-messages]").waitFor();
    assert.ok(await dialog.evaluate((element) => element.scrollWidth <= element.clientWidth), name);
    assert.deepEqual(await violations(page), [], name);
  }
});

/** The most bytes of a first visit on the wire, fonts included. */
const mostBytes = 300_000;

for (const locale of ["en-US", "ko-KR"]) {
  test(`the first visit is below ${mostBytes} bytes: ${locale}`, async (t) => {
    const byPath = new Map();
    let cdp;
    const page = await visit(t, "/customers", {
      locale,
      prepare: async (page) => {
        cdp = await page.context().newCDPSession(page);
        await cdp.send("Network.enable");
        const paths = new Map();
        cdp.on("Network.requestWillBeSent", ({ requestId, request }) =>
          paths.set(requestId, new URL(request.url).pathname),
        );
        cdp.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
          const path = paths.get(requestId);
          byPath.set(path, (byPath.get(path) ?? 0) + encodedDataLength);
        });
      },
    });
    await page.locator("tbody a").nth(5).waitFor();
    await page.evaluate(() => document.fonts.ready);
    await page.waitForLoadState("networkidle");
    const all = [...byPath.values()].reduce((sum, bytes) => sum + bytes, 0);
    t.diagnostic(`${locale}: ${all} bytes in ${byPath.size} files`);
    const largest = [...byPath].sort((a, b) => b[1] - a[1]).slice(0, 12);
    assert.ok(all < mostBytes, `${all}: ${JSON.stringify(largest)}`);
    // One font at most is preloaded, and what has a hash is kept.
    assert.ok((await page.locator('link[rel="preload"]').count()) <= 1);
    const icon = await page.locator('link[rel="icon"]').getAttribute("href");
    const { headers } = await fetch(new URL(icon, page.url()));
    assert.match(headers.get("cache-control"), /immutable/);
  });
}

test("before its script runs, the page shows a header and rows, in the stored appearance", async (t) => {
  const page = await visit(t, "/customers", {
    quiet: false,
    colorScheme: "light",
    prepare: async (page) => {
      await page.addInitScript(() => localStorage.setItem("theme", "dark"));
      await page.route(/\/assets\/index-.*\.js$/, (route) => route.abort());
    },
  });
  await page.locator(".first-header").waitFor();
  assert.equal(await page.locator(".first-rows > i").count(), 8);
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
});

test("the language changes, and is stored", async (t) => {
  const page = await visit(t, "/customers", { locale: "ko-KR" });
  const language = () => page.evaluate(() => document.documentElement.lang);
  await page.getByText(/^고객 [\d,]+명$/).waitFor();
  assert.equal(await language(), "ko");
  await page.getByRole("button", { name: "설정" }).click();
  await page.getByRole("radio", { name: "English" }).click({ force: true });
  await page.getByText(/^[\d,]+ customers$/).waitFor();
  await page.reload();
  await page.getByText(/^[\d,]+ customers$/).waitFor();
  assert.equal(await language(), "en");
});

test("the appearance changes, and is stored", async (t) => {
  const page = await visit(t, "/customers", { colorScheme: "light" });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("radio", { name: "Dark" }).click({ force: true });
  await until(async () => (await paper()) !== light, "the dark paper");
  assert.deepEqual(await violations(page), [], "the menu");
  await page.reload();
  // The stored appearance applies before the page's script runs.
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.locator("tbody a").first().waitFor();
  assert.notEqual(await paper(), light);
  // GraphiQL is for developers: it is in the menu, not among the views.
  assert.equal(
    await page
      .locator("nav")
      .getByText(/GraphiQL/)
      .count(),
    0,
  );
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("link", { name: "API (GraphiQL)" }).click();
  await page.locator("button.graphiql-execute-button").waitFor();
});

test("the keyboard starts at the skip link on every view", async (t) => {
  for (const view of [...(await views()), { path: "/nothing", complete: "main h2", quiet: false }]) {
    if (view.path === "/graphiql") continue;
    const page = await visit(t, view.path, { quiet: view.quiet ?? true });
    await complete(page, view);
    await page.keyboard.press("Tab");
    const first = await page.evaluate(() => document.activeElement?.getAttribute("href"));
    assert.equal(first, "#content", view.path);
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "content", view.path);
    await page.context().close();
  }
});

test("times are no stops of the Tab key", async (t) => {
  const [, card, identity] = await views();
  for (const view of [card, identity]) {
    const page = await visit(t, view.path);
    await complete(page, view);
    assert.ok((await page.locator("time").count()) > 0, view.path);
    assert.equal(await page.locator("button:has(time:only-child), time[tabindex='0']").count(), 0, view.path);
  }
});

test("a dialog opens on its first field, and gives the focus back", async (t) => {
  const identity = (await views())[2];
  const { profiles } = await ask(
    "{ profiles(first: 1, orderBy: { field: PURCHASE_AMOUNT_12M, direction: DESC }) { nodes { identifiers { unifiedId } } } }",
  );
  const [{ identifiers }] = profiles.nodes;
  const page = await visit(t, `${identity.path}?at=${identifiers[0].unifiedId}`);
  await complete(page, identity);
  const opener = page.locator("aside").getByRole("button", { name: /…$/ }).first();
  await opener.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  const focused = () =>
    page.evaluate(() => document.activeElement?.matches("dialog :is(input, select, textarea)"));
  assert.ok(await focused());
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.ok(await opener.evaluate((element) => element === document.activeElement));
});

test("a lost connection says from when the data is, and a failed search says so", async (t) => {
  const page = await visit(t, "/customers", { quiet: false });
  await page.locator("tbody a").nth(2).waitFor();
  await page.context().setOffline(true);
  const bar = page.locator("[data-connection-lost]");
  await bar.waitFor();
  assert.match(await bar.textContent(), /^Connection lost, reconnecting… Data from \d\d:\d\d$/);
  assert.deepEqual(await violations(page), []);
  await page.locator("search input").fill("박도윤");
  await page.getByRole("heading", { name: "Search failed" }).waitFor();
  await page.getByText("Data shown may be out of date").waitFor();
  await page.context().setOffline(false);
  await bar.waitFor({ state: "detached" });
});

test("a view that never loaded does not speak of old data", async (t) => {
  const [, card] = await views();
  const page = await visit(t, "/customers", { quiet: false });
  // The code of the card comes when a customer is pointed at; its data when it is opened.
  const code = page.waitForResponse("**/assets/Customer-*.js");
  await page.locator("tbody a").last().hover();
  await code;
  await page.context().setOffline(true);
  await page.evaluate((path) => {
    history.pushState(null, "", path);
  }, card.path);
  await page.getByRole("heading", { name: "Can't reach the server" }).waitFor();
  assert.equal(await page.getByText("Data shown may be out of date").count(), 0);
  await page.context().setOffline(false);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator("#timeline summary").first().waitFor();
});

test("a view whose code does not load says so, and the others still open", async (t) => {
  const page = await visit(t, "/customers", {
    quiet: false,
    prepare: (page) => page.route("**/assets/Health-*.js", (route) => route.abort()),
  });
  await page.locator("tbody a").first().waitFor();
  await page.locator('nav a[href="/health"]').click();
  await page.getByRole("heading", { name: "This view didn't load" }).waitFor();
  await page.locator('nav a[href="/customers"]').last().click();
  await page.locator("tbody a").first().waitFor();
});

for (const [what, pattern] of [
  ["module", "**/*.wasm"],
  ["worker", "**/worker-*.js"],
]) {
  test(`without the ${what}, a preview says why, and can be tried again`, async (t) => {
    const merge = (await views())[4];
    let blocked = true;
    const page = await visit(t, merge.path, {
      quiet: false,
      prepare: (page) =>
        page.context().route(pattern, (route) => (blocked ? route.abort() : route.continue())),
    });
    const notice = page.locator("[data-preview-unavailable]");
    await notice.waitFor();
    await notice.getByText("Preview unavailable").waitFor();
    await notice.getByText("The preview module didn't load.").waitFor();
    await notice.getByText("Details").click();
    await notice.getByText(/^MODULE_UNAVAILABLE: /).waitFor();
    assert.deepEqual(await violations(page), []);
    // Without a preview a merge is still possible, with a reason.
    await notice.getByRole("button", { name: "Merge without preview" }).click();
    const dialog = page.getByRole("dialog", { name: "Merge without preview" });
    assert.ok(await dialog.getByRole("button", { name: "Merge customers" }).isDisabled());
    await page.keyboard.press("Escape");
    blocked = false;
    await notice.getByRole("button", { name: "Retry" }).click();
    await page.locator("[data-summary]").waitFor();
  });
}

test("no request left this machine, and no page complained", () => {
  assert.deepEqual(foreignRequests, []);
  assert.deepEqual(consoleErrors, []);
});

test("every document that a page sent is a trusted document", async () => {
  const listed = new Set(await listedDocuments());
  assert.ok(documents.size > 15, `${documents.size} documents were sent`);
  assert.deepEqual(
    [...documents].filter((document) => !listed.has(document)),
    [],
  );
});
