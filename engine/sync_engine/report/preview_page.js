"use strict";
const root = document.documentElement;
const theme = document.getElementById("theme");
const text = document.getElementById("text");
const bad = document.getElementById("bad");
const dark = matchMedia("(prefers-color-scheme: dark)");

function paint(name) {
  root.dataset.theme = name;
  theme.textContent = name === "dark" ? "Light" : "Dark";
}
paint(dark.matches ? "dark" : "light");
dark.addEventListener("change", (event) => paint(event.matches ? "dark" : "light"));
theme.addEventListener("click", () => paint(root.dataset.theme === "dark" ? "light" : "dark"));

for (const views of document.querySelectorAll(".views")) {
  const stream = views.closest("section");
  views.addEventListener("click", (event) => {
    const wanted = event.target.dataset.view;
    if (!wanted) return;
    for (const button of views.children) button.setAttribute("aria-pressed", String(button.dataset.view === wanted));
    for (const part of stream.querySelectorAll("[data-part]")) part.hidden = part.dataset.part !== wanted;
  });
}

function filter() {
  const wanted = text.value.toLowerCase();
  const only = bad && bad.getAttribute("aria-pressed") === "true";
  for (const stream of document.querySelectorAll("section.stream")) {
    for (const record of stream.querySelectorAll("[data-record]")) {
      const hit = !wanted || record.textContent.toLowerCase().includes(wanted);
      record.hidden = !hit || (only && !record.classList.contains("bad"));
    }
    const none = stream.querySelector(".none-left");
    if (none) none.hidden = Boolean(stream.querySelector("[data-part]:not([hidden]) [data-record]:not([hidden])"));
  }
}
text.addEventListener("input", filter);
if (bad)
  bad.addEventListener("click", () => {
    bad.setAttribute("aria-pressed", String(bad.getAttribute("aria-pressed") !== "true"));
    filter();
  });
