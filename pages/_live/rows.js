// A picture as the HTTP API takes it: rows of pixels from 0 to 255, of three numbers where it has colours.

// As large as it is, on a canvas that is made larger by its style alone.
export function paintRows(canvas, rows) {
  const image = imageOf(rows);
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").putImageData(image, 0, 0);
}

export function imageOf(rows) {
  const [height, width] = [rows.length, rows[0].length];
  const image = new ImageData(width, height);
  rows.flat().forEach((pixel, i) => {
    const [r, g, b] = Array.isArray(pixel) ? pixel : [pixel, pixel, pixel];
    image.data.set([r, g, b, 255], 4 * i);
  });
  return image;
}

// Height, width, channels.
export function shapeOf(rows) {
  return [rows.length, rows[0].length, Array.isArray(rows[0][0]) ? rows[0][0].length : 1];
}
