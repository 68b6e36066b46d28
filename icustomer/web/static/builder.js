/* The segment builder: choosing a word from a list that is searched, and keys that walk through rows. */
(() => {
  "use strict";
  const list = document.getElementById("words");
  if (!list) return;
  const words = JSON.parse(list.dataset.words);
  const headings = JSON.parse(list.dataset.headings);
  let input = null;
  let before = "";

  const options = () => [...list.querySelectorAll("[role=option]")];
  const at = () => options().findIndex((one) => one.ariaSelected === "true");
  const close = () => {
    list.hidden = true;
    if (input) { input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); }
  };
  const choose = (place) => {
    const all = options();
    all.forEach((one, number) => { one.ariaSelected = String(number === place); });
    if (!all[place]) return;
    all[place].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", all[place].id);
  };
  const element = (name, text, kind) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };

  // What begins with what is typed comes first, then what contains it, in its name, title or kind.
  const rank = (word, wanted) => {
    const name = word.name.toLowerCase();
    if (!wanted || name.startsWith(wanted)) return 0;
    const said = `${name} ${word.title.toLowerCase()} ${headings[word.kind].toLowerCase()}`;
    return wanted.split(/\s+/).every((part) => said.includes(part)) ? 1 : -1;
  };
  const show = (all) => {
    const wanted = all ? "" : input.value.trim().toLowerCase();
    list.replaceChildren();
    let number = 0;
    for (const kind of Object.keys(headings)) {
      const found = words.map((word) => [rank(word, wanted), word]).filter(([fits, word]) => fits >= 0 && word.kind === kind);
      if (!found.length) continue;
      found.sort((one, other) => one[0] - other[0]);
      const group = element("div");
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", headings[kind]);
      group.append(element("p", headings[kind], "label"));
      for (const [, word] of found) {
        const option = element("div", "", "option");
        option.setAttribute("role", "option");
        option.id = `word-${number++}`;
        option.dataset.name = word.name;
        option.append(element("code", word.name), element("span", word.title === word.name ? "" : word.title), element("small", word.unit || word.type));
        group.append(option);
      }
      list.append(group);
    }
    if (!number) list.append(element("p", list.dataset.none, "label"));
    const place = input.getBoundingClientRect();
    list.hidden = false;
    list.style.top = `${place.bottom + scrollY + 4}px`;
    list.style.left = `${Math.max(8, Math.min(place.left, innerWidth - list.offsetWidth - 12)) + scrollX}px`;
    input.setAttribute("aria-expanded", "true");
    if (number && wanted) choose(0);
  };
  const take = (name) => {
    input.value = name;
    before = name;
    close();
    // The row is drawn anew with what this word can be asked; then the value is next.
    after = () => {
      const id = input.id.replace(/-word$/, "");
      (document.getElementById(`${id}-value`) || document.getElementById(`${id}-op`) || document.getElementById(input.id))?.focus();
    };
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  let after = null;

  document.addEventListener("focusin", (event) => {
    if (!event.target.matches("[data-word]")) return;
    input = event.target;
    before = input.value;
    if (!input.value) show(true);
  });
  document.addEventListener("focusout", (event) => { if (event.target === input) close(); });
  document.addEventListener("input", (event) => { if (event.target.matches("[data-word]")) { input = event.target; show(false); } });
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest("#words [role=option]");
    if (option) { event.preventDefault(); take(option.dataset.name); }
    else if (event.target.closest("#words")) event.preventDefault();
    else if (event.target.matches("[data-word]") && document.activeElement === event.target && list.hidden) show(true);
  });
  // A word that is only half typed is not asked for; the list has its own change.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-word]") && !list.hidden) { event.stopImmediatePropagation(); close(); }
  }, true);

  document.addEventListener("keydown", (event) => {
    if (event.target.matches("[data-word]")) {
      const open = !list.hidden;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (!open) show(true);
        const all = options().length;
        if (all) choose((at() + (event.key === "ArrowDown" ? 1 : -1) + all) % all);
      } else if (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey && open && input.value && input.value !== before)) {
        if (open && at() >= 0) { event.preventDefault(); take(options()[at()].dataset.name); }
        else if (event.key === "Enter") { event.preventDefault(); show(true); }
      } else if (event.key === "Escape" && open) { event.preventDefault(); event.stopPropagation(); input.value = before; close(); }
      return;
    }
    const row = event.target.closest("[data-builder] .row");
    if (row && event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault();
      row.closest("fieldset").querySelector(".more").click();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const form = event.target.closest("[data-builder]");
      const save = form?.querySelector('[value="save"]');
      if (save && !save.disabled) { event.preventDefault(); form.requestSubmit(save); }
    }
  }, true);

  // After a row was added or taken away the keyboard goes on where a hand would.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-builder] button[name=do]");
    if (!button) return;
    const number = [...document.querySelectorAll("fieldset.rows")].indexOf(button.closest("fieldset"));
    const taken = button.closest(".row");
    const place = taken ? [...taken.parentElement.children].indexOf(taken) : -1;
    after = () => {
      const groups = document.querySelectorAll("fieldset.rows");
      const group = groups[Math.min(number < 0 ? groups.length - 1 : number, groups.length - 1)];
      const inputs = group ? [...group.querySelectorAll("[data-word]")] : [];
      (place < 0 ? inputs.at(-1) : inputs[Math.max(place - 1, 0)])?.focus();
    };
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    // What was built so far stands in the address: reloaded, or given to somebody, it is still there.
    const when = document.getElementById("f-when");
    if (event.detail.target?.id === "would" && when && location.pathname === "/segments/new") {
      const asked = new URLSearchParams(location.search);
      if (asked.get("when") !== when.value) {
        asked.set("when", when.value);
        history.replaceState(history.state, "", `?${asked}`);
      }
    }
    if (after && event.detail.target?.id !== "would") return;
    const next = after;
    after = null;
    next?.();
  });
  // Buttons of rows work without scripts by sending the form; with them they only ask.
  document.addEventListener("submit", (event) => {
    const pressed = event.submitter?.value || "";
    if (event.target.matches("[data-builder]") && pressed !== "save") event.preventDefault();
  });
})();
