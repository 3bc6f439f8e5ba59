"use strict";
// Draws <div class="chart" data-chart="ID"><canvas></canvas></div> from the JSON of the element ID (chatapi/web/charts.py).
// In colours of the page, anew when those change.

const drawn = [];
const places = document.querySelectorAll("[data-chart]");

/** What a colour variable is now, in this theme. */
function colour(name, alpha = 1) {
  const probe = document.createElement("span");
  probe.style.color = `color-mix(in srgb, var(--${name}) ${alpha * 100}%, transparent)`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const small = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });
const formats = {
  count: (value) => compact.format(value),
  usd: (value) => (value === 0 ? "$0" : value < 0.01 ? `$${small.format(value)}` : value < 10 ? `$${value.toFixed(2)}` : `$${compact.format(value)}`),
};

function legend(font, position) {
  return {
    position,
    align: position === "right" ? "center" : "start",
    labels: { color: colour("c-muted"), font, boxWidth: 10, boxHeight: 10, useBorderRadius: true, borderRadius: 3, padding: 12 },
  };
}

function axis(font, extra) {
  return {
    grid: { color: colour("c-line") },
    border: { display: false },
    ticks: { color: colour("c-muted"), font, maxRotation: 0, autoSkipPadding: 16, maxTicksLimit: 6, ...extra.ticks },
    beginAtZero: true,
    ...extra,
  };
}

function options(numbers, format) {
  const font = { family: getComputedStyle(document.body).fontFamily, size: 11 };
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const isPie = numbers.kind === "pie";
  const label = (item) => {
    const value = isPie ? item.parsed : item.parsed.y;
    const name = isPie ? item.label : item.dataset.label;
    return ` ${name}: ${formats[item.dataset.format ?? numbers.format](value)}`;
  };
  const base = {
    animation: isStill ? false : { duration: 250 },
    maintainAspectRatio: false,
    plugins: {
      legend: legend(font, isPie && innerWidth > 640 ? "right" : "bottom"),
      tooltip: {
        backgroundColor: "#0e1824",
        titleFont: font,
        bodyFont: font,
        padding: 10,
        boxPadding: 4,
        itemSort: (a, b) => b.raw - a.raw,
        filter: (item) => isPie || numbers.kind === "lines" || item.raw > 0,
        callbacks: { label },
      },
    },
  };
  if (isPie) return { ...base, cutout: "62%" };
  const isStack = numbers.kind === "stack";
  const scales = {
    x: { ...axis(font, {}), stacked: isStack, grid: { display: false } },
    y: { ...axis(font, { ticks: { callback: format, maxTicksLimit: 5, precision: numbers.format === "count" ? 0 : undefined, color: colour("c-muted"), font } }), stacked: isStack },
  };
  if (numbers.series.some((series) => series.format)) {
    scales.y1 = axis(font, { position: "right", grid: { display: false }, ticks: { callback: formats.usd, maxTicksLimit: 5, color: colour("c-muted"), font } });
  }
  return { ...base, interaction: { mode: "index", intersect: false }, scales };
}

function dataset(numbers, series, index) {
  const tone = `s-${(index % 8) + 1}`;
  const base = { label: series.name, data: series.values, format: series.format };
  if (numbers.kind === "pie") {
    return { ...base, backgroundColor: series.values.map((_value, at) => colour(`s-${(at % 8) + 1}`)), borderColor: colour("c-surface"), borderWidth: 2 };
  }
  if (numbers.kind === "stack") {
    return { ...base, backgroundColor: colour(tone), borderRadius: 2, barPercentage: 0.8, categoryPercentage: 0.9, maxBarThickness: 44 };
  }
  return {
    ...base,
    yAxisID: series.format ? "y1" : "y",
    borderColor: colour(tone),
    backgroundColor: colour(tone, 0.1),
    borderWidth: 2,
    pointRadius: 0,
    pointHitRadius: 12,
    tension: 0.3,
    fill: !series.format,
  };
}

const types = { stack: "bar", pie: "doughnut", lines: "line" };

function draw() {
  while (drawn.length) drawn.pop().destroy();
  for (const place of places) {
    const numbers = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    const datasets = numbers.series.map((series, index) => dataset(numbers, series, index));
    const data = { labels: numbers.labels, datasets };
    drawn.push(new Chart(place.querySelector("canvas"), { type: types[numbers.kind], data, options: options(numbers, formats[numbers.format]) }));
  }
}

function begin() {
  draw();
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

// The library weighs more than the rest of the page: it is fetched once a chart is near, so never before the first paint.
const { library } = document.currentScript.dataset;
const watcher = new IntersectionObserver(
  (entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    const script = document.createElement("script");
    script.src = library;
    script.addEventListener("load", begin);
    document.head.append(script);
  },
  { rootMargin: "200px" },
);
for (const place of places) watcher.observe(place);
