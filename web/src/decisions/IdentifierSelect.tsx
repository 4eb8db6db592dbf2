import { useLinkText } from "./useLinkText";

type Props = {
  label: string;
  value: string;
  identifiers: { kind: string; value: string; unifiedId: string }[];
  onChange: (unifiedId: string) => void;
  /** A last option, for an identifier that is not listed. */
  last?: { value: string; label: string };
};

/** A select of identifiers. */
export function IdentifierSelect({ label, value, identifiers, onChange, last }: Props) {
  const { named } = useLinkText();
  return (
    <select
      className="field"
      value={value}
      aria-label={label}
      onChange={(event) => onChange(event.target.value)}
    >
      {identifiers.map((identifier) => (
        <option key={identifier.unifiedId} value={identifier.unifiedId}>
          {named(identifier)}
        </option>
      ))}
      {last && <option value={last.value}>{last.label}</option>}
    </select>
  );
}
