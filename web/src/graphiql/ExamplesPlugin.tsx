import { type GraphiQLPlugin, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { BookOpen } from "lucide-react";
import { useEffect, useRef } from "react";
import { useText } from "../language/language";
import { authorization } from "../session/key";
import { useMedia } from "../useMedia";
import { type Example, examples } from "./examples";

/** Too narrow for the examples next to the editor. */
export const phone = "(max-width: 720px)";

/** Documents to start from, with variables that have values of this database. */
export const EXAMPLES_PLUGIN: GraphiQLPlugin = {
  title: "Examples",
  icon: () => <BookOpen size={18} strokeWidth={1.75} aria-hidden />,
  content: Examples,
};

function Examples() {
  const text = useText();
  const { addTab, run, setVisiblePlugin } = useGraphiQLActions();
  const narrow = useMedia(phone);
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  useRunOnce(queryEditor !== undefined, run);
  const open = async ({ query }: Example) => {
    const variables = await variablesOf(query);
    // An example that is unchanged makes room for the next one.
    const current = queryEditor?.getValue() ?? "";
    if (!examples.some((example) => example.query === current)) addTab();
    queryEditor?.setValue(query);
    variableEditor?.setValue(variables);
    // On a phone the examples cover the editor.
    if (narrow) setVisiblePlugin(null);
  };
  return (
    <section className="examples">
      <h2>{text.graphiql.title}</h2>
      <ul>
        {examples.map((example) => (
          <li key={example.name}>
            <button type="button" disabled={!queryEditor || !variableEditor} onClick={() => open(example)}>
              {text.graphiql.examples[example.name]}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Runs the example that GraphiQL opens with, so that its answer is there too. */
function useRunOnce(ready: boolean, run: () => void) {
  const done = useRef(false);
  useEffect(() => {
    if (!ready || done.current) return;
    done.current = true;
    run();
  }, [ready, run]);
}

type Values = {
  buyers: { nodes: { unifiedId: string }[] };
  page: { pageInfo: { endCursor: string | null } };
  withheldLinks: { nodes: { link: Record<"a" | "b", { kind: string; value: string }> }[] };
};

const VALUES = `{
  buyers: profiles(first: 1, orderBy: { field: PURCHASE_COUNT_12M, direction: DESC }) { nodes { unifiedId } }
  page: profiles(first: 10) { pageInfo { endCursor } }
  withheldLinks(first: 1) { nodes { link { a { kind value } b { kind value } } } }
}`;

/** The variables that a document declares and that examples can fill in, as JSON. */
async function variablesOf(query: string): Promise<string> {
  if (!/\$(unifiedId|after|a)\b/.test(query)) return "";
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", ...authorization() },
    body: JSON.stringify({ query: VALUES }),
  });
  const { data }: { data?: Values } = await response.json();
  const unifiedId = data?.buyers.nodes[0]?.unifiedId ?? "";
  if (query.includes("$unifiedId")) return JSON.stringify({ unifiedId }, null, 2);
  if (query.includes("$after")) return JSON.stringify({ after: data?.page.pageInfo.endCursor }, null, 2);
  return JSON.stringify(data?.withheldLinks.nodes[0]?.link, null, 2) ?? "";
}
