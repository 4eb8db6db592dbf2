import { stringifyDocument } from "urql";
import { KeyRoleDocument, type KeyRoleQuery } from "../graphql/generated/graphql";

/** What becomes of a key. */
export type Tried = "LET_IN" | "NOT_KNOWN" | "ONLY_SENDS" | "NO_ANSWER";

/** Asks the server who a key is, before anything is built on it. */
export async function tryKey(key: string): Promise<Tried> {
  // What no header can hold is no key.
  if (!/^[\x21-\x7e]+$/.test(key)) return "NOT_KNOWN";
  try {
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      // As generated, so that a server which answers trusted documents only answers it, too.
      body: JSON.stringify({ query: stringifyDocument(KeyRoleDocument) }),
    });
    if (response.status === 401) return "NOT_KNOWN";
    const answer: { data?: KeyRoleQuery } = await response.json();
    if (!answer.data) return "NO_ANSWER";
    return answer.data.viewer.role === "INGEST" ? "ONLY_SENDS" : "LET_IN";
  } catch {
    return "NO_ANSWER";
  }
}
