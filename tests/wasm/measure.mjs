// How long the page waits for an answer: one customer of 1,000 identifiers and 10,000 purchases, in the module that the page
// loads. A step of the as-of slider has to fit into a frame, 16 ms.
import { readFile } from "node:fs/promises";
import { performance } from "node:perf_hooks";

const product = new URL("../../web/src/rules/pkg/", import.meta.url);
const N_IDENTIFIERS = 1_000;
const N_PURCHASES = 10_000;
const DAY = 86_400_000_000;
const START = 1_700_000_000_000_000;

const uuid = (number) => `00000000-0000-8000-8000-${number.toString(16).padStart(12, "0")}`;

function identifierOf(number) {
  if (number === 0) return { kind: "external_id", value: "customer-1" };
  return { kind: "device_id", value: `device-${number}` };
}

function order(number) {
  const line = (position) => ({
    item_id: `item-${(number * 7 + position) % 300}`,
    name: `Item ${(number * 7 + position) % 300}`,
    category: `Category ${(number + position) % 12}`,
    quantity: 1 + (number % 3),
    amount: `${(number * 37) % 90_000}`,
  });
  return {
    key: { order: `order-${number}` },
    message_id: `message-${number}`,
    at: START + ((number * 7_919) % 730) * DAY + number * 1_000_000,
    currency: "KRW",
    amount: `${(number * 74) % 180_000}`,
    lines: [line(0), line(1)],
  };
}

function facts() {
  const seen = (number) => ({ f: START + number, l: START + 700 * DAY, n: 3, s: ["app", "crm"] });
  const identifiers = Array.from({ length: N_IDENTIFIERS }, (_, number) => ({
    identifier: identifierOf(number),
    unifiedId: uuid(number + 1),
    cell: uuid(1),
    facts: {
      s: seen(number),
      n: number === 0 ? { device_id: N_IDENTIFIERS - 1 } : { external_id: 1 },
      f: {
        a: { df_name: { [`"Name ${number % 40}"`]: { app: [START + number, DAY, 2] } }, tier: { [`${number % 5}`]: { crm: [START, 0, 1] } } },
        v: { f: START, l: START + 700 * DAY, e: [START + 700 * DAY, "df_login"], n: 9, s: 2 },
        d: number === 0 ? {} : { [`device-${number}`]: { u: START + number, f: { model: [START, "Galaxy S24"], city: [START, "Seoul"] } } },
        p: ["Android"],
      },
    },
    orders: Array.from({ length: N_PURCHASES / N_IDENTIFIERS }, (_, n) => order(number * (N_PURCHASES / N_IDENTIFIERS) + n)),
  }));
  const kind = (name, form, limit, priority) => ({ name, form, limit, priority });
  return {
    policyVersion: 1,
    policy: {
      kinds: [kind("external_id", "external_id", 1, 1), kind("device_id", "trimmed", N_IDENTIFIERS, 2)],
      max_links: N_IDENTIFIERS,
    },
    zones: [{ zone: "Asia/Seoul", first: 0, last: START + 1_000 * DAY, offsets: [[0, 32_400]] }],
    identifiers,
    links: identifiers.slice(1).map((it, number) => ({
      pair: { a: it.identifier, b: identifierOf(0) },
      seen: seen(number),
    })),
    decisions: [],
  };
}

const module = await readFile(new URL("rules_bg.wasm", product));
const rules = await import(new URL("rules.js", product));
rules.initSync({ module });

function timed(name, n_times, call) {
  const times = Array.from({ length: n_times }, (_, n) => {
    const start = performance.now();
    const answer = call(n);
    const elapsed = performance.now() - start;
    if (answer?.startsWith?.('{"error"')) throw new Error(answer);
    return elapsed;
  }).sort((a, b) => a - b);
  const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))].toFixed(2);
  console.log(`${name}: median ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms`);
}

const text = JSON.stringify(facts());
const start = performance.now();
const opened = new rules.Facts(text);
const { unifiedIds } = JSON.parse(opened.contents());
console.log(
  `${N_IDENTIFIERS} identifiers and ${N_PURCHASES} purchases in ${unifiedIds.length} profile, ${(text.length / 1e6).toFixed(1)} MB ` +
    `of facts, read in ${(performance.now() - start).toFixed(0)} ms`,
);
const [unifiedId] = unifiedIds;
const date = (n) => new Date(START / 1e3 + (365 + n) * 86_400_000).toISOString().slice(0, 10);
const figures = (n) => ({ asOf: date(n), by: ["UNITS", "ORDERS", "AMOUNT"][n % 3] });
const ask = (method, question) => opened[method](JSON.stringify(question));
const pair = { a: identifierOf(0), b: identifierOf(500) };

timed("what changes with the date", 200, (n) => ask("profileAsOf", { unifiedId, figures: figures(n) }));
timed("profile as of another date", 200, (n) => ask("profile", { unifiedId, figures: figures(n) }));
timed("rankings as of another date", 200, (n) =>
  ask("rankingPreview", { unifiedId, figures: figures(n), first: 100 }),
);
timed("a link cut", 20, (n) => ask("unmergePreview", { change: { cut: pair }, figures: figures(n) }));
timed("another policy", 20, (n) =>
  ask("policyPreview", { document: { survivorship: { default: "earliest" } }, figures: figures(n) }),
);
opened.free();
