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
