// The rules must say the same in the browser as on the server. Each line of fixtures.ndjson names an export and its
// arguments; the same line of expected.ndjson is what the native build returns for it, which a Rust test holds it to.
// Here the module that the page loads has to return the same, to the byte.
import { readFile } from "node:fs/promises";

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

let failed = 0;
function report(line, problem) {
  failed += 1;
  console.error(`fixtures.ndjson:${line}: ${problem}\n  ${fixtures[line - 1]}`);
}

for (const [index, fixture] of fixtures.entries()) {
  const line = index + 1;
  const { export: name, args } = JSON.parse(fixture);
  if (typeof rules[name] !== "function") {
    report(line, `the module exports no ${name}`);
    continue;
  }
  let returned;
  try {
    returned = rules[name](...args);
  } catch (error) {
    report(line, `${name} threw: ${error}`);
    continue;
  }
  const wanted = expected[index];
  if (returned !== wanted) {
    const at = typeof returned === "string" ? firstDifference(returned, wanted) : 0;
    report(line, `differs from character ${at} on\n  native:  ${wanted}\n  browser: ${returned}`);
  }
}

console.log(`parity: ${fixtures.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
