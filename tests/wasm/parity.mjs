// Checks that the module that the page loads answers as the native build does, byte for byte. Each line of fixtures.ndjson names
// an export and its arguments; the same line of expected.ndjson is the native answer, which a Rust test checks. An argument can
// name a file of generated cases, which that test writes: facts, questions about them, and the answers.
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

const here = new URL("./", import.meta.url);
const product = new URL("../../web/src/rules/pkg/", here);

async function readLines(name) {
  const text = await readFile(new URL(name, here), "utf8");
  return text.split("\n").filter((line) => line !== "");
}

function firstDifference(left, right) {
  let at = 0;
  while (at < left.length && left[at] === right[at]) at += 1;
  return at;
}

const [fixtures, expected, module] = await Promise.all([
  readLines("fixtures.ndjson"),
  readLines("expected.ndjson"),
  readFile(new URL("rules_bg.wasm", product)),
]);
if (fixtures.length === 0 || fixtures.length !== expected.length) {
  console.error(`fixtures.ndjson has ${fixtures.length} lines and expected.ndjson ${expected.length}: each needs its answer`);
  process.exit(1);
}

const rules = await import(new URL("rules.js", product));
rules.initSync({ module });

let passed = 0;
let failed = 0;

function check(place, what, wanted, call) {
  let returned;
  try {
    returned = call();
  } catch (error) {
    returned = `it threw: ${error}`;
  }
  if (returned === wanted) {
    passed += 1;
    return;
  }
  failed += 1;
  const at = typeof returned === "string" ? firstDifference(returned, wanted) : 0;
  const show = (text) => String(text).slice(Math.max(0, at - 60), at + 200);
  console.error(
    `${place}: differs from character ${at} on\n  ${what}\n  native:  ${show(wanted)}\n  browser: ${show(returned)}`,
  );
}

for (const [index, fixture] of fixtures.entries()) {
  const { export: name, args } = JSON.parse(fixture);
  check(`fixtures.ndjson:${index + 1}`, fixture, expected[index], () => rules[name](...args));
}

const [generated] = process.argv.slice(2);
if (generated !== undefined) {
  let facts;
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(generated) })) {
    line += 1;
    const entry = JSON.parse(text);
    if ("facts" in entry) {
      facts?.free();
      facts = new rules.Facts(entry.facts);
      continue;
    }
    const { ask, question, expected: wanted } = entry;
    check(`${generated}:${line}`, `${ask} ${question}`, wanted, () => facts[ask](question));
  }
  facts?.free();
}

console.log(`parity: ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
