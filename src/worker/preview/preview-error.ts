/** Why there is no preview of a map. The map itself may well be playable: this fails no job. */
export type PreviewFault = 'preview_unreadable' | 'preview_empty' | 'preview_not_finite' | 'preview_too_large';

export class PreviewError extends Error {
  readonly code: PreviewFault;

  constructor(code: PreviewFault, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
  }
}
