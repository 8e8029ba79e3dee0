/**
 * Where the names of points go so that none covers another, or a point. Pure. Placed for the narrowest screen: on a wider one points
 * move apart and names keep their size, so what does not overlap there overlaps nowhere.
 */

export type Point = {
  /** Pixels on the narrowest screen, from the left and from the top. */
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly text: string;
};

/** The label's left upper corner, relative to the point's centre. */
export type Place = { readonly dx: number; readonly dy: number };

/** In pixels, like points. */
export type Box = { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };

/** Of the label's font: an upper estimate of a character's width, and a line's height. */
const [characterPx, linePx] = [6.7, 15];
const gapPx = 3;

/**
 * @param points the most important first: it gets the best place.
 * @param obstacles what no label may cover, beside points and other labels.
 * @returns undefined for a label that fits nowhere.
 */
export function placeLabels(
  points: readonly Point[],
  widthPx: number,
  heightPx: number,
  obstacles: readonly Box[] = [],
): (Place | undefined)[] {
  const circles = points.map(({ x, y, radius }) => around(x, y, radius));
  const labels: Box[] = [...obstacles];
  return points.map((point, at) => {
    const others = [...circles.filter((_, other) => other !== at), ...labels];
    const place = placesFor(point).find((candidate) => {
      const box = boxAt(point, candidate);
      const isInside = box.left >= 0 && box.top >= 0 && box.right <= widthPx && box.bottom <= heightPx;
      return isInside && !others.some((other) => overlap(other, box));
    });
    if (place) labels.push(boxAt(point, place));
    return place;
  });
}

/** Right, left, then above and below, ever further away. */
function placesFor({ radius, text }: Point): Place[] {
  const width = text.length * characterPx;
  const side = radius + gapPx;
  return [
    { dx: side, dy: -linePx / 2 },
    { dx: -side - width, dy: -linePx / 2 },
    ...[1, 2].flatMap((line) =>
      [-side - line * linePx, side + (line - 1) * linePx].flatMap((dy) =>
        [-width / 2, -4, 4 - width].map((dx) => ({ dx, dy })),
      ),
    ),
  ];
}

function boxAt({ x, y, text }: Point, { dx, dy }: Place): Box {
  const [left, top] = [x + dx, y + dy];
  return { left, top, right: left + text.length * characterPx, bottom: top + linePx };
}

function around(x: number, y: number, radius: number): Box {
  return { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius };
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
