(function () {
  var place = document.querySelector(".viewer");
  function part(name) { return place.querySelector("." + name); }
  var canvas = place.querySelector("canvas"), below = part("below"), above = part("above");
  var opacity = part("opacity"), tiles = part("tiles"), flicker = part("flicker"), note = part("note");
  var unit = place.dataset.unit, sides = "sides" in place.dataset;
  var LINE = 1.5; // width of the crosshair in pixels of the screen
  var OPACITY = { image: 100, signed: 60, labels: 50 };
  // Told apart with any kind of colour vision (Okabe and Ito); code 0 is not drawn.
  var PALETTE = [[86, 180, 233], [230, 159, 0], [240, 228, 66], [0, 158, 115], [213, 94, 0], [204, 121, 167], [0, 114, 178]];
  // Code 0 has no data.
  var MAPS = {
    image: { I: [0, 1, 255], R: [0, 0, 255], G: [0, 0, 255], B: [0, 0, 255], A: [255, 255, 255] },
    signed: { I: [0, 1, 64, 128, 192, 255], R: [0, 5, 67, 247, 214, 103], G: [0, 48, 147, 247, 96, 0],
              B: [0, 97, 195, 247, 77, 31], A: [0, 255, 255, 255, 255, 255] }
  };
  var frames = place.dataset.frames.split(" ").filter(Boolean), frame = part("frame"), play = part("play");
  var layers = [], nv = null, timer = null, movie = null, lib = null;

  function bytes(element) {
    return Uint8Array.from(atob(element.textContent.trim()), function (c) { return c.charCodeAt(0); });
  }

  function dressed(image, name, kind, structures) {
    var header = image.hdr;
    if (kind === "labels") image.setColormapLabel(colours(image.img));
    else {
      image.colormap = "regkit " + kind;
      image.cal_min = header.scl_inter;
      image.cal_max = header.scl_inter + 255 * header.scl_slope;
    }
    return { name: name, kind: kind, image: image, series: image.img, codes: image.img, structures: structures };
  }
  function colours(codes) {
    var most = 0, i, map = { R: [0], G: [0], B: [0], A: [0], I: [0] };
    for (i = 0; i < codes.length; i++) if (codes[i] > most) most = codes[i];
    for (i = 1; i <= Math.max(most, 1); i++) {
      var colour = PALETTE[(i - 1) % PALETTE.length], light = Math.floor((i - 1) / PALETTE.length) % 2 ? .6 : 1;
      map.R.push(light * colour[0]); map.G.push(light * colour[1]); map.B.push(light * colour[2]);
      map.A.push(255); map.I.push(i);
    }
    return map;
  }

  // Two layers are drawn at a time; the one above may be cut into tiles of the one below.
  function chosen() { return [layers[below.value], layers[above.value]].filter(Boolean); }
  function step(layer) { return Math.min.apply(null, Array.from(layer.image.pixDimsRAS).slice(1, 4)); }
  function alike(one, other) {
    var near = 1e-3 * step(one);
    return String(one.image.dimsRAS) === String(other.image.dimsRAS) &&
      one.image.matRAS.every(function (value, i) { return Math.abs(value - other.image.matRAS[i]) < near; });
  }
  function tiled(under, over, count) {
    var dims = over.image.dimsRAS, steps = over.image.pixDimsRAS, out = over.codes.slice(), at = 0;
    var width = Math.min(dims[1] * steps[1], dims[2] * steps[2], dims[3] * steps[3]) / count;
    for (var k = 0; k < dims[3]; k++) {
      for (var j = 0; j < dims[2]; j++) {
        var odd = Math.floor((k + .5) * steps[3] / width) + Math.floor((j + .5) * steps[2] / width);
        for (var i = 0; i < dims[1]; i++, at++) {
          if ((odd + Math.floor((i + .5) * steps[1] / width)) % 2) out[at] = under.codes[at];
        }
      }
    }
    return out;
  }
  function restore() { layers.forEach(function (each) { each.image.img = each.codes; }); }
  function cut() {
    var pair = chosen(), can = pair.length === 2 && pair.every(function (each) { return each.kind === "image"; }) && alike(pair[0], pair[1]);
    tiles.disabled = !can;
    restore();
    if (can && tiles.value > 0) pair[1].image.img = tiled(pair[0], pair[1], Number(tiles.value));
  }
  function show() {
    var pair = chosen(), world = nv.volumes.length ? nv.frac2mm(nv.scene.crosshairPos, 0, true) : null;
    cut();
    pair.forEach(function (each, n) { each.image.opacity = n === 0 ? 1 : opacity.value / 100; });
    nv.volumes.slice().forEach(function (each) { nv.removeVolume(each); });
    pair.forEach(function (each) { nv.addVolume(each.image); });
    // The same place, whatever the grid of the image below.
    if (world) nv.scene.crosshairPos = nv.mm2frac(world, 0, true);
    nv.drawScene();
    drawLines();
    opacity.disabled = flicker.disabled = pair.length < 2;
    read();
  }
  // The crosshair is a tube of some millimetres: one thinner than a pixel is seen here and there only.
  function drawLines() {
    var slice = nv.screenSlices[0];
    if (!slice || !slice.leftTopWidthHeight[2]) return; // hidden, as in a folded cell of a notebook
    nv.opts.crosshairWidth = LINE * window.devicePixelRatio * Math.abs(slice.fovMM[0]) / slice.leftTopWidthHeight[2];
    nv.crosshairs3D.mm[0] = NaN; // else it is made anew only where it has moved
    nv.drawScene();
  }
  function fade(share) { if (nv.volumes.length > 1) nv.setOpacity(1, share); }
  function stop() {
    if (timer === null) return;
    clearInterval(timer);
    timer = null;
    flicker.setAttribute("aria-pressed", "false");
    flicker.textContent = "Flicker";
    fade(opacity.value / 100);
  }
  function start() {
    var on = true;
    timer = setInterval(function () { on = !on; fade(on ? opacity.value / 100 : 0); }, 700);
    flicker.setAttribute("aria-pressed", "true");
    flicker.textContent = "Stop";
  }
  function alternate() { if (timer !== null) stop(); else if (!flicker.disabled) start(); }

  // A layer of a series holds all of its frames, and shows one.
  function chooseFrame() {
    layers.forEach(function (each) {
      var count = each.image.dimsRAS[1] * each.image.dimsRAS[2] * each.image.dimsRAS[3];
      var many = each.series.length / count, at = many === frames.length ? Number(frame.value) : 0;
      each.codes = each.series.subarray(at * count, (at + 1) * count);
    });
  }
  function showFrame() {
    chooseFrame();
    cut();
    nv.updateGLVolume();
    read();
  }
  function next() { frame.value = (Number(frame.value) + 1) % frames.length; showFrame(); }
  function roll() {
    var on = movie === null;
    if (on) movie = setInterval(next, 400); else { clearInterval(movie); movie = null; }
    play.setAttribute("aria-pressed", String(on));
    play.textContent = on ? "Stop" : "Play";
  }

  function digits(step) { return Math.max(0, Math.ceil(-Math.log10(step))); }
  function value(layer, at) {
    var code = layer.codes[at], header = layer.image.hdr, slope = header.scl_slope;
    if (layer.kind === "labels") return code ? layer.structures[code - 1] : "none";
    if (code === 0) return "no data";
    var edge = code === 1 ? "≤ " : code === 255 ? "≥ " : "";
    return edge + (slope * code + header.scl_inter).toFixed(digits(slope));
  }
  function read() {
    var pair = chosen(), first = pair[0], image = first.image, share = nv.scene.crosshairPos;
    var world = Array.from(nv.frac2mm(share, 0, true)).slice(0, 3), dims = image.dimsRAS;
    var index = [0, 1, 2].map(function (axis) {
      return Math.min(dims[axis + 1] - 1, Math.max(0, Math.floor(share[axis] * dims[axis + 1])));
    });
    var at = index[0] + dims[1] * (index[1] + dims[2] * index[2]);
    var places = digits(step(first) / 10);
    var names = sides ? ["right ", "front ", "up "] : ["x ", "y ", "z "];
    var words = world.map(function (x, axis) { return names[axis] + x.toFixed(places); });
    var seen = layers.filter(function (each) {
      return (each.kind !== "labels" || each.structures.length) && alike(first, each);
    });
    var when = frames.length > 1 ? "frame " + frames[frame.value] + " · " : "";
    part("readout").textContent = when + words.join(", ") + " " + unit + " · " + seen.map(function (each) {
      return each.name + ": " + value(each, at);
    }).join(" · ");
  }

  function option(name, value) {
    var made = document.createElement("option");
    made.textContent = name;
    made.value = value;
    return made;
  }
  function list(belowNow, aboveNow) {
    below.replaceChildren.apply(below, layers.map(function (each, n) { return option(each.name, n); }));
    above.replaceChildren.apply(above, [option("nothing", "")].concat(layers.map(function (each, n) { return option(each.name, n); })));
    below.value = belowNow;
    above.value = aboveNow;
  }
  function choose() {
    stop();
    var over = layers[above.value];
    if (over) opacity.value = OPACITY[over.kind];
    show();
  }

  async function opened(file) {
    var made = await readNifti(file, lib.NVImage, unit);
    return dressed(await lib.NVImage.loadFromFile({ file: made.file }), made.name, "image", []);
  }
  async function openAll(files) {
    note.textContent = "";
    for (var file of files) {
      try { layers.push(await opened(file)); } catch (error) { note.textContent += error.message + ". "; }
    }
    var many = layers.length, held = document.querySelectorAll(".volume").length;
    if (many === held) return;
    if (many - held > 1) list(many - 2, many - 1); else list(many - 1, "");
    choose();
  }

  function key(event) {
    var moves = { ArrowLeft: [1, 0, 0], ArrowRight: [-1, 0, 0], ArrowUp: [0, 1, 0],
                  ArrowDown: [0, -1, 0], PageUp: [0, 0, 1], PageDown: [0, 0, -1] };
    event.stopPropagation(); // NiiVue has keys of its own, which would change the view
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.type === "keydown" && event.key.toLowerCase() === "f") alternate();
    if (!moves[event.key]) return;
    event.preventDefault();
    if (event.type === "keydown") nv.moveCrosshairInVox.apply(nv, moves[event.key]);
  }
  function print() {
    var copy = place.querySelector(".printed canvas"), names = chosen().map(function (each) { return each.name; });
    stop();
    nv.drawScene();
    copy.width = canvas.width;
    copy.height = canvas.height;
    copy.getContext("2d").drawImage(canvas, 0, 0);
    place.querySelector(".printed figcaption").textContent = names.length > 1
      ? "Shown: " + names[0] + ", and above it " + names[1] + " at " + opacity.value + " % opacity." : "Shown: " + names[0] + ".";
  }
  function listen() {
    var stage = part("stage");
    stage.addEventListener("keydown", key, true);
    stage.addEventListener("keyup", key, true);
    stage.addEventListener("mousedown", function () { canvas.focus({ preventScroll: true }); });
    below.addEventListener("change", choose);
    above.addEventListener("change", choose);
    flicker.addEventListener("click", alternate);
    opacity.addEventListener("input", function () { stop(); fade(opacity.value / 100); });
    tiles.addEventListener("input", function () { stop(); cut(); nv.updateGLVolume(); });
    if (frame) {
      frame.addEventListener("input", showFrame);
      play.addEventListener("click", roll);
    }
    part("files").addEventListener("change", function (event) { openAll(event.target.files); });
    window.addEventListener("beforeprint", print);
    nv.onLocationChange = read;
  }

  async function begin() {
    var script = document.createElement("script");
    script.textContent = await inflated(new Blob([bytes(part("niivue"))])).text();
    document.head.append(script);
    lib = window.niivue;
    nv = new lib.Niivue({
      backColor: [0, 0, 0, 1], crosshairColor: [1, .75, 0, 1], crosshairWidthUnit: "mm", crosshairGap: 4, fontColor: [1, 1, 1, 1],
      dragAndDropEnabled: false, dragMode: 0, isOrientationTextVisible: sides, isRadiologicalConvention: true, loadingText: "",
      logLevel: "error", multiplanarLayout: 3, multiplanarShowRender: 0, sagittalNoseLeft: true, scrollRequiresFocus: true,
      showAllOrientationMarkers: sides, tileMargin: 4
    });
    part("live").hidden = false;
    await nv.attachToCanvas(canvas);
    Object.keys(MAPS).forEach(function (kind) { nv.addColormap("regkit " + kind, MAPS[kind]); });
    for (var held of place.querySelectorAll(".volume")) {
      var image = await lib.NVImage.loadFromBase64({ base64: held.textContent.trim(), name: "volume.nii.gz" });
      layers.push(dressed(image, held.dataset.name, held.dataset.kind, held.dataset.structures.split(" ").filter(Boolean)));
    }
    list(0, 1);
    nv.scene.crosshairPos = place.dataset.start.split(" ").map(Number);
    listen();
    if (frame) chooseFrame();
    show();
    new ResizeObserver(function () { requestAnimationFrame(drawLines); }).observe(canvas); // NiiVue comes first
    part("missing").hidden = true;
  }
  if (window.DecompressionStream && document.createElement("canvas").getContext("webgl2")) {
    begin().catch(function (error) {
      part("live").hidden = true;
      part("missing").hidden = false;
      part("missing").textContent += " (" + error.message + ")";
    });
  }
})();
