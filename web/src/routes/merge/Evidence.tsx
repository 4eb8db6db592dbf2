import { Check, Minus, X } from "lucide-react";
import type { ReactNode } from "react";
import { useText } from "../../language/language";
import type { Comparison, MergeEvidence } from "../../rules/preview";
import styles from "./Evidence.module.css";

/** What speaks for one person and what against it, before any field is read. */
export function Evidence({
  evidence: { compared, seenTogether, contradictory },
}: {
  evidence: MergeEvidence;
}) {
  const text = useText();
  const { evidenceNames, evidenceResults, evidenceNoMatch } = text.merge;
  return (
    <section className={styles.evidence} aria-label={text.merge.evidence}>
      <ul className={styles.chips}>
        {compared.map(({ what, result }) => {
          // Two customers may each have a phone of their own, and names and dates of birth are one person's only.
          const isContact = what === "phone" || what === "email";
          const words = isContact && result === "DIFFER" ? evidenceNoMatch : evidenceResults[result];
          return (
            <Chip key={what} result={result} against={isContact ? "amber" : "red"} what={what}>
              {evidenceNames[what]}: {words}
            </Chip>
          );
        })}
        <Chip result={seenTogether > 0 ? "MATCH" : "UNKNOWN"} against="amber" what="seenTogether">
          {text.merge.seenTogether(seenTogether)}
        </Chip>
      </ul>
      {contradictory && (
        <p className={styles.warning} data-contradictory>
          {text.merge.differentPeople}
        </p>
      )}
    </section>
  );
}

type ChipProps = { result: Comparison; against: "amber" | "red"; what: string; children: ReactNode };

function Chip({ result, against, what, children }: ChipProps) {
  const tone = result === "MATCH" ? "green" : result === "DIFFER" ? against : "none";
  const Icon = result === "MATCH" ? Check : result === "DIFFER" ? X : Minus;
  return (
    <li className={`${styles.chip} ${styles[tone]}`} data-evidence={what} data-result={result}>
      <Icon size={14} aria-hidden />
      <span>{children}</span>
    </li>
  );
}
