"use strict";
// A hint of how strong a new password is. The server decides; this only helps while typing.

function scoreOf(password) {
  const signs = [/.{6,}/, /.{8,}/, /[0-9]/, /[^A-Za-z0-9]/, /(?=.*[a-z])(?=.*[A-Z])/];
  return signs.filter((sign) => sign.test(password)).length;
}

for (const field of document.querySelectorAll("[data-strength]")) {
  const words = field.dataset.strength.split("|");
  const meter = document.createElement("meter");
  const label = document.createElement("span");
  const hint = document.createElement("div");
  meter.max = words.length;
  meter.setAttribute("aria-hidden", "true");
  label.setAttribute("role", "status");
  hint.className = "strength";
  hint.hidden = true;
  hint.append(meter, label);
  field.after(hint);
  field.addEventListener("input", () => {
    const score = scoreOf(field.value);
    hint.hidden = !field.value;
    meter.value = score;
    label.textContent = words[Math.max(0, score - 1)];
  });
}
