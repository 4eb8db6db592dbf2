import { readFileSync } from "node:fs";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const server = process.env.PROFILE360_SERVER ?? "http://127.0.0.1:8360";

/** The font's licence travels with the font. */
const fontLicence: Plugin = {
  name: "font-licence",
  apply: "build",
  generateBundle() {
    this.emitFile({
      type: "asset",
      fileName: "licences/Pretendard.txt",
      source: readFileSync("node_modules/pretendard/dist/LICENSE.txt"),
    });
  },
};

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

/** The server answers /graphiql with graphiql.html; so do the development server. */
const graphiqlAddress: Plugin = {
  name: "graphiql-address",
  configureServer({ middlewares }) {
    middlewares.use((request, _response, next) => {
      if (request.url === "/graphiql") request.url = "/graphiql.html";
      next();
    });
  },
};

export default defineConfig({
  plugins: [react(), fontLicence, fontsAsFiles, graphiqlAddress],
  build: {
    rolldownOptions: { input: ["index.html", "graphiql.html"] },
    // The content security policy allows no data: fonts and no inline scripts.
    assetsInlineLimit: 0,
    license: { fileName: "licences/packages.txt" },
    target: "es2023",
  },
  worker: { format: "es" },
  // It asks for workers by addresses that only the bundler itself understands.
  optimizeDeps: { exclude: ["@graphiql/react/setup-workers/vite"] },
  server: { proxy: { "/graphql": { target: server, ws: true }, "/healthz": server } },
});
