/* Improves pages that work without it: keys, row links, filters, theme, and charts where there are any. */
(() => {
  "use strict";
  const script = document.currentScript;
  const writing = (element) => element && element.closest("input, textarea, select, [contenteditable]");
  const shown = (row) => !row.hidden;

  const rowsOf = () => {
    const table = document.querySelector("table[data-rows] tr[data-href]")?.closest("table");
    return table ? [...table.querySelectorAll("tbody tr[data-href]")].filter(shown) : [];
  };
  const move = (step) => {
    const rows = rowsOf();
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.classList.contains("at"));
    const next = at < 0 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1);
    rows[at]?.classList.remove("at");
    rows[next].classList.add("at");
    rows[next].scrollIntoView({ block: "nearest" });
    rows[next].querySelector("a")?.focus({ preventScroll: true });
  };
  const open = (row) => { if (row) location.href = row.dataset.href; };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || writing(event.target)) return;
    if (event.key === "/") { event.preventDefault(); document.getElementById("search").focus(); }
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "Enter" && !event.target.closest("a, button, summary")) open(document.querySelector("tr.at"));
  });

  document.addEventListener("click", (event) => {
    document.querySelectorAll("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
    const theme = event.target.closest("[data-theme-choice]");
    if (theme) {
      event.preventDefault();
      document.documentElement.dataset.theme = theme.dataset.themeChoice;
      theme.parentElement.querySelectorAll("[data-theme-choice]").forEach((one) => one.toggleAttribute("aria-pressed", false));
      theme.setAttribute("aria-pressed", "true");
      theme.closest("details").open = false;
      document.cookie = `theme=${theme.value};path=/;max-age=31536000;samesite=lax`;
      document.dispatchEvent(new Event("themechange"));
      return;
    }
    const row = event.target.closest("tr[data-href]");
    if (row && !event.target.closest("a, button, input, select, label, summary") && !String(getSelection())) open(row);
  });

  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-filter]")) return;
    const wanted = event.target.value.trim().toLowerCase();
    const table = event.target.closest(".table");
    const rows = [...table.querySelectorAll("tbody tr")];
    rows.forEach((row) => { row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted); });
    table.querySelector("[data-none]").hidden = rows.some(shown);
  });

  // On a telephone the rail is a strip: show the part where we are.
  const rail = document.querySelector(".rail");
  const here = rail.querySelector("[aria-current]");
  if (here && rail.scrollWidth > rail.clientWidth) {
    rail.scrollLeft = here.offsetLeft - (rail.clientWidth - here.offsetWidth) / 2;
  }

  // A long table scrolls in its own frame, so that its header stays in sight.
  document.querySelectorAll(".scroll").forEach((frame) => {
    if (frame.querySelectorAll("tbody tr").length > 40) frame.classList.add("long");
  });

  const load = (address) => new Promise((done, failed) => {
    const element = document.createElement("script");
    element.src = address;
    element.onload = done;
    element.onerror = failed;
    document.head.append(element);
  });
  let charts = null;
  const draw = () => {
    if (!document.querySelector("[data-chart]:not([data-drawn])")) return;
    charts ||= load(script.dataset.echarts).then(() => load(script.dataset.charts));
    charts.then(() => window.drawCharts());
  };
  document.addEventListener("htmx:afterSettle", draw);
  draw();

  // An answer that does not come is told where it was to stand: an old answer beside a new question,
  // or a green strip of a server that is silent, would not be true.
  document.addEventListener("htmx:configRequest", (event) => { event.detail.headers.Accept = "text/html, */*"; });
  const make = (name, kind, ...content) => {
    const made = document.createElement(name);
    made.className = kind;
    made.append(...content);
    return made;
  };
  const said = (answer) => {
    const page = new DOMParser().parseFromString(answer || "", "text/html");
    return [page.querySelector(".head h1"), page.querySelector(".head .meaning")].filter(Boolean).map((part) => part.textContent);
  };
  const tell = (event) => {
    const { elt, target, xhr, requestConfig } = event.detail;
    const [what, hint] = xhr.status ? said(xhr.responseText) : [];
    const text = what || (xhr.status ? script.dataset.failed : script.dataset.silent);
    if (target.id === "live") {
      target.replaceChildren(make("span", "bad", `✕ ${text}`));
      return;
    }
    const inside = target !== elt && target.contains(elt);
    const again = make("button", "small", script.dataset.again);
    again.type = "button";
    const notice = make(elt.closest("dl") ? "dd" : "div", "notice bad failed", make("p", "", text), ...(hint ? [make("p", "small", hint)] : []), again);
    notice.setAttribute("role", "alert");
    again.addEventListener("click", () => {
      again.disabled = true;
      window.htmx.ajax(requestConfig.verb, requestConfig.path, { source: elt, target }).then(() => notice.remove());
    });
    if (inside && elt.matches("a, button, input, select, textarea")) {
      if (elt.nextElementSibling?.matches(".failed")) elt.nextElementSibling.remove();
      elt.after(notice);
    } else (inside ? elt : target).replaceChildren(notice);
  };
  ["htmx:responseError", "htmx:sendError", "htmx:timeout"].forEach((name) => document.addEventListener(name, tell));

  // What is sent is sent once, however often the button is pressed; Escape stops the sending, as in the browser.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" && !form.matches("[data-question]:not([hx-get])")) return;
    if (form.ariaBusy === "true") { event.preventDefault(); return; }
    setTimeout(() => { if (!event.defaultPrevented) form.ariaBusy = "true"; });
  });
  const free = () => document.querySelectorAll("form[aria-busy]").forEach((form) => { form.ariaBusy = null; });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") free(); });
  addEventListener("pageshow", free);
})();
