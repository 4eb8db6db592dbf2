// Screenshots of every view: light and dark, Korean and English, 375, 1440 and 1920 px wide. Run by hand:
//   node tests/browser/screenshots.mjs FOLDER [VIEW…]  all of them, or those of some views, as PNG
//   node tests/browser/screenshots.mjs --docs          those of the README, as WebP, into web/docs
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ask, visit } from "./harness.mjs";

const [where, ...only] = process.argv.slice(2);
assert.ok(where, "say where the pictures go");
const docs = fileURLToPath(new URL("../../web/docs/", import.meta.url));

/** The views by name, with a selector that matches once they are complete. */
async function views() {
  const { profiles, withheldLinks } = await ask(`{
    profiles(first: 60, orderBy: { field: PURCHASE_AMOUNT_12M, direction: DESC }) {
      nodes { unifiedId basic { name } identifiers { kind unifiedId } graph { bridges { leaving { kind } } withheld { reason } links { a { unifiedId } b { unifiedId } } } }
    }
    withheldLinks(first: 1, reason: LIMIT) { nodes { link { a { unifiedId } b { unifiedId } } } }
  }`);
  const [{ link }] = withheldLinks.nodes;
  const most = (of) => profiles.nodes.reduce((best, each) => (of(each) > of(best) ? each : best));
  const rich = most(({ identifiers, graph }) => identifiers.length * 2 + graph.withheld.length);
  const card = most(({ identifiers, basic }) =>
    basic.name ? new Set(identifiers.map(({ kind }) => kind)).size : 0,
  );
  const [bridge] = rich.graph.links;
  const customer = `/customers/${card.unifiedId}`;
  const identity = `/customers/${rich.unifiedId}/identity`;
  const phone = rich.identifiers.find(({ kind }) => kind === "phone") ?? rich.identifiers[0];
  return {
    customers: { path: "/customers", complete: "tbody a" },
    menu: {
      path: "/customers",
      complete: "tbody a",
      act: (page) => page.locator("header button[popovertarget]").last().click(),
      acted: "[popover]:popover-open",
    },
    search: {
      path: "/customers",
      complete: "tbody a",
      act: (page) => page.locator("search input").fill("김"),
      acted: "search input",
    },
    nothing: { path: "/customers/00000000-0000-8000-8000-000000000000", complete: "main h2" },
    customer: { path: customer, complete: "[data-months-chart] li" },
    identity: {
      path: `${identity}?at=${bridge.a.unifiedId}.${bridge.b.unifiedId}`,
      complete: "tr[data-link]",
    },
    retire: {
      path: `${identity}?at=${phone.unifiedId}`,
      complete: "tr[data-link]",
      act: (page) => page.locator("aside p button").last().click(),
    },
    cut: {
      path: `${identity}?at=${bridge.a.unifiedId}.${bridge.b.unifiedId}`,
      complete: "tr[data-link]",
      act: (page) => page.locator("main aside > button").last().click(),
    },
    mergeEmpty: { path: "/merge", complete: "h1" },
    merge: { path: `/merge?id=${link.a.unifiedId}&id=${link.b.unifiedId}`, complete: "[data-summary]" },
    inbox: { path: `/inbox?link=${link.a.unifiedId}.${link.b.unifiedId}`, complete: "article thead a" },
    activity: { path: "/activity", complete: "main h1" },
    compare: { path: `/compare?id=${link.a.unifiedId}&id=${link.b.unifiedId}`, complete: "tr[data-field]" },
    policy: { path: "/policy", complete: "[data-version]" },
    health: { path: "/health", complete: "[data-minutes] li" },
    graphiql: { path: "/graphiql", complete: ".graphiql-execute-button" },
  };
}

async function screenshot(t, view, options) {
  const page = await visit(t, view.path, options);
  await page.locator(view.complete).first().waitFor();
  await page.locator("[aria-busy=true]").waitFor({ state: "detached" });
  if (view.act) {
    await view.act(page);
    await page
      .locator(view.acted ?? "dialog [data-parts], dialog [data-needs-messages]")
      .first()
      .waitFor();
  }
  await page.evaluate(() => document.fonts.ready);
  const picture = await page.screenshot({ animations: "disabled", fullPage: options.whole ?? false });
  await page.context().close();
  return picture;
}

/** The browser encodes WebP. */
async function asWebp(page, picture) {
  const base64 = await page.evaluate(async (png) => {
    const bytes = Uint8Array.from(atob(png), (each) => each.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = new OffscreenCanvas(image.width, image.height);
    canvas.getContext("2d").drawImage(image, 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/webp", quality: 0.86 });
    return btoa(
      [...new Uint8Array(await blob.arrayBuffer())].map((each) => String.fromCharCode(each)).join(""),
    );
  }, picture.toString("base64"));
  return Buffer.from(base64, "base64");
}

const wide = { width: 1440, height: 900 };
const widest = { width: 1920, height: 1080 };
const narrow = { width: 375, height: 800 };

if (where === "--docs") {
  test("screenshots for the README", async (t) => {
    const all = await views();
    const packer = await visit(t, "/customers");
    for (const [name, of, options] of [
      ["customers", "customers", { viewport: wide, locale: "en-US", colorScheme: "light" }],
      [
        "customer",
        "customer",
        { viewport: { width: 1440, height: 1080 }, locale: "en-US", colorScheme: "light" },
      ],
      ["identity", "identity", { viewport: wide, locale: "en-US", colorScheme: "dark" }],
      ["merge", "merge", { viewport: { width: 1440, height: 1000 }, locale: "en-US", colorScheme: "light" }],
      ["health", "health", { viewport: wide, locale: "en-US", colorScheme: "light" }],
      [
        "customer-ko-narrow",
        "customer",
        { viewport: narrow, locale: "ko-KR", colorScheme: "dark", deviceScaleFactor: 2 },
      ],
    ]) {
      await writeFile(
        join(docs, `${name}.webp`),
        await asWebp(packer, await screenshot(t, all[of], options)),
      );
    }
  });
} else {
  test("screenshots of every view", async (t) => {
    await mkdir(where, { recursive: true });
    for (const [name, view] of Object.entries(await views())) {
      if (only.length > 0 && !only.includes(name)) continue;
      for (const colorScheme of ["light", "dark"]) {
        for (const locale of ["en-US", "ko-KR"]) {
          for (const viewport of [narrow, wide, widest]) {
            const file = `${name}-${colorScheme}-${locale.slice(0, 2)}-${viewport.width}.png`;
            const picture = await screenshot(t, view, { colorScheme, locale, viewport, whole: !view.act });
            await writeFile(join(where, file), picture);
          }
        }
      }
    }
  });
}
