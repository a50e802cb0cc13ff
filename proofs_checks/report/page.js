"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = document.querySelector(".filter");
  const statements = all(".statement");
  const chapters = all(".chapter");
  const cells = new Map(all(".cell").map((cell) => [cell.hash.slice(1), cell]));

  // the filter: any of the verdicts, all of the words
  const count = form.elements.count;
  const apply = () => {
    const marks = all("input:checked", form).map((box) => box.value);
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const statement of statements) {
      const own = statement.dataset.marks.split(" ");
      const fits =
        (!marks.length || marks.some((mark) => own.includes(mark))) &&
        words.every((word) => statement.dataset.search.includes(word));
      statement.hidden = !fits;
      cells.get(statement.id)?.classList.toggle("out", !fits);
      shown += fits;
    }
    for (const chapter of chapters) {
      chapter.hidden = !chapter.querySelector(".statement:not([hidden])");
    }
    count.value = `${shown} of ${statements.length} statements`;
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();

  const button = form.querySelector("[data-open]");
  button.addEventListener("click", () => {
    const checks = all(".check");
    const open = checks.some((check) => !check.open);
    for (const check of checks) check.open = open;
    button.textContent = open ? "Close all checks" : "Open all checks";
  });

  // a link leads to its target, whatever is filtered or folded
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const statement = target?.closest(".statement");
    if (statement?.hidden) {
      form.reset();
      apply();
    }
    const check = target?.closest(".check");
    if (check) check.open = true;
    if (statement) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();

  addEventListener("beforeprint", () => {
    for (const details of all(".check, .erratum details")) details.open = true;
  });

  // the graph: what a statement rests on, and what rests on it
  const graph = document.querySelector(".graph");
  const paths = all(".edges path", graph);
  const nodes = new Map(all(".node", graph).map((node) => [node.dataset.id, node]));
  const reach = (start, from, to) => {
    const found = new Set([start]);
    const lit = [];
    for (const name of found) {
      for (const path of paths) {
        if (path.dataset[from] === name) {
          lit.push(path);
          found.add(path.dataset[to]);
        }
      }
    }
    return [found, lit];
  };
  const light = (name) => {
    for (const lit of all(".on", graph)) lit.classList.remove("on");
    graph.classList.toggle("lit", Boolean(name));
    if (!name) return;
    const below = reach(name, "to", "from");
    const above = reach(name, "from", "to");
    for (const each of [...below[0], ...above[0]]) nodes.get(each).classList.add("on");
    for (const path of [...below[1], ...above[1]]) path.classList.add("on");
  };
  for (const [name, node] of nodes) {
    node.addEventListener("mouseenter", () => light(name));
    node.addEventListener("mouseleave", () => light(""));
    node.addEventListener("focus", () => light(name));
    node.addEventListener("blur", () => light(""));
  }
})();
