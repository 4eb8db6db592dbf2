import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Client, cacheExchange, fetchExchange, Provider } from "urql";
import { App } from "./App";
import { liveExchange } from "./graphql/live";
import { FormatProvider } from "./language/format";
import { LanguageProvider } from "./language/language";
import "./style/tokens.css";
import "./style/base.css";

// POST always: an identifier that someone searches for must not stand in an address.
const client = new Client({
  url: "/graphql",
  exchanges: [cacheExchange, fetchExchange, liveExchange()],
  preferGetMethod: false,
});

const root = document.getElementById("root");
if (!root) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <Provider value={client}>
      <LanguageProvider>
        <FormatProvider>
          <App />
        </FormatProvider>
      </LanguageProvider>
    </Provider>
  </StrictMode>,
);
