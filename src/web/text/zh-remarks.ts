/** The service's remarks on a job, which it writes in English, by the sentence that they are made of. Others are shown as they are. */
export const remarks: readonly (readonly [sentence: RegExp, chinese: string])[] = [
  [
    /^No Mapperatorinator model is available here; the built-in generator makes this map\.$/,
    '这里没有可用的 Mapperatorinator 模型，谱面由内置生成器制作。',
  ],
  [
    /^The model (.+) is not available here; the built-in generator makes this map\.$/,
    '这里没有模型 $1，谱面由内置生成器制作。',
  ],
  [/^No worker has the model (.+) at present; the job waits for one\.$/, '现在没有机器有模型 $1，任务会等待。'],
  [/^The built-in generator makes no use of: (.+)\.$/, '内置生成器用不到这些设置：$1。'],
  [/^The model (.+) makes no use of: (.+)\.$/, '模型 $1 用不到这些设置：$2。'],
  [/^Maps that are made in parallel are often blank in parts\.$/, '并行生成的谱面常有空白。'],
  [/^The field (.+) is not known and was ignored\.$/, '不认识字段 $1，已忽略。'],
  [/^Nothing is mapped before the offset of (.+) ms\.$/, '偏移 $1 毫秒之前没有物件。'],
  [/^(.+) stars cannot be reached on this song; the map has (.+)\.$/, '这首歌做不到 $1★，谱面为 $2★。'],
  [/^The map is (.+) s long; a ranked map needs 30 s\.$/, '谱面长 $1 秒；上架需要至少 30 秒。'],
  [/^The beat of this song is hard to hear; the timing may be wrong\.$/, '这首歌的节拍很难听清，定时可能不准。'],
  [
    /^The tempo of this song wanders; its timing has (.+) pieces and may be wrong\.$/,
    '这首歌的速度不稳，定时分成 $1 段，可能不准。',
  ],
  [/^The descriptor "(.+)" means nothing in this mode\.$/, '标签“$1”在此模式没有意义。'],
  [
    /^The descriptor "(.+)" would break the rules of a playable map and is not followed\.$/,
    '标签“$1”会让谱面无法游玩，没有采用。',
  ],
  [/^The built-in generator does not know how to follow the descriptor "(.+)"\.$/, '内置生成器不会做标签“$1”。'],
  [
    /^The model left objects incomplete \((.+)\); they are not in the map\. Many of them mean a bad map\.$/,
    '模型有没写完的物件（$1），没有放进谱面；太多时谱面质量差。',
  ],
];

/** A remark in Chinese where there are words for it; `lang`: what it is in. */
export function remark(text: string): { text: string; lang: string } {
  const [sentence, chinese] = remarks.find(([known]) => known.test(text)) ?? [];
  if (!sentence || chinese === undefined) return { text, lang: 'en' };
  return { text: text.replace(sentence, chinese), lang: 'zh-CN' };
}
