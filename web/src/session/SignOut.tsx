import { LogOut } from "lucide-react";
import { useText } from "../language/language";
import { signOut, useSession } from "./key";
import { useViewer } from "./useViewer";

/** Shows the name behind the key, and signs out. Hidden where the server requires no key. */
export function SignOut({ className }: { className: string | undefined }) {
  const text = useText().session;
  const { key } = useSession();
  const viewer = useViewer();
  if (key === null) return null;
  const label = viewer ? `${text.signOut}: ${viewer.name} (${viewer.role})` : text.signOut;
  return (
    <button type="button" className={className} aria-label={label} title={label} onClick={signOut}>
      <LogOut size={16} strokeWidth={1.75} aria-hidden />
    </button>
  );
}
