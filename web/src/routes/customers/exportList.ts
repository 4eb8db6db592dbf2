import type { ProfileFilter } from "../../graphql/generated/graphql";
import { authorization } from "../../session/key";
import type { CustomersOrder } from "./query";

export type ExportFormat = "CSV" | "NDJSON";

/** What the server exports: chosen customers, or all that a query finds. */
export type ExportRequest = {
  format: ExportFormat;
  /** All columns if left out. */
  columns?: string[];
  unifiedIds?: string[];
  filter?: ProfileFilter | null;
  search?: string | null;
  orderBy?: CustomersOrder;
};

/** Why an export failed, as the server's code; undefined where the connection broke. */
export class ExportError extends Error {
  constructor(readonly code: string | undefined) {
    super("the export failed");
  }
}

/** Reads an export. `onRows` gets the number of customers that have arrived. */
export async function exportList(
  request: ExportRequest,
  signal: AbortSignal,
  onRows: (count: number) => void,
): Promise<Blob> {
  try {
    const response = await fetch("/v1/export", {
      method: "POST",
      headers: { "content-type": "application/json", ...authorization() },
      body: JSON.stringify(request),
      signal,
    });
    if (!response.ok || !response.body) throw new ExportError(await codeOf(response));
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let lines = request.format === "CSV" ? -1 : 0;
    for (const reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      for (const byte of value) if (byte === 10) lines += 1;
      onRows(Math.max(0, lines));
    }
    return new Blob(parts, { type: response.headers.get("content-type") ?? "" });
  } catch (error) {
    if (error instanceof ExportError || signal.aborted) throw error;
    throw new ExportError(undefined);
  }
}

async function codeOf(response: Response): Promise<string | undefined> {
  try {
    const refusal: { code?: string } = await response.json();
    return refusal.code;
  } catch {
    return undefined;
  }
}

/** Lets the browser save a file. */
export function saveFile(file: Blob, name: string) {
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
