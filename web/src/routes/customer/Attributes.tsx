import { useState } from "react";
import { Time } from "../../components/Time";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import styles from "./Attributes.module.css";
import type { Profile } from "./Customer";
import { consentAttribute } from "./Summary";
import table from "./Table.module.css";

type Attribute = Profile["attributes"][number];

/** Attributes with their source and the values that lost: well-known ones first, then the business's own. Consents are in the summary. */
export function Attributes({ profile }: { profile: Profile }) {
  const text = useText();
  const format = useFormat();
  const [words, setWords] = useState("");
  const consents = new Set(profile.consents.map(({ channel }) => consentAttribute(channel)));
  const attributes = profile.attributes.filter(({ name }) => !consents.has(name));
  if (attributes.length === 0) return <p className="soft">{text.noAttributes}</p>;

  const wanted = words.trim().toLocaleLowerCase();
  const matches = ({ name, value }: Attribute) =>
    [name, format.attribute(name), format.attributeValue(name, value)].some((each) =>
      each.toLocaleLowerCase().includes(wanted),
    );
  const found = attributes.filter(matches);
  const known = Object.keys(text.attributeNames);
  const position = ({ name, standard }: Attribute) =>
    known.includes(name) ? known.indexOf(name) : known.length + (standard ? 0 : 1);
  const ordered = found.sort((a, b) => position(a) - position(b));
  return (
    <>
      <input
        type="search"
        className={styles.search}
        value={words}
        placeholder={text.attributeSearch}
        aria-label={text.attributeSearch}
        onChange={(event) => setWords(event.target.value)}
      />
      {ordered.length === 0 ? (
        <p className="soft">{text.noAttributeFound}</p>
      ) : (
        <table className={table.table}>
          <thead>
            <tr>
              <th scope="col">{text.name}</th>
              <th scope="col">{text.value}</th>
              <th scope="col">{text.source}</th>
              <th scope="col">{text.observed}</th>
            </tr>
          </thead>
          <tbody>
            {ordered.map((attribute) => (
              <Row key={attribute.name} attribute={attribute} />
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Row({ attribute }: { attribute: Attribute }) {
  const text = useText();
  const format = useFormat();
  const { name, value, rule, source, identifier, observedAt, others } = attribute;
  return (
    <tr>
      <td className={styles.name} title={name}>
        {format.attribute(name)}
      </td>
      <td className={table.wide}>
        {format.attributeValue(name, value)}
        {others.length > 0 && (
          <details className={styles.others}>
            <summary>{text.otherValues(others.length)}</summary>
            <p className="soft small">{text.chosenBy(text.ruleNames[rule] ?? rule)}</p>
            <ul>
              {others.map((other) => (
                <li key={`${other.source} ${other.observedAt} ${String(other.value)}`}>
                  <span>{format.attributeValue(name, other.value)}</span>
                  <span className="soft">{text.from(other.source, format.kind(other.identifier.kind))}</span>
                  <span className="soft">
                    <Time at={other.observedAt} />
                  </span>
                </li>
              ))}
            </ul>
          </details>
        )}
      </td>
      <td data-label={text.source} title={format.identifier(identifier.kind, identifier.value)}>
        <span className={styles.source}>{text.from(source, format.kind(identifier.kind))}</span>
      </td>
      <td data-label={text.observed}>
        <Time at={observedAt} />
      </td>
    </tr>
  );
}
