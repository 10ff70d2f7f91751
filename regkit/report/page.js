"use strict";
document.querySelectorAll(".blend").forEach(function (place) {
  var above = place.querySelector(".top"), slider = place.querySelector("input");
  var button = place.querySelector("button"), shown = place.querySelector(".shown");
  var timer = null;
  function show(value) {
    above.style.opacity = value / 100;
    slider.value = value;
    var name = value <= 0 ? place.dataset.below : value >= 100 ? place.dataset.above : "";
    shown.textContent = timer === null && name ? "Showing " + name : "";
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    button.setAttribute("aria-pressed", "false");
    button.textContent = "Flicker";
  }
  slider.addEventListener("input", function () { stop(); show(Number(slider.value)); });
  button.addEventListener("click", function () {
    if (timer !== null) { stop(); show(100); return; }
    timer = setInterval(function () { show(Number(slider.value) > 50 ? 0 : 100); }, 700);
    button.setAttribute("aria-pressed", "true");
    button.textContent = "Stop";
  });
  show(100);
});
window.addEventListener("beforeprint", function () {
  document.querySelectorAll("details").forEach(function (each) { each.open = true; });
});
document.querySelectorAll("thead th").forEach(function (heading) {
  var button = document.createElement("button");
  button.type = "button";
  button.textContent = heading.textContent;
  heading.replaceChildren(button);
  button.addEventListener("click", function () { sortBy(heading); });
});
function sortBy(heading) {
  var body = heading.closest("table").tBodies[0], column = heading.cellIndex;
  var up = heading.getAttribute("aria-sort") !== "ascending";
  function said(row) { return row.cells[column].textContent.trim(); }
  function compare(one, other) {
    var a = said(one), b = said(other);
    if (a === "" || b === "") return (a === "") - (b === "");
    return (up ? 1 : -1) * (isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
  }
  heading.parentElement.querySelectorAll("th").forEach(function (each) { each.removeAttribute("aria-sort"); });
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  Array.from(body.rows).sort(compare).forEach(function (row) { body.append(row); });
}
