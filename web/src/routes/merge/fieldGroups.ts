import type { MergedField } from "../../rules/preview";

/** The groups of fields in the comparison, in their order. */
export const fieldGroups = ["identity", "contact", "consents", "attributes", "activity"] as const;
export type FieldGroupName = (typeof fieldGroups)[number];

const identity = new Set(["name", "birthDate", "gender"]);
const contact = new Set(["phone", "email"]);
/** Within a group, what people look at first. */
const order = [
  "name",
  "birthDate",
  "gender",
  "phone",
  "email",
  "membershipLevel",
  "firstAccessAt",
  "lastActivityAt",
  "lastUpdatedAt",
  "recentDevice",
  "recentArea",
];

export function groupOf({ group, name }: MergedField): FieldGroupName {
  if (group === "CONSENT") return "consents";
  if (group === "ATTRIBUTE" || name === "membershipLevel") return "attributes";
  if (identity.has(name)) return "identity";
  return contact.has(name) ? "contact" : "activity";
}

/** The fields of a group in the order in which they are read. */
export const sorted = (fields: MergedField[]): MergedField[] => {
  const place = ({ name }: MergedField) => (order.includes(name) ? order.indexOf(name) : order.length);
  return [...fields].sort((a, b) => place(a) - place(b));
};
