// Measures how long the first page needs from localhost until its rows are rendered and the search accepts text. Run by hand on
// an idle machine: node tests/browser/first-page.mjs. It asserts no time, and prints also what does not depend on the machine:
// bytes and requests.
import { test } from "node:test";
import { visit } from "./harness.mjs";

const runs = 7;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Records in the page when it is usable, and which tasks delayed it. */
function watch() {
  globalThis.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) globalThis.longTasks.push(duration);
  }).observe({ type: "longtask", buffered: true });
  globalThis.usable = new Promise((resolve) => {
    const look = () => {
      const search = document.querySelector("search input");
      if (search && !search.disabled && document.querySelector("tbody a")) {
        // The frame with the rows has been drawn when the next one begins.
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())));
        return;
      }
      requestAnimationFrame(look);
    };
    look();
  });
}

async function measure(test, prepare) {
  let requests = 0;
  let bytes = 0;
  const page = await visit(test, "/customers", {
    prepare: async (page) => {
      const session = await page.context().newCDPSession(page);
      await session.send("Network.enable");
      session.on("Network.requestWillBeSent", () => {
        requests += 1;
      });
      session.on("Network.loadingFinished", ({ encodedDataLength }) => {
        bytes += encodedDataLength;
      });
      await page.addInitScript(watch);
      await prepare?.(page);
    },
  });
  const usable = await page.evaluate(() => globalThis.usable);
  const [paint, longTasks, byKind] = await page.evaluate(() => [
    performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
    globalThis.longTasks,
    performance
      .getEntriesByType("resource")
      .map(({ name, startTime, responseEnd, encodedBodySize }) => [
        new URL(name).pathname,
        Math.round(startTime),
        Math.round(responseEnd),
        encodedBodySize,
      ]),
  ]);
  const cold = { requests, bytes };
  await page.reload();
  const again = await page.evaluate(() => globalThis.usable);
  await page.context().close();
  return { usable, paint, longTasks, ...cold, byKind, again };
}

test("the first page", async (t) => {
  await measure(t);
  const all = [];
  for (let run = 0; run < runs; run += 1) all.push(await measure(t));
  const of = (figure) => all.map(figure);
  const shown = (values) => `${Math.round(median(values))} (${values.map(Math.round).join(", ")})`;
  t.diagnostic(`usable, nothing cached, ms: ${shown(of(({ usable }) => usable))}`);
  t.diagnostic(`usable, files cached, ms:   ${shown(of(({ again }) => again))}`);
  t.diagnostic(`first contentful paint, ms: ${shown(of(({ paint }) => paint))}`);
  t.diagnostic(`longest task, ms:           ${shown(of(({ longTasks }) => Math.max(0, ...longTasks)))}`);
  t.diagnostic(
    `requests: ${shown(of(({ requests }) => requests))}; bytes over the wire: ${shown(of(({ bytes }) => bytes))}`,
  );
  for (const [path, start, end, size] of all.at(-1).byKind)
    t.diagnostic(`  ${start}–${end} ms  ${size} bytes  ${path}`);
});
