"use strict";
// Times in the viewer's zone, and lists that fit a phone.

// The server wrote times in its own zone, which stays in the tooltip.

const pad = (number) => String(number).padStart(2, "0");

const tellTimes = (root) => {
  for (const place of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(place.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const day = [moment.getFullYear(), pad(moment.getMonth() + 1), pad(moment.getDate())].join("-");
    const clock = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(pad);
    const time = clock.slice(0, place.dataset.precision === "hour" ? 2 : 3).join(":");
    place.title ||= place.textContent;
    place.textContent = `${day} ${time}`;
  }
};

const content = document.getElementById("content");
if (content) tellTimes(content);
// Pieces of a page that refresh themselves.
document.addEventListener("htmx:load", (event) => tellTimes(event.detail.elt));

// On phones a row of a list is a card: each cell needs the name of its column.
for (const table of document.querySelectorAll("#result_list")) {
  const heads = [...table.tHead.rows[0].cells];
  const names = heads.map((head) => head.querySelector(".text")?.textContent.trim() ?? "");
  for (const row of table.querySelectorAll("tbody tr")) {
    if (row.cells.length !== names.length) continue;
    [...row.cells].forEach((cell, number) => (cell.dataset.label = names[number]));
  }
}

// And a long form of filters begins short there, unless one of them is in use.
for (const form of document.querySelectorAll(".filter-bar")) {
  if (form.querySelectorAll(".filter").length < 4 || form.querySelector(".clear")) continue;
  const more = document.createElement("button");
  more.type = "button";
  more.className = "button more";
  more.textContent = form.dataset.more;
  more.addEventListener("click", () => {
    form.classList.remove("is-short");
    form.querySelector(".filter:nth-of-type(3) :is(input, select)").focus();
    more.remove();
  });
  form.classList.add("is-short");
  form.querySelector(".buttons").append(more);
}
