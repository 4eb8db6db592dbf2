// Third-party checks of the schema: full descriptions, Relay's forms, and no breaking change.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import graphqlPlugin from "@graphql-eslint/eslint-plugin";
import { CriticalityLevel, diff } from "@graphql-inspector/core";
import { ESLint } from "eslint";
import { buildSchema } from "graphql";
import { reference, referencePath } from "./reference.mjs";

const here = import.meta.dirname;
const schemaPath = `${here}/../../schema.graphql`;

/** What of the given contract is not built yet; each entry leaves this list with its feature. */
const NOT_YET = ["Query.exportProfile", "Mutation.eraseProfile", "ErasePayload"];

const RULES = {
  "require-description": [
    "error",
    { types: true, FieldDefinition: true, InputValueDefinition: true, EnumValueDefinition: true },
  ],
  "description-style": ["error", { style: "block" }],
  "no-hashtag-description": "error",
  "require-deprecation-reason": "error",
  "naming-convention": [
    "error",
    {
      types: "PascalCase",
      FieldDefinition: "camelCase",
      InputValueDefinition: "camelCase",
      Argument: "camelCase",
      DirectiveDefinition: "camelCase",
      EnumValueDefinition: "UPPER_CASE",
    },
  ],
  "unique-enum-value-names": "off",
  "no-unreachable-types": "error",
  "relay-arguments": ["error", { includeBoth: true }],
  "relay-connection-types": "error",
  "relay-edge-types": [
    "error",
    { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
  ],
  "relay-page-info": "error",
};

test("the checks of @graphql-eslint find nothing in the schema", async () => {
  const eslint = new ESLint({
    overrideConfigFile: true,
    cwd: `${here}/../..`,
    overrideConfig: {
      files: ["**/*.graphql"],
      languageOptions: {
        parser: graphqlPlugin.parser,
        parserOptions: { graphQLConfig: { schema: schemaPath } },
      },
      plugins: { "@graphql-eslint": graphqlPlugin },
      rules: Object.fromEntries(
        Object.entries(RULES).map(([name, rule]) => [`@graphql-eslint/${name}`, rule]),
      ),
    },
  });
  const [{ messages }] = await eslint.lintFiles([schemaPath]);
  const found = messages.map(({ line, ruleId, message }) => `${line} ${ruleId}: ${message}`);
  // GraphQL's own definitions are printed without descriptions.
  assert.deepEqual(
    found.filter((it) => !/in directive "(deprecated|include|skip)"$/.test(it)),
    [],
  );
});

/** The changes between two schemas that break a client. */
async function breaking(older, newer) {
  const changes = await diff(buildSchema(older), buildSchema(newer));
  return changes.filter((it) => it.criticality.level === CriticalityLevel.Breaking);
}

test("nothing that was published is removed or changed", async () => {
  const published = await readFile(`${here}/published.graphql`, "utf8");
  const changes = await breaking(published, await readFile(schemaPath, "utf8"));
  assert.deepEqual(
    changes.map((it) => it.message),
    [],
    "deprecate first: docs/http.md says how",
  );
});

// The given contract, if there is one, is in a folder next to the clone.
const contract = process.env.PROFILE360_CONTRACT ?? `${here}/../../../shared/api.graphql`;
test("the schema holds all of the contract", {
  skip: !existsSync(contract) && `there is no ${contract}`,
}, async () => {
  const changes = await breaking(await readFile(contract, "utf8"), await readFile(schemaPath, "utf8"));
  const missing = changes
    .map((it) => it.path)
    .filter((it) => !NOT_YET.some((part) => it === part || it.startsWith(`${part}.`)));
  assert.deepEqual(missing, []);
  const built = NOT_YET.filter((part) => !changes.some((it) => it.path === part));
  assert.deepEqual(built, [], "these are built now; take them off the list");
});

test("the reference in docs is that of the schema", async () => {
  const wanted = reference(await readFile(schemaPath, "utf8"));
  assert.ok(wanted === (await readFile(referencePath, "utf8")), "run make reference");
});
