"use strict";
(function () {
  const numberIn = function (text) {
    const found = text.replace(/−/g, "-").replace(/,/g, "").match(/^[+]?(-?\d[\d.]*(e-?\d+)?)/);
    return found ? Number(found[1]) : NaN;
  };
  const keyOf = function (row, index, numeric) {
    const cell = row.cells[index];
    if (!numeric) { return cell.textContent.trim().toLowerCase(); }
    const value = cell.dataset.value;
    return value === undefined ? numberIn(cell.textContent.trim()) : value === "" ? NaN : Number(value);
  };
  const compare = function (a, b, numeric) {
    return numeric ? a - b : a.localeCompare(b, "en", { numeric: true });
  };
  // What has no number goes last in either direction; values that may not be compared keep to their groups.
  const sortRows = function (body, index, numeric, sign) {
    const rows = Array.from(body.rows).map(function (row) {
      return [keyOf(row, index, numeric), row, row.cells[index].dataset.group || ""];
    });
    rows.sort(function (a, b) {
      const missing = Number(Number.isNaN(a[0])) - Number(Number.isNaN(b[0]));
      const group = compare(a[2], b[2], false);
      return missing || (Number.isNaN(a[0]) ? 0 : group || sign * compare(a[0], b[0], numeric));
    });
    rows.forEach(function (pair) { body.append(pair[1]); });
  };
  const onSort = function (table, head) {
    const first = head.dataset.first || "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const way = head.getAttribute("aria-sort") === first ? other : first;
    table.querySelectorAll("th[aria-sort]").forEach(function (th) { th.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", way);
    sortRows(table.tBodies[0], head.cellIndex, head.classList.contains("num"), way === "ascending" ? 1 : -1);
  };
  document.querySelectorAll("table.sortable").forEach(function (table) {
    table.querySelectorAll("thead th:not(.fixed)").forEach(function (head) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", function () { onSort(table, head); });
    });
  });

  const data = document.getElementById("charts");
  if (!data || !window.Plotly) { return; }  // the pictures in the page stand in
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = function (name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  };
  const axis = function (title) {
    return {
      title: { text: title, font: { size: 12 }, standoff: 8 }, gridcolor: colour("--rule"), linecolor: colour("--soft"),
      zeroline: false, ticks: "outside", tickcolor: colour("--rule"), automargin: true,
    };
  };
  const layoutOf = function (chart) {
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", height: 400, hovermode: "closest",
      font: { color: colour("--ink"), family: "system-ui, sans-serif", size: 12 },
      margin: { l: 56, r: 12, t: 8, b: 48 }, xaxis: axis(chart.x), yaxis: axis(chart.y),
      legend: { orientation: "h", x: 0, y: -0.2, yanchor: "top", itemwidth: 30 }, showlegend: true,
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--soft"), activecolor: colour("--ink") },
      hoverlabel: { bgcolor: colour("--paper"), bordercolor: colour("--soft"), font: { color: colour("--ink") }, align: "left" },
    };
    Object.entries(chart.layout || {}).forEach(function (entry) {
      const plain = typeof entry[1] !== "object";
      layout[entry[0]] = plain ? entry[1] : Object.assign({}, layout[entry[0]], entry[1]);
    });
    return layout;
  };
  const themed = function (trace) {
    if (trace.type !== "heatmap") { return trace; }
    return Object.assign({}, trace, { colorscale: [[0, colour("--heat-low")], [1, colour("--heat-high")]] });
  };
  // The buttons are listed: plotly's own set has one that uploads the chart.
  const config = { responsive: true, displaylogo: false, plotlyServerURL: "", toImageButtonOptions: { format: "svg" },
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]] };
  const draw = function () {
    JSON.parse(data.textContent).forEach(function (chart) {
      const place = document.getElementById(chart.id);
      const picture = place.querySelector("img");
      if (picture) { picture.remove(); }
      window.Plotly.react(place, chart.traces.map(themed), layoutOf(chart), config);
    });
  };
  draw();
  dark.addEventListener("change", draw);
})();
