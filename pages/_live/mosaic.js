// Sheets of small pictures side by side, as the engine sends them: { webp, columns, count, height, width }.

// Of base64; the page's policy lets nobody fetch a data address.
export async function bitmap(webp) {
  const bytes = Uint8Array.from(atob(webp), (letter) => letter.charCodeAt(0));
  return createImageBitmap(new Blob([bytes], { type: "image/webp" }));
}

// Where picture i lies on its sheet: x, y, width, height.
export function tile({ columns, height, width }, i) {
  return [(i % columns) * width, Math.floor(i / columns) * height, width, height];
}

const RAMP = { dark: [68, 1, 84], light: [253, 231, 37], middle: [33, 145, 140] }; // viridis at its ends and in between

// A sheet in colour: from dark violet (0) over teal to yellow (255).
export function coloured(sheet) {
  const canvas = new OffscreenCanvas(sheet.width, sheet.height);
  const context = canvas.getContext("2d");
  context.drawImage(sheet, 0, 0);
  const image = context.getImageData(0, 0, sheet.width, sheet.height);
  const pixels = image.data;
  for (let i = 0; i < pixels.length; i += 4) {
    const share = pixels[i] / 127.5;
    const [from, to, part] = share < 1 ? [RAMP.dark, RAMP.middle, share] : [RAMP.middle, RAMP.light, share - 1];
    for (let c = 0; c < 3; c += 1) pixels[i + c] = from[c] + (to[c] - from[c]) * part;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

const GAP = 4;
const STAGES = 2; // that a thumbnail shows

// A picture and the maps that a network makes of it, side by side on a canvas of this size.
export async function drawJourney(context, [width, height], { input, maps }) {
  const steps = Math.max(1, Math.floor(maps.length / STAGES));
  const chosen = maps.filter((_, i) => i % steps === 0).slice(0, STAGES);
  const sheets = await Promise.all([input, ...chosen].map(({ webp }) => bitmap(webp)));
  const room = (width - 2 * 16) / (chosen.length + 1);
  context.clearRect(0, 0, width, height);
  context.imageSmoothingEnabled = false;
  const side = Math.min(room, height - 32) * 0.9;
  context.drawImage(sheets[0], 16 + (room - side) / 2, (height - side) / 2, side, side);
  chosen.forEach((sheet, s) => {
    const image = coloured(sheets[s + 1]);
    const across = 4;
    const count = Math.min(sheet.count, across ** 2);
    const one = (side - (across - 1) * GAP) / across;
    const [left, top] = [16 + room * (s + 1) + (room - side) / 2, (height - side) / 2];
    for (let i = 0; i < count; i += 1) {
      const [column, row] = [i % across, Math.floor(i / across)];
      context.drawImage(image, ...tile(sheet, i), left + column * (one + GAP), top + row * (one + GAP), one, one);
    }
  });
}
