"use strict";
// A file that a reader opens becomes what the page holds: a NIfTI of shades in the order of RAS.
// What NiiVue would draw, place or measure wrong is refused.
function inflated(blob) { return new Response(blob.stream().pipeThrough(new DecompressionStream("gzip"))); }
var STORED = [2, 4, 16, 64, 512]; // uint8, int16, float32, float64, uint16
var UNITS = { m: 1, mm: 2, "µm": 3 };
function fault(view, unit) {
  var little = view.getInt32(0, true) === 348, kind = view.getInt16(70, little);
  if (!little && view.getInt32(0, false) !== 348) return "is no NIfTI-1 file";
  if (STORED.indexOf(kind) < 0) return "has voxels of a type that the viewer would draw wrong; save it as float32, int16 or uint8";
  var forms = [view.getInt16(252, little), view.getInt16(254, little)], measured = view.getUint8(123) & 7;
  if (measured && measured !== UNITS[unit]) return "is not measured in " + unit + ", as this page is";
  if (Math.max(forms[0], forms[1]) <= 0) return "has neither qform nor sform; programs place it differently";
  if (Math.min(forms[0], forms[1]) > 0 && apart(view, little)) {
    return "has a qform and an sform that disagree; programs place it differently";
  }
  return "";
}
function apart(view, little) {
  function number(at) { return view.getFloat32(at, little); }
  var b = number(256), c = number(260), d = number(264), a = Math.sqrt(Math.max(0, 1 - b * b - c * c - d * d));
  var turn = [[a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
              [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
              [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c]];
  return turn.some(function (row, i) {
    return [0, 1, 2, 3].some(function (j) {
      var step = j < 3 ? number(80 + 4 * j) * (j === 2 && number(76) < 0 ? -1 : 1) : 1;
      var own = j < 3 ? row[j] * step : number(268 + 4 * i);
      return Math.abs(own - number(280 + 16 * i + 4 * j)) * (j < 3 ? view.getInt16(42 + 2 * j, little) : 1) > .1 * number(80);
    });
  });
}
function shades(image) {
  var dims = image.dimsRAS, step = image.img2RASstep, from = image.img2RASstart, out = new Uint8Array(dims[1] * dims[2] * dims[3]);
  var header = image.hdr, slope = (image.cal_max - image.cal_min) / 254 || 1, at = 0;
  for (var k = 0; k < dims[3]; k++) for (var j = 0; j < dims[2]; j++) for (var i = 0; i < dims[1]; i++) {
    var stored = image.img[from[0] + from[1] + from[2] + i * step[0] + j * step[1] + k * step[2]];
    var shade = Math.round((stored * header.scl_slope + header.scl_inter - image.cal_min) / slope) + 1;
    out[at++] = isNaN(shade) ? 0 : Math.min(255, Math.max(1, shade));
  }
  return nifti(out, dims, image.pixDimsRAS, image.matRAS, slope, image.cal_min - slope);
}
function nifti(codes, dims, steps, matrix, slope, inter) {
  var head = new DataView(new ArrayBuffer(352)), i;
  head.setInt32(0, 348, true);
  for (i = 0; i < 8; i++) head.setInt16(40 + 2 * i, i === 0 ? 3 : i < 4 ? dims[i] : 1, true);
  head.setInt16(70, 2, true);
  head.setInt16(72, 8, true);
  for (i = 1; i < 4; i++) head.setFloat32(76 + 4 * i, steps[i], true);
  head.setFloat32(108, 352, true);
  head.setFloat32(112, slope, true);
  head.setFloat32(116, inter, true);
  head.setInt16(254, 1, true);
  for (i = 0; i < 12; i++) head.setFloat32(280 + 4 * i, matrix[i], true);
  head.setUint32(344, 0x6e2b3100, false);
  return new File([head, codes], "opened.nii");
}
async function readNifti(file, NVImage, unit) {
  var start = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  var whole = start[0] === 31 && start[1] === 139 ? await inflated(file).arrayBuffer() : await file.arrayBuffer();
  var wrong = whole.byteLength < 352 ? "is no NIfTI-1 file" : fault(new DataView(whole), unit);
  if (wrong) throw new Error(file.name + " " + wrong);
  var image = await NVImage.loadFromFile({ file: new File([whole], "opened.nii") });
  return { file: shades(image), name: file.name + (image.hdr.dims[4] > 1 ? ", frame 0" : "") };
}
