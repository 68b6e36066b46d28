/* Draws every chart of every page in one way: colours from the tokens, direct labels, grey for the
   period before, dashed for a target, hatched for a period that is not over. */
(() => {
  "use strict";
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const token = (name) => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; };
  const language = document.documentElement.lang;
  const currency = document.documentElement.dataset.currency;
  const money = (options) => new Intl.NumberFormat(language, { style: "currency", currency, ...options });
  const write = (unit) => {
    const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
    const fine = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
    const coarse = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
    return (value) => {
      if (value === null || value === undefined) return "–";
      if (unit === "%") return percent.format(value);
      if (unit === "money") return money({ maximumFractionDigits: Math.abs(value) < 1000 ? 2 : 0 }).format(value);
      return (Math.abs(value) < 1000 ? fine : coarse).format(value);
    };
  };
  const short = (unit) => {
    // Steps of half a per cent are written as such: rounded, two of them would bear one name.
    const share = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 2 });
    if (unit === "%") return (value) => share.format(value);
    // What is small is written out: three thousand and three hundred differ from one another.
    const [large, small] = [{ notation: "compact", maximumFractionDigits: 1 }, { minimumFractionDigits: 0, maximumFractionDigits: 2 }]
      .map((options) => (unit === "money" ? money(options) : new Intl.NumberFormat(language, options)));
    return (value) => (Math.abs(value) < 10000 ? small : large).format(value);
  };

  const hues = (element) => {
    const layer = element.closest("[data-layer]")?.dataset.layer;
    // The accent is too near to the hue of intelligence to stand beside it.
    const order = ["accent", "cii", "cid", "context", "cfa", "cbc", "cic"].filter((name) => layer !== "cic" || name !== "accent");
    return (layer ? [layer, ...order.filter((name) => name !== layer)] : order).map(token);
  };
  const text = () => ({ fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12, color: token("muted") });
  const tooltip = (unit, trigger) => ({
    trigger, confine: true, backgroundColor: token("paper"), borderColor: token("line"),
    textStyle: { ...text(), color: token("ink") }, valueFormatter: write(unit),
  });

  function series(one, place, spec, colours) {
    const line = spec.kind === "line";
    const colour = one.layer ? token(one.layer) : colours[place % colours.length];
    const made = { name: one.name, type: line ? "line" : "bar", data: one.data, itemStyle: { color: colour }, emphasis: { disabled: true } };
    if (line) Object.assign(made, { showSymbol: one.data.length < 3, symbolSize: 5, lineStyle: { color: colour, width: 2 } });
    else Object.assign(made, { barMaxWidth: 28, barGap: "10%" });
    if (one.style === "previous") { made.itemStyle.color = token("line-strong"); made.lineStyle = { color: token("line-strong"), width: 1.5 }; }
    if (one.style === "target") Object.assign(made, { type: "line", stack: undefined, symbol: "none", lineStyle: { color: token("ink"), width: 1.2, type: "dashed" }, itemStyle: { color: token("ink") } });
    const hatched = { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: Math.PI / 4, color: token("paper") };
    if (one.style === "open" && !line) made.itemStyle.decal = hatched;
    if (spec.open && !line) made.data = one.data.map((value, at) => (spec.open.includes(at) ? { value, itemStyle: { decal: hatched } } : value));
    if ((spec.stack || spec.apart) && !line) made.stack = one.style && !spec.apart ? undefined : "all";
    if (line && spec.series.length > 1) made.endLabel = { show: true, formatter: "{a}", ...text(), distance: 6 };
    return made;
  }

  // The part of a line that is not over is dashed.
  function unfinished(made, spec) {
    if (made.type !== "line" || !spec.open?.length || spec.kind !== "line") return [made];
    const near = (at) => spec.open.some((place) => Math.abs(place - at) <= 1);
    const dashed = made.data.map((value, at) => (near(at) ? value : null));
    const rest = { ...made, data: dashed, endLabel: undefined, lineStyle: { ...made.lineStyle, type: "dashed" }, tooltip: { show: false } };
    return [{ ...made, data: made.data.map((value, at) => (spec.open.includes(at) ? null : value)) }, rest];
  }

  function plain(spec, element) {
    const colours = hues(element);
    // Where each place has one column only, be it now, before or not over, it stands above its name.
    const columns = spec.series.filter((one) => one.style !== "target");
    spec.apart = columns.length > 1 && spec.x.every((_, at) => columns.filter((one) => typeof one.data[at] === "number").length < 2);
    const category = { type: "category", data: spec.x, axisTick: { show: false }, axisLine: { lineStyle: { color: token("line-strong") } }, axisLabel: { ...text(), hideOverlap: true } };
    const value = { type: "value", splitNumber: 4, scale: spec.kind === "line" && spec.zero === false, splitLine: { lineStyle: { color: token("line") } }, axisLabel: { ...text(), formatter: short(spec.unit) } };
    // What is counted is not divided.
    if (spec.series.every((one) => one.data.every((each) => each === null || Number.isInteger(each)))) value.minInterval = 1;
    const lying = spec.kind === "bars";
    if (lying) { category.inverse = true; category.axisLabel.width = 150; category.axisLabel.overflow = "truncate"; category.axisLabel.hideOverlap = false; }
    // A line, and many thin columns, reach the edges of the picture: there is no room for half a label beyond them.
    if (spec.kind === "line" || (!lying && spec.x.length > 40)) Object.assign(category.axisLabel, { alignMinLabel: "left", alignMaxLabel: "right" });
    const many = spec.series.length > 1;
    const labels = spec.kind === "line" && many;
    const legend = many && !labels;
    const drawn = spec.series.flatMap((one, place) => unfinished(series(one, place, spec, colours), spec));
    if (lying && !many) drawn[0].label = { show: true, position: "right", ...text(), formatter: (point) => write(spec.unit)(point.value) };
    return {
      grid: { left: 4, right: labels ? 96 : lying ? (spec.unit === "money" ? 84 : 56) : spec.x.length > 12 ? 24 : 12, top: legend ? 30 : 12, bottom: 4, containLabel: true },
      legend: legend ? { top: 0, left: 0, itemWidth: 10, itemHeight: 10, icon: "roundRect", textStyle: text() } : undefined,
      tooltip: tooltip(spec.unit, "axis"),
      xAxis: lying ? value : { ...category, boundaryGap: spec.kind !== "line" },
      yAxis: lying ? category : value,
      series: drawn,
    };
  }

  function graph(spec, element) {
    // On a telephone names stand below their place, cut short: beside it there is no room.
    const narrow = element.clientWidth < 480;
    const room = narrow ? { position: "bottom", width: 112, overflow: "truncate" } : { position: "right", width: 260, overflow: "truncate" };
    const ring = { strong: "accent", record: "cii", customer: "cid" };
    const nodes = spec.nodes.map((node) => ({
      id: node.id, name: node.name, symbolSize: node.size || 18, itemStyle: { color: token(ring[node.kind] || node.layer || "cid") },
      label: { show: true, ...room, ...text(), color: token("ink"), formatter: node.name },
      tooltip: { formatter: () => echarts.format.encodeHTML(node.note || node.name) },
    }));
    const links = spec.links.map((link) => ({
      source: link.source, target: link.target, value: link.reason,
      lineStyle: { color: token(link.cut ? "bad" : "line-strong"), type: link.cut ? "dashed" : "solid", width: link.cut ? 1.5 : 1.5, curveness: 0.06 },
      label: { show: spec.links.length < 16, formatter: link.short || "", ...text() },
      tooltip: { formatter: () => echarts.format.encodeHTML(link.reason || "") },
    }));
    return {
      tooltip: tooltip("", "item"),
      series: [{ type: "graph", layout: spec.links.length > 40 ? "force" : "circular", left: narrow ? 60 : 90, right: narrow ? 60 : 130, top: 24, bottom: narrow ? 40 : 24, data: nodes, links, roam: false, force: { repulsion: 160, edgeLength: 80, layoutAnimation: false }, emphasis: { disabled: true } }],
    };
  }

  const drawn = new Set();
  function draw(element) {
    const spec = JSON.parse(element.dataset.chart);
    const chart = echarts.getInstanceByDom(element) || echarts.init(element, null, { renderer: "svg" });
    chart.setOption({ animation: false, ...(spec.kind === "graph" ? graph(spec, element) : plain(spec, element)) }, true);
    element.dataset.drawn = "";
    drawn.add(element);
    // What is drawn opens to what is behind it; the table below has the same links for the keyboard.
    chart.off("click");
    if (spec.series?.some((one) => one.links)) {
      chart.on("click", (point) => {
        const leads = spec.series.find((one) => one.name === point.seriesName)?.links?.[point.dataIndex];
        if (leads) location.href = leads;
      });
    }
  }
  window.drawCharts = () => document.querySelectorAll("[data-chart]:not([data-drawn])").forEach(draw);
  const again = () => drawn.forEach((element) => (element.isConnected ? draw(element) : drawn.delete(element)));
  document.addEventListener("themechange", again);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  addEventListener("resize", () => drawn.forEach((element) => echarts.getInstanceByDom(element)?.resize()));
})();
