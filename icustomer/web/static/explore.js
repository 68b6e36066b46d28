/* Exploration: lists that are searched and walked with keys, an address without empty parts, copying.
   Everything is delegated, so that it also holds for what is swapped in. */
(() => {
  "use strict";
  const options = (list) => [...list.querySelectorAll("li")].filter((one) => !one.hidden);
  const inputOf = (item) => item.querySelector("input");

  // A list: typing narrows it, arrows walk through it, Enter picks the first that is left.
  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-narrow]")) return;
    const wanted = event.target.value.trim().toLowerCase();
    event.target.closest("[data-pick]").querySelectorAll("li").forEach((item) => {
      const label = item.querySelector("label");
      const said = `${label.textContent} ${label.title}`.toLowerCase();
      item.hidden = wanted !== "" && !said.includes(wanted);
    });
  });
  document.addEventListener("keydown", (event) => {
    const list = event.target.closest("[data-pick]");
    if (list) {
      const search = event.target.matches("[data-narrow]");
      const items = options(list);
      const at = items.findIndex((item) => item.contains(event.target));
      if (search && event.key === "Escape" && event.target.value) {
        event.preventDefault();
        event.target.value = "";
        event.target.dispatchEvent(new Event("input", { bubbles: true }));
      } else if (search && event.key === "Enter") {
        event.preventDefault();
        if (items.length) inputOf(items[0]).click();
      } else if (event.key === "ArrowDown" && (search || event.target.type === "checkbox")) {
        event.preventDefault();
        if (items[at + 1]) inputOf(items[at + 1]).focus();
      } else if (event.key === "ArrowUp" && event.target.type === "checkbox") {
        event.preventDefault();
        (items[at - 1] ? inputOf(items[at - 1]) : list.querySelector("[data-narrow]")).focus();
      } else if (!search && event.key === "Enter") {
        event.preventDefault();
        event.target.click();
      }
      return;
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("[data-submits]")) {
      event.preventDefault();
      event.target.form.requestSubmit();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    const wanted = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
    if (wanted) { event.preventDefault(); wanted.focus(); wanted.select(); }
  });

  // What cannot be split by a dimension is shown as such, before anybody asks.
  const fit = (form) => {
    const split = [...form.querySelectorAll('input[name="measure"]:checked')]
      .map((one) => one.dataset.splits).filter(Boolean).map((text) => new Set(JSON.parse(text)));
    form.querySelectorAll('input[name="by"], select[name="split"] option').forEach((one) => {
      const fits = !one.value || split.every((able) => able.has(one.value));
      if (one.tagName === "OPTION") one.disabled = !fits;
      else one.closest("li").classList.toggle("unfit", !fits);
    });
  };
  document.querySelectorAll("form[data-question]").forEach(fit);
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-question]");
    if (!form) return;
    if (event.target.name === "last") form.querySelectorAll('[name="from"], [name="to"]').forEach((one) => { one.value = ""; });
    fit(form);
  });
  // The search fields of the lists are no part of the question, and nothing empty stands in the address.
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.detail.elt.matches("form[data-question]")) return;
    const given = event.detail.formData || event.detail.parameters;
    for (const [name, value] of [...given.entries()]) {
      if (value === "" && name !== "step" && name !== "step_where") given.delete(name);
    }
  });

  // Code is copied with one press; where the browser forbids it, it is at least selected.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = button.parentElement.querySelector("code").textContent;
    const done = () => { button.classList.add("done"); setTimeout(() => button.classList.remove("done"), 1500); };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, () => {});
    else {
      const range = document.createRange();
      range.selectNodeContents(button.parentElement.querySelector("code"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
    }
  });
})();
