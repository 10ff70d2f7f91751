#!/usr/bin/env bash
# NiiVue lets the image below show through the darkest voxels of an opaque grey overlay.
#
# Package    @niivue/niivue 0.69.0 (npm), in Chromium
# Behaviour  An overlay in "gray" with opacity 1 is not drawn where its value is cal_min or less:
#            the image below is seen there. The alpha of a colour map is 0 or 1 in overlays: a map
#            whose alpha is 128 of 255 hides what is below as one of 255 does.
# Seen       Grey in the middle of each, over a white image:
#              gray overlay at cal_min: 255
#              gray overlay just above cal_min: 2
#              black overlay, alpha 128 of 255: 0
# Matters    Air, ventricles and bone in MR are the darkest voxels. Where two images alternate to
#            judge a registration, the dark parts of one are filled with the other, so that
#            ventricles of another size look as if they matched. A map of p values whose alpha is
#            meant to fade it hides the anatomy instead.
# regkit     Draws images by a map of its own, opaque for every voxel:
#            tests/report/test_browser.py, test_dark_voxels_hide_what_is_below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
browser=${CHROMIUM:-$(command -v chromium || command -v google-chrome)}
cd "$work"
npm pack --silent @niivue/niivue@0.69.0 > name
tar xzf "$(cat name)" package/dist/niivue.umd.js
cat > page.html <<'PAGE'
<div style="width:300px;height:300px"><canvas id="c"></canvas></div>
<script src="package/dist/niivue.umd.js"></script>
<script>
function volume(value) {  // 20 x 20 x 20 voxels of 1 mm, uint8, all of one value
  const head = new DataView(new ArrayBuffer(352)), data = new Uint8Array(8000).fill(value);
  head.setInt32(0, 348, true); head.setInt16(70, 2, true); head.setInt16(72, 8, true);
  [3, 20, 20, 20, 1, 1, 1, 1].forEach((n, i) => head.setInt16(40 + 2 * i, n, true));
  [1, 1, 1, 1].forEach((n, i) => head.setFloat32(76 + 4 * i, n, true));
  head.setFloat32(108, 352, true); head.setFloat32(112, 1, true); head.setInt16(254, 1, true);
  [0, 5, 10].forEach(i => head.setFloat32(280 + 4 * i, 1, true));
  head.setUint32(344, 0x6e2b3100, false);
  return new File([head, data], "v.nii");
}
async function seen(value, colormap) {
  const {Niivue, NVImage} = niivue, nv = new Niivue({crosshairWidth: 0, logLevel: "error", sliceType: 0});
  await nv.attachToCanvas(document.getElementById("c"));
  nv.addColormap("faint", {I: [0, 255], R: [0, 0], G: [0, 0], B: [0, 0], A: [128, 128]});
  for (const [v, map] of [[100, "gray"], [value, colormap]])
    nv.addVolume(await NVImage.loadFromFile({file: volume(v), colormap: map, cal_min: 0, cal_max: 100}));
  nv.drawScene();
  const [x, y] = [nv.gl.drawingBufferWidth / 2, nv.gl.drawingBufferHeight / 2], pixel = new Uint8Array(4);
  nv.gl.readPixels(x + 9, y + 9, 1, 1, nv.gl.RGBA, nv.gl.UNSIGNED_BYTE, pixel);
  return pixel[0];
}
(async () => {
  const found = [await seen(0, "gray"), await seen(1, "gray"), await seen(50, "faint")];
  console.log("found " + found.join(" ") + " .");
})();
</script>
PAGE
"$browser" --headless --no-sandbox --disable-quic --allow-file-access-from-files \
    --use-angle=swiftshader --enable-unsafe-swiftshader --enable-logging=stderr \
    --remote-debugging-port=0 --user-data-dir="$work/profile" "file://$work/page.html" 2> log &
trap 'kill %1; wait; rm -rf "$work"' EXIT
for _ in $(seq 60); do grep -q 'found [0-9]' log && break; sleep 1; done
read -r _ low above faint _ < <(grep -o 'found [0-9]* [0-9]* [0-9]* \.' log) || {
    echo "the browser gave no answer:"; tail -n 3 log; exit 2; }
echo "gray overlay at cal_min: $low"
echo "gray overlay just above cal_min: $above"
echo "black overlay, alpha 128 of 255: $faint"
[ "$low" = 255 ] && [ "$above" -lt 20 ] && [ "$faint" -lt 20 ] || {
    echo "CHANGED: dark voxels of an overlay are drawn, or its alpha is"; exit 1; }
