import { type GraphiQLPlugin, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { BookOpen } from "lucide-react";
import { useText } from "../language/language";
import { authorization } from "../session/key";
import { useMedia } from "../useMedia";
import { type Example, examples } from "./examples";

/** Where there is no room for the examples beside the editor. */
export const phone = "(max-width: 720px)";

/** Queries to begin with; those about one customer take the one that was active last. */
export const EXAMPLES_PLUGIN: GraphiQLPlugin = {
  title: "Examples",
  icon: () => <BookOpen size={18} strokeWidth={1.75} aria-hidden />,
  content: Examples,
};

function Examples() {
  const text = useText();
  const { addTab, setVisiblePlugin } = useGraphiQLActions();
  const narrow = useMedia(phone);
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const open = async ({ query }: Example) => {
    const variables = query.includes("$unifiedId")
      ? JSON.stringify({ unifiedId: await someCustomer() }, null, 2)
      : "";
    addTab();
    queryEditor?.setValue(query);
    variableEditor?.setValue(variables);
    // On a phone the examples stand in the place of the editor.
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

async function someCustomer(): Promise<string> {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", ...authorization() },
    body: JSON.stringify({ query: "{ profiles(first: 1) { nodes { unifiedId } } }" }),
  });
  const answer: { data?: { profiles: { nodes: { unifiedId: string }[] } } } = await response.json();
  return answer.data?.profiles.nodes[0]?.unifiedId ?? "";
}
