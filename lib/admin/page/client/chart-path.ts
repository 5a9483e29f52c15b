/** Values as SVG paths. The newest value is at the right edge; a NaN interrupts the line. */

/** The smallest of 1, 2, 5, 10, 20, … that is not below the value. */
export function roundUp(value: number): number {
  if (!(value > 1)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const factor = [1, 2, 5].find((factor) => factor * power >= value) ?? 10
  return factor * power
}

export interface Scale {
  /** How many values fit. */
  readonly width: number
  readonly height: number
  /** The value at the upper edge. */
  readonly max: number
}

export function linePath(values: readonly number[], scale: Scale): string {
  return stretches(values)
    .map((stretch) => `M${pointsOf(values, stretch, scale).join("L")}`)
    .join("")
}

/** The area below the line. */
export function areaPath(values: readonly number[], scale: Scale): string {
  return stretches(values)
    .map((stretch) => {
      const points = pointsOf(values, stretch, scale)
      return `M${xOf(stretch.from, values, scale)},${scale.height}L${points.join("L")}V${scale.height}Z`
    })
    .join("")
}

interface Stretch {
  readonly from: number
  /** Behind the last one. */
  readonly to: number
}

/** Runs of known values. */
function stretches(values: readonly number[]): Stretch[] {
  const found: Stretch[] = []
  let from = 0
  for (let index = 0; index <= values.length; index++) {
    if (index < values.length && !Number.isNaN(values[index])) continue
    if (index > from) found.push({ from, to: index })
    from = index + 1
  }
  return found
}

function pointsOf(values: readonly number[], { from, to }: Stretch, scale: Scale): string[] {
  return values.slice(from, to).map((value, index) => {
    const y = scale.height * (1 - value / scale.max)
    return `${xOf(from + index, values, scale)},${Number(y.toFixed(2))}`
  })
}

function xOf(index: number, values: readonly number[], { width }: Scale): number {
  return width - values.length + 1 + index
}
