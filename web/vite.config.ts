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

export default defineConfig({
  plugins: [react(), fontLicence],
  build: {
    // The content security policy allows no data: fonts and no inline scripts.
    assetsInlineLimit: 0,
    license: { fileName: "licences/packages.txt" },
    target: "es2023",
  },
  worker: { format: "es" },
  server: { proxy: { "/graphql": { target: server, ws: true }, "/healthz": server } },
});
