/** A song or a request that cannot become a map. `code` is part of the service's contract. */
export class GenerateError extends Error {
  readonly code: 'invalid_audio' | 'unsupported_audio_type' | 'audio_too_short' | 'no_beat_found';
  constructor(code: GenerateError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
