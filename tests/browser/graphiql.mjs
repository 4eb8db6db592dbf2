import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { ask, visit } from "./harness.mjs";

const folder = new URL("../../web/src/graphiql/examples/", import.meta.url);

test("every example is a question that the API answers", async () => {
  const { profiles } = await ask("{ profiles(first: 1) { nodes { unifiedId } } }");
  const { unifiedId } = profiles.nodes[0];
  const names = await readdir(folder);
  assert.ok(names.length > 8);
  for (const name of names.filter((it) => it !== "ingest.graphql")) {
    const query = await readFile(new URL(name, folder), "utf8");
    if (query.includes("subscription")) continue;
    await ask(query, query.includes("$unifiedId") ? { unifiedId } : {});
  }
});

test("GraphiQL runs an example, from our own host alone", async (t) => {
  const { profiles } = await ask("{ profiles(first: 1) { nodes { unifiedId } } }");
  const page = await visit(t, "/graphiql");
  await page.getByRole("button", { name: "One customer, whole" }).click();
  await page.getByRole("tab", { name: /^Customer(?!s)/ }).waitFor();
  await page.locator("button.graphiql-execute-button").click();
  await page.locator(".result-window").getByText(profiles.nodes[0].unifiedId).first().waitFor();
  // Queries and variables name customers: nothing of them outlives the page, not even what an older version kept.
  const kept = await page.evaluate(() => ({ ...localStorage, ...sessionStorage }));
  assert.deepEqual(
    Object.keys(kept).filter((it) => it.startsWith("graphiql")),
    [],
  );
  assert.ok(!JSON.stringify(kept).includes(profiles.nodes[0].unifiedId));
  await page.evaluate(() => localStorage.setItem("graphiql:query", "{ old }"));
  await page.reload();
  await page.getByRole("button", { name: "One customer, whole" }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("graphiql:query")), null);
});
