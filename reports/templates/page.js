"use strict";
// Search and filters; the view lives in the address, so that it can be shared.
(() => {
  const find = document.getElementById("find");
  if (!find) return;
  const boxes = [...document.querySelectorAll("input[name=kind]")];
  const cases = [...document.querySelectorAll("details.case")];
  const shown = document.getElementById("shown");
  const text = new Map(cases.map((one) => [one, one.textContent.toLowerCase()]));
  function apply() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let count = 0;
    for (const one of cases) {
      const fits = kinds.has(one.dataset.kind) && words.every((word) => text.get(one).includes(word));
      one.hidden = !fits;
      count += fits;
    }
    for (const suite of document.querySelectorAll(".suite")) suite.hidden = !suite.querySelector("details.case:not([hidden])");
    shown.textContent = count + " of " + cases.length + " cases";
  }
  function remember() {
    const view = new URLSearchParams();
    if (find.value) view.set("find", find.value);
    const off = boxes.filter((box) => !box.checked).map((box) => box.value);
    if (off.length) view.set("without", off.join(" "));
    history.replaceState(null, "", view.size ? "#?" + view : location.pathname + location.search);
    apply();
  }
  function recall() {
    const hash = decodeURIComponent(location.hash.slice(1));
    if (location.hash.startsWith("#?")) {
      const view = new URLSearchParams(location.hash.slice(2));
      find.value = view.get("find") || "";
      const off = (view.get("without") || "").split(" ");
      for (const box of boxes) box.checked = !off.includes(box.value);
    }
    apply();
    const one = hash && document.getElementById(hash);
    if (one && one.tagName === "DETAILS") { one.hidden = false; one.open = true; one.scrollIntoView(); }
  }
  find.addEventListener("input", remember);
  for (const box of boxes) box.addEventListener("change", remember);
  for (const one of cases) one.addEventListener("toggle", () => { if (one.open) history.replaceState(null, "", "#" + one.id); });
  addEventListener("hashchange", recall);
  addEventListener("beforeprint", () => { for (const one of cases) if (["violation", "missed"].includes(one.dataset.kind)) one.open = true; });
  recall();
})();
