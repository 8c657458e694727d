"use strict";
// Tables are sorted by their headings. What a cell sorts by is its data-by, else its text.
document.querySelectorAll("table.sortable").forEach(function (table) {
  var heads = Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells);
  heads.forEach(function (head, place) {
    var button = document.createElement("button");
    button.type = "button";
    while (head.firstChild) button.appendChild(head.firstChild);
    head.appendChild(button);
    button.addEventListener("click", function () {
      var sorted = head.getAttribute("aria-sort"), body = table.tBodies[0];
      var up = sorted ? sorted === "descending" : place === 0; // names from the first, numbers from the largest
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      Array.from(body.rows).map(function (row) {
        var cell = row.cells[place], text = cell.dataset.by === undefined ? cell.textContent.trim() : cell.dataset.by;
        return [text === "" || isNaN(text) ? text : Number(text), row];
      }).sort(function (one, other) {
        var a = one[0], b = other[0];
        if (a === "" || b === "") return a === b ? 0 : a === "" ? 1 : -1; // empty ones stay last
        var way = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
        return up ? way : -way;
      }).forEach(function (pair) { body.appendChild(pair[1]); });
    });
  });
});

// One dataset at a time, where there are several; the address says which.
var links = Array.from(document.querySelectorAll("nav a[data-of]"));
function choose() {
  var wanted = location.hash.slice(1) || "each", found = wanted !== "each";
  if (!links.some(function (link) { return link.dataset.of === wanted; })) return; // some other place of the page
  document.body.classList.toggle("only", found);
  document.querySelectorAll("section.dataset").forEach(function (section) {
    section.classList.toggle("shown", section.id === wanted);
  });
  links.forEach(function (link) {
    if (link.dataset.of === wanted) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  });
}
window.addEventListener("hashchange", choose);
choose();

// What a mark of a plot says appears at once, not after the browser's pause.
var tip = document.createElement("div");
tip.id = "tip";
tip.hidden = true;
document.body.appendChild(tip);
document.addEventListener("mousemove", function (event) {
  var mark = event.target.closest ? event.target.closest("svg .mark, svg .cell") : null;
  var title = mark && (mark.querySelector("title") || mark.told);
  if (!title) { tip.hidden = true; return; }
  if (!mark.told) { mark.told = title; title.remove(); mark.setAttribute("aria-label", title.textContent); }
  tip.textContent = mark.told.textContent;
  tip.hidden = false;
  tip.style.left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8) + "px";
  tip.style.top = Math.max(8, event.clientY - tip.offsetHeight - 10) + "px";
});

// Which item a pixel of the raster is.
document.querySelectorAll(".raster img").forEach(function (image) {
  var told = document.getElementById(image.dataset.of);
  var data = JSON.parse(document.getElementById(image.dataset.of + "-data").textContent);
  image.addEventListener("mousemove", function (event) {
    var box = image.getBoundingClientRect();
    var column = Math.floor((event.clientX - box.left) / box.width * data.texts.length);
    var row = Math.floor((event.clientY - box.top) / box.height * data.names.length);
    if (data.texts[column] === undefined || data.names[row] === undefined) return;
    var score = data.scores[row][column];
    var what = score === "-" ? "not scored" : score === "a" ? "right" : score === "0" ? "wrong" : "scored 0." + score;
    told.textContent = data.names[row] + ": " + what + " – " + data.texts[column];
  });
});
