import { type SubmitEvent, useEffect, useRef, useState } from "react";
import { Dialog } from "../../components/Dialog";
import { useToast } from "../../components/Toasts";
import type { ProfileFilter } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useViewer } from "../../session/useViewer";
import type { Column } from "./columns";
import styles from "./ExportDialog.module.css";
import { ExportError, type ExportFormat, exportList, saveFile } from "./exportList";
import type { CustomersQuery } from "./query";

type Props = {
  query: CustomersQuery;
  filter: ProfileFilter | null;
  total: number | undefined;
  chosen: ReadonlySet<string>;
  columns: Column[];
  onClose: () => void;
};

type State =
  | { kind: "idle" }
  | { kind: "running"; rows: number }
  | { kind: "failed"; code: string | undefined };

/** Exports the list as it is shown: chosen customers or all that match, the shown columns or all. */
export function ExportDialog({ query, filter, total, chosen, columns, onClose }: Props) {
  const text = useText();
  const format = useFormat();
  const toast = useToast();
  const viewer = useViewer();
  const [which, setWhich] = useState<"chosen" | "all">(chosen.size > 0 ? "chosen" : "all");
  const [what, setWhat] = useState<"shown" | "all">("shown");
  const [form, setForm] = useState<ExportFormat>("CSV");
  const [state, setState] = useState<State>({ kind: "idle" });
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);

  const count = which === "chosen" ? chosen.size : total;
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const abort = new AbortController();
    running.current = abort;
    setState({ kind: "running", rows: 0 });
    const customers =
      which === "chosen"
        ? { unifiedIds: [...chosen] }
        : { filter, search: query.search.trim() || null, orderBy: query.orderBy };
    const names = new Set(["unified_id", "name", ...columns.flatMap((column) => column.exports)]);
    const request = { format: form, ...customers, ...(what === "shown" ? { columns: [...names] } : {}) };
    try {
      const file = await exportList(request, abort.signal, (rows) => setState({ kind: "running", rows }));
      saveFile(file, `customers-${format.today()}.${form.toLowerCase()}`);
      toast({ message: text.list.exported, kind: "done" });
      onClose();
    } catch (error) {
      if (!abort.signal.aborted)
        setState({ kind: "failed", code: error instanceof ExportError ? error.code : undefined });
    }
  };
  const failure = () => {
    if (state.kind !== "failed") return undefined;
    if (state.code === undefined) return text.list.exportCut;
    if (state.code === "OVERLOADED") return text.list.exportBusy;
    return text.list.exportFailed(text.errors.byCode[state.code] ?? state.code);
  };
  return (
    <Dialog title={text.list.exportTitle} onClose={onClose}>
      <form className={styles.form} onSubmit={submit}>
        <Radios
          legend={text.customers}
          value={which}
          onChange={setWhich}
          options={[
            ...(chosen.size > 0
              ? [{ value: "chosen" as const, label: text.list.exportChosen(chosen.size) }]
              : []),
            {
              value: "all" as const,
              label: total === undefined ? text.list.exportAll : text.list.exportAllOf(total),
            },
          ]}
        />
        <Radios
          legend={text.columns}
          value={what}
          onChange={setWhat}
          options={[
            { value: "shown" as const, label: text.list.exportShown(columns.length + 1) },
            { value: "all" as const, label: text.list.exportAllColumns },
          ]}
        />
        <Radios
          legend={text.list.format}
          value={form}
          onChange={setForm}
          options={[
            { value: "CSV" as const, label: text.list.formatCsv },
            { value: "NDJSON" as const, label: text.list.formatNdjson },
          ]}
        />
        <p className="soft small">
          {text.list.exportAudited}
          {viewer && !viewer.seesPersonalData && ` ${text.masked}.`}
        </p>
        {failure() && (
          <p className="amber" role="alert">
            {failure()}
          </p>
        )}
        <div className={styles.actions}>
          <button type="submit" className="button primary" disabled={state.kind === "running"}>
            {state.kind === "failed" ? text.tryAgain : text.list.export}
          </button>
          {state.kind === "running" && (
            <>
              <progress className={styles.progress} max={count ?? 1} value={state.rows} />
              <span className="soft" role="status">
                {text.list.exportProgress(state.rows, count)}
              </span>
            </>
          )}
        </div>
      </form>
    </Dialog>
  );
}

type RadiosProps<T extends string> = {
  legend: string;
  value: T;
  onChange: (value: T) => void;
  options: { value: T; label: string }[];
};

function Radios<T extends string>({ legend, value, onChange, options }: RadiosProps<T>) {
  return (
    <fieldset className={styles.radios}>
      <legend>{legend}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            checked={option.value === value}
            name={legend}
            onChange={() => onChange(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
