import type { ReactNode } from "react";
import { Time } from "../../components/Time";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import { useLocalStorage } from "../../useLocalStorage";
import type { Profile } from "./Customer";
import { DeviceCount, DeviceDetails, DeviceSentence } from "./Devices";
import styles from "./Overview.module.css";

export function Overview({ profile }: { profile: Profile }) {
  const text = useText();
  const format = useFormat();
  const { activity, devices } = profile;
  return (
    <>
      <dl className={styles.figures}>
        <Figure name={text.lastActivity}>
          <Time at={activity.lastActivityAt} />
          <Exact at={activity.lastActivityAt} />
        </Figure>
        <Figure name={text.events}>{format.number(activity.eventCount)}</Figure>
        <Figure name={text.sessions}>{format.number(activity.sessionCount)}</Figure>
        <Figure name={text.deviceCount}>
          <DeviceCount profile={profile} />
        </Figure>
        <Figure name={text.lastUpdated}>
          <Time at={activity.lastUpdatedAt} />
          <Exact at={activity.lastUpdatedAt} />
        </Figure>
      </dl>
      {devices[0] && <RecentDevice device={devices[0]} />}
    </>
  );
}

function RecentDevice({ device }: { device: Profile["devices"][number] }) {
  const text = useText();
  const [state, setState] = useLocalStorage<"open" | "closed">(
    "recent-device",
    (stored) => (stored === "closed" || (stored === null && innerWidth <= 1100) ? "closed" : "open"),
    (value) => value,
  );
  return (
    <details
      open={state === "open"}
      className={styles.device}
      onToggle={(event) => {
        const next = event.currentTarget.open ? "open" : "closed";
        if (next !== state) setState(next);
      }}
    >
      <summary>
        <h3 className={styles.deviceTitle}>{text.card.recentDevice}</h3> <DeviceSentence device={device} />
      </summary>
      <DeviceDetails device={device} />
    </details>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="soft small">{name}</dt>
      <dd className={styles.figure}>{children}</dd>
    </div>
  );
}

function Exact({ at }: { at: string }) {
  const format = useFormat();
  return <span className={styles.exact}>{format.exact(at)}</span>;
}
