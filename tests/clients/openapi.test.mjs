// The OpenAPI document is valid, complete, and agrees with the server.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { serve, serveWithKeys } from "./harness.mjs";

const address = await serve();
const withKeys = await serveWithKeys();
const full = await serve("--limit-body", "2000", "--limit-requests", "0", "--limit-streams", "0");
const small = await serve("--limit-body", "2000");
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

const ajv = addFormats(new Ajv({ strict: false }));
ajv.addSchema(closed(document), "document");

test("an example is answered as the document says", async (t) => {
  for (const { path, method, operation } of operations) {
    for (const [name, { body, headers }] of examples(operation)) {
      await t.test(`${method} ${path} ${name}`, async () => {
        const answer = await send(address, { method, path: target(path, operation), headers, body });
        const expected = Object.keys(operation.responses).find((status) => status.startsWith("2")) ?? "403";
        assert.equal(answer.status, Number(expected), answer.text);
        holds(operation, answer);
        if (method === "POST") assert.ok(!answer.text.includes("REFUSED"), answer.text);
      });
    }
  }
});

/** What an operation is sent that is answered with each status. */
const faults = {
  400: () => ({ body: "{" }),
  401: () => ({ to: withKeys.address, headers: { authorization: "Bearer wrong" } }),
  403: ({ path, method }) =>
    path === "/graphql" || method === "GET"
      ? { headers: { "sec-fetch-site": "cross-site" } }
      : { to: withKeys.address, headers: { authorization: `Bearer ${withKeys.analyst}` } },
  405: () => ({ method: "DELETE" }),
  406: () => ({ headers: { accept: "text/html" } }),
  413: ({ path }) => ({ to: small, body: path === "/v1/messages" ? undefined : " ".repeat(3000) }),
  415: ({ path }) =>
    path === "/graphql"
      ? { headers: { "content-type": "text/plain" } }
      : { headers: { "content-encoding": "br" } },
  421: () => ({ headers: { host: "elsewhere.example" } }),
  503: () => ({ to: full }),
};

test("a fault is answered as the document says, on every way", async (t) => {
  for (const { path, method, operation } of operations) {
    const [[, example] = ["", {}]] = examples(operation);
    for (const [status, fault] of Object.entries(faults)) {
      if (!(status in operation.responses)) continue;
      await t.test(`${method} ${path} ${status}`, async (t) => {
        const { to = address, ...changed } = fault({ path, method });
        const sent = { method, path: target(path, operation), ...example, ...changed };
        sent.headers = { ...example.headers, ...changed.headers };
        const answer = await send(to, sent);
        if (answer.status === 200) return t.skip("this way has no such fault");
        assert.equal(answer.status, Number(status), answer.text);
        holds(operation, answer);
      });
    }
  }
});

test("a message that is rejected is answered as the document says", async (t) => {
  const refused = [
    ["/v1/messages", [7]],
    ["/v1/batch", { batch: [7, { type: "dance" }] }],
    ["/v1/track", { event: "x" }],
    ["/v1/g", {}],
    ["/api/v1/identities", { identity: { external_id: "" } }],
    ["/api/v1/events", { identity: { external_id: "1001" }, events: [7] }],
    ["/api/v1/events", { event_attributes: {} }],
  ];
  for (const [path, body] of refused) {
    await t.test(`${path} ${JSON.stringify(body)}`, async () => {
      const headers = { "content-type": "application/json" };
      const answer = await send(address, { method: "POST", path, headers, body: JSON.stringify(body) });
      assert.equal(answer.status, 200, answer.text);
      assert.ok(answer.text.includes('"REFUSED"'), answer.text);
      assert.ok(
        path === "/v1/messages" || path === "/v1/batch" || answer.text.includes("false"),
        answer.text,
      );
      holds(document.paths[path].post, answer);
    });
  }
});

