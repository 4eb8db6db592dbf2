import { Time } from "../../components/Time";
import type { DeviceStateFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { Profile } from "./Customer";
import styles from "./Devices.module.css";
import table from "./Table.module.css";

/** The devices, newest first as the API sorts them. */
export function Devices({ devices }: { devices: DeviceStateFragment[] }) {
  const text = useText();
  if (devices.length === 0) return <p className="soft">{text.noDevices}</p>;
  return (
    <ul className={styles.devices}>
      {devices.map((device, index) => (
        <li key={device.deviceId}>
          <details>
            <summary className={styles.sentence}>
              <DeviceSentence device={device} />
              {index === 0 && <span className="soft small">{text.recentDevice}</span>}
              {device.shared && (
                <span className={table.mark} title={text.card.sharedDeviceHelp}>
                  {text.card.sharedDevice}
                </span>
              )}
            </summary>
            <DeviceDetails device={device} />
          </details>
        </li>
      ))}
    </ul>
  );
}

/** How many devices, and how many of them others use, too. */
export function DeviceCount({ profile: { basic, devices } }: { profile: Profile }) {
  const text = useText();
  const format = useFormat();
  const shared = devices.filter((device) => device.shared).length;
  return text.card.devices(format.number(basic.deviceCount), shared > 0 ? format.number(shared) : undefined);
}

export function DeviceSentence({ device }: { device: DeviceStateFragment }) {
  const format = useFormat();
  const said = [
    device.model,
    join(device.os, device.osVersion),
    join(device.browser, device.browserVersion?.split(".")[0]),
    device.carrier,
    device.area ?? device.city,
    device.language && format.tongue(device.language),
    format.relative(device.lastUsedAt),
  ];
  return <span>{said.filter(Boolean).join(" · ")}</span>;
}

export function DeviceDetails({ device }: { device: DeviceStateFragment }) {
  const text = useText();
  const format = useFormat();
  const facts: [string, string | null | undefined][] = [
    [text.model, device.model],
    [text.os, join(device.os, device.osVersion)],
    [text.browser, join(device.browser, device.browserVersion)],
    [text.carrier, device.carrier],
    [text.deviceLanguage, device.language && format.tongue(device.language)],
    [text.timeZone, device.timeZone],
    [text.country, device.country && format.region(device.country)],
    [text.region, device.region],
    [text.city, device.city],
    [text.area, device.area],
    [text.libraryPlatform, device.libraryPlatform],
    [text.libraryVersion, device.libraryVersion],
  ];
  return (
    <dl className={styles.details}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt className="soft small">{name}</dt>
          <dd>{value || <span className="soft">–</span>}</dd>
        </div>
      ))}
      <div>
        <dt className="soft small">{text.lastUsed}</dt>
        <dd>
          <Time at={device.lastUsedAt} />
        </dd>
      </div>
      <div className={styles.id}>
        <dt className="soft small">{text.deviceId}</dt>
        <dd className="mono">{device.deviceId}</dd>
      </div>
    </dl>
  );
}

const join = (...words: (string | null | undefined)[]) => words.filter(Boolean).join(" ");
