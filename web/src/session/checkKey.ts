import { stringifyDocument } from "urql";
import { KeyRoleDocument, type KeyRoleQuery } from "../graphql/generated/graphql";

/** What the server says about a key. */
export type KeyCheck = "VALID" | "UNKNOWN" | "INGEST_ONLY" | "UNREACHABLE";

/** Asks the server whether a key is valid and what role it has, before the page uses it. */
export async function checkKey(key: string): Promise<KeyCheck> {
  // A header cannot carry such a value.
  if (!/^[\x21-\x7e]+$/.test(key)) return "UNKNOWN";
  try {
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      // The exact generated text: a server that accepts only trusted documents must recognize it.
      body: JSON.stringify({ query: stringifyDocument(KeyRoleDocument) }),
    });
    if (response.status === 401) return "UNKNOWN";
    const answer: { data?: KeyRoleQuery } = await response.json();
    if (!answer.data) return "UNREACHABLE";
    return answer.data.viewer.role === "INGEST" ? "INGEST_ONLY" : "VALID";
  } catch {
    return "UNREACHABLE";
  }
}
