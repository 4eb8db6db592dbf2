import { Check, Minus } from "lucide-react";
import type { ReactNode } from "react";
import { useQuery } from "urql";
import { Link } from "wouter";
import { Avatar } from "../../components/Avatar";
import { Copy } from "../../components/Copy";
import { SessionDocument } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { mergePath } from "../views";
import type { Profile } from "./Customer";
import styles from "./Summary.module.css";

/** The narrow column that stays visible: name, contact, basic information. */
export function Summary({ profile, merged }: { profile: Profile; merged: boolean }) {
  const text = useText();
  const format = useFormat();
  const [session] = useQuery({ query: SessionDocument });
  const { basic, activity, consents, supersededIds, unifiedId } = profile;
  const age = basic.age === null || basic.age === undefined ? "" : text.years(basic.age);
  return (
    <aside className={styles.summary} aria-label={text.about}>
      <header className={styles.head}>
        <Avatar avatar={basic.avatar} large />
        <h1 className={basic.name ? styles.name : `${styles.name} soft`}>{basic.name ?? text.unnamed}</h1>
        <p className="soft small">{text.unifiedId}</p>
        <p className={styles.id}>
          <span className="mono" data-testid="unified-id">
            {unifiedId}
          </span>
          <Copy value={unifiedId} label={text.copyUnifiedId} />
        </p>
        <Link href={mergePath([unifiedId])} className="small">
          {text.merge.withAnother}
        </Link>
        {merged && <p className={styles.note}>{text.supersededNote}</p>}
        {session.data?.viewer.seesPersonalData === false && <p className={styles.note}>{text.masked}</p>}
      </header>
      <Group title={text.contact}>
        <Fact name={text.phone}>{basic.phone && format.phone(basic.phone)}</Fact>
        <Fact name={text.email}>{basic.email && <Email address={basic.email} />}</Fact>
      </Group>
      <Group title={text.about}>
        <Fact name={text.membership}>{basic.membershipLevel}</Fact>
        <Fact name={text.gender}>{basic.gender && format.gender(basic.gender)}</Fact>
        <Fact name={text.birthDate}>{basic.birthDate && format.date(basic.birthDate)}</Fact>
        <Fact name={text.age}>{age}</Fact>
        <Fact name={text.ageGroup}>{basic.ageGroup && format.ageGroup(basic.ageGroup)}</Fact>
        <Fact name={text.recentArea}>{basic.recentArea}</Fact>
        <Fact name={text.platforms}>{basic.platforms.map(format.platform).join(", ")}</Fact>
        <Fact name={text.deviceCount}>{format.number(basic.deviceCount)}</Fact>
        <Fact name={text.firstAccess} means={text.firstAccessMeans}>
          {format.exact(activity.firstAccessAt)}
        </Fact>
      </Group>
      <section className={styles.group}>
        <h2 className={styles.title}>{text.consents}</h2>
        {consents.length === 0 && <p className="soft">{text.noConsents}</p>}
        <ul>
          {consents.map(({ channel, granted, observedAt, source }) => (
            <li key={channel} className={styles.consent} title={`${source}, ${format.exact(observedAt)}`}>
              <span>{format.consent(channel)}</span>
              <span className={granted ? undefined : "soft"}>
                {granted ? <Check size={14} aria-hidden /> : <Minus size={14} aria-hidden />}
                {granted ? text.granted : text.denied}
              </span>
            </li>
          ))}
        </ul>
      </section>
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
    </aside>
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

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={styles.group}>
      <h2 className={styles.title}>{title}</h2>
      <dl>{children}</dl>
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
