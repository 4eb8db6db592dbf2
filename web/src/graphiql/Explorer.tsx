import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { createClient } from "graphql-ws";
import { useText } from "../language/language";
import { useTheme } from "../theme";
import { EXAMPLES_PLUGIN } from "./ExamplesPlugin";
import { examples } from "./examples";

const socket = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`;
// The socket opens with the first subscription, not with the page.
const fetcher = createGraphiQLFetcher({
  url: "/graphql",
  wsClient: createClient({ url: socket, lazy: true }),
});

export function Explorer() {
  const text = useText();
  const [theme] = useTheme();
  return (
    <GraphiQL
      fetcher={fetcher}
      initialQuery={examples[0]?.query ?? ""}
      plugins={[EXAMPLES_PLUGIN, HISTORY_PLUGIN]}
      visiblePlugin={EXAMPLES_PLUGIN}
      forcedTheme={theme}
      showPersistHeadersSettings={false}
    >
      <GraphiQL.Logo>
        <a className="back" href="/customers">
          <img src="/mark.svg" alt="" width={18} height={18} />
          {text.product}
        </a>
      </GraphiQL.Logo>
    </GraphiQL>
  );
}
