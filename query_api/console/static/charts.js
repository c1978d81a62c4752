// Plots of tables: every figure draws what the table in it says, so that nobody needs the plot, and both say the same.
//
// <figure class="chart" data-kind="bars | line" data-unit="GBP">   the unit stands at the axis: a currency, or words
//   <div class="plot" role="img" aria-label="…"></div>
//   <table> <thead> <th data-series="main | before | second"> … <tbody> <tr> <th data-short="3 Dec">  <td data-value="12.5">
//
// Cells without a value are gaps. What is shown at the pointer are the cells' own words.
"use strict";
(() => {
  const HEIGHT = { tall: 280, low: 180 };
  const drawn = new Map();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 3 });

  function contents(figure) {
    const heads = [...figure.querySelectorAll("thead th")];
    const columns = heads.flatMap((head, at) => (head.dataset.series ? [{ at, role: head.dataset.series, name: head.textContent.trim() }] : []));
    const rows = [...figure.querySelectorAll("tbody tr")];
    const value = (cell) => (cell?.dataset.value === undefined ? null : Number(cell.dataset.value));
    return {
      labels: rows.map((row) => row.cells[0].textContent.trim()),
      short: rows.map((row) => row.cells[0].dataset.short ?? row.cells[0].textContent.trim()),
      columns: columns.map((column) => ({
        ...column,
        values: rows.map((row) => value(row.cells[column.at])),
        words: rows.map((row) => row.cells[column.at]?.textContent.trim() ?? ""),
      })),
    };
  }

  function look(role, kind) {
    const main = colour("chart-main");
    const line = { width: 2, points: { show: false }, spanGaps: false };
    if (role === "before") return { ...line, stroke: colour("chart-before"), width: 1.5, dash: [5, 4] };
    if (role === "second") return { ...line, stroke: colour("chart-second"), fill: kind === "bars" ? colour("chart-second") : undefined, paths: kind === "bars" ? bars(1) : undefined, width: kind === "bars" ? 0 : 2 };
    if (kind === "bars") return { ...line, stroke: main, fill: main, width: 0, paths: bars(0) };
    return { ...line, stroke: main, fill: colour("chart-wash") };
  }

  const bars = () => uPlot.paths.bars({ size: [0.72, 48], radius: 0.12 });

  // As many labels as there is room for, the last one always among them: now is what people look for.
  function marks(count, width, widest, room) {
    const every = Math.max(1, Math.ceil((room * (widest * 7 + 18)) / Math.max(width, 1)));
    const found = [];
    for (let at = count - 1; at >= 0; at -= every) found.unshift(at);
    return found;
  }

  function options(figure, data) {
    const kind = figure.dataset.kind;
    const box = figure.querySelector(".plot");
    const count = data.labels.length;
    const widest = Math.max(0, ...data.short.map((label) => label.length));
    const span = Number(figure.dataset.span ?? 0);
    const soft = colour("soft");
    const axis = { stroke: soft, font: `12px ${colour("sans")}`, ticks: { show: false } };
    return {
      width: box.clientWidth,
      height: HEIGHT[figure.dataset.size ?? "low"],
      padding: [12, span ? 34 : 20, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { time: false, range: () => [span ? count - span : -0.6, span ? count - 1 : count - 0.4] },
        y: { range: (_, low, high) => (high > 0 || low < 0 ? uPlot.rangeNum(Math.min(0, low), Math.max(0, high), 0.08, true) : [0, Number(figure.dataset.least ?? 1)]) },
      },
      axes: [
        {
          ...axis,
          size: 26,
          grid: { show: false },
          splits: (plot) => marks(count, plot.bbox.width / devicePixelRatio, widest, span || count),
          values: (_, at) => at.map((index) => data.short[index]),
        },
        {
          ...axis,
          size: (_, values) => Math.max(36, 14 + 7 * Math.max(0, ...(values ?? []).map((value) => value.length))),
          values: (_, at) => at.map((value) => compact.format(value)),
          grid: { stroke: colour("line"), width: 1 },
          incrs: figure.dataset.whole === undefined ? undefined : [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6],
        },
      ],
      series: [{}, ...data.columns.map((column) => ({ label: column.name, ...look(column.role, kind) }))],
      hooks: { setCursor: [(plot) => point(plot, figure, data)] },
    };
  }

  function point(plot, figure, data) {
    const tip = figure.querySelector(".chart-tip");
    const at = plot.cursor.idx;
    tip.hidden = at == null;
    if (tip.hidden) return;
    tip.replaceChildren();
    const title = document.createElement("b");
    title.textContent = data.labels[at];
    tip.append(title);
    for (const column of data.columns) {
      if (!column.words[at]) continue;
      const line = document.createElement("span");
      line.className = `key ${column.role}`;
      line.textContent = `${column.name}: ${column.words[at]}`;
      tip.append(line);
    }
    const left = plot.bbox.left / devicePixelRatio + plot.cursor.left;
    const room = figure.querySelector(".plot").clientWidth - tip.offsetWidth;
    tip.style.left = `${Math.max(0, Math.min(room, left - tip.offsetWidth / 2))}px`;
  }

  function draw(figure) {
    const box = figure.querySelector(".plot");
    const data = contents(figure);
    const values = [data.labels.map((_, at) => at), ...data.columns.map((column) => column.values)];
    drawn.get(figure)?.destroy();
    box.replaceChildren();
    const plot = new uPlot(options(figure, data), values, box);
    const tip = document.createElement("div");
    tip.className = "chart-tip";
    tip.hidden = true;
    box.append(tip);
    drawn.set(figure, plot);
    watch.observe(box);
  }

  const watch = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const plot = drawn.get(target.closest("figure"));
      if (plot && Math.round(contentRect.width) && plot.width !== Math.round(contentRect.width)) {
        plot.setSize({ width: Math.round(contentRect.width), height: plot.height });
      }
    }
  });

  function drawAll() {
    for (const [figure, plot] of drawn) {
      if (!figure.isConnected) { plot.destroy(); drawn.delete(figure); }
    }
    for (const figure of document.querySelectorAll("figure.chart")) draw(figure);
  }

  daybook.draw = draw;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  document.addEventListener("htmx:load", (event) => { if (event.target !== document.body) drawAll(); });
  drawAll();
})();
