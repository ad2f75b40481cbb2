// A classic script in the head: it runs before the first paint, so a chosen theme does not flash.
"use strict";
try {
  const chosen = localStorage.getItem("firstlight-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be blocked; the system's theme applies then.
}
