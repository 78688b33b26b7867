import type { ProblemWords } from './codes.ts';

export const problems: ProblemWords = {
  invalid_request: {
    what: 'Some settings cannot be used like this.',
    todo: 'They are marked in the form; change them and send again.',
  },
  unauthorized: {
    what: 'There is no such key.',
    todo: 'Sign in with the key that the operator of this service gave you.',
  },
  forbidden: { what: 'This key may not do that.', todo: 'It takes the admin key.' },
  foreign_origin: {
    what: 'The request came from another site and was refused.',
    todo: 'Open this page itself and try there.',
  },
  job_not_found: {
    what: 'There is no such job.',
    todo: 'Check the address. The job may have been deleted, have expired, or belong to another key.',
  },
  file_not_found: { what: 'There is no such file.', todo: 'Reload the page and choose from the list of files.' },
  preview_not_found: { what: 'This job has no preview.', todo: 'Download the .osz and look at it in the game.' },
  model_not_found: { what: 'There is no such model.', todo: 'Choose another one from the list.' },
  route_not_found: { what: 'There is no such address.', todo: 'Start again from the first page.' },
  method_not_allowed: {
    what: 'The service does not do that.',
    todo: 'Reload the page: it may be older than the service.',
  },
  no_file: { what: 'No song arrived.', todo: 'Choose a song and send again.' },
  empty_file: { what: 'This file is empty.', todo: 'Check it, or choose another one.' },
  invalid_multipart: { what: 'The upload was not complete.', todo: 'Send it again.' },
  invalid_url: { what: 'The address cannot be read.', todo: 'Start again from the first page.' },
  not_multipart: { what: 'The upload had the wrong form.', todo: 'Reload the page and send again.' },
  unsupported_audio_type: {
    what: 'This type of audio is not taken.',
    todo: 'Convert it to one of the formats listed above.',
  },
  upload_too_large: { what: 'The file is too large.', todo: 'Compress it, or choose a smaller one.' },
  audio_too_long: { what: 'The song is too long.', todo: 'Cut it shorter and send again.' },
  audio_too_short: { what: 'The song is too short.', todo: 'Choose a longer one.' },
  upload_aborted: {
    what: 'The upload was cut off.',
    todo: 'Check your network and try again; it will not become two jobs.',
  },
  audio_gone: { what: 'The song is no longer on the server.', todo: 'Upload it again.' },
  job_open: { what: 'The job has not ended yet.', todo: 'Wait for its end, or cancel it first.' },
  idempotency_key_reused: { what: 'This is not the same request as before.', todo: 'Press the button once more.' },
  idempotency_in_progress: { what: 'The same request is being worked on.', todo: 'Wait a few seconds and try again.' },
  queue_full: { what: 'The queue is full.', todo: 'Try again in half a minute.' },
  too_many_jobs: {
    what: 'You have too many open jobs.',
    todo: 'Wait for some to end, or cancel those you do not need.',
  },
  storage_full: { what: 'The disk of the server is full.', todo: 'Try again later, or tell the operator.' },
  internal_error: {
    what: 'Something went wrong in the service.',
    todo: 'Try again later. If it stays, tell the operator the job id.',
  },
  network: {
    what: 'The service cannot be reached.',
    todo: 'Check your network and try again. Jobs that were sent go on.',
  },
  unexpected_answer: {
    what: 'The answer makes no sense.',
    todo: 'Try again later. If it stays, tell the operator what stands below.',
  },
  audio_missing: { what: 'The uploaded song has gone.', todo: 'Upload it again.' },
  cancelled: { what: 'The job was cancelled.', todo: 'Make it again if you need it.' },
  device_unavailable: {
    what: 'The GPU cannot be used.',
    todo: 'Try later or use the built-in generator, and tell the operator.',
  },
  engine_failed: {
    what: 'The generator ended with an error.',
    todo: 'Try once more. If it fails again, change model or settings, and look at the log.',
  },
  engine_unavailable: {
    what: 'The generator cannot be started.',
    todo: 'Use the built-in generator, and tell the operator.',
  },
  expired: { what: 'The result has expired; its files are gone.', todo: 'Upload the song to make it again.' },
  invalid_audio: {
    what: 'The song cannot be decoded.',
    todo: 'The file may be damaged. Export it again, or use another format.',
  },
  invalid_parameter: {
    what: 'The model does not take one of the settings.',
    todo: 'Look at the details, change it and try again.',
  },
  invalid_result: {
    what: 'The map that was made is not usable and was not published.',
    todo: 'Try again, or use another seed or model.',
  },
  lora_unusable: { what: 'This LoRA cannot be used.', todo: 'Use none, or one that fits the model.' },
  model_missing: { what: 'The machine does not have this model.', todo: 'Choose another one, or tell the operator.' },
  model_oom: { what: 'There was not enough memory.', todo: 'Choose a smaller model, or try later.' },
  no_beat_found: { what: 'No beat was heard.', todo: 'Give BPM and offset, or take a song with a clearer rhythm.' },
  no_progress: { what: 'The generator was silent for too long and was stopped.', todo: 'Try again.' },
  queue_timeout: { what: 'No machine took the job in time.', todo: 'Try later, or choose another model.' },
  run_timeout: {
    what: 'The run took longer than is allowed.',
    todo: 'Cut the song shorter, or choose a faster model.',
  },
  timed_out: { what: 'The job took too long.', todo: 'Try again, or choose another model.' },
  worker_lost: {
    what: 'The machines that ran this job broke down several times.',
    todo: 'Try again. If it fails again, tell the operator.',
  },
};
