import { Check, Minus } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { Avatar } from "../../components/Avatar";
import { Copy } from "../../components/Copy";
import { Time } from "../../components/Time";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useMay } from "../../session/useMay";
import { useViewer } from "../../session/useViewer";
import { useMedia } from "../../useMedia";
import { comparePath, mergePath } from "../views";
import type { Profile, Today } from "./Customer";
import { DeviceCount } from "./Devices";
import { Contact, Identification } from "./Identification";
import styles from "./Summary.module.css";

/** The narrow column that stays visible: name, identification, basic information, consents. */
export function Summary({ profile, today, merged }: { profile: Profile; today: Today; merged: boolean }) {
  const text = useText();
  const isPhone = useMedia("(max-width: 720px)");
  return (
    <aside className={styles.summary} aria-label={text.about}>
      <Head profile={profile} merged={merged} />
      {isPhone ? (
        <>
          <Essentials profile={profile} today={today} />
          <details className={styles.all}>
            <summary>{text.card.allDetails}</summary>
            <Groups profile={profile} />
          </details>
        </>
      ) : (
        <Groups profile={profile} />
      )}
    </aside>
  );
}

function Head({ profile: { basic, unifiedId }, merged }: { profile: Profile; merged: boolean }) {
  const text = useText();
  const viewer = useViewer();
  const { decide } = useMay();
  return (
    <header className={styles.head}>
      <Avatar avatar={basic.avatar} large />
      <div className={styles.names}>
        <h1 className={basic.name ? styles.name : `${styles.name} soft`}>
          <bdi>{basic.name ?? text.unnamed}</bdi>
        </h1>
        {decide && (
          <Link href={mergePath([unifiedId])} className="small">
            {text.merge.withAnother}
          </Link>
        )}
        <Link href={comparePath([unifiedId])} className="small">
          {text.compare.title}
        </Link>
      </div>
      <p className={styles.id}>
        <span className="soft small">{text.unifiedId}</span>
        <span className={styles.value}>
          <span className="mono" data-testid="unified-id">
            {unifiedId}
          </span>
          <Copy value={unifiedId} label={text.copyUnifiedId} />
        </span>
      </p>
      {merged && <p className={styles.note}>{text.supersededNote}</p>}
      {viewer?.seesPersonalData === false && <p className={styles.note}>{text.masked}</p>}
    </header>
  );
}

/** What matters most on a phone. */
function Essentials({ profile: { basic }, today }: { profile: Profile; today: Today }) {
  const text = useText();
  const format = useFormat();
  const purchases = today?.purchases;
  return (
    <dl className={styles.essentials}>
      <Fact name={text.phone}>{basic.phone && <Contact kind="phone" value={basic.phone} />}</Fact>
      <Fact name={text.email}>{basic.email && <Contact kind="email" value={basic.email} />}</Fact>
      <Fact name={text.membership}>{basic.membershipLevel}</Fact>
      <Fact name={text.card.spendYear}>
        {purchases && format.money(purchases.window.amount, purchases.currency)}
      </Fact>
    </dl>
  );
}

function Groups({ profile }: { profile: Profile }) {
  const text = useText();
  const format = useFormat();
  const { basic, activity, supersededIds } = profile;
  const age = basic.age === null || basic.age === undefined ? undefined : text.years(basic.age);
  return (
    <div className={styles.groups}>
      <Group title={text.card.identification}>
        <Identification profile={profile} />
      </Group>
      <Group title={text.about}>
        <dl>
          <Fact name={text.membership}>{basic.membershipLevel}</Fact>
          <Fact name={text.gender}>{basic.gender && format.gender(basic.gender)}</Fact>
          <Fact name={text.birthDate}>{basic.birthDate && format.date(basic.birthDate)}</Fact>
          <Fact name={text.age}>{age}</Fact>
          <Fact name={text.ageGroup}>{basic.ageGroup && format.ageGroup(basic.ageGroup)}</Fact>
          <Fact name={text.recentArea}>{basic.recentArea}</Fact>
          <Fact name={text.platforms}>{basic.platforms.map(format.platform).join(", ")}</Fact>
          <Fact name={text.deviceCount}>
            <DeviceCount profile={profile} />
          </Fact>
          <Fact name={text.firstAccess} means={text.firstAccessMeans}>
            {format.exact(activity.firstAccessAt)}
          </Fact>
        </dl>
      </Group>
      <div>
        <Group title={text.consents}>
          <Consents profile={profile} />
        </Group>
        {supersededIds.length > 0 && (
          <details className={styles.group}>
            <summary className="small soft">{text.supersededIds(supersededIds.length)}</summary>
            <ul>
              {supersededIds.map((id) => (
                <li key={id} className="mono soft">
                  {id}
                </li>
              ))}
            </ul>
          </details>
        )}
      </div>
    </div>
  );
}

/** Each consent; opened, where it is from and what else was said. Attributes do not repeat them. */
function Consents({ profile: { consents, attributes } }: { profile: Profile }) {
  const text = useText();
  const format = useFormat();
  if (consents.length === 0) return <p className="soft">{text.noConsents}</p>;
  return (
    <ul>
      {consents.map(({ channel, granted, observedAt, source }) => {
        const origin = attributes.find(({ name }) => name === consentAttribute(channel));
        const from = origin ? text.from(source, format.kind(origin.identifier.kind)) : source;
        return (
          <li key={channel}>
            <details className={styles.consent}>
              <summary title={`${from}, ${format.exact(observedAt)}`}>
                <span>{format.consent(channel)}</span>
                <span className={granted ? styles.mark : `${styles.mark} soft`}>
                  {granted ? <Check size={14} aria-hidden /> : <Minus size={14} aria-hidden />}
                  {granted ? text.granted : text.denied}
                </span>
              </summary>
              <p className="soft small">
                {origin
                  ? text.card.rule(text.ruleNames[origin.rule] ?? origin.rule, from, format.exact(observedAt))
                  : `${from} · ${format.exact(observedAt)}`}
              </p>
              {origin?.others.map((other) => (
                <p key={`${other.source} ${other.observedAt} ${String(other.value)}`} className="soft small">
                  {other.value === true ? text.granted : text.denied} ·{" "}
                  {text.from(other.source, format.kind(other.identifier.kind))} ·{" "}
                  <Time at={other.observedAt} />
                </p>
              ))}
            </details>
          </li>
        );
      })}
    </ul>
  );
}

/** The attribute that a consent is made of. */
export const consentAttribute = (channel: string) => `df_${channel}_optin`;

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={styles.group}>
      <h2 className={styles.title}>{title}</h2>
      {children}
    </section>
  );
}

function Fact({ name, means, children }: { name: string; means?: string; children: ReactNode }) {
  return (
    <div className={styles.fact} title={means}>
      <dt>{name}</dt>
      <dd>{children || <span className="soft">–</span>}</dd>
    </div>
  );
}
