"use strict";
// Ticks all of a part, or none.

for (const tools of document.querySelectorAll(".tick-tools")) {
  tools.hidden = false;
  tools.addEventListener("click", (event) => {
    const wanted = event.target.dataset.tick;
    if (!wanted) return;
    for (const box of tools.closest(".part").querySelectorAll('input[name="take"]')) {
      box.checked = wanted === "all";
    }
  });
}
