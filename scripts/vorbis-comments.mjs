/** Replaces the comments of an Ogg Vorbis file; the encoder that we use writes none. Format: RFC 3533 and Vorbis I, section 5. */

const polynomial = 0x04c11db7;
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) value = value & 0x80000000 ? (value << 1) ^ polynomial : value << 1;
  return value;
});

function checksum(bytes) {
  let crc = 0;
  for (const byte of bytes) crc = (crc << 8) ^ crcTable[(crc >>> 24) ^ byte];
  return crc >>> 0;
}

function* pagesOf(ogg) {
  for (let at = 0; at < ogg.length;) {
    const segments = ogg.subarray(at + 27, at + 27 + ogg[at + 26]);
    const size = 27 + segments.length + segments.reduce((sum, n) => sum + n, 0);
    yield { header: ogg.subarray(at, at + 27), segments, body: ogg.subarray(at + 27 + segments.length, at + size) };
    at += size;
  }
}

function page({ header, segments, body }, number) {
  const bytes = Buffer.concat([header, segments, body]);
  bytes.writeUInt32LE(number, 18);
  bytes.writeUInt32LE(0, 22);
  bytes.writeUInt32LE(checksum(bytes), 22);
  return bytes;
}

/** The packets that end in these pages. */
function packetsOf(pages) {
  const packets = [];
  let parts = [];
  for (const { segments, body } of pages) {
    let at = 0;
    for (const length of segments) {
      parts.push(body.subarray(at, at + length));
      at += length;
      if (length === 255) continue;
      packets.push(Buffer.concat(parts));
      parts = [];
    }
  }
  return packets;
}

function commentPacket(comments) {
  const sized = (text) => {
    const bytes = Buffer.from(text);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(bytes.length);
    return Buffer.concat([size, bytes]);
  };
  const count = Buffer.alloc(4);
  count.writeUInt32LE(Object.keys(comments).length);
  const fields = Object.entries(comments).map(([name, value]) => sized(`${name}=${value}`));
  return Buffer.concat([Buffer.from('\x03vorbis'), sized('make-demo-song'), count, ...fields, Buffer.from([1])]);
}

/** Pages that carry the packets, at most 255 segments of 255 bytes each; all have granule position 0, as headers do. */
function paginate(packets, serial) {
  const segments = packets.flatMap((packet) => {
    const whole = Math.floor(packet.length / 255);
    return [...Array(whole).fill(255), packet.length % 255];
  });
  const bytes = Buffer.concat(packets);
  const pages = [];
  let offset = 0;
  for (let at = 0; at < segments.length; at += 255) {
    const part = segments.slice(at, at + 255);
    const size = part.reduce((sum, n) => sum + n, 0);
    const header = Buffer.alloc(27);
    header.write('OggS');
    header[5] = at > 0 && segments[at - 1] === 255 ? 1 : 0;
    serial.copy(header, 14);
    header[26] = part.length;
    pages.push({ header, segments: Buffer.from(part), body: bytes.subarray(offset, offset + size) });
    offset += size;
  }
  return pages;
}

/** The same stream with these comments. Audio starts on a fresh page, so only the header pages are laid anew. */
export function withVorbisComments(ogg, comments) {
  const [first, ...rest] = pagesOf(ogg);
  let headers = 1;
  while (packetsOf(rest.slice(0, headers)).length < 2) headers += 1;
  const setup = packetsOf(rest.slice(0, headers))[1];
  const laid = paginate([commentPacket(comments), setup], first.header.subarray(14, 18));
  return Buffer.concat([first, ...laid, ...rest.slice(headers)].map(page));
}
