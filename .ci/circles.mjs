#!/usr/bin/env node
// Finds circles of imports between the modules of each Rust crate, and fails where there are more than are allowed.
//
// A module and its children count as one where they import from each other: a parent re-exports its children, and a child uses what its
// parent defines. Everything else that leads back to where it began is a circle.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ALLOWED = 3;
const CRATES = ["core", "core/compact-json", "server", "server/demo", "server/directory", "server/ingest", "server/store", "wasm"];
const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** The paths that a `use` tree names. */
function paths(tree) {
    const open = tree.indexOf("{");
    if (open < 0) return [tree.trim().split(/\s+as\s+/)[0]];
    const prefix = tree.slice(0, open).trim();
    const parts = [];
    let depth = 0;
    let start = open + 1;
    for (let at = open; at < tree.length; at++) {
        if (tree[at] === "{") depth++;
        else if (tree[at] === "}") depth--;
        if ((tree[at] === "," && depth === 1) || depth === 0) {
            parts.push(tree.slice(start, at));
            start = at + 1;
            if (depth === 0) break;
        }
    }
    return parts.filter((part) => part.trim() !== "").flatMap((part) => paths(part.trim())).map((part) => prefix + part);
}

function modules(crate) {
    const source = join(root, crate, "src");
    const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", source], { cwd: root, encoding: "utf8" });
    const found = new Map();
    for (const file of files.split("\n")) {
        if (!file.endsWith(".rs") || /(^|\/)(tests|main)\.rs$/.test(file)) continue;
        const path = relative(source, join(root, file)).replace(/(\/mod|^lib)?\.rs$/, "");
        found.set(path === "" ? "" : path.split("/").join("::"), readFileSync(join(root, file), "utf8"));
    }
    return found;
}

/** The module that a path is in: the longest part of it that is one. */
function moduleOf(path, names) {
    for (let parts = path; ; parts = parts.slice(0, -1)) {
        const name = parts.join("::");
        if (names.has(name)) return name;
        if (parts.length === 0) return undefined;
    }
}

function imports(name, text, names) {
    const own = name === "" ? [] : name.split("::");
    const code = text.replace(/#\[cfg\(test\)\]\s*mod \w+ \{[\s\S]*$/, "").replace(/\/\/[^\n]*/g, "");
    const found = new Set();
    const add = (path) => {
        let parts = path.split("::");
        let base;
        if (parts[0] === "crate") base = [];
        else if (parts[0] === "self") base = own;
        else if (parts[0] === "super") {
            base = own;
            while (parts[0] === "super") {
                base = base.slice(0, -1);
                parts = parts.slice(1);
            }
            parts = ["", ...parts];
        } else return;
        const target = moduleOf([...base, ...parts.slice(1)], names);
        if (target !== undefined && target !== name) found.add(target);
    };
    for (const [, tree] of code.matchAll(/\buse\s+((?:crate|self|super)::[^;]*);/g)) paths(tree.replace(/\s+/g, " ")).forEach(add);
    for (const [path] of code.matchAll(/\b(?:crate|super)(?:::\w+)+/g)) add(path);
    return found;
}

/** Tarjan's strongly connected components. */
function components(graph) {
    const index = new Map();
    const low = new Map();
    const stack = [];
    const found = [];
    const visit = (node) => {
        index.set(node, index.size);
        low.set(node, index.get(node));
        stack.push(node);
        for (const next of graph.get(node)) {
            if (!index.has(next)) {
                visit(next);
                low.set(node, Math.min(low.get(node), low.get(next)));
            } else if (stack.includes(next)) low.set(node, Math.min(low.get(node), index.get(next)));
        }
        if (low.get(node) === index.get(node)) {
            const component = stack.splice(stack.indexOf(node));
            if (component.length > 1) found.push(component);
        }
    };
    for (const node of graph.keys()) if (!index.has(node)) visit(node);
    return found;
}

let count = 0;
for (const crate of CRATES) {
    const texts = modules(crate);
    const names = new Set(texts.keys());
    const isFamily = (one, other) => one === "" || other === "" || `${one}::`.startsWith(`${other}::`) || `${other}::`.startsWith(`${one}::`);
    const graph = new Map();
    for (const [name, text] of texts) graph.set(name, [...imports(name, text, names)].filter((other) => !isFamily(name, other)));
    for (const circle of components(graph)) {
        count++;
        console.log(`${crate}: ${circle.sort().join(", ")}`);
    }
}
console.log(`${count} circles of imports; ${ALLOWED} are allowed`);
process.exit(count > ALLOWED ? 1 : 0);
