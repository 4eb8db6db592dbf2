import type { ReactNode } from "react";
import { Link } from "wouter";
import { Avatar } from "../../components/Avatar";
import { IdentifierName } from "../../components/IdentifierName";
import { Time } from "../../components/Time";
import type { MatchSignal, ReviewPersonFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { customerPath } from "../views";
import styles from "./Comparison.module.css";

type Profile = ReviewPersonFragment["profile"];
type Props = {
  people: readonly ReviewPersonFragment[];
  /** What the score of the case compares. Of two customers, it decides which fields agree and which differ. */
  signals: readonly MatchSignal[];
  /** Whether values are masked: masked ones can be equal though the values are not. */
  masked: boolean;
  /** The value of the case. */
  value: { kind: string; value: string };
  /** The customers that are chosen as one person; undefined where nothing is to choose. */
  same?: ReadonlySet<string> | undefined;
  onSame?: (unifiedId: string) => void;
};
type Row = {
  name: string;
  of: (person: ReviewPersonFragment) => ReactNode;
  verdict?: "same" | "differs" | undefined;
};

/** The customers of a case in columns. Fields that agree or differ say so: they decide whether it is one person. */
export function Comparison({ people, signals, masked, value, same, onSame }: Props) {
  const text = useText();
  const format = useFormat();
  const verdict = (
    of: (profile: Profile) => string | null | undefined,
    equal?: MatchSignal,
    unequal?: MatchSignal,
  ) => {
    if (people.length === 2 && equal) {
      if (signals.includes(equal)) return "same";
      return unequal && signals.includes(unequal) ? "differs" : undefined;
    }
    if (masked) return undefined;
    const known = people.map(({ profile }) => of(profile)).filter(Boolean);
    if (known.length < 2) return undefined;
    if (known.some((one) => one !== known[0])) return "differs";
    return known.length === people.length ? "same" : undefined;
  };
  const plain = (
    name: string,
    of: (profile: Profile) => string | null | undefined,
    shown: (text: string) => ReactNode = (text) => text,
    ...compared: [MatchSignal?, MatchSignal?]
  ): Row => ({
    name,
    verdict: verdict(of, ...compared),
    of: ({ profile }) => {
      const own = of(profile);
      return own && shown(own);
    },
  });
  const rows: Row[] = [
    plain(
      text.inbox.name,
      ({ basic }) => basic.name,
      (name) => <bdi>{name}</bdi>,
      "SAME_NAME",
      "DIFFERENT_NAME",
    ),
    plain(
      text.birthDate,
      ({ basic }) => basic.birthDate,
      format.date,
      "SAME_BIRTH_DATE",
      "DIFFERENT_BIRTH_DATE",
    ),
    {
      name: text.gender,
      verdict: verdict(({ basic }) => basic.gender, "SAME_GENDER", "DIFFERENT_GENDER"),
      of: ({ profile: { basic } }) => basic.gender && format.gender(basic.gender),
    },
    {
      name: text.inbox.value,
      of: ({ holdsValue, links }) => <Claim holds={holdsValue} links={links} />,
    },
    {
      name: text.identifiers,
      of: ({ profile }) => (
        <ul className={styles.identifiers}>
          {profile.identifiers.map((identifier) => (
            <li key={identifier.unifiedId}>
              <IdentifierName
                identifier={identifier}
                strong={identifier.kind === value.kind && identifier.value === value.value}
              />
            </li>
          ))}
        </ul>
      ),
    },
    { name: text.membership, of: ({ profile }) => profile.basic.membershipLevel },
    {
      name: text.recentArea,
      verdict: signals.includes("SAME_AREA") && people.length === 2 ? "same" : undefined,
      of: ({ profile }) => profile.basic.recentArea,
    },
    { name: text.firstAccess, of: ({ profile }) => <Time asDate at={profile.activity.firstAccessAt} /> },
    { name: text.lastActivity, of: ({ profile }) => <Time at={profile.activity.lastActivityAt} /> },
    { name: text.events, of: ({ profile }) => format.number(profile.activity.eventCount) },
    {
      name: text.inbox.purchases12,
      of: ({
        profile: {
          purchases: { window, currency },
        },
      }) => window.count > 0 && `${text.ordersOf(window.count)} · ${format.money(window.amount, currency)}`,
    },
  ];
  return (
    <section
      className={styles.scroll}
      tabIndex={people.length > 2 ? 0 : undefined}
      aria-label={text.inbox.sideBySide}
    >
      <table className={people.length > 2 ? `${styles.both} ${styles.many}` : styles.both}>
        <caption className="hidden">{text.inbox.sideBySide}</caption>
        <thead>
          <tr>
            <td />
            {people.map(({ profile }) => (
              <th key={profile.unifiedId} scope="col">
                <span className={styles.who}>
                  <Avatar avatar={profile.basic.avatar} />
                  <Link href={customerPath(profile.unifiedId)}>
                    <bdi>{profile.basic.name ?? text.unnamed}</bdi>
                  </Link>
                </span>
                {same && onSame && (
                  <label className={styles.one}>
                    <input
                      type="checkbox"
                      checked={same.has(profile.unifiedId)}
                      onChange={() => onSame(profile.unifiedId)}
                    />
                    {text.inbox.samePerson}
                  </label>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, of, verdict }) => (
            <tr key={name}>
              <th scope="row">
                {name}
                {verdict && (
                  <span className={verdict === "same" ? styles.same : styles.differs}>
                    {verdict === "same" ? text.inbox.same : text.inbox.differs}
                  </span>
                )}
              </th>
              {people.map((person) => (
                <td key={person.profile.unifiedId}>{of(person) || <span className="soft">–</span>}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** What connects a customer with the value: it holds it, or how often and when it was seen with it. */
function Claim({ holds, links }: { holds: boolean; links: ReviewPersonFragment["links"] }) {
  const text = useText();
  const format = useFormat();
  if (holds) return text.inbox.holds;
  const times = links.reduce((sum, { link }) => sum + link.count, 0);
  const last = links
    .map(({ link }) => link.lastSeenAt)
    .sort()
    .at(-1);
  const isApart = links.length > 0 && links.every(({ link }) => link.decision?.relation === "DIFFERENT");
  return (
    <>
      {last && text.inbox.seenTimes(times, format.dateOf(last))}
      {isApart && <span className={styles.apart}>{text.inbox.markedDifferent}</span>}
    </>
  );
}
