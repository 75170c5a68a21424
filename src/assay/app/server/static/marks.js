// Marks without leaving the page, and by the keyboard. Without it the forms work by themselves. All that is shown is text.
"use strict";
const name = document.querySelector("input[name=who]");
const kept = "assay who";
if (name) {
  if (!name.value) name.value = localStorage.getItem(kept) || "";
  name.addEventListener("change", () => localStorage.setItem(kept, name.value.trim()));
}
const form = document.querySelector("form.marking");
if (form) {
  const rows = [...form.querySelectorAll("tr[data-sample]")];
  const told = document.getElementById("told");
  const words = JSON.parse(form.dataset.words);
  const filled = (name, values) => words[name].replace(/\{(\w+)\}/g, (_, place) => values[place]);
  const texts = Object.fromEntries([...rows[0].querySelectorAll("button")].map((one) => [one.value.split(":")[0], one.textContent]));
  let last = null;
  const tell = (text, bad = false) => {
    told.replaceChildren(Object.assign(document.createElement("p"), { className: bad ? "finding bad" : "finding", textContent: text }));
  };
  const send = async (address, content) => {
    let answer;
    try {
      answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });
    } catch {
      tell(words.away, true);
      return null;
    }
    const said = await answer.json();
    if (answer.ok) return said;
    tell(said.error, true);
    return null;
  };
  const mark = async (row, decision) => {
    if (!name.reportValidity()) return false;
    localStorage.setItem(kept, name.value.trim());
    const cell = row.querySelector(".said");
    const before = cell.textContent;
    cell.textContent = "…";
    const made = await send(form.dataset.api, { who: name.value, decision, samples: [row.dataset.sample] });
    cell.textContent = made ? texts[decision] : before;
    if (!made) return false;
    last = { number: made.number, cell, before };
    tell(filled("made", { number: made.number, decision: texts[decision] }));
    return true;
  };
  const undo = async () => {
    if (!last) return;
    const made = await send(form.dataset.undo, { who: name.value, number: last.number });
    if (!made) return;
    last.cell.textContent = last.before;
    tell(filled("undone", last));
    last = null;
  };
  const go = (row) => {
    if (!row) return;
    rows.forEach((one) => { one.tabIndex = -1; });
    row.tabIndex = 0;
    row.focus();
  };
  rows.forEach((row, k) => { row.tabIndex = k ? -1 : 0; });
  form.querySelector(".keys").hidden = false;
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=say]");
    if (!button) return;
    event.preventDefault();
    mark(button.closest("tr"), button.value.split(":")[0]);
  });
  form.addEventListener("keydown", (event) => {
    const row = event.target.closest("tr[data-sample]");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = rows.indexOf(row);
    const decision = Object.keys(texts)[Number(event.key) - 1];
    if (event.key === "ArrowDown") go(rows[at + 1]);
    else if (event.key === "ArrowUp") go(rows[at - 1]);
    else if (event.key === "u") undo();
    else if (event.key === "w") row.querySelector("a").click();
    else if (decision) mark(row, decision).then((made) => made && go(rows[at + 1]));
    else return;
    event.preventDefault();
  });
}
