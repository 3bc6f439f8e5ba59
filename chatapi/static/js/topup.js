"use strict";
// Choosing an amount shows its prices at once; without this script a button does.

for (const form of document.querySelectorAll("[data-auto-submit]")) {
  form.classList.toggle("is-automatic", Boolean(form.querySelector("[type=radio]")));
  form.addEventListener("change", () => form.requestSubmit());
  // Who types an amount and pays at once means this amount; the next page tells its price.
  form.addEventListener("input", (event) => {
    const ordered = document.querySelector("form[method=post] > input[name=amount]");
    if (ordered) ordered.value = event.target.value;
  });
}
