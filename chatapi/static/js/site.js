"use strict";
// Copy buttons, and the address as the browser knows it (a proxy may hide it from the server).

async function copyText(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function tellDone(button) {
  const label = button.textContent;
  button.textContent = button.dataset.done;
  button.classList.add("is-done");
  setTimeout(() => {
    button.textContent = label;
    button.classList.remove("is-done");
  }, 1500);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  event.preventDefault();
  await copyText(document.getElementById(button.dataset.copy).textContent.trim());
  tellDone(button);
});

for (const place of document.querySelectorAll("[data-base-url]")) {
  const told = place.dataset.baseUrl.replace(/\/v1$/, "");
  const texts = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  while (told && told !== location.origin && texts.nextNode()) {
    texts.currentNode.data = texts.currentNode.data.replaceAll(told, location.origin);
  }
}
