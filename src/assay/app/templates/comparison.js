"use strict";
// data: systems, measures, items, requests (names); scores[measure][system][request]; lists[system][request]: places in items, best
// first; grades[request]: item, grade, item, grade ...; relevant[request]: how many items are. Requests that differ most come first.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const [first] = data.scores;
const STEP = 200; // requests that are listed at a time
let chosen = -1;
let matching = [];
let listed = 0;

function make(tag, kind, ...content) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  element.append(...content); // texts become text, whatever they hold
  return element;
}

function name(text) {
  const element = make("bdi", "", text);
  element.dir = "auto";
  return element;
}

const figure = (value) => value.toFixed(4).replace("-", "−");
const signed = (value) => (value > 0 ? "+" : "") + figure(value);
const scoresOf = (request) => first.map((scores) => scores[request]);

function best(request) {
  const scores = scoresOf(request);
  const most = Math.max(...scores);
  const winners = scores.flatMap((score, system) => (score === most ? [system] : []));
  return winners.length === 1 ? winners[0] : -1;
}

function apart(request) {
  const scores = scoresOf(request);
  const two = scores.length === 2;
  const value = two ? scores[1] - scores[0] : Math.max(...scores) - Math.min(...scores);
  return make("span", "apart" + (two && value ? (value > 0 ? " better" : " worse") : ""), two ? signed(value) : figure(value));
}

function ranking(system, request, grades) {
  const items = data.lists[system][request];
  const base = data.lists[0][request];
  const lines = items.map((item, at) => {
    const grade = grades.get(item);
    const line = make("li", grade === undefined ? "" : grade > 0 ? "right" : "wrong", make("span", "", String(at + 1)));
    const text = make("span", "", name(data.items[item]));
    if (system > 0) {
      const was = base.indexOf(item);
      if (was !== at) text.append(make("span", "was", was < 0 ? "new" : "was " + (was + 1)));
    }
    line.append(text, make("span", "grade", grade === undefined ? "" : "grade " + String(grade).replace("-", "−")));
    return line;
  });
  const values = data.measures.map((measure, m) => measure + " " + figure(data.scores[m][system][request])).join(", ");
  const rows = lines.length ? make("ol", "ranking", ...lines) : make("p", "", "It did not answer this request.");
  return make("div", "", make("h4", "", name(data.systems[system])), make("p", "", values), rows);
}

function show(request) {
  chosen = request;
  for (const button of byId("list").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(Number(button.dataset.request) === request));
  }
  const grades = new Map();
  const pairs = data.grades[request];
  for (let at = 0; at < pairs.length; at += 2) grades.set(pairs[at], pairs[at + 1]);
  const columns = data.systems.map((_, system) => ranking(system, request, grades));
  const shown = [make("h3", "", "Request ", name(data.requests[request])), make("div", "systems", ...columns)];
  const inLists = new Set(data.lists.flatMap((lists) => lists[request]));
  const missed = [...grades].filter(([item, grade]) => grade > 0 && !inLists.has(item)).sort((one, two) => two[1] - one[1]);
  const listedRight = [...grades].filter(([item, grade]) => grade > 0 && inLists.has(item)).length;
  const left = data.relevant[request] - listedRight;
  if (left > 0) {
    const line = make("p", "missed", `Relevant, in none of these lists (${left}): `);
    missed.forEach(([item, grade], at) => line.append(at ? ", " : "", name(data.items[item]), `(grade ${grade})`));
    if (left > missed.length) line.append(` and ${left - missed.length} more`);
    shown.push(line);
  }
  if (!data.relevant[request]) shown.push(make("p", "missed", "No item is relevant for this request."));
  byId("shown").replaceChildren(...shown);
}

function listMore() {
  for (const request of matching.slice(listed, listed + STEP)) {
    const scores = scoresOf(request).map(figure).join(data.systems.length === 2 ? " → " : ", ");
    const button = make("button", "", name(data.requests[request]), apart(request), make("small", "", scores));
    button.type = "button";
    button.dataset.request = request;
    button.setAttribute("aria-current", String(request === chosen));
    button.addEventListener("click", () => show(request));
    byId("list").append(make("li", "", button));
  }
  listed = Math.min(listed + STEP, matching.length);
  byId("more").hidden = listed === matching.length;
}

function list() {
  const text = byId("find").value.trim().toLowerCase();
  const which = byId("which").value;
  matching = [...data.requests.keys()].filter((request) =>
    (which === "all" || best(request) === Number(which)) && data.requests[request].toLowerCase().includes(text));
  byId("count").textContent = `${matching.length.toLocaleString("en")} requests`;
  byId("list").replaceChildren();
  listed = 0;
  listMore();
  if (matching.length && !matching.includes(chosen)) show(matching[0]);
}

const choices = [["all", "all"], ...data.systems.map((system, at) => [String(at), "best: " + system]), ["-1", "no single best"]];
for (const [value, text] of choices) {
  const option = make("option", "", text);
  option.value = value;
  byId("which").append(option);
}
byId("find").addEventListener("input", list);
byId("which").addEventListener("change", list);
byId("more").addEventListener("click", listMore);
byId("find").form.addEventListener("submit", (event) => event.preventDefault());
list();
