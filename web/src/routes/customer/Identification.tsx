import { useId, useState } from "react";
import { Copy } from "../../components/Copy";
import { KindIcon } from "../../components/KindIcon";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useViewer } from "../../session/useViewer";
import type { Profile } from "./Customer";
import styles from "./Identification.module.css";

/** The kinds that a customer is known by, in the order in which they are read. */
const shownKinds = ["external_id", "phone", "email", "kakao_id", "line_id", "customer_card"];

/** What identifies the customer: one value of each kind, and the others of that kind on demand. */
export function Identification({ profile: { identifiers, basic } }: { profile: Profile }) {
  const text = useText();
  // Devices have a section of their own; a policy can add kinds.
  const added = identifiers.map(({ kind }) => kind).filter((kind) => kind !== "device_id");
  const kinds = [...new Set([...shownKinds, ...added])];
  const current: Record<string, string | null | undefined> = { phone: basic.phone, email: basic.email };
  const names: Record<string, string> = { phone: text.phone, email: text.email };
  return (
    <dl>
      {kinds.map((kind) => {
        const all = identifiers.filter((identifier) => identifier.kind === kind && !identifier.retiredAt);
        const values = [...new Set(all.map(({ value }) => value))];
        // The current number and address come first.
        const first = values.find((value) => value === current[kind]) ?? values[0];
        const others = values.filter((value) => value !== first);
        return <Kind key={kind} kind={kind} name={names[kind]} first={first} others={others} />;
      })}
    </dl>
  );
}

type KindProps = { kind: string; name: string | undefined; first: string | undefined; others: string[] };

function Kind({ kind, name, first, others }: KindProps) {
  const text = useText();
  const format = useFormat();
  const id = useId();
  const [open, setOpen] = useState(false);
  const label = name ?? format.kind(kind);
  return (
    <div className={styles.kind}>
      <dt className={styles.name}>
        <KindIcon kind={kind} />
        <span className={styles.capital}>{label}</span>
      </dt>
      <dd>
        {first === undefined ? (
          <span className="soft">–</span>
        ) : (
          <span className={styles.first}>
            <Contact kind={kind} value={first} />
            {others.length > 0 && (
              <button
                type="button"
                className={styles.more}
                aria-expanded={open}
                aria-controls={id}
                aria-label={text.card.moreLabel(label, others.length)}
                onClick={() => setOpen(!open)}
              >
                {text.card.more(others.length)}
              </button>
            )}
          </span>
        )}
        {open && (
          <ul id={id}>
            {others.map((value) => (
              <li key={value}>
                <Contact kind={kind} value={value} />
              </li>
            ))}
          </ul>
        )}
      </dd>
    </div>
  );
}

const schemes: Record<string, string> = { phone: "tel:", email: "mailto:" };
const prose = new Set(["phone", "email"]);

/** A value that can be called, written to and copied; a masked one is only read. */
export function Contact({ kind, value }: { kind: string; value: string }) {
  const text = useText();
  const format = useFormat();
  const isOpen = useViewer()?.seesPersonalData === true;
  const scheme = schemes[kind];
  const shown = kind === "email" ? <Email address={value} /> : format.identifier(kind, value);
  return (
    <span className={styles.contact}>
      {scheme && isOpen ? (
        <a href={`${scheme}${value}`} title={value}>
          {shown}
        </a>
      ) : (
        <span className={prose.has(kind) ? undefined : "mono"}>{shown}</span>
      )}
      {isOpen && <Copy value={value} label={text.card.copyValue(format.kind(kind))} />}
    </span>
  );
}

/** A long address breaks before the @. */
function Email({ address }: { address: string }) {
  const at = address.lastIndexOf("@");
  return (
    <>
      {address.slice(0, at)}
      <wbr />
      {address.slice(at)}
    </>
  );
}
