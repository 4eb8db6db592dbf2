import type { ReactNode } from "react";
import { useText } from "../language/language";
import styles from "./RoleGate.module.css";
import { type May, neededRole, useMay } from "./useMay";
import { useViewer } from "./useViewer";

type Props = {
  needs: keyof May;
  /** Shown to other roles; the line that names the role to ask for if it is not given. */
  otherwise?: ReactNode;
  children: ReactNode;
};

/** Shows its children only to a role that may use them. */
export function RoleGate({ needs, otherwise, children }: Props) {
  const may = useMay();
  if (may[needs]) return children;
  return otherwise === undefined ? <RoleNotice needs={needs} /> : otherwise;
}

/** One line that says which role to ask for, for a viewer whose role may only look. */
export function RoleNotice({ needs }: { needs: keyof May }) {
  const text = useText();
  const viewer = useViewer();
  if (!viewer) return null;
  const { names, readOnly } = text.roles;
  return (
    <p className={styles.notice} data-role-notice={needs}>
      {readOnly(names[viewer.role], names[neededRole[needs]])}
    </p>
  );
}

/** In place of what the viewer's role may not see. */
export function NotForRole() {
  const text = useText();
  return (
    <p className="soft" data-not-for-role>
      {text.roles.unavailable}
    </p>
  );
}
