"use strict";
// Finds options by name or meaning, across all tabs; and says in the menu which tab is shown.

const page = document.querySelector(".options");
const panels = [...page.querySelectorAll(".option-panel")];
const links = [...page.querySelectorAll(".option-tabs a")];
const box = page.querySelector(".option-search");
const field = box.querySelector("input");
const found = box.querySelector(".found");

const showTab = () => {
  const sent = page.querySelector(".option-panel.is-sent");
  const wanted = panels.find((panel) => `#${panel.id}` === location.hash) ?? sent ?? panels[0];
  for (const [number, panel] of panels.entries()) {
    panel.classList.toggle("is-shown", panel === wanted);
    links[number].toggleAttribute("aria-current", panel === wanted);
  }
};

const search = () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  page.classList.toggle("is-searching", words.length > 0);
  let count = 0;
  for (const panel of panels) {
    let inside = 0;
    for (const option of panel.querySelectorAll(".option")) {
      const text = option.querySelector(".about").textContent.toLowerCase();
      const matches = words.every((word) => text.includes(word));
      option.hidden = !matches;
      inside += matches ? 1 : 0;
    }
    panel.classList.toggle("is-empty", inside === 0);
    count += inside;
  }
  found.textContent = count ? "" : found.dataset.none;
};

box.hidden = false;
page.classList.add("has-script");
addEventListener("hashchange", () => {
  field.value = "";
  search();
  showTab();
});
field.addEventListener("input", search);
showTab();
search();
