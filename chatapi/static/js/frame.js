"use strict";
// What every page of people needs: the server knows in which zone a day begins, and a form is sent once.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.split("; ").includes(`timezone=${zone}`)) {
  document.cookie = `timezone=${zone}; path=/; max-age=31536000; samesite=lax`;
}

const zoneName = document.querySelector("[data-zone]");
if (zoneName && zone) zoneName.textContent = zone;

// However often its button is clicked. It can be sent again after a while: an answer may be a file.
const AGAIN_MS = 10_000;
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("method")?.toLowerCase() !== "post" || event.defaultPrevented) return;
  if ("sent" in form.dataset) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "";
  setTimeout(() => delete form.dataset.sent, AGAIN_MS);
});
// Who comes back by the browser's button finds the page as it was left.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
