import { authorization } from "../../session/key";

/** A line that was rejected. */
export type RejectedLine = {
  line: number;
  code: string | undefined;
  path: string | undefined;
  detail: string;
};

/** What has become of the messages of a file so far. */
export type SendProgress = {
  accepted: number;
  duplicates: number;
  rejected: number;
  /** The first rejected lines. */
  lines: RejectedLine[];
  /** Bytes that are sent, and all bytes. */
  sent: number;
  size: number;
};

export class SendError extends Error {
  constructor(readonly code: string | undefined) {
    super("the file could not be sent");
  }
}

const mostLines = 100;
/** Bytes per request. A browser reads no results before it has sent a request, so each request is short. */
const partSize = 256 * 1024;
const newline = 10;

/** Sends a file of NDJSON, part by part. `onProgress` sees the results as they arrive. */
export async function sendFile(
  file: Blob,
  signal: AbortSignal,
  onProgress: (progress: SendProgress) => void,
): Promise<SendProgress> {
  let progress: SendProgress = {
    accepted: 0,
    duplicates: 0,
    rejected: 0,
    lines: [],
    sent: 0,
    size: file.size,
  };
  let line = 0;
  if (await isArray(file)) return sendArray(file, signal, progress);
  while (progress.sent < file.size) {
    const part = await nextPart(file, progress.sent);
    const results = await send(part.bytes, signal, { type: "application/x-ndjson", results: "all" });
    const end = results.find((result) => "end" in result);
    const of = results.filter((result) => "line" in result);
    const rejected = of.filter(isRejected);
    const duplicates = of.filter(({ status }) => status === "DUPLICATE").length;
    const before = line;
    progress = {
      ...progress,
      accepted: progress.accepted + of.length - rejected.length - duplicates,
      duplicates: progress.duplicates + duplicates,
      rejected: progress.rejected + rejected.length,
      lines: [...progress.lines, ...rejected.map((result) => rejectedLine(result, before))].slice(
        0,
        mostLines,
      ),
      sent: progress.sent + part.bytes.byteLength,
    };
    if (end?.end !== "COMPLETE") throw new SendError(end?.code);
    line += part.lines;
    onProgress(progress);
  }
  return progress;
}

/** Whether a file is a JSON array of messages. */
async function isArray(file: Blob): Promise<boolean> {
  return (await file.slice(0, 1024).text()).trimStart().startsWith("[");
}

/** An array cannot be cut into parts: it is one request, whose last line counts what became of its messages. */
async function sendArray(file: Blob, signal: AbortSignal, progress: SendProgress): Promise<SendProgress> {
  const results = await send(file, signal, { type: "application/json", results: "faulty" });
  const end = results.find((result) => "end" in result);
  if (end?.end !== "COMPLETE") throw new SendError(end?.code);
  return {
    ...progress,
    accepted: end.taken,
    duplicates: end.duplicates,
    rejected: end.refused,
    lines: results
      .flatMap((result) => (isRejected(result) ? [rejectedLine(result, 0)] : []))
      .slice(0, mostLines),
    sent: file.size,
  };
}

/** The next whole lines of a file. A line that is longer than a part is a part of its own. */
async function nextPart(
  file: Blob,
  from: number,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; lines: number }> {
  for (let size = partSize; ; size *= 2) {
    const bytes = new Uint8Array(await file.slice(from, from + size).arrayBuffer());
    const isLast = from + bytes.byteLength >= file.size;
    const end = isLast ? bytes.byteLength : bytes.lastIndexOf(newline) + 1;
    if (end === 0 && !isLast) continue;
    const part = bytes.subarray(0, end);
    let lines = 0;
    for (const byte of part) if (byte === newline) lines += 1;
    return { bytes: part, lines };
  }
}

type LineResult = { line: number; status: string; code?: string; path?: string; detail?: string };
type Result = LineResult | { end: string; code?: string; taken: number; duplicates: number; refused: number };

const isRejected = (result: Result): result is LineResult => "line" in result && result.status === "REFUSED";

const rejectedLine = ({ line, code, path, detail }: LineResult, before: number): RejectedLine => ({
  line: before + line,
  code,
  path,
  detail: detail ?? "",
});

async function send(
  body: Blob | Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
  { type, results: wanted }: { type: string; results: "all" | "faulty" },
): Promise<Result[]> {
  const response = await fetch(`/v1/messages?results=${wanted}`, {
    method: "POST",
    headers: { "content-type": type, ...authorization() },
    body,
    signal,
  });
  const text = await response.text();
  const results = text
    .split("\n")
    .filter((line) => line !== "")
    .map(parse);
  if (response.ok) return results;
  const [refusal] = results;
  throw new SendError(refusal && "code" in refusal ? refusal.code : undefined);
}

function parse(line: string): Result {
  try {
    return JSON.parse(line);
  } catch {
    throw new SendError(undefined);
  }
}
