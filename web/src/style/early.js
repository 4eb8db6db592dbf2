// Applies the stored appearance and language before the first paint, so that nothing flashes, and loads the language's sentences
// ahead: the build puts the addresses of their files on this script's element.
(() => {
  let theme = null;
  let language = null;
  try {
    theme = localStorage.getItem("theme");
    language = localStorage.getItem("language");
  } catch {
    // Storage is off: the system's appearance and the browser's language apply.
  }
  const root = document.documentElement;
  root.dataset.theme = theme ?? "system";
  root.lang = (language ?? navigator.language).startsWith("ko") ? "ko" : "en";
  const sentences = document.currentScript.dataset[root.lang];
  if (!sentences) return;
  const ahead = document.createElement("link");
  ahead.rel = "modulepreload";
  ahead.href = sentences;
  document.head.append(ahead);
})();
