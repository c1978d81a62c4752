// What every page does beside its links and forms: shortcuts, and a word when the service is away.
"use strict";
(() => {
  const MARK = "daybook.shortcuts";
  const TYPING = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";
  const keys = document.getElementById("keys");
  const toggle = document.getElementById("keys-on");
  let afterG = 0;

  toggle.checked = localStorage.getItem(MARK) !== "off";
  toggle.addEventListener("change", () => localStorage.setItem(MARK, toggle.checked ? "on" : "off"));
  for (const opener of document.querySelectorAll("[data-opens]")) {
    opener.addEventListener("click", () => document.getElementById(opener.dataset.opens).showModal());
  }

  const rows = () => [...document.querySelectorAll("a[data-row]")].filter((row) => row.offsetParent);

  function step(by) {
    const all = rows();
    const at = all.indexOf(document.activeElement);
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
    next?.focus();
    return Boolean(next);
  }

  function press(key) {
    if (Date.now() - afterG < 1500) {
      afterG = 0;
      const tab = document.querySelector(`.tabs a[data-key="${CSS.escape(key)}"]`);
      tab?.click();
      return Boolean(tab);
    }
    switch (key) {
      case "g": afterG = Date.now(); return true;
      case "j": return step(1);
      case "k": return step(-1);
      case "?": keys.showModal(); return true;
      case "/": {
        const search = document.querySelector("[data-search]");
        if (search) { search.focus(); search.select(); } else { location.assign("/console/orders#search"); }
        return true;
      }
      case "[": case "]": {
        const to = document.querySelector(`[data-step="${key}"]:not([aria-disabled=true])`);
        to?.click();
        return Boolean(to);
      }
    }
    return false;
  }

  document.addEventListener("keydown", (event) => {
    if (!toggle.checked || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest(TYPING)) {
      if (event.key === "Escape") {
        if (event.target.type === "search") event.preventDefault(); // it would empty the field, and leave the list as it is
        event.target.blur();
      }
      return;
    }
    if (press(event.key)) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // Lists that look again by themselves rest while nobody sees them, and keep the row that has the focus.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.matches("[data-polls]") && document.hidden) event.preventDefault();
  });

  const banner = document.getElementById("unreachable");
  window.daybook = {
    unreachable(said) { banner.textContent = said; banner.hidden = false; },
    reachable() { banner.hidden = true; },
  };
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, () => daybook.unreachable("Daybook does not answer. What you see is what it last said."));
  }
  document.addEventListener("htmx:responseError", () => {
    const count = document.getElementById("count"); // of what is no longer shown
    if (count) count.textContent = "";
  });
  document.addEventListener("htmx:afterOnLoad", () => daybook.reachable());
})();
