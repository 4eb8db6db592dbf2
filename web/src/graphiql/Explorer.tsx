import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createClient } from "graphql-ws";
import { useState } from "react";
import { useText } from "../language/language";
import mark from "../mark.svg";
import { authorization, forgetQueries } from "../session/key";
import { useTheme } from "../theme";
import { useMedia } from "../useMedia";
import { EXAMPLES_PLUGIN, phone } from "./ExamplesPlugin";
import { examples } from "./examples";
import { createMemoryStorage } from "./memoryStorage";

const socket = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`;
// The key that the page was given in this tab, if any; the headers editor overrides it.
const headers = authorization();
// What is asked here names customers: it lasts as long as the page, and what an older version kept goes.
forgetQueries();
// Sizes: a narrow list of examples, and most of the height for the query, as its variables are few.
const memory = createMemoryStorage({
  "graphiql:docExplorerFlex": "0.25",
  "graphiql:secondaryEditorFlex": "4",
});
// The socket opens with the first subscription, not with the page.
const fetcher = createGraphiQLFetcher({
  url: "/graphql",
  headers,
  wsClient: createClient({ url: socket, lazy: true, connectionParams: headers }),
});

export function Explorer() {
  const text = useText();
  const [theme] = useTheme();
  // Values that examples fill in are seen where there is room for them.
  const [opened] = useState(
    useMedia(phone)
      ? {}
      : { visiblePlugin: EXAMPLES_PLUGIN, defaultEditorToolsVisibility: "variables" as const },
  );
  return (
    <main>
      <h1 className="heading">GraphiQL</h1>
      <GraphiQL
        fetcher={fetcher}
        initialQuery={examples[0]?.query ?? ""}
        plugins={[EXAMPLES_PLUGIN]}
        storage={memory}
        {...opened}
        forcedTheme={theme}
        showPersistHeadersSettings={false}
      >
        <GraphiQL.Logo>
          <a className="back" href="/customers">
            <img src={mark} alt="" width={18} height={18} />
            {text.product}
          </a>
        </GraphiQL.Logo>
      </GraphiQL>
    </main>
  );
}
