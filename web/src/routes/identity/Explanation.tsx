import { type SubmitEvent, useState } from "react";
import { type CombinedError, useClient } from "urql";
import { ErrorNotice } from "../../components/Notice";
import { IdentifierSelect } from "../../decisions/IdentifierSelect";
import { asInput, isSameEnd, otherEnd } from "../../decisions/linkKey";
import { useLinkText } from "../../decisions/useLinkText";
import { ExplainDocument, type ExplainQuery, type LinkEndFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Identity.module.css";

type End = { kind: string; value: string };
type Answer = { a: End; b: End; explanation: ExplainQuery["explain"] };
type Props = { identifiers: LinkEndFragment[]; ghosts: LinkEndFragment[] };

const another = "another";

/** Why two identifiers are one customer, or why they are not, in sentences. */
export function Explanation({ identifiers, ghosts }: Props) {
  const text = useText();
  const client = useClient();
  const known = [...identifiers, ...ghosts];
  const kinds = Object.keys(text.kinds);
  const [first, setFirst] = useState(identifiers[0]?.unifiedId ?? "");
  const [second, setSecond] = useState((ghosts[0] ?? identifiers[1])?.unifiedId ?? another);
  const [kind, setKind] = useState("phone");
  const [value, setValue] = useState("");
  const [answer, setAnswer] = useState<Answer>();
  const [error, setError] = useState<CombinedError>();

  const ask = async (event?: SubmitEvent) => {
    event?.preventDefault();
    const a = known.find(({ unifiedId }) => unifiedId === first);
    const b = second === another ? { kind, value } : known.find(({ unifiedId }) => unifiedId === second);
    if (!a || !b || b.value.trim() === "") return;
    const variables = { a: asInput(a), b: asInput(b) };
    const { data, error } = await client.query(ExplainDocument, variables, { requestPolicy: "network-only" });
    setError(data ? undefined : error);
    setAnswer(data && { a, b, explanation: data.explain });
  };
  return (
    <>
      <form className={styles.why} onSubmit={ask}>
        <IdentifierSelect
          label={text.identity.whyFirst}
          value={first}
          identifiers={identifiers}
          onChange={setFirst}
        />
        <IdentifierSelect
          label={text.identity.whySecond}
          value={second}
          identifiers={known.filter(({ unifiedId }) => unifiedId !== first)}
          onChange={setSecond}
          last={{ value: another, label: text.identity.whyAnother }}
        />
        {second === another && (
          <span className={styles.typed}>
            <select
              className="field"
              value={kind}
              aria-label={text.kind}
              onChange={(event) => setKind(event.target.value)}
            >
              {kinds.map((each) => (
                <option key={each} value={each}>
                  {text.kinds[each]}
                </option>
              ))}
            </select>
            <input
              className="field"
              value={value}
              aria-label={text.value}
              placeholder={text.value}
              autoComplete="off"
              onChange={(event) => setValue(event.target.value)}
            />
          </span>
        )}
        <button type="submit" className="button">
          {text.identity.whyAsk}
        </button>
      </form>
      {error && <ErrorNotice error={error} onRetry={() => ask()} />}
      <div aria-live="polite" data-answer>
        {answer && <Answered answer={answer} />}
      </div>
    </>
  );
}

function Answered({ answer: { a, b, explanation } }: { answer: Answer }) {
  const text = useText();
  const format = useFormat();
  const words = useLinkText();
  const { together, path, blockedBy } = explanation;

  // The path is read from its first end; each link shows where it leads.
  let here: End = path[0] && (isSameEnd(path[0].a, a) || isSameEnd(path[0].b, a)) ? a : b;
  const steps = path.map((link) => {
    const from = here;
    const to = otherEnd(link, from);
    here = to;
    const decided = link.decision?.relation === "SAME" ? link.decision : undefined;
    return {
      key: `${from.kind} ${from.value} ${to.kind} ${to.value}`,
      sentence: decided
        ? text.identity.stepDecided(words.named(from), words.named(to), decided.actor, decided.reason)
        : text.identity.step(
            words.named(from),
            words.named(to),
            link.count,
            format.list(link.sources),
            format.dateOf(link.firstSeenAt),
            format.relative(link.lastSeenAt),
          ),
    };
  });
  return (
    <>
      <p className={styles.verdict}>
        {together
          ? text.identity.together(words.named(a), words.named(b))
          : text.identity.apart(words.named(a), words.named(b))}
      </p>
      {together && (
        <ol className={styles.steps}>
          {steps.map(({ key, sentence }) => (
            <li key={key}>{sentence}</li>
          ))}
        </ol>
      )}
      {!together && blockedBy.length === 0 && <p className="soft">{text.identity.nothingBetween}</p>}
      {!together && blockedBy.length > 0 && (
        <ul className={styles.steps}>
          {blockedBy.map((held) => (
            <li key={`${held.link.a.unifiedId} ${held.link.b.unifiedId}`}>
              {text.identity.blocked(words.named(held.link.a), words.named(held.link.b), held.link.count)}{" "}
              {words.withheldReason(held)}.
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
