// The script of sweep.html: filters, sorting, the whole trial, TSV, and the chart by Plotly.
// All text from the data goes into the page as text, never as HTML; Plotly's own labels are escaped here.
"use strict";
(() => {
  const view = JSON.parse(document.getElementById("view").textContent);
  const by = (id) => document.getElementById(id);
  const objective = Object.fromEntries(view.objectives.map((found) => [found.key, found]));
  const trials = Object.fromEntries(view.trials.map((trial) => [trial.id, trial]));
  const budgets = ["flash", "ram", "instructions"];
  const narrow = matchMedia("(max-width: 34rem), (pointer: coarse)");
  let chosen = view.chosen || (view.trials[0] || {}).id;
  let sorting = { key: "number", up: true };

  function element(kind, text, scope) {
    const made = document.createElement(kind);
    made.textContent = text;
    if (scope) made.scope = scope;
    return made;
  }

  function rowOf(name, text) {
    const row = document.createElement("tr");
    row.append(element("th", name, "row"), element("td", text));
    return row;
  }

  // Why a trial is left out by the filters; empty when it is not.
  function missing(trial) {
    const board = by("board").value;
    const reasons = [];
    if (board && trial.misses[board] !== "") {
      reasons.push(board + ": " + (trial.misses[board] || "not judged"));
    }
    for (const key of budgets) {
      const most = by("most-" + key).value;
      if (most !== "" && trial.cells[key] > Number(most)) {
        reasons.push(objective[key].label + " above by " + (trial.cells[key] - Number(most)).toLocaleString("en"));
      }
    }
    return reasons.join("; ");
  }

  // Trials that no other beats on both axes, from best to worst on the first.
  function front(shown, x, y) {
    const sign = (key) => (objective[key].better === "high" ? -1 : 1);
    const order = shown.slice().sort((a, b) =>
      sign(x) * (a.cells[x] - b.cells[x]) || sign(y) * (a.cells[y] - b.cells[y]));
    let best = Infinity;
    return order.filter((trial) => {
      const better = sign(y) * trial.cells[y] < best;
      best = better ? sign(y) * trial.cells[y] : best;
      return better;
    });
  }

  function choose(id) {
    chosen = id;
    const trial = trials[id];
    if (!trial) return;
    by("whole").querySelector("h3").textContent = "Trial " + trial.number +
      (trial.recommended ? ", recommended" : trial.front ? ", on the front" : "");
    by("whole").querySelector("tbody").replaceChildren(...trial.whole.map(([name, text]) => rowOf(name, text)));
    for (const row of by("table").tBodies[0].rows) {
      const here = row.dataset.id === id;
      row.classList.toggle("chosen", here);
      row.querySelector("button").setAttribute("aria-pressed", String(here));
    }
    draw();
  }

  function sort() {
    const { key, up } = sorting;
    const order = (a, b) => {
      const [left, right] = [a, b].map((row) => trials[row.dataset.id].cells[key]);
      if (left === null || right === null) return (left === null) - (right === null);
      const bigger = typeof left === "number" && typeof right === "number"
        ? left - right : String(left).localeCompare(String(right), "en", { numeric: true });
      return up ? bigger : -bigger;
    };
    const body = by("table").tBodies[0];
    body.append(...[...body.rows].sort(order));
    for (const button of by("table").querySelectorAll(".sort")) {
      const here = button.dataset.key === key;
      button.parentElement.setAttribute("aria-sort", here ? (up ? "ascending" : "descending") : "none");
    }
  }

  function filter() {
    const reasons = view.trials.map((trial) => [trial, missing(trial)]);
    const out = reasons.filter(([, reason]) => reason !== "");
    const hidden = new Set(out.map(([trial]) => trial.id));
    for (const row of by("table").tBodies[0].rows) row.hidden = hidden.has(row.dataset.id);
    by("left-out").hidden = out.length === 0;
    by("left-out").querySelector("tbody")
      .replaceChildren(...out.map(([trial, reason]) => rowOf(trial.number, reason)));
    const board = view.boards.find((found) => found.name === by("board").value);
    by("shown").textContent = (view.trials.length - out.length) + " of " + view.trials.length +
      " measured trials shown" + (board && board.budget ? "; " + board.name + " has " + board.budget : "") + ".";
    draw();
  }

  // One table cell for a spreadsheet: no tab or line break within, and no formula out of a name.
  function cell(value) {
    if (value === null) return "";
    if (typeof value === "number") return String(value);
    const flat = String(value).replace(/[\t\r\n]+/g, " ");
    return /^[=+\-@]/.test(flat) ? "'" + flat : flat;
  }

  function tsv() {
    const rows = [...by("table").tBodies[0].rows].filter((row) => !row.hidden)
      .map((row) => view.columns.map((column) => cell(trials[row.dataset.id].cells[column.key])));
    return [view.columns.map((column) => cell(column.label)), ...rows].map((row) => row.join("\t")).join("\n") + "\n";
  }

  async function copy() {
    const text = tsv();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Pages opened from a file may not use the clipboard's newer interface.
      const area = element("textarea", text);
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      by("copy").focus();
    }
    by("copied").textContent = (text.split("\n").length - 2) + " rows copied.";
  }

  const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const cut = (text) => (text.length > 60 ? text.slice(0, 59) + "…" : text);
  const tip = (trial) => "<b>trial " + trial.number + "</b><br>" +
    trial.whole.map(([name, text]) => plain(cut(name + ": " + text))).join("<br>");

  function axis(key, shown, ink) {
    const found = objective[key];
    const values = shown.map((trial) => trial.cells[key]).filter((value) => value > 0);
    const single = new Set(values).size === 1 ? [values[0] * 0.95, values[0] * 1.05] : undefined;
    const wide = found.better === "low" && values.length > 1 && Math.max(...values) / Math.min(...values) > 8;
    return {
      title: { text: found.label + (wide ? ", logarithmic" : "") + (found.better === "high" ? ", better →" : ", ← better"), standoff: 8 },
      tickformat: found.unit === "" ? ".0%" : "~s",
      // Of a logarithmic axis 1, 2 and 5 are named: the labels of all digits would lie on each other.
      type: wide ? "log" : "linear", range: single, nticks: 6, dtick: wide ? "D2" : undefined, automargin: true,
      gridcolor: ink("--line"), linecolor: ink("--soft"), zeroline: false,
    };
  }

  function traces(shown, x, y, ink) {
    const colours = ["--blue", "--bad", "--good", "--plum", "--amber", "--sky"].map(ink);
    const corners = front(shown, x, y);
    const line = {
      x: corners.map((trial) => trial.cells[x]), y: corners.map((trial) => trial.cells[y]), mode: "lines",
      line: { shape: "hv", color: ink("--soft"), width: 1.5 }, hoverinfo: "skip", showlegend: false,
    };
    const points = view.series.map((name, index) => {
      const mine = shown.filter((trial) => trial.series === index);
      const shape = view.shapes[index % view.shapes.length];
      return {
        x: mine.map((trial) => trial.cells[x]), y: mine.map((trial) => trial.cells[y]), mode: "markers",
        customdata: mine.map((trial) => trial.id), text: mine.map(tip), showlegend: false,
        hovertemplate: narrow.matches ? undefined : "%{text}<extra></extra>", hoverinfo: narrow.matches ? "none" : undefined,
        marker: {
          symbol: mine.map((trial) => (trial.front ? shape : shape + "-open")), size: 11,
          color: colours[index % colours.length], line: { width: 1.6, color: colours[index % colours.length] },
        },
      };
    });
    const ring = (keep, size, style) => {
      const found = shown.filter(keep);
      return {
        x: found.map((trial) => trial.cells[x]), y: found.map((trial) => trial.cells[y]), mode: "markers",
        hoverinfo: "skip", showlegend: false,
        marker: { symbol: "circle-open", size, color: ink("--ink"), line: { width: style } },
      };
    };
    return [line, ...points, ring((trial) => trial.recommended, 23, 2), ring((trial) => trial.id === chosen, 18, 1)];
  }

  function draw() {
    if (!window.Plotly) return;
    const style = getComputedStyle(document.documentElement);
    const ink = (name) => style.getPropertyValue(name).trim();
    const [x, y] = [by("across").value, by("up").value];
    const shown = view.trials.filter((trial) => missing(trial) === "");
    const layout = {
      xaxis: axis(x, shown, ink), yaxis: axis(y, shown, ink), height: narrow.matches ? 300 : 420,
      margin: { l: 8, r: 12, t: 8, b: 8 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: ink("--ink") },
      hoverlabel: { bgcolor: ink("--card"), bordercolor: ink("--soft"), font: { color: ink("--ink"), size: 11 }, align: "left" },
      hovermode: "closest", dragmode: narrow.matches ? false : "zoom",
    };
    const settings = { responsive: true, displaylogo: false, displayModeBar: false };
    by("caption").textContent = objective[y].label + " against " + objective[x].label;
    window.Plotly.react("plot", traces(shown, x, y, ink), layout, settings);
  }

  // Plotly comes compressed within the page; a browser that cannot unpack it keeps the picture.
  async function unpack() {
    if (!window.DecompressionStream) return;
    const bytes = Uint8Array.from(atob(by("packed").textContent.trim()), (sign) => sign.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = element("script", await new Response(stream).text());
    document.head.append(script);
    by("chart").classList.add("drawn");
    draw();
    const pick = (event) => event.points[0].customdata && choose(event.points[0].customdata);
    by("plot").on("plotly_click", pick);
    by("plot").on("plotly_hover", (event) => {
      const id = event.points[0].customdata;
      if (id && id !== chosen) choose(id);
    });
  }

  for (const button of by("table").querySelectorAll(".sort")) {
    button.addEventListener("click", () => {
      const key = button.dataset.key;
      sorting = { key, up: sorting.key === key ? !sorting.up : true };
      sort();
    });
  }
  for (const row of by("table").tBodies[0].rows) {
    row.querySelector("button").addEventListener("click", () => choose(row.dataset.id));
  }
  by("controls").addEventListener("input", filter);
  by("controls").addEventListener("submit", (event) => event.preventDefault());
  by("controls").addEventListener("reset", () => setTimeout(filter));
  by("copy").addEventListener("click", copy);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  narrow.addEventListener("change", draw);
  by("controls").hidden = by("copy").hidden = false;
  by("board").value = view.boards.some((board) => board.name === view.board) ? view.board : "";
  sort();
  filter();
  choose(chosen);
  unpack();
})();
