// Asks for questions and keeps answers. All is text: nothing that comes from data is markup.
"use strict";
const byId = (id) => document.getElementById(id);
const highest = Number(byId("judging").dataset.highest);
const words = JSON.parse(byId("judging").dataset.words);
const NAME = "assay.judge";
let judge = "";
let kind = "pair";
let question = null;
let busy = false;
let done = []; // questions answered here, the last at the end, each with its answer in words

function make(tag, text, ...children) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
}

// A sentence as parts to append, each place filled with a text or an element.
const filled = (name, values = {}) => words[name].split(/(\{\w+\})/).map((part) => (part.startsWith("{") ? values[part.slice(1, -1)] : part));
const told = (name, values) => filled(name, values).join("");

function inert(text) {
  const element = make("bdi", text);
  element.dir = "auto";
  return element;
}

const called = (item) => (item.name ? [inert(item.name), make("small", "", inert(item.id))] : [inert(item.id)]);

// Each answer: the keys that give it, what stands on its button, and what is sent.
function answers() {
  if (kind === "lists") {
    return [
      { keys: ["ArrowLeft"], key: "←", text: words.left_better, sent: { better: "left" } },
      { keys: ["ArrowDown", "ArrowUp"], key: "↓", text: words.alike, sent: { better: "alike" } },
      { keys: ["ArrowRight"], key: "→", text: words.right_better, sent: { better: "right" } },
    ];
  }
  const grades = Array.from({ length: highest + 1 }, (_, grade) => ({
    keys: [String(grade)],
    key: String(grade),
    text: grade === 0 ? words.not_relevant : grade === highest ? words.just_right : "",
    sent: { grade },
  }));
  return [...grades, { keys: ["c", "C"], key: "c", text: words.cannot_tell, sent: { grade: null } }];
}

async function asked(address, options) {
  const here = new URL(address, location.href);
  here.searchParams.set("lang", document.documentElement.lang); // of what is refused
  const answer = await fetch(here, options);
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(content.error || told("refused", { status: answer.status }));
  return content;
}

// One thing at a time; what goes wrong is said, and the question stays.
async function alone(work) {
  if (busy) return;
  busy = true;
  byId("question").setAttribute("aria-busy", "true");
  try {
    await work();
    byId("trouble").hidden = true;
  } catch (error) {
    byId("trouble").textContent = error instanceof TypeError ? words.away : error.message;
    byId("trouble").hidden = false;
  }
  byId("question").setAttribute("aria-busy", "false");
  busy = false;
}

function showProgress(far) {
  const sure = far.confidence === null ? "" : told("sure", { share: Math.floor(100 * far.confidence) });
  byId("far").textContent = sure ? told("joined", { first: told("far", far), then: sure }) : told("far", far);
  byId("bar").value = far.of ? far.judged / far.of : 1;
}

function show(before) {
  const buttons = [];
  byId("about").replaceChildren();
  byId("before").textContent = before ? told("said", { answer: before }) : "";
  if (question === null) {
    byId("asked").textContent = words.done;
    byId("shown").replaceChildren();
  } else {
    byId("asked").replaceChildren(...filled(kind === "pair" ? "how_good" : "which_better", { request: inert(question.request) }));
    const facts = Object.entries(question.about).map(([name, value]) => make("div", "", make("dt", "", inert(name)), make("dd", "", inert(value))));
    byId("about").replaceChildren(...facts);
    byId("shown").replaceChildren(kind === "pair" ? pair() : lists());
    for (const answer of answers()) {
      const button = make("button", "", make("kbd", answer.key), answer.text);
      button.type = "button";
      button.setAttribute("aria-keyshortcuts", answer.keys.join(" "));
      button.setAttribute("aria-label", kind === "pair" && answer.sent.grade !== null ? grade(answer) : answer.text);
      button.addEventListener("click", () => give(answer));
      buttons.push(button);
    }
  }
  byId("answers").replaceChildren(...buttons);
  byId("keys").textContent = kind === "pair" ? told("keys_pair", { highest }) : words.keys_lists;
  byId("question").focus({ preventScroll: true });
}

const grade = ({ key, text }) => (text ? told("grade_meaning", { grade: key, meaning: text }) : told("grade", { grade: key }));

function pair() {
  const element = make("div", "", ...called(question.item));
  element.className = "judged";
  return element;
}

function lists() {
  const element = make("div", "");
  element.className = "two";
  for (const side of ["left", "right"]) {
    const items = question[side].map((item) => make("li", "", ...called(item)));
    const list = make("ol", "", ...items);
    list.setAttribute("aria-label", words[side + "_list"]);
    element.append(make("div", "", make("h3", words[side]), items.length ? list : make("p", words.empty)));
  }
  return element;
}

async function next() {
  const address = "/api/judgements/next?" + new URLSearchParams({ judge, kind });
  const content = await asked(address);
  question = content.question;
  showProgress(content.progress);
  show("");
}

function give(answer) {
  if (question === null) return;
  alone(async () => {
    const sent = { kind, judge, request: question.request, ...(kind === "pair" ? { item: question.item.id } : {}), ...answer.sent };
    const headers = { "Content-Type": "application/json" };
    await asked("/api/judgements", { method: "POST", headers, body: JSON.stringify(sent) });
    done.push({ question, said: answer.text || answer.key });
    await next();
  });
}

function undo() {
  if (busy || !done.length) return;
  const last = done.pop();
  question = last.question;
  show(last.said);
}

function begin(name) {
  judge = name;
  localStorage.setItem(NAME, name);
  byId("judge").textContent = name;
  byId("who").hidden = true;
  byId("judging").hidden = false;
  done = [];
  alone(next);
}

byId("who").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = byId("name").value.trim();
  if (name) begin(name);
});
byId("other").addEventListener("click", () => {
  localStorage.removeItem(NAME);
  byId("judging").hidden = true;
  byId("who").hidden = false;
  byId("name").focus();
});
for (const choice of document.querySelectorAll("input[name=kind]")) {
  choice.addEventListener("change", () => {
    if (busy) {
      document.querySelector(`input[name=kind][value=${kind}]`).checked = true;
      return;
    }
    kind = choice.value;
    done = [];
    choice.blur(); // keys answer again
    alone(next);
  });
}
document.addEventListener("keydown", (event) => {
  if (byId("judging").hidden || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target instanceof HTMLInputElement) return; // arrows there choose what to judge
  if (event.key === "u" || event.key === "U") {
    undo();
    return;
  }
  const answer = answers().find((one) => one.keys.includes(event.key));
  if (answer && question !== null) {
    event.preventDefault();
    give(answer);
  }
});
const known = localStorage.getItem(NAME);
if (known) begin(known);
