import { Copy } from "../../components/Copy";
import { useText } from "../../language/language";
import styles from "./FirstRun.module.css";

/** For an empty database: three ways to send data, ready to paste. */
export function FirstRun() {
  const text = useText();
  const { origin } = location;
  const body = JSON.stringify({
    query:
      "mutation ($messages: [MessageInput!]!) { ingest(messages: $messages) { results { status unifiedId detail } } }",
    variables: {
      messages: [
        {
          messageId: "first",
          type: "IDENTIFY",
          timestamp: new Date().toISOString(),
          source: "crm",
          identifiers: [{ kind: "phone", value: "010-1234-5678" }],
          attributes: { df_name: "김하늘" },
        },
      ],
    },
  });
  const ways = [
    { title: text.firstRunDemo, about: text.firstRunDemoText, command: "profile360 serve --demo" },
    {
      title: text.firstRunFile,
      about: text.firstRunFileText,
      command: "profile360 import messages.ndjson --db surrealkv://./data/profiles",
    },
    {
      title: text.firstRunMutation,
      about: text.firstRunMutationText,
      command: `curl ${origin}/graphql -H 'content-type: application/json' -d '${body}'`,
    },
  ];
  return (
    <div className={styles.firstRun}>
      <h1>{text.firstRunTitle}</h1>
      <p className="soft">{text.firstRunText}</p>
      <ol className={styles.ways}>
        {ways.map(({ title, about, command }) => (
          <li key={title}>
            <h2>{title}</h2>
            <p className="soft">{about}</p>
            <div className={styles.command}>
              <code className="mono">{command}</code>
              <Copy value={command} label={`${text.copy}: ${title}`} />
            </div>
          </li>
        ))}
      </ol>
    </div>
  );
}
