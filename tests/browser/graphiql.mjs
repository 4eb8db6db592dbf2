import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { ask, visit } from "./harness.mjs";

const folder = new URL("../../web/src/graphiql/examples/", import.meta.url);

test("the API answers every example", async () => {
  const { profiles, page, withheldLinks } = await ask(`{
    profiles(first: 1) { nodes { unifiedId } }
    page: profiles(first: 10) { pageInfo { endCursor } }
    withheldLinks(first: 1) { nodes { link { a { kind value } b { kind value } } } }
  }`);
  const values = {
    unifiedId: profiles.nodes[0].unifiedId,
    after: page.pageInfo.endCursor,
    ...withheldLinks.nodes[0].link,
  };
  const names = await readdir(folder);
  assert.ok(names.length > 12);
  for (const name of names.filter((file) => file !== "ingest.graphql")) {
    const query = await readFile(new URL(name, folder), "utf8");
    if (query.includes("subscription")) continue;
    const declared = Object.entries(values).filter(([variable]) => query.includes(`$${variable}:`));
    // The cursor is one of the list of customers.
    await ask(query, Object.fromEntries(query.includes("$unifiedId") ? declared.slice(0, 1) : declared));
  }
});

test("GraphiQL runs an example, from our own host alone", async (t) => {
  const { profiles } = await ask(
    "{ profiles(first: 1, orderBy: { field: PURCHASE_COUNT_12M, direction: DESC }) { nodes { unifiedId } } }",
  );
  const page = await visit(t, "/graphiql");
  await page.getByRole("button", { name: "Customer (all fields)" }).click();
  await page.getByRole("tab", { name: /^Customer(?!s)/ }).waitFor();
  await page.locator("button.graphiql-execute-button").click();
  await page.locator(".result-window").getByText(profiles.nodes[0].unifiedId).first().waitFor();
  // Queries and variables name customers: none outlive the page, not even those that an older version stored.
  const kept = await page.evaluate(() => ({ ...localStorage, ...sessionStorage }));
  assert.deepEqual(
    Object.keys(kept).filter((key) => key.startsWith("graphiql")),
    [],
  );
  assert.ok(!JSON.stringify(kept).includes(profiles.nodes[0].unifiedId));
  await page.evaluate(() => localStorage.setItem("graphiql:query", "{ old }"));
  await page.reload();
  await page.getByRole("button", { name: "Customer (all fields)" }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("graphiql:query")), null);
});

test("examples of the next page and of a match come with their variables", async (t) => {
  const page = await visit(t, "/graphiql");
  await page.getByRole("button", { name: "The next page" }).click();
  await page.getByRole("tab", { name: "NextPage" }).waitFor();
  await page.locator(".graphiql-editor-tool").getByText("after").waitFor();
  await page.locator("button.graphiql-execute-button").click();
  await page.locator(".result-window").getByText("unifiedId").first().waitFor();
  await page.getByRole("button", { name: "Why two identifiers match" }).click();
  await page.getByRole("tab", { name: "Explain" }).waitFor();
  await page.locator("button.graphiql-execute-button").click();
  await page.locator(".result-window").getByText("blockedBy").first().waitFor();
  // Examples that are unchanged share a tab.
  assert.equal(await page.locator(".graphiql-tab").count(), 1);
});

test("the subscription shows a customer that a message changes", async (t) => {
  const page = await visit(t, "/graphiql");
  await page.getByRole("button", { name: "Subscribe to changes" }).click();
  await page.getByRole("tab", { name: "Changes" }).waitFor();
  await page.locator("button.graphiql-execute-button").click();
  const send = (number) =>
    ask("mutation ($messages: [MessageInput!]!) { ingest(messages: $messages) { results { status } } }", {
      messages: [
        {
          messageId: `subscribed-${number}`,
          type: "IDENTIFY",
          timestamp: "2026-01-15T09:30:00Z",
          source: "crm",
          identifiers: [{ kind: "external_id", value: "subscribed" }],
          attributes: { df_name: `Subscriber ${number}` },
        },
      ],
    });
  // The socket opens after the click, so the first messages may come too early.
  const shown = page.locator(".result-window").getByText("Subscriber").first();
  for (let number = 0; number < 100 && !(await shown.isVisible()); number += 1) {
    await send(number);
    await page.waitForTimeout(100);
  }
  await shown.waitFor();
});
