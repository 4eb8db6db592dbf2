import { createContext, type ReactNode, use, useEffect, useId, useState } from "react";
import type { CombinedError } from "urql";
import { useText } from "../../language/language";
import type { PolicyDocument, PolicyFault } from "../../rules/preview";
import { rules } from "../../rules/rules";
import styles from "./Policy.module.css";

type Checked = { of: PolicyDocument; faults: PolicyFault[] | undefined };
const FaultsContext = createContext<PolicyFault[]>([]);

/** The faults of a document, found by the module at every change. Undefined until it answers, null if it cannot. */
export function useFaults(document: PolicyDocument): PolicyFault[] | null | undefined {
  const [checked, setChecked] = useState<Checked>();
  useEffect(() => {
    let current = true;
    const show = (faults: PolicyFault[] | undefined) => current && setChecked({ of: document, faults });
    rules.checkPolicy(document).then(
      ({ faults }) => show(faults),
      () => show(undefined),
    );
    return () => {
      current = false;
    };
  }, [document]);
  if (!checked) return undefined;
  return checked.faults ?? null;
}

/** The faults that the server named in a refusal. */
export function faultsIn(error: CombinedError | undefined): PolicyFault[] {
  const faults = error?.graphQLErrors.flatMap(({ extensions }) => extensions.faults ?? []);
  return (faults ?? []) as PolicyFault[];
}

export function Faults({ faults, children }: { faults: PolicyFault[]; children: ReactNode }) {
  return <FaultsContext value={faults}>{children}</FaultsContext>;
}

/** The faults at a path and below it. */
export function useFaultsAt(path: string): PolicyFault[] {
  const faults = use(FaultsContext);
  return faults.filter((fault) => fault.path === path || fault.path.startsWith(`${path}[`));
}

/** The attributes of a field, and its fault under it. */
export function useFaultOf(path: string, nameOf?: (position: number) => string | undefined) {
  const text = useText();
  const id = useId();
  const faults = useFaultsAt(path);
  const said = faults.map(({ path: own, code }) => {
    const fault = text.policy.faults[code];
    const position = /\[(\d+)\]$/.exec(own)?.[1];
    const value = position === undefined ? undefined : nameOf?.(Number(position));
    return value === undefined ? fault : text.policy.faultOf(value, fault);
  });
  const shown = [...new Set(said)];
  return {
    attributes: shown.length > 0 ? { "aria-invalid": true, "aria-describedby": id } : {},
    message: shown.length > 0 && (
      <span id={id} role="alert" className={styles.fault} data-fault={path}>
        {shown.join(". ")}
      </span>
    ),
  };
}