test("Schemathesis finds no request that is answered in another way than the document says", async () => {
  const folder = await mkdtemp(join(tmpdir(), "profile360-schemathesis-"));
  const program = join(import.meta.dirname, "python/venv/bin/schemathesis");
  try {
    for (const [url, ...options] of [
      [address],
      [withKeys.address, "--header", `Authorization: Bearer ${withKeys.ingest}`],
    ]) {
      // The filter of an export is GraphQL's, whose numbers JSON Schema cannot describe exactly.
      const others = ["--exclude-path", "/v1/export"];
      const limits = ["--max-examples", "5", "--seed", "1", "--no-color", ...others];
      // It keeps what it found in the current folder.
      await promisify(execFile)(program, ["run", `${url}/openapi.json`, ...limits, ...options], {
        cwd: folder,
      }).catch(({ stdout }) => assert.fail(stdout));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("what the document does not name is refused as it says", async () => {
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

/** What a request of each example has; one without anything where there is no body. Lines have the example of the array. */
function examples({ requestBody }) {
  if (!requestBody) return [["", {}]];
  const { content } = requestBody;
  return Object.entries(content).flatMap(([mediaType, { examples = content["application/json"].examples }]) =>
    Object.entries(examples ?? {}).map(([name, { value }]) => {
      const isLines = mediaType === "application/x-ndjson";
      const body = isLines ? value.map((line) => JSON.stringify(line)).join("\n") : JSON.stringify(value);
      return [`${mediaType} ${name}`, { headers: { "content-type": mediaType }, body }];
    }),
  );
}

/** An address with the examples of its parameters. */
function target(path, operation) {
  const url = new URL(address + path);
  for (const { name, in: place, example } of operation.parameters ?? []) {
    if (place === "path") url.pathname = path.replace(`{${name}}`, example);
    else if (example) url.searchParams.set(name, example);
  }
  return url.pathname + url.search;
}

/** Sends any request: `fetch` would neither name another host nor say that a page of another site sends it. */
function send(address, { method, path, headers, body }) {
  return new Promise((resolve, reject) => {
    // Each on a connection of its own: the server closes one whose body it leaves unread.
    const options = { method, headers, agent: false };
    const sending = request(new URL(path, address), options, async (response) => {
      const parts = await response.toArray();
      resolve({
        status: response.statusCode,
        headers: response.headers,
        text: Buffer.concat(parts).toString(),
      });
    });
    sending.on("error", reject);
    sending.end(body);
  });
}

/** Fails where an answer is not one of those that the document gives an operation. */
function holds(operation, { status, headers, text }) {
  const response = resolved(operation.responses[status]);
  const mediaType = headers["content-type"].split(";")[0];
  assert.ok(mediaType in response.content, `${mediaType} is not in the document`);
  for (const name of Object.keys(response.headers ?? {})) {
    assert.ok(name.toLowerCase() in headers, `${name} is missing`);
  }
  if (mediaType === "text/csv") return;
  if (mediaType !== "application/x-ndjson") return fits(response.content[mediaType].schema, JSON.parse(text));
  const lines = text.trimEnd().split("\n");
  for (const [n, line] of lines.entries()) {
    const name = n < lines.length - 1 ? "MessageAnswer" : "End";
    fits({ $ref: `#/components/schemas/${name}` }, JSON.parse(line));
  }
}

function fits(schema, value) {
  const check = ajv.compile(JSON.parse(JSON.stringify(closed(schema)).replaceAll('"#/', '"document#/')));
  assert.ok(check(value), `${JSON.stringify(check.errors)} of ${JSON.stringify(value)}`);
}

/** What a reference leads to. */
function resolved(part) {
  return part.$ref
    ? part.$ref
        .split("/")
        .slice(1)
        .reduce((within, name) => within[name], document)
    : part;
}

/** A schema whose objects have no other fields than those it names: clients may ignore what they do not know, the server may not. */
function closed(schema) {
  if (Array.isArray(schema)) return schema.map(closed);
  if (schema === null || typeof schema !== "object") return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, closed(part)]));
  const isClosed = inner.type === "object" && inner.properties && !("additionalProperties" in inner);
  return isClosed ? { ...inner, additionalProperties: false } : inner;
}
