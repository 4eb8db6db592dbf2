import { FileUp } from "lucide-react";
import { type DragEvent, useEffect, useRef, useState } from "react";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./FirstRun.module.css";
import { SendError, type SendProgress, sendFile } from "./sendFile";

type State =
  | { kind: "idle" }
  | { kind: "table"; name: string }
  | { kind: "sending"; progress: SendProgress | undefined }
  | { kind: "sent"; progress: SendProgress }
  | { kind: "failed"; progress: SendProgress | undefined; code: string | undefined };

/** A place to drop a file of messages on, which shows what becomes of them. */
export function SendFile({ onData }: { onData: () => void }) {
  const text = useText();
  const [over, setOver] = useState(false);
  const [state, setState] = useState<State>({ kind: "idle" });
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);

  const send = async (file: File) => {
    // What the columns of a table mean is decided by a person, with the map of the command line.
    if (/\.(csv|tsv|xlsx?|parquet)$/i.test(file.name)) {
      setState({ kind: "table", name: file.name });
      return;
    }
    running.current?.abort();
    const abort = new AbortController();
    running.current = abort;
    let last: SendProgress | undefined;
    setState({ kind: "sending", progress: undefined });
    try {
      const progress = await sendFile(file, abort.signal, (next) => {
        last = next;
        setState({ kind: "sending", progress: next });
      });
      setState({ kind: "sent", progress });
    } catch (error) {
      if (abort.signal.aborted) return;
      const code = error instanceof SendError ? error.code : undefined;
      setState({ kind: "failed", progress: last, code });
    }
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const [file] = event.dataTransfer.files;
    if (file) send(file);
  };
  const progress = "progress" in state ? state.progress : undefined;
  const isSending = state.kind === "sending";
  return (
    <>
      <p className="soft">{text.list.fileText}</p>
      <label
        className={`${styles.drop} ${over ? styles.over : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <FileUp size={20} strokeWidth={1.75} aria-hidden />
        <span>{isSending ? text.list.fileSending : text.list.fileDrop}</span>
        <input
          type="file"
          className="hidden"
          accept=".ndjson,.jsonl,.json,.csv,application/x-ndjson"
          disabled={isSending}
          onChange={(event) => {
            const [file] = event.target.files ?? [];
            if (file) send(file);
            event.target.value = "";
          }}
        />
      </label>
      {state.kind === "table" && (
        <div role="alert">
          <p>{text.list.fileTable}</p>
          <code className={`mono ${styles.lines}`}>
            profile360 map {state.name} &gt; map.toml{"\n"}profile360 import {state.name} --map map.toml
          </code>
        </div>
      )}
      {progress && <Progress progress={progress} />}
      {state.kind === "failed" && (
        <p className="amber" role="alert">
          {text.list.fileFailed} {state.code && text.errors.byCode[state.code]}
        </p>
      )}
      {state.kind === "sent" && (
        <button type="button" className="button primary" onClick={onData}>
          {text.list.fileShow}
        </button>
      )}
    </>
  );
}

function Progress({ progress }: { progress: SendProgress }) {
  const text = useText();
  const format = useFormat();
  const { accepted, duplicates, rejected, lines, sent, size } = progress;
  return (
    <div className={styles.progress}>
      <progress max={size} value={sent} aria-label={text.list.fileSending} />
      <dl aria-live="polite">
        <div>
          <dt>{text.list.accepted}</dt>
          <dd>{format.number(accepted)}</dd>
        </div>
        <div>
          <dt>{text.list.duplicates}</dt>
          <dd>{format.number(duplicates)}</dd>
        </div>
        <div>
          <dt>{text.list.rejected}</dt>
          <dd>{format.number(rejected)}</dd>
        </div>
      </dl>
      {lines.length > 0 && (
        <ul className={styles.rejected}>
          {lines.map(({ line, code, path, detail }) => (
            <li key={line}>
              <b>{text.list.line(line)}</b> <span>{(code && text.health.refusals[code]) ?? detail}</span>{" "}
              {path && <span className="soft mono">{path}</span>}
            </li>
          ))}
          {rejected > lines.length && (
            <li className="soft">{text.list.moreLines(rejected - lines.length)}</li>
          )}
        </ul>
      )}
    </div>
  );
}
