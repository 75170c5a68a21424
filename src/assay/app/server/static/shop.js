// Suggestions below the search box. All is text: nothing that comes from the log is markup.
"use strict";
const box = document.querySelector("input[data-suggest]");
if (box) {
  const list = document.getElementById(box.getAttribute("list"));
  let waiting = 0;
  let last = "";
  const ask = async () => {
    const typed = box.value.trim();
    if (!typed || typed === last) return;
    last = typed;
    const address = new URL(box.dataset.suggest, location.href);
    address.searchParams.set("q", typed);
    const answer = await fetch(address);
    if (!answer.ok || box.value.trim() !== typed) return;
    const found = (await answer.json()).suggestions;
    list.replaceChildren(...found.map((text) => Object.assign(document.createElement("option"), { value: text })));
  };
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, 120);
  });
}
