import type { Text } from "../language/en";

export type Example = { name: keyof Text["graphiql"]["examples"]; query: string };

const order: Example["name"][] = [
  "customers",
  "nextPage",
  "customer",
  "purchases",
  "timeline",
  "identity",
  "explain",
  "inbox",
  "decisions",
  "lineage",
  "policy",
  "health",
  "changes",
  "ingest",
];

const files = import.meta.glob<string>("./examples/*.graphql", {
  query: "?raw",
  import: "default",
  eager: true,
});

/** A document for each area of the API, ready to run. */
export const examples: Example[] = order.map((name) => ({
  name,
  query: files[`./examples/${name}.graphql`] ?? "",
}));
