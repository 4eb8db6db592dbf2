import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { run, serve, temporaryFolder, until, violations, visit } from "./harness.mjs";

test("where the server requires a key, the page asks for it and does not leak it", async (t) => {
  const folder = await temporaryFolder(t);
  const keys = join(folder, "keys.json");
  const key = (role) => run("key", "create", "--role", role, "--keys", keys);
  const [sender, reader] = [key("INGEST"), key("READER")];
  const at = await serve(t, "--keys", keys, "--demo", "--db", `surrealkv://${folder}/data?sync=never`);

  // The browser logs an error for each 401.
  const page = await visit(t, "/customers", { at, quiet: false });
  const dialog = page.getByRole("dialog", { name: "Sign in with an API key" });
  await dialog.waitFor();
  const field = dialog.getByLabel("Key");
  assert.ok(await field.evaluate((element) => element === document.activeElement));
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press("Escape");
  assert.ok(await dialog.isVisible(), "there is nothing behind it");
  for (const [wrong, says] of [
    ["한글", "Invalid or revoked key."],
    ["p360_000000000000_00", "Invalid or revoked key."],
    [sender, "This key can only send data."],
  ]) {
    await field.fill(wrong);
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await dialog.getByRole("alert").filter({ hasText: says }).waitFor();
  }

  await field.fill(reader);
  await page.keyboard.press("Enter");
  await page.getByRole("row").nth(3).waitFor();
  const stored = await page.evaluate(() => ({ local: JSON.stringify(localStorage), url: location.href }));
  assert.ok(!stored.local.includes(reader) && !stored.url.includes(reader));
  assert.deepEqual(await page.context().cookies(), []);
  await page.reload();
  // Until the list is loaded, rows are placeholders.
  await page.locator("tbody a").nth(2).waitFor();
  await page.getByRole("row").nth(3).click();
  await page.getByText("Personal data is masked for your role").waitFor();

  // Live updates arrive over a socket that authenticated with the key.
  const opened = page.waitForEvent("websocket");
  await page.reload();
  const socket = await opened;
  await until(async () => !socket.isClosed(), "the socket to be open");
  await socket.waitForEvent("framereceived", ({ payload }) => payload.includes("connection_ack"));

  // The header says who is signed in.
  const account = page.getByRole("button", { name: /^Account: .+, Reader$/ });
  await account.click();
  assert.deepEqual(await violations(page), []);
  await page.getByRole("button", { name: "Sign out" }).click();
  await dialog.waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);

  // The key is revoked while the page is open.
  await field.fill(reader);
  await page.keyboard.press("Enter");
  await account.waitFor();
  run("key", "revoke", reader, "--keys", keys);
  await page.reload();
  await dialog.waitFor();
});

/** What changes data, by the names of its buttons. */
const changes = /…$|^(Merge|Publish|Keep separate|Revert|Same customer|Different customers|Unlink|Split)/;

test("a role is offered only what it may do, and sees which role to ask for", async (t) => {
  const folder = await temporaryFolder(t);
  const keys = join(folder, "keys.json");
  const key = (role) => run("key", "create", "--role", role, "--keys", keys);
  const [reader, steward] = [key("READER"), key("STEWARD")];
  const at = await serve(t, "--keys", keys, "--demo", "--db", `surrealkv://${folder}/data?sync=never`);
  const answer = async (query) => {
    const response = await fetch(`${at}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${reader}` },
      body: JSON.stringify({ query }),
    });
    return (await response.json()).data;
  };
  await until(
    async () => (await answer("{ withheldLinks(first: 1) { totalCount } }"))?.withheldLinks.totalCount > 0,
    "the demo to be loaded",
  );
  const { profiles } = await answer(`{
    profiles(first: 2, orderBy: { field: PURCHASE_COUNT_12M, direction: DESC }) {
      nodes { unifiedId graph { links { a { unifiedId } b { unifiedId } } } }
    }
  }`);
  const [first, second] = profiles.nodes;
  const [{ a, b }] = first.graph.links;
  const card = `/customers/${first.unifiedId}`;
  const merge = `/merge?id=${first.unifiedId}&id=${second.unifiedId}`;
  const as = (key, path) =>
    visit(t, path, {
      at,
      prepare: (page) => page.addInitScript((value) => sessionStorage.setItem("profile360.key", value), key),
    });

  for (const [path, complete, needs] of [
    [merge, "[data-role-notice], [data-not-for-role]", "decide"],
    ["/inbox", "[data-role-notice]", "decide"],
    ["/policy", "[data-role-notice]", "govern"],
    [`${card}/identity?at=${a.unifiedId}.${b.unifiedId}`, "tr[data-link]", undefined],
    [card, "#timeline summary", undefined],
  ]) {
    const page = await as(reader, path);
    await page.locator(complete).first().waitFor();
    await page.locator("[aria-busy=true]").waitFor({ state: "detached" });
    assert.equal(await page.locator('nav a[href="/merge"]').count(), 0, path);
    assert.deepEqual(
      await page.locator("main").getByRole("button", { name: changes }).allTextContents(),
      [],
      path,
    );
    if (needs) {
      const role = needs === "govern" ? "Admin" : "Steward";
      await page
        .getByText(`Your role (Reader) can view this. Ask for ${role} to change it.`)
        .or(page.getByText("Not available for your role"))
        .first()
        .waitFor();
    }
    await page.context().close();
  }

  const page = await as(steward, merge);
  await page.locator("[data-summary]").waitFor();
  await page.locator('nav a[href="/merge"]').waitFor();
  assert.equal(await page.locator("[data-role-notice]").count(), 0);
});

test("where the server requires no key, the page does not ask for one", async (t) => {
  const page = await visit(t, "/customers");
  await page.getByRole("row").nth(3).waitFor();
  assert.equal(await page.getByRole("button", { name: /^Account/ }).count(), 0);
});
