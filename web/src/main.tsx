import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { FormatProvider } from "./language/format";
import { LanguageProvider, loadLanguage } from "./language/language";
import { InboxCountsProvider } from "./routes/inbox/InboxCounts";
import { SessionGate } from "./session/SessionGate";
import "./style/tokens.css";
import "./style/base.css";
import "./style/first-paint.css";

const root = document.getElementById("root");
if (!root) throw new Error("the page has no root");
await loadLanguage();
createRoot(root).render(
  <StrictMode>
    <LanguageProvider>
      <SessionGate>
        <FormatProvider>
          <InboxCountsProvider>
            <App />
          </InboxCountsProvider>
        </FormatProvider>
      </SessionGate>
    </LanguageProvider>
  </StrictMode>,
);
// Syllables that the page's own subset lacks, by range: the first paint does not wait for the list of their fonts.
import("pretendard/dist/web/static/pretendard-dynamic-subset.css");
