// Compares the module in a worker of a real Chromium with the native build, byte for byte, on the cases of tests/wasm.
// `make test-wasm` writes the generated ones.
import assert from "node:assert/strict";
import { access, readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { visit } from "./harness.mjs";

const { CARGO_TARGET_DIR, PARITY_CASES } = process.env;
const target = CARGO_TARGET_DIR ?? join(homedir(), ".cache/profile360/target");
const generated = PARITY_CASES ?? join(target, "parity.ndjson");
const handWritten = new URL("../wasm/", import.meta.url);
const assets = new URL("../../web/dist/assets/", import.meta.url);

const linesOf = (text) => text.split("\n").filter((line) => line !== "");

/** One case per line: a call and what the native build returns, or facts for the questions that follow. */
async function cases() {
  await access(generated).catch(() => {
    throw new Error(`there are no generated cases at ${generated}; make test-wasm writes them`);
  });
  const [fixtures, expected] = await Promise.all(
    ["fixtures.ndjson", "expected.ndjson"].map((name) => readFile(new URL(name, handWritten), "utf8")),
  );
  const answers = linesOf(expected);
  const calls = linesOf(fixtures).map((line, index) => {
    const { export: name, args } = JSON.parse(line);
    return JSON.stringify({ name, arguments: args, expected: answers[index] });
  });
  return `${calls.join("\n")}\n${await readFile(generated, "utf8")}`;
}

/** Runs in the page: calls the worker as the page does, and compares. */
async function compare(address) {
  const worker = new Worker(address, { type: "module" });
  let lastId = 0;
  const call = (name, ...given) =>
    new Promise((resolve, reject) => {
      lastId += 1;
      const id = lastId;
      const hear = ({ data }) => {
        if (data.id !== id) return;
        worker.removeEventListener("message", hear);
        resolve("json" in data ? data.json : `it threw: ${data.error}`);
      };
      worker.addEventListener("message", hear);
      worker.addEventListener("error", ({ message }) => reject(new Error(message)), { once: true });
      worker.postMessage({ id, name, arguments: given });
    });
  const lines = (await (await fetch("/parity-cases")).text()).split("\n");
  const outcome = { passed: 0, facts: 0, differences: [] };
  for (const [index, line] of lines.entries()) {
    if (line === "") continue;
    const one = JSON.parse(line);
    if ("facts" in one) {
      if (outcome.facts > 0) await call("freeFacts", outcome.facts);
      outcome.facts += 1;
      await call("readFacts", outcome.facts, one.facts);
      continue;
    }
    const returned =
      "ask" in one
        ? await call("askFacts", outcome.facts, one.ask, one.question)
        : await call(one.name, ...one.arguments);
    if (returned === one.expected) outcome.passed += 1;
    else outcome.differences.push(`line ${index + 1}: ${returned.slice(0, 200)}`);
  }
  worker.terminate();
  return outcome;
}

test("the module in Chromium answers as the native build does, to the byte", async (t) => {
  const body = await cases();
  const worker = (await readdir(assets)).find((name) => /^worker-[\w-]+\.js$/.test(name));
  assert.ok(worker, "the page has no worker of the rules");
  const page = await visit(t, "/customers", {
    prepare: (page) =>
      page.route("**/parity-cases", (route) => route.fulfill({ body, contentType: "text/plain" })),
  });
  const { passed, facts, differences } = await page.evaluate(compare, `/assets/${worker}`);
  assert.deepEqual(differences.slice(0, 3), []);
  assert.ok(
    passed > 500 && facts > 10,
    `${passed} cases and ${facts} sets of facts are too few to say anything`,
  );
});
