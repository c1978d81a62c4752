// The slider over the versions of an order. The slider is the one thing that asks for a version: arrows, entries of the
// timeline and the keys [ and ] only move it; without this script they are links and a form.
"use strict";
(() => {
  const range = document.getElementById("version");
  const leaf = document.getElementById("leaf");
  const at = document.getElementById("at");
  const last = Number(range.max);

  function show(version) {
    at.textContent = `${version} of ${last}`;
    for (const arrow of leaf.querySelectorAll("[data-step]")) {
      const to = version + (arrow.dataset.step === "]" ? 1 : -1);
      const off = to < 1 || to > last;
      arrow.dataset.version = to;
      arrow.href = `?version=${Math.min(Math.max(to, 1), last)}`;
      if (off) arrow.setAttribute("aria-disabled", "true"); else arrow.removeAttribute("aria-disabled");
    }
    for (const entry of document.querySelectorAll("#timeline [data-version]")) {
      if (Number(entry.dataset.version) === version) {
        entry.setAttribute("aria-current", "step");
        const list = entry.closest(".timeline");
        const box = entry.parentElement.getBoundingClientRect();
        const within = list.getBoundingClientRect();
        if (list.scrollHeight > list.clientHeight && (box.top < within.top + 40 || box.bottom > within.bottom)) {
          list.scrollTop += box.top - within.top - list.clientHeight / 2;
        }
      } else {
        entry.removeAttribute("aria-current");
      }
    }
  }

  function go(version) {
    if (version < 1 || version > last) return;
    range.value = version;
    range.dispatchEvent(new Event("input", { bubbles: true }));
  }

  range.addEventListener("input", () => show(Number(range.value)));
  leaf.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-version]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link.getAttribute("aria-disabled")) return;
    go(Number(link.dataset.version));
    if (link.closest("#timeline") && matchMedia("(max-width: 60rem)").matches) {
      document.addEventListener("htmx:afterSettle", () => document.querySelector("#stood > .happened").scrollIntoView(), { once: true });
    }
  });

  function say() {
    const stood = document.getElementById("stood");
    if (stood) range.setAttribute("aria-valuetext", stood.dataset.said);
  }
  document.addEventListener("htmx:afterSwap", say);
  show(Number(range.value));
  say();
})();
