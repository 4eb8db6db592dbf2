import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { formatDocument, stringifyDocument } from "@urql/core";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const server = process.env.PROFILE360_SERVER ?? "http://127.0.0.1:8360";

/** The font's license travels with the font. */
const fontLicense: Plugin = {
  name: "font-license",
  apply: "build",
  generateBundle() {
    this.emitFile({
      type: "asset",
      fileName: "licenses/Pretendard.txt",
      source: readFileSync("node_modules/pretendard/dist/LICENSE.txt"),
    });
  },
};

/** Compresses files once, so that the server need not compress them for each request. */
const packed: Plugin = {
  name: "packed",
  apply: "build",
  enforce: "post",
  generateBundle: {
    order: "post",
    async handler(_options, bundle) {
      const files = Object.values(bundle).filter(({ fileName }) =>
        /\.(js|css|html|svg|wasm|txt)$/.test(fileName),
      );
      await Promise.all(
        files.map(async (file) => {
          const bytes = Buffer.from(file.type === "chunk" ? file.code : file.source);
          if (bytes.length < smallest) return;
          // On a large file the highest levels take long and gain little.
          const quality = bytes.length < 1_000_000 ? 11 : 9;
          const br = await promisify(brotliCompress)(bytes, {
            params: {
              [constants.BROTLI_PARAM_QUALITY]: quality,
              [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
            },
          });
          const gz = await promisify(gzip)(bytes, { level: 9 });
          this.emitFile({ type: "asset", fileName: `${file.fileName}.br`, source: br });
          this.emitFile({ type: "asset", fileName: `${file.fileName}.gz`, source: gz });
        }),
      );
    },
  },
};

/** Files below this many bytes are not compressed. */
const smallest = 1000;

/** Preloads the font of the text together with the style sheet: one file, and the only one that is preloaded. */
const fontAhead: Plugin = {
  name: "font-ahead",
  apply: "build",
  transformIndexHtml: {
    order: "post",
    handler(_html, { bundle, path }) {
      const font = Object.keys(bundle ?? {}).find((name) => /profile-sans-400.*\.woff2$/.test(name));
      if (!font || !path.endsWith("index.html")) return;
      const attrs = { rel: "preload", as: "font", type: "font/woff2", href: `/${font}`, crossorigin: "" };
      return [{ tag: "link", attrs, injectTo: "head" }];
    },
  },
};

/** Of Pretendard's subsets by range, the page needs one weight: bold syllables that its own subset lacks are synthesized. */
const oneWeight: Plugin = {
  name: "one-weight",
  enforce: "pre",
  transform(code, id) {
    if (!/pretendard-dynamic-subset\.css(\?|$)/.test(id)) return null;
    const faces = code.match(/@font-face\s*\{[^}]*\}/g) ?? [];
    const kept = faces.filter((face) => /font-weight:\s*400/.test(face));
    if (kept.length === 0) throw new Error("Pretendard has no subset of the weight 400");
    // The older format is for browsers that cannot run the page.
    const modern = kept.map((face) => face.replace(/,\s*url\([^)]*\.woff\)\s*format\([^)]*\)/g, ""));
    return { code: modern.join("\n"), map: null };
  },
};

/**
 * Runs early.js before the first paint. It is a file, because the content security policy refuses inline scripts, and its name
 * has a hash, so that it is cached for good.
 */
const earlyScript: Plugin = {
  name: "early-script",
  apply: "build",
  buildStart() {
    this.emitFile({ type: "asset", fileName: earlyFile, source: early });
  },
  transformIndexHtml: {
    order: "post",
    handler(html, { bundle }) {
      const addresses = Object.values(bundle ?? {}).flatMap((file) => {
        const language =
          file.type === "chunk" && /\/language\/(en|ko)\.ts$/.exec(file.facadeModuleId ?? "")?.[1];
        return language ? [`data-${language}="/${file.fileName}"`] : [];
      });
      return html.replace('src="/src/style/early.js"', `src="/${earlyFile}" ${addresses.join(" ")}`);
    },
  },
};
const early = readFileSync("src/style/early.js", "utf8");
const earlyFile = `assets/early-${createHash("sha256").update(early).digest("hex").slice(0, 8)}.js`;

