/** Why there is no preview of a map. The map itself may well be playable: this fails no job. */
export type PreviewFault = 'preview_unreadable' | 'preview_empty' | 'preview_not_finite' | 'preview_too_large';

/** With more than these no preview is small enough, and making one keeps a worker from its other jobs. */
const mostObjects = 30_000;

export class PreviewError extends Error {
  readonly code: PreviewFault;

  constructor(code: PreviewFault, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
  }
}

/** Asked while objects are made, not after: all of what a hostile map asks for has no room in memory. */
export function assertFew(objects: number) {
  if (objects > mostObjects)
    throw new PreviewError('preview_too_large', `The map has more than ${mostObjects} objects.`);
}
