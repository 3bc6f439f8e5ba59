"use strict";
// The users' frame works without this; with it, what is open closes by Escape or a click elsewhere.

document.documentElement.classList.add("js");

const drawer = document.getElementById("drawer");

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (drawer) drawer.checked = false;
  for (const open of document.querySelectorAll("details.dropdown[open]")) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.dropdown[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

// A choice that counts at once, like the range of a chart: <select data-submit>.
for (const control of document.querySelectorAll("[data-submit]")) {
  control.addEventListener("change", () => control.form.requestSubmit());
}

// Boxes of rows: one box ticks all of a name, and what may be done with them appears when some are ticked.
function showSelection() {
  for (const bar of document.querySelectorAll("[data-selection]")) {
    const ticked = document.querySelectorAll(`input[name="${bar.dataset.selection}"]:checked`).length;
    bar.classList.toggle("has-some", ticked > 0);
  }
}

document.addEventListener("change", (event) => {
  const all = event.target.dataset.all;
  if (all) {
    for (const box of document.querySelectorAll(`input[name="${all}"]`)) box.checked = event.target.checked;
  }
  showSelection();
});
showSelection();

// A field that sifts a long list of boxes or rows by their text: <input data-sift="ID of the list">.
for (const sieve of document.querySelectorAll("[data-sift]")) {
  sieve.addEventListener("input", () => {
    const wanted = sieve.value.trim().toLowerCase();
    for (const entry of document.getElementById(sieve.dataset.sift).children) {
      entry.hidden = !entry.textContent.toLowerCase().includes(wanted);
    }
  });
}

// The announcement: once a day, and at once when it is a new one. Without storage it waits behind its button,
// and where a field has the focus, as on the sign-in page, or a key is shown once, it does not come between.
const DAY_MS = 24 * 3600 * 1000;

function readSeen() {
  try {
    return JSON.parse(localStorage.getItem("announcement")) ?? {};
  } catch {
    return {};
  }
}

function keepSeen(mark) {
  try {
    localStorage.setItem("announcement", JSON.stringify({ mark, at: Date.now() }));
    return true;
  } catch {
    return false;
  }
}

async function showAnnouncement(button) {
  const answer = await fetch(`${button.dataset.announcement}?part=1`);
  if (!answer.ok) return;
  const told = new DOMParser().parseFromString(await answer.text(), "text/html");
  // Pictures of other sites are only allowed on the announcement's own page.
  for (const picture of told.querySelectorAll("img")) {
    if (new URL(picture.src, location.href).origin !== location.origin) picture.remove();
  }
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.setAttribute("aria-label", button.title);
  const heading = document.createElement("h2");
  heading.textContent = button.title;
  const close = document.createElement("button");
  close.className = "button";
  close.textContent = button.dataset.close;
  close.addEventListener("click", () => dialog.close());
  const acts = document.createElement("div");
  acts.className = "form-actions";
  acts.append(close);
  dialog.append(heading, ...told.body.childNodes, acts);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

const announcement = document.querySelector("[data-announcement]");
if (announcement && location.pathname !== announcement.dataset.announcement && !document.querySelector("[autofocus], [data-once]")) {
  const seen = readSeen();
  const { notice } = announcement.dataset;
  const isDue = seen.mark !== notice || Date.now() - seen.at > DAY_MS;
  if (isDue && keepSeen(notice)) showAnnouncement(announcement);
}