/**
 * GraphiQL's style sheet carries its fonts as data: addresses, which the content security policy refuses. The page's
 * own fonts take their place; the editor's icons come from the editor's own style sheet, as a file.
 */
const fontsAsFiles: Plugin = {
  name: "fonts-as-files",
  enforce: "pre",
  transform(code, id) {
    if (!/graphiql\/dist\/style\.css(\?|$)/.test(id)) return null;
    return { code: code.replaceAll(/@font-face\s*\{[^}]*\}/g, ""), map: null };
  },
};

/** Lets the development server answer /graphiql with graphiql.html, as the server does. */
const graphiqlAddress: Plugin = {
  name: "graphiql-address",
  configureServer({ middlewares }) {
    middlewares.use((request, _response, next) => {
      if (request.url === "/graphiql") request.url = "/graphiql.html";
      next();
    });
  },
};

type Sent = Parameters<typeof formatDocument>[0] & Parameters<typeof stringifyDocument>[0];

/**
 * Lists the documents that the page sends by their hashes: a server with trusted documents accepts these, too. They are urql's
 * texts, with and without the type names that its cache adds.
 */
const documents: Plugin = {
  name: "documents",
  apply: "build",
  generateBundle() {
    const generated = readFileSync("src/graphql/generated/graphql.ts", "utf8");
    const found = generated.matchAll(/^export const \w+Document = (\{.*\}) as unknown as/gm);
    const nodes = Array.from(found, ([, json]): Sent => JSON.parse(json ?? ""));
    if (nodes.length === 0) throw new Error("no document was found among what was generated");
    const texts = nodes.flatMap((node) => [
      stringifyDocument(node),
      stringifyDocument(formatDocument(node) as Sent),
    ]);
    const list = texts.map((text) => [createHash("sha256").update(text).digest("hex"), text]);
    this.emitFile({
      type: "asset",
      fileName: "documents.json",
      source: JSON.stringify(Object.fromEntries(list)),
    });
  },
};

/** Whether every view needs a module: the views themselves, and what only some of them use, stay in files of their own. */
function isBase(id: string): boolean {
  if (/\/lucide-react\/dist\/esm\/(createLucideIcon|Icon|context|defaultAttributes|shared)/.test(id))
    return true;
  if (!/\/web\/src\//.test(id)) return false;
  return (
    /\/src\/(components|graphql|session)\//.test(id) ||
    /\/src\/language\/(language|format|errorText)\.tsx?$/.test(id) ||
    /\/src\/rules\/(rules|RulesError)\.ts$/.test(id) ||
    /\/src\/routes\/(views|inbox\/InboxCounts)\.tsx?$/.test(id) ||
    /\/src\/[a-zA-Z]+\.ts$/.test(id)
  );
}

export default defineConfig({
  plugins: [
    react(),
    fontLicense,
    fontsAsFiles,
    oneWeight,
    earlyScript,
    graphiqlAddress,
    fontAhead,
    documents,
    packed,
  ],
  build: {
    rolldownOptions: {
      input: ["index.html", "graphiql.html"],
      output: {
        codeSplitting: {
          groups: [
            // What every view needs is one file: a dozen small ones are a dozen requests before the first row.
            { name: "base", test: isBase },
          ],
        },
      },
    },
    // The content security policy allows no data: fonts and no inline scripts.
    assetsInlineLimit: 0,
    license: { fileName: "licenses/packages.txt" },
    target: "es2023",
  },
  worker: { format: "es" },
  // It asks for workers by addresses that only the bundler itself understands.
  optimizeDeps: { exclude: ["@graphiql/react/setup-workers/vite"] },
  // A server without keys answers to its own name and page only: requests go there as if they came from it.
  server: {
    proxy: {
      "/graphql": { target: server, ws: true, changeOrigin: true, headers: { origin: server } },
      "/v1": { target: server, changeOrigin: true, headers: { origin: server } },
      "/healthz": { target: server, changeOrigin: true, headers: { origin: server } },
    },
  },
});
