// The OpenAPI document is valid, complete, and agrees with the server.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { serve } from "./harness.mjs";

const address = await serve();
const document = await (await fetch(`${address}/openapi.json`)).json();
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

test("the document is valid OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors, null, 2));
  assert.equal(document.openapi, "3.1.0");
});

test("it has every route of the server, and no other", async () => {
  const folder = `${import.meta.dirname}/../../server/src/http`;
  const files = [
    `${folder}.rs`,
    ...(await readdir(folder, { recursive: true })).map((it) => `${folder}/${it}`),
  ];
  const sources = await Promise.all(
    files
      .filter((it) => it.endsWith(".rs") && !it.endsWith("tests.rs"))
      .map(async (it) => (await readFile(it, "utf8")).split("#[cfg(test)]")[0]),
  );
  // A path is a string literal that starts with a slash.
  const routes = new Set(
    sources
      .join("\n")
      .match(/"\/[A-Za-z0-9/_.{}-]+"/g)
      .map((it) => it.slice(1, -1))
      // Routes of the page.
      .filter((it) => !it.startsWith("/graphiql")),
  );
  assert.deepEqual([...routes].sort(), Object.keys(document.paths).sort());
});

test("the server answers every example as the document says", async (t) => {
  const ajv = addFormats(new Ajv({ strict: false }));
  ajv.addSchema(document, "document");
  for (const { path, method, operation } of operations) {
    for (const [name, request] of examples(operation)) {
      await t.test(`${method} ${path} ${name}`, async () => {
        const url = new URL(address + path);
        for (const { name, in: place, example } of operation.parameters ?? []) {
          if (place === "path") url.pathname = path.replace(`{${name}}`, example);
          else if (example) url.searchParams.set(name, example);
        }
        const response = await fetch(url, { method, ...request });
        const [expected] = Object.keys(operation.responses).filter(
          (it) => it.startsWith("2") || it === "501",
        );
        const text = await response.text();
        assert.equal(response.status, Number(expected), text);
        const mediaType = response.headers.get("content-type").split(";")[0];
        const content = operation.responses[expected].content[mediaType];
        assert.ok(content, `${mediaType} is not in the document`);
        const answer = mediaType === "application/json" ? JSON.parse(text) : text;
        const holds = ajv.compile({ ...localized(content.schema), components: undefined });
        assert.ok(holds(answer), `${JSON.stringify(holds.errors)} of ${text}`);
        if (method === "POST") assert.ok(!text.includes("REFUSED"), text);
      });
    }
  }
});

test("what the document does not have is rejected as it says", async () => {
  for (const path of Object.keys(document.paths)) {
    const allowed = Object.keys(document.paths[path]).map((it) => it.toUpperCase());
    const response = await fetch(address + path, { method: "DELETE" });
    assert.equal(response.status, 405, path);
    const allow = response.headers.get("allow") ?? "";
    for (const method of allowed) assert.ok(allow.includes(method), `${path}: ${allow}`);
    if (!allowed.includes("POST")) continue;
    for (const headers of [
      { "content-type": "text/csv" },
      { "content-encoding": "br", "content-type": "application/json" },
    ]) {
      const { requestBody } = document.paths[path].post;
      if (!requestBody || path.endsWith("/delete")) continue;
      // A text body can be anything.
      if (headers["content-type"] === "text/csv" && "text/plain" in requestBody.content) continue;
      const { status } = await fetch(address + path, { method: "POST", headers, body: "{}" });
      assert.equal(status, 415, `${path} ${JSON.stringify(headers)}`);
    }
  }
});

/** The request of each example; one without a body where there is none. */
function examples({ requestBody }) {
  if (!requestBody) return [["", {}]];
  return Object.entries(requestBody.content).flatMap(([mediaType, { examples }]) =>
    Object.entries(examples).map(([name, { value }]) => [
      name,
      {
        headers: { "content-type": mediaType },
        body: typeof value === "string" ? value : JSON.stringify(value),
      },
    ]),
  );
}

/** A schema with its references resolved in the document. */
function localized(schema) {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/'));
}
