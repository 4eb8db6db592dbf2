// Applies the stored appearance and language before the first paint, so that nothing flashes.
(() => {
  let theme = null;
  let language = null;
  try {
    theme = localStorage.getItem("theme");
    language = localStorage.getItem("language");
  } catch {
    // Storage is off: the system's appearance and the browser's language apply.
  }
  document.documentElement.dataset.theme = theme ?? "system";
  document.documentElement.lang = (language ?? navigator.language).startsWith("ko") ? "ko" : "en";
})();
