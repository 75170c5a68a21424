// Suggestions below the search box, and what is done with a list that the server keeps. All is text: nothing that comes from the
// log is markup.
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

// One view and one cart of an item of a list: the key of each is its own, so that what is sent again is not kept twice.
const given = document.querySelector("ol[data-list]");
async function send(event, card) {
  const position = 1 + [...given.children].indexOf(card);
  const key = [event, given.dataset.list, position].join(".");
  const what = { event, item_id: card.dataset.item, list_id: given.dataset.list, position };
  if (given.dataset.user) what.user_id = given.dataset.user;
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
  return fetch("/api/events", { method: "POST", headers, body: JSON.stringify(what), keepalive: true });
}
if (given) {
  const words = JSON.parse(given.dataset.words);
  for (const card of given.children) {
    const view = () => send("view", card).catch(() => {}); // it is opened all the same
    for (const link of card.querySelectorAll("h3 a")) {
      link.addEventListener("click", view);
      link.addEventListener("auxclick", view);
    }
    card.querySelector("button.cart").addEventListener("click", async () => {
      const answer = await send("cart", card).catch(() => null);
      card.querySelector("[role=status]").textContent = answer && answer.ok ? words.in_cart : words.not_kept;
    });
  }
}
