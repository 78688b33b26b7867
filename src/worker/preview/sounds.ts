import type { CatchObject, Preview, TaikoObject } from '../../shared/preview.ts';
import type { Beatmap } from '../verify/beatmap.ts';
import { edgesOf } from '../verify/hit-object.ts';
import type { PartsOf } from './slider-parts.ts';
import { rollTicks } from './taiko.ts';

type Sounds = Preview['sounds'];

/** ms after its time up to which a hit takes the samples of a line: written times are rounded. */
const lenience = 5;
const banks: Record<string, number> = { Normal: 1, Soft: 2, Drum: 3 };
/** Of a slider's tick and of a banana. */
const soft = 1;

/** What a line says of the sound at a time. */
function lineAt({ timing, general }: Beatmap, time: number) {
  const { sampleSet, volume } = timing.at(time + lenience).line;
  return { bank: sampleSet || (banks[general.get('SampleSet') ?? ''] ?? 1), volume };
}

/** What is heard in osu!, catch and mania: every edge of an object, the end of a spinner, ticks, bananas. */
export function soundsOf(map: Beatmap, partsOf: PartsOf): Sounds {
  const sounds: Sounds = [];
  for (const object of map.objects) {
    if (object.kind === 'spinner' && map.mode === 2) continue; // its bananas are heard instead
    const edges = edgesOf(object);
    edges.forEach((time, edge) => {
      if ((object.kind === 'spinner' && edge === 0) || (object.kind === 'hold' && edge > 0)) return;
      const sound = object.sounds[object.slider ? edge : 0];
      const line = lineAt(map, time);
      sounds.push([
        time,
        (sound?.sound ?? 0) & 14,
        sound?.normalSet || line.bank,
        loudness(object.volume || line.volume),
      ]);
    });
    if (!object.slider || map.mode === 3) continue;
    for (const { kind, time } of partsOf(object.slider, object)) if (kind === 'tick') sounds.push(tickAt(map, time));
  }
  return inOrder(sounds);
}

function tickAt(map: Beatmap, time: number): Sounds[number] {
  const { bank, volume } = lineAt(map, time);
  return [time, soft, bank, loudness(volume)];
}

export const bananaSounds = (map: Beatmap, falling: readonly CatchObject[]): Sounds =>
  falling.filter(({ kind }) => kind === 'banana').map(({ time }) => tickAt(map, time));

/** Every note, and each tick of a drum roll as a don; a swell is for the player to drum. */
export function drumSounds(map: Beatmap, objects: readonly TaikoObject[]): Sounds {
  return inOrder(
    objects.flatMap((object, i): Sounds => {
      if (object.kind === 'swell') return [];
      const times = object.kind === 'drumroll' ? rollTicks(map, object) : [object.time];
      const additions = object.kind === 'note' ? (object.kat ? 8 : 0) + (object.big ? 4 : 0) : 0;
      return times.map((time) => {
        const line = lineAt(map, time);
        return [time, additions, line.bank, loudness(map.objects[i]?.volume || line.volume)];
      });
    }),
  );
}

/** A volume as the game takes it; one that is no number stays that. */
const loudness = (volume: number) => Math.min(100, Math.max(0, volume));

const inOrder = (sounds: Sounds) => sounds.sort((a, b) => a[0] - b[0]);
