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
    withheldLinks(first: 1) { nodes { link { a { unifiedId } b { unifiedId } } } }
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
    { path: "/policy", complete: "[data-version]" },
    { path: "/health", complete: "dl dd" },
    { path: "/inbox", complete: "section li > button .hidden" },
    { path: "/graphiql", complete: ".graphiql-execute-button", not: thirdParty },
    { path: `/inbox?link=${link.a.unifiedId}.${link.b.unifiedId}`, complete: "article thead a" },
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
    [`${a.unifiedId}.${b.unifiedId}`, "Cut this link…"],
    [identifiers[0].unifiedId, "Retire this identifier…"],
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

test("the language changes, and is stored", async (t) => {
  const page = await visit(t, "/customers", { locale: "ko-KR" });
  const language = () => page.evaluate(() => document.documentElement.lang);
  await page.getByText(/^고객 [\d,]+명$/).waitFor();
  assert.equal(await language(), "ko");
  await page.getByRole("button", { name: "English" }).click();
  await page.getByText(/^[\d,]+ customers$/).waitFor();
  await page.reload();
  await page.getByText(/^[\d,]+ customers$/).waitFor();
  assert.equal(await language(), "en");
});

test("the appearance changes, and is stored", async (t) => {
  const page = await visit(t, "/customers", { colorScheme: "light" });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.getByRole("button", { name: "Appearance: System" }).click();
  await page.getByRole("button", { name: "Appearance: Light" }).click();
  await until(async () => (await paper()) !== light, "the dark paper");
  await page.reload();
  await page.getByRole("button", { name: "Appearance: Dark" }).waitFor();
  assert.notEqual(await paper(), light);
});

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
