import { useState } from "react";
import { useMutation } from "urql";
import { Copy } from "../../components/Copy";
import { AddSampleDataDocument } from "../../graphql/generated/graphql";
import { useErrorText } from "../../language/errorText";
import { useText } from "../../language/language";
import { useSession } from "../../session/key";
import { useMay } from "../../session/useMay";
import styles from "./FirstRun.module.css";
import { SendFile } from "./SendFile";

/** For an empty database: sample data, a file, or a first message. */
export function FirstRun({ onData }: { onData: () => void }) {
  const text = useText();
  const session = useSession();
  const isAdmin = useMay().govern;
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
  const key = session.key === null ? "" : ` -H "authorization: Bearer $PROFILE360_KEY"`;
  const curl = `curl ${origin}/graphql -H 'content-type: application/json'${key} -d '${body}'`;
  return (
    <div className={styles.firstRun}>
      <h1>{text.firstRunTitle}</h1>
      <p className="soft">{text.firstRunText}</p>
      <ol className={styles.ways}>
        <li>
          <h2>{text.firstRunDemo}</h2>
          {isAdmin ? (
            <SampleData onData={onData} />
          ) : (
            <>
              <p className="soft">{text.firstRunDemoText}</p>
              <Command title={text.firstRunDemo} command="profile360 serve --demo" />
            </>
          )}
        </li>
        <li>
          <h2>{text.firstRunFile}</h2>
          {isAdmin ? (
            <SendFile onData={onData} />
          ) : (
            <>
              <p className="soft">{text.firstRunFileText}</p>
              <Command
                title={text.firstRunFile}
                command="profile360 import messages.ndjson --db surrealkv://./data/profiles"
              />
            </>
          )}
        </li>
        <li>
          <h2>{text.firstRunMutation}</h2>
          <p className="soft">
            {text.firstRunMutationText}
            {session.key !== null && ` ${text.list.curlKey}`}
          </p>
          <Command title={text.firstRunMutation} command={curl} />
        </li>
      </ol>
    </div>
  );
}

function Command({ title, command }: { title: string; command: string }) {
  const text = useText();
  return (
    <div className={styles.command}>
      <code className="mono">{command}</code>
      <Copy value={command} label={`${text.copy}: ${title}`} />
    </div>
  );
}

function SampleData({ onData }: { onData: () => void }) {
  const text = useText();
  const errorText = useErrorText();
  const [{ fetching, error }, add] = useMutation(AddSampleDataDocument);
  const [done, setDone] = useState(false);
  const start = async () => {
    const { data } = await add({});
    if (!data) return;
    setDone(true);
    onData();
  };
  return (
    <>
      <p className="soft">{text.list.sampleText}</p>
      <div className={styles.action}>
        <button type="button" className="button primary" disabled={fetching || done} onClick={start}>
          {fetching ? text.list.sampleAdding : text.list.sampleAdd}
        </button>
        {error && (
          <span className="amber" role="alert">
            {errorText(error)}
          </span>
        )}
      </div>
    </>
  );
}
