/** A canvas that is as sharp as the screen, whatever its size becomes. `changed` is called when it must be drawn again. */
export function fitCanvas(canvas: HTMLCanvasElement, changed: () => void) {
  const context = canvas.getContext('2d');
  if (!context) throw new Error('this browser has no canvas');
  let size = { width: canvas.clientWidth, height: canvas.clientHeight };
  let resized = true;
  const observer = new ResizeObserver(() => {
    size = { width: canvas.clientWidth, height: canvas.clientHeight };
    resized = true;
    changed();
  });
  observer.observe(canvas);

  return {
    /** Clears it for one frame. Lengths are CSS pixels. */
    begin() {
      const density = devicePixelRatio;
      const [wide, tall] = [Math.round(size.width * density), Math.round(size.height * density)];
      const was = resized || canvas.width !== wide || canvas.height !== tall;
      if (was) [canvas.width, canvas.height] = [wide, tall];
      resized = false;
      context.setTransform(density, 0, 0, density, 0, 0);
      context.clearRect(0, 0, size.width, size.height);
      return { ...size, context, density, resized: was };
    },
    release: () => observer.disconnect(),
  };
}
