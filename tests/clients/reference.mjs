// Writes docs/graphql.md, the reference of the GraphQL API, out of the descriptions in schema.graphql: `make reference`.
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import {
  buildSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
} from "graphql";

const repository = `${import.meta.dirname}/../..`;
export const referencePath = `${repository}/docs/graphql.md`;

const INTRODUCTION = `# GraphQL reference

Made by \`make reference\` of the descriptions in [schema.graphql](../schema.graphql), which is the schema itself.
How requests are sent, and what the limits and the codes of errors are, is in [interfaces.md](interfaces.md).
`;

const ROOTS = [
  ["Query", "Questions"],
  ["Mutation", "Changes"],
  ["Subscription", "Subscriptions"],
];

const SECTIONS = [
  ["Objects", (it) => isObjectType(it) && !ROOTS.some(([root]) => root === it.name)],
  ["Interfaces", isInterfaceType],
  ["Inputs", isInputObjectType],
  ["Enums", isEnumType],
  ["Scalars", (it) => isScalarType(it) && !isSpecifiedScalarType(it)],
];

/** The reference of a schema. */
export function reference(sdl) {
  const schema = buildSchema(sdl);
  const types = Object.values(schema.getTypeMap()).filter((it) => !it.name.startsWith("__"));
  const roots = ROOTS.map(([name, title]) => `## ${title}\n\n${fieldsOf(schema.getType(name), "###")}`);
  const sections = SECTIONS.map(([title, belongs]) => {
    const found = types.filter(belongs).sort((a, b) => (a.name < b.name ? -1 : 1));
    return `## ${title}\n\n${found.map(typeOf).join("\n")}`;
  });
  return [INTRODUCTION, ...roots, ...sections].join("\n");
}

function typeOf(type) {
  const head = `### ${type.name}\n\n${paragraph(type)}\n`;
  if (isScalarType(type)) return head;
  if (isEnumType(type)) {
    const rows = type.getValues().map((it) => `| \`${it.name}\` | ${cell(it)} |`);
    return `${head}\n${table(["value", "meaning"], rows)}`;
  }
  const oneOf = type.isOneOf ? "\nExactly one field is given.\n" : "";
  const interfaces = type.getInterfaces?.().map((it) => link(it)) ?? [];
  const implemented = interfaces.length > 0 ? `\nImplements ${interfaces.join(", ")}.\n` : "";
  const rows = Object.values(type.getFields()).flatMap((field) => [
    `| \`${field.name}\` | ${link(field.type)} | ${cell(field)} |`,
    ...(field.args ?? []).map((it) => `| ↳ \`${it.name}\` | ${link(it.type)} | ${cell(it)} |`),
  ]);
  return `${head}${oneOf}${implemented}\n${table(["field", "type", "meaning"], rows)}`;
}

/** The fields of a root, each with a heading of its own. */
function fieldsOf(type, level) {
  const fields = Object.values(type.getFields()).sort((a, b) => (a.name < b.name ? -1 : 1));
  return fields
    .map((field) => {
      const rows = field.args.map((it) => `| \`${it.name}\` | ${link(it.type)} | ${cell(it)} |`);
      const given = rows.length > 0 ? `\n${table(["argument", "type", "meaning"], rows)}` : "";
      return `${level} ${field.name}\n\n${paragraph(field)} Answers ${link(field.type)}.\n${given}`;
    })
    .join("\n");
}

function table(head, rows) {
  return [`| ${head.join(" | ")} |`, `|${"---|".repeat(head.length)}`, ...rows, ""].join("\n");
}

function paragraph({ description, deprecationReason }) {
  const text = (description ?? "")
    .trim()
    .replaceAll("\n\n", "\0")
    .replaceAll("\n", " ")
    .replaceAll("\0", "\n\n");
  return deprecationReason ? `**Deprecated**: ${deprecationReason} ${text}` : text;
}

function cell(it) {
  const byDefault =
    "defaultValue" in it && it.defaultValue !== undefined
      ? ` Default: \`${JSON.stringify(it.defaultValue)}\`.`
      : "";
  return `${paragraph(it)
    .replaceAll(/\s*\n\s*/g, " ")
    .replaceAll("|", "\\|")}${byDefault}`;
}

/** A type, with a link to it where it has an entry here. */
function link(type) {
  const name = String(type).replaceAll(/[[\]!]/g, "");
  const isOwn = !["ID", "String", "Int", "Float", "Boolean"].includes(name);
  return isOwn ? `[\`${type}\`](#${name.toLowerCase()})` : `\`${type}\``;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await writeFile(referencePath, reference(await readFile(`${repository}/schema.graphql`, "utf8")));
}
