/* Sliders, pads and the lens over codes. Everything was computed when the page was written; without this script the
   still pictures remain. */
(function () {
  "use strict";

  /* Draw tile `index` of a sheet with its top left corner at (left, top). */
  function drawTile(canvas, image, columns, index, left, top, width, height) {
    var x = (index % columns) * width, y = Math.floor(index / columns) * height;
    canvas.getContext("2d").drawImage(image, x, y, width, height, left, top, width, height);
  }

  /* Act once a picture can be drawn, which a data: address may not be at once. */
  function whenLoaded(image, act) {
    if (image.complete && image.naturalWidth) { act(); } else { image.addEventListener("load", act); }
  }

  function explore(box) {
    var image = box.querySelector(".sheet"), shown = box.querySelector(".shown"), pad = box.querySelector(".pad");
    var still = box.querySelector(".still"), cursor = box.querySelector(".cursor");
    var sliders = Array.prototype.slice.call(box.querySelectorAll("input"));
    var columns = Number(image.dataset.columns), width = shown.width, height = shown.height;
    var sizes = sliders.map(function (slider) { return Number(slider.max) + 1; });
    var last = sliders.length - 1, across = sizes[last], up = last > 0 ? sizes[last - 1] : 1;
    var gap = Number(pad.dataset.gap), drawnFor = null;

    function indexAt(settings) {
      return settings.reduce(function (index, setting, axis) { return index * sizes[axis] + setting; }, 0);
    }

    function settings() { return sliders.map(function (slider) { return Number(slider.value); }); }

    function drawPad(now) {
      var others = now.slice(0, Math.max(last - 1, 0)).join();
      if (drawnFor === others) { return; }
      drawnFor = others;
      for (var row = 0; row < up; row += 1) {
        for (var column = 0; column < across; column += 1) {
          var there = now.slice();
          there[last] = column;
          if (last > 0) { there[last - 1] = up - 1 - row; }
          drawTile(pad, image, columns, indexAt(there), column * (width + gap), row * (height + gap), width, height);
        }
      }
    }

    function draw() {
      var now = settings();
      drawTile(shown, image, columns, indexAt(now), 0, 0, width, height);
      drawPad(now);
      cursor.style.left = 100 * now[last] * (width + gap) / pad.width + "%";
      cursor.style.top = 100 * (last > 0 ? up - 1 - now[last - 1] : 0) * (height + gap) / pad.height + "%";
      sliders.forEach(function (slider, axis) {
        var text = slider.dataset.values.split(" ")[now[axis]];
        slider.setAttribute("aria-valuetext", text);
        slider.parentNode.querySelector("output").textContent = text.replace("-", "\u2212");
      });
    }

    function move(event) {
      var place = pad.getBoundingClientRect();
      var column = Math.floor((event.clientX - place.left) / place.width * across);
      var row = Math.floor((event.clientY - place.top) / place.height * up);
      sliders[last].value = Math.min(Math.max(column, 0), across - 1);
      if (last > 0) { sliders[last - 1].value = up - 1 - Math.min(Math.max(row, 0), up - 1); }
      draw();
    }

    whenLoaded(image, function () {
      box.classList.add("live");
      still.hidden = true;
      cursor.style.width = 100 * width / pad.width + "%";
      cursor.style.height = 100 * height / pad.height + "%";
      sliders.forEach(function (slider) { slider.addEventListener("input", draw); });
      pad.addEventListener("pointerdown", function (event) { pad.setPointerCapture(event.pointerId); move(event); });
      pad.addEventListener("pointermove", function (event) { if (event.buttons) { move(event); } });
      draw();
    });
  }

  /* Show the data point whose code is nearest to the pointer. */
  function look(figure) {
    var image = document.getElementById(figure.dataset.sheet), lens = figure.querySelector(".lens");
    var drawing = figure.querySelector("svg"), canvas = lens.querySelector("canvas");
    var places = figure.dataset.places.split(" ").map(Number), columns = Number(image.dataset.columns);

    drawing.addEventListener("pointermove", function (event) {
      var box = drawing.getBoundingClientRect(), best = -1, least = 20 * 20;
      for (var point = 0; 2 * point < places.length; point += 1) {
        var dx = places[2 * point] / 1e4 * box.width - (event.clientX - box.left);
        var dy = places[2 * point + 1] / 1e4 * box.height - (event.clientY - box.top);
        if (dx * dx + dy * dy < least) { least = dx * dx + dy * dy; best = point; }
      }
      lens.hidden = best < 0;
      if (best < 0) { return; }
      drawTile(canvas, image, columns, best, 0, 0, canvas.width, canvas.height);
      lens.dataset.point = best;
      lens.style.left = places[2 * best] / 100 + "%";
      lens.style.top = places[2 * best + 1] / 1e4 * box.height + "px";
    });
    drawing.addEventListener("pointerleave", function () { lens.hidden = true; });
  }

  document.querySelectorAll(".explorer").forEach(explore);
  document.querySelectorAll(".hoverable").forEach(look);
})();
