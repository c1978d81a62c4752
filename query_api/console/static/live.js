// Keeps the live page alive: asks every two seconds for what has changed, and says so when nobody answers. Nothing is
// asked while the page cannot be seen, or while somebody has paused it.
"use strict";
(() => {
  const EVERY = 2000;
  const SLOWEST = 10000;
  const PATIENCE = 8000;
  const MOST_SAMPLES = 150;
  const page = document.getElementById("live");
  const state = document.getElementById("live-state");
  const rows = document.getElementById("live-events");
  const rate = document.getElementById("live-rate");
  const lag = document.getElementById("lag");
  const minutes = document.getElementById("minutes");
  const button = document.getElementById("pause");
  const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: page.dataset.zone });
  const kept = `daybook.lag.${page.dataset.log}`;
  let after = Number(page.dataset.position);
  let paused = false;
  let failures = 0;
  let timer = 0;
  let asking = false;
  let heads = [];
  let since = null;

  async function ask() {
    clearTimeout(timer);
    if (asking || paused || document.hidden) return;
    asking = true;
    try {
      const answer = await fetch(`${page.dataset.changes}?after=${after}`, {
        headers: { "HX-Request": "true", "HX-Current-URL": location.href },
        signal: AbortSignal.timeout(PATIENCE),
      });
      const login = answer.headers.get("HX-Redirect");
      if (login) return location.assign(login);
      if (answer.ok) show(await answer.json());
      else await fail(`Daybook answers ${answer.status}`, await answer.text());
    } catch {
      await fail("Daybook does not answer");
    } finally {
      asking = false;
    }
    timer = setTimeout(ask, Math.min(SLOWEST, EVERY * 2 ** Math.min(failures, 3)));
  }

  function show(now) {
    failures = 0;
    since = null;
    daybook.reachable();
    for (const [part, html] of Object.entries(now.parts)) put(document.getElementById(`live-${part}`), html);
    if (now.position < after) return location.reload(); // another history
    after = now.position;
    if (now.events && rows) {
      document.getElementById("no-events")?.remove();
      rows.insertAdjacentHTML("afterbegin", now.events);
      for (const row of [...rows.rows].slice(0, now.news)) row.className = "fresh";
      while (rows.rows.length > Number(page.dataset.most)) rows.lastElementChild.remove();
    }
    pace(now.head ?? now.position);
    sample(Date.now(), now.lag_seconds);
    count(now.minutes);
  }

  // Only what differs is replaced: what somebody reads or has reached by keyboard stays where it is.
  function put(box, html) {
    const made = document.createElement("template");
    made.innerHTML = html;
    const old = [...box.children];
    const fresh = [...made.content.children];
    fresh.forEach((element, at) => {
      if (!old[at]) box.append(element);
      else if (old[at].outerHTML !== element.outerHTML) old[at].replaceWith(element);
    });
    for (const gone of old.slice(fresh.length)) gone.remove();
  }

  async function fail(what, body) {
    failures += 1;
    since ??= clock.format(new Date());
    daybook.unreachable(`${what} since ${since}. What you see is what it last said; it is asked again and again.`);
    if (body?.includes("problem")) put(state, body);
    sample(Date.now(), null);
  }

  // Events a second over the last ten seconds, by how far the log grew between two answers.
  function pace(head) {
    const now = performance.now();
    heads = [...heads.filter(([at]) => now - at < 11000), [now, head]];
    const [[at, first]] = heads;
    rate.textContent = heads.length < 2 ? "–" : ((head - first) / ((now - at) / 1000)).toLocaleString("en", { maximumFractionDigits: 1 });
  }

  function samples() {
    try {
      return JSON.parse(sessionStorage.getItem(kept)) ?? [];
    } catch {
      return [];
    }
  }

  function sample(at, seconds) {
    const recent = samples().filter(([then]) => at - then < EVERY * MOST_SAMPLES);
    const all = [...recent, [at, seconds]].slice(-MOST_SAMPLES);
    sessionStorage.setItem(kept, JSON.stringify(all));
    const body = lag.querySelector("tbody");
    body.replaceChildren(...all.map(([then, value]) => row(clock.format(then), value, value === null ? "no answer" : `${value.toFixed(3)} s`)));
    daybook.draw(lag);
  }

  function count(counted) {
    const body = minutes.querySelector("tbody");
    const now = JSON.stringify(counted);
    if (body.dataset.shown === now) return;
    body.dataset.shown = now;
    body.replaceChildren(...counted.map(([label, events]) => row(label, events, events.toLocaleString("en"))));
    daybook.draw(minutes);
  }

  function row(label, value, words) {
    const made = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = label;
    const cell = made.insertCell();
    cell.textContent = words;
    cell.className = "count";
    if (value !== null) cell.dataset.value = value;
    made.prepend(head);
    return made;
  }

  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", paused);
    heads = [];
    ask();
  });
  document.addEventListener("visibilitychange", () => { heads = []; ask(); });
  addEventListener("online", ask);
  ask();
})();
