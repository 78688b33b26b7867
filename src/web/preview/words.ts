export type Language = 'zh' | 'en';

const zh = {
  player: '谱面预览',
  play: '播放',
  pause: '暂停',
  speed: '速度',
  song: '歌曲音量',
  hits: '打击音音量',
  mute: '静音',
  unmute: '取消静音',
  scrollSpeed: '下落速度',
  timeline: '时间轴',
  of: (at: string, length: string) => `${at}，共 ${length}`,
  songLoading: '正在加载歌曲……',
  songFailed: '歌曲无法播放。谱面仍可无声浏览，也可以下载后在游戏里听。',
  modes: ['osu!', 'osu!taiko', 'osu!catch', 'osu!mania'],
  stars: '星级',
  length: '时长',
  bpm: 'BPM',
  combo: '最大连击',
  keys: '键数',
  circle_size: 'CS',
  approach_rate: 'AR',
  overall_difficulty: 'OD',
  drain_rate: 'HP',
  summary: (facts: SummaryFacts) =>
    `${facts.mode} 谱面${facts.stars ? `，${facts.stars} 星` : ''}，时长 ${facts.length}。${facts.counts.join('，')}。` +
    `最密处在 ${facts.peakAt}，每秒 ${facts.peak} 个物件。${facts.breaks ? `休息段 ${facts.breaks} 处。` : '没有休息段。'}`,
  count: (name: string, count: number) => `${name} ${count}`,
  kinds: {
    circles: '圆圈',
    sliders: '滑条',
    spinners: '转盘',
    notes: '音符',
    holds: '长按',
    drumrolls: '连打',
    swells: '摇铃',
    fruits: '水果',
    droplets: '水滴',
    tiny_droplets: '小水滴',
    bananas: '香蕉',
    dons: '咚',
    kats: '咔',
  } as Record<string, string>,
};

interface SummaryFacts {
  mode: string;
  stars: string | undefined;
  length: string;
  counts: string[];
  peak: number;
  peakAt: string;
  breaks: number;
}

const en: typeof zh = {
  player: 'Map preview',
  play: 'Play',
  pause: 'Pause',
  speed: 'Speed',
  song: 'Song volume',
  hits: 'Hits volume',
  mute: 'Mute',
  unmute: 'Unmute',
  scrollSpeed: 'Scroll speed',
  timeline: 'Timeline',
  of: (at, length) => `${at} of ${length}`,
  songLoading: 'Loading the song…',
  songFailed:
    'The song cannot be played. You can still look through the map in silence, or download it and hear it in the game.',
  modes: ['osu!', 'osu!taiko', 'osu!catch', 'osu!mania'],
  stars: 'Stars',
  length: 'Length',
  bpm: 'BPM',
  combo: 'Max combo',
  keys: 'Keys',
  circle_size: 'CS',
  approach_rate: 'AR',
  overall_difficulty: 'OD',
  drain_rate: 'HP',
  summary: (facts) =>
    `${facts.mode} map${facts.stars ? `, ${facts.stars} stars` : ''}, ${facts.length} long. ${facts.counts.join(', ')}. ` +
    `Densest at ${facts.peakAt} with ${facts.peak} objects a second. ${facts.breaks ? `Breaks: ${facts.breaks}.` : 'No breaks.'}`,
  count: (name, count) => `${name}: ${count}`,
  kinds: {
    circles: 'Circles',
    sliders: 'Sliders',
    spinners: 'Spinners',
    notes: 'Notes',
    holds: 'Holds',
    drumrolls: 'Drumrolls',
    swells: 'Swells',
    fruits: 'Fruits',
    droplets: 'Droplets',
    tiny_droplets: 'Tiny droplets',
    bananas: 'Bananas',
    dons: 'Dons',
    kats: 'Kats',
  },
};

export const words = { zh, en };
export type Words = typeof zh;

/** `m:ss` of ms. */
export function clockText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
