/* The workbench: completion in a definition, and a decision table that feels like a spreadsheet. */
(() => {
  "use strict";

  // A definition: the server says what a word may become; here it is chosen and put in its place.
  const text = document.querySelector("[data-completes]");
  if (text) {
    const caret = document.getElementById("f-caret");
    const offers = () => document.getElementById("offers");
    const options = () => [...offers().querySelectorAll("[role=option]")];
    const open = () => !offers().hidden && options().length > 0;
    let moved = false;
    const note = () => { caret.value = text.selectionStart; moved = false; };
    const close = () => { offers().hidden = true; moved = false; };
    const choose = (step) => {
      const all = options();
      const at = all.findIndex((one) => one.ariaSelected === "true");
      const next = (at + step + all.length) % all.length;
      all.forEach((one, place) => { one.ariaSelected = String(place === next); });
      all[next].scrollIntoView({ block: "nearest" });
      moved = true;
    };
    const take = (option) => {
      const end = text.selectionStart;
      text.setRangeText(option.dataset.insert, end - Number(option.dataset.replace), end, "end");
      close();
      caret.value = -1;
      text.focus();
      text.dispatchEvent(new Event("complete"));
    };
    text.addEventListener("input", note, true);
    text.addEventListener("keydown", (event) => {
      if (event.ctrlKey && event.key === " ") {
        event.preventDefault();
        note();
        text.dispatchEvent(new Event("complete"));
      } else if (open() && event.key === "Escape") { event.preventDefault(); close(); }
      else if (open() && event.key === "ArrowDown") { event.preventDefault(); choose(1); }
      else if (open() && event.key === "ArrowUp" && moved) { event.preventDefault(); choose(-1); }
      else if (open() && ((event.key === "Tab" && !event.shiftKey) || (event.key === "Enter" && moved))) {
        event.preventDefault();
        take(options().find((one) => one.ariaSelected === "true") || options()[0]);
      }
    });
    document.addEventListener("mousedown", (event) => {
      const option = event.target.closest("#offers [role=option]");
      if (option) { event.preventDefault(); take(option); } else if (event.target !== text) close();
    });
    document.addEventListener("click", (event) => {
      const place = event.target.closest("[data-line]");
      if (!place) return;
      const lines = text.value.split("\n");
      const before = lines.slice(0, place.dataset.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
      const start = before + Number(place.dataset.column) - 1;
      text.focus();
      text.setSelectionRange(start, start + 1);
    });
  }

  // A decision table: cells are fields, so that it works without this; with it, keys and paste do.
  const grid = document.querySelector("[data-grid]");
  if (grid) {
    const rows = () => [...grid.rows].map((row) => [...row.querySelectorAll("input")]);
    const find = (cell) => {
      const all = rows();
      const row = all.findIndex((cells) => cells.includes(cell));
      return [all, row, row < 0 ? -1 : all[row].indexOf(cell)];
    };
    const go = (cell) => { if (cell) { cell.focus(); cell.select(); } };
    const add = () => {
      const last = grid.tBodies[0].rows[grid.tBodies[0].rows.length - 1];
      const copy = last.cloneNode(true);
      const number = grid.tBodies[0].rows.length;
      copy.querySelector("th").textContent = number + 1;
      copy.querySelectorAll("input").forEach((cell, column) => {
        cell.name = `c${number}.${column}`;
        cell.value = cell.closest(".out") ? "" : "-";
        cell.removeAttribute("aria-invalid");
        cell.removeAttribute("title");
        cell.ariaLabel = cell.ariaLabel.replace(/\d+/, number + 1);
      });
      copy.querySelectorAll("button").forEach((button) => {
        button.value = button.value.replace(/\d+/, number + 1);
        button.ariaLabel = button.ariaLabel.replace(/\d+/, number + 1);
      });
      grid.tBodies[0].append(copy);
    };
    grid.addEventListener("keydown", (event) => {
      const cell = event.target;
      if (!cell.matches("input")) return;
      const [all, row, column] = find(cell);
      const whole = cell.selectionStart === 0 && cell.selectionEnd === cell.value.length;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        const insert = cell.closest("tr").querySelector('button[value^="row+"]');
        if (insert) insert.click();
      } else if (event.key === "Enter" || event.key === "ArrowDown") {
        event.preventDefault();
        go(all[row + 1]?.[column]);
      } else if (event.key === "ArrowUp") {
        event.preventDefault();
        go(all[row - 1]?.[column]);
      } else if (event.key === "ArrowLeft" && (whole || cell.selectionEnd === 0)) {
        event.preventDefault();
        go(all[row][column - 1]);
      } else if (event.key === "ArrowRight" && (whole || cell.selectionStart === cell.value.length)) {
        event.preventDefault();
        go(all[row][column + 1]);
      }
    });
    document.addEventListener("click", (event) => {
      const place = event.target.closest("[data-cell]");
      if (place) go(grid.querySelector(`[name="${place.dataset.cell}"]`));
    });
    grid.addEventListener("paste", (event) => {
      const cell = event.target;
      const pasted = event.clipboardData.getData("text/plain").replace(/\r\n?/g, "\n").replace(/\n$/, "");
      if (!cell.matches("input") || !/[\t\n]/.test(pasted)) return;
      event.preventDefault();
      const [, row, column] = find(cell);
      let last = cell;
      pasted.split("\n").forEach((line, down) => {
        if (row > 0 && row + down >= grid.rows.length) add();
        const cells = rows()[row + down] || [];
        line.split("\t").forEach((value, right) => {
          const target = cells[column + right];
          if (target) { target.value = value.trim(); last = target; }
        });
      });
      go(last);
    });
  }
})();
