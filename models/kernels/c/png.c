/**
 * PNGs of the size and colours that a model expects, a whole batch in one call: 8 bits, grey or RGB, not interlaced, one chunk
 * of pixels. Whatever else a file has or is, and every fault, is left to the decoder in TypeScript: a file is reported as
 * decoded only if that would decode it to the same pixels.
 */
#include <stdint.h>
#include "simd.h"

/** Bits that are looked up at once; longer codes are found bit by bit. */
#define FAST_BITS 9
#define MAX_BITS 15

/** Chunks after which a file is left to the other decoder. */
#define MAX_CHUNKS 16

/** A Huffman code. */
struct code {
  /** By the next `FAST_BITS` bits: symbol × 16 + length; 0 for longer codes and for what is no code. */
  uint16_t fast[1 << FAST_BITS];
  /** Codes by length, and the symbols in the order of their codes. */
  uint16_t counts[MAX_BITS + 1];
  uint16_t symbols[288];
};

struct workspace {
  uint32_t crc[4][256];
  struct code literals, distances;
  uint8_t lengths[320];
  uint16_t offsets[MAX_BITS + 1];
};

struct file {
  const uint8_t *bytes;
  int32_t length;
  /** Set to 1 if it was decoded, else to 0. */
  int32_t is_decoded;
};

struct pngs {
  int width, height;
  /** 1 or 3. */
  int channels;
  struct workspace *workspace;
  /** Room for the rows of one image, each with its filter. */
  uint8_t *rows;
  /** As many as a row has bytes. */
  const uint8_t *zeros;
  /** Of each decoded image, at the place of its file. */
  uint8_t *pixels;
  float *numbers;
  /** What becomes of each sample: 256 numbers per channel. */
  const float *table;
};

/** What was not read yet of a deflated stream. */
struct bits {
  const uint8_t *next, *end;
  uint64_t buffer;
  int count;
};

INLINE uint32_t big_endian(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/** CRC-32 of PNG, four bytes at a time. */
INLINE uint32_t checksum(const uint32_t (*crc)[256], const uint8_t *p, int length) {
  uint32_t c = ~0u;
  for (; length >= 4; length -= 4, p += 4) {
    c ^= *(const uint32_t *)p;
    c = crc[3][c & 255] ^ crc[2][c >> 8 & 255] ^ crc[1][c >> 16 & 255] ^ crc[0][c >> 24];
  }
  for (; length > 0; length--) c = crc[0][(c ^ *p++) & 255] ^ c >> 8;
  return ~c;
}

/** Fills the buffer with at least 56 bits; past the end with zeros: when they are used, `count` becomes negative. */
INLINE struct bits refill(struct bits in) {
  if (in.count < 0) return in;
  if (in.end - in.next >= 8) {
    in.buffer |= *(const uint64_t *)in.next << in.count;
    in.next += (63 - in.count) >> 3;
    in.count |= 56;
    return in;
  }
  while (in.count <= 56 && in.next < in.end) {
    in.buffer |= (uint64_t)*in.next++ << in.count;
    in.count += 8;
  }
  return in;
}

INLINE uint32_t peek(struct bits in, int count) { return (uint32_t)in.buffer & ((1u << count) - 1); }

INLINE struct bits skip(struct bits in, int count) {
  in.buffer >>= count;
  in.count -= count;
  return in;
}

/**
 * Builds a code from the lengths of its symbols.
 *
 * @param is_distance Whether it may have a single code of one bit, or none.
 * @return Whether zlib accepts it.
 */
static int build(struct code *code, const uint8_t *lengths, int count, int is_distance, uint16_t *offsets) {
  for (int i = 0; i <= MAX_BITS; i++) code->counts[i] = 0;
  for (int i = 0; i < count; i++) code->counts[lengths[i]]++;
  code->counts[0] = 0;
  int left = 1, longest = 0;
  for (int length = 1; length <= MAX_BITS; length++) {
    left = 2 * left - code->counts[length];
    if (left < 0) return 0;
    if (code->counts[length] > 0) longest = length;
  }
  if (left > 0 && !(is_distance && longest <= 1)) return 0;
  offsets[1] = 0;
  for (int length = 1; length < MAX_BITS; length++) offsets[length + 1] = offsets[length] + code->counts[length];
  for (int i = 0; i < count; i++) {
    if (lengths[i] > 0) code->symbols[offsets[lengths[i]]++] = i;
  }
  __builtin_memset(code->fast, 0, sizeof code->fast);
  uint32_t next = 0;
  for (int length = 1, index = 0; length <= FAST_BITS; length++, next <<= 1) {
    for (int i = 0; i < code->counts[length]; i++, next++) {
      uint32_t reversed = __builtin_bitreverse32(next) >> (32 - length);
      uint16_t entry = code->symbols[index++] << 4 | length;
      for (uint32_t at = reversed; at < 1u << FAST_BITS; at += 1u << length) code->fast[at] = entry;
    }
  }
  return 1;
}

/** A code that is longer than `FAST_BITS`: symbol × 16 + length, 0 for none. */
static uint32_t long_symbol(const struct code *code, uint32_t bits) {
  int first = 0, index = 0, value = 0;
  for (int length = 1; length <= MAX_BITS; length++, bits >>= 1) {
    value |= bits & 1;
    int count = code->counts[length];
    if (value - first < count) return code->symbols[index + value - first] << 4 | length;
    index += count;
    first = (first + count) << 1;
    value <<= 1;
  }
  return 0;
}

INLINE uint32_t symbol_at(const struct code *code, struct bits in) {
  uint32_t entry = code->fast[peek(in, FAST_BITS)];
  return entry != 0 ? entry : long_symbol(code, peek(in, MAX_BITS));
}

/** Place of the i-th length of a code for lengths. */
INLINE int length_order(int i) {
  if (i < 3) return 16 + i;
  return i == 3 ? 0 : i % 2 == 0 ? 8 + (i - 4) / 2 : 8 - (i - 3) / 2;
}

INLINE void fixed_lengths(uint8_t *lengths) {
  for (int i = 0; i < 288; i++) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  for (int i = 288; i < 320; i++) lengths[i] = 5;
}

/** Reads the codes of a block of type 2. Returns what follows; `next` is null if it cannot be read. */
INLINE struct bits read_codes(struct workspace *work, struct bits in) {
  struct bits failed = {0, 0, 0, 0};
  uint8_t *lengths = work->lengths;
  in = refill(in);
  int literals = peek(in, 5) + 257, distances = (peek(in, 10) >> 5) + 1, count = (peek(in, 14) >> 10) + 4;
  in = skip(in, 14);
  if (literals > 286 || distances > 30) return failed;
  for (int i = 0; i < 19; i++) {
    if (i % 8 == 0) in = refill(in);
    lengths[length_order(i)] = i < count ? peek(in, 3) : 0;
    if (i < count) in = skip(in, 3);
  }
  if (!build(&work->literals, lengths, 19, 0, work->offsets)) return failed;
  for (int i = 0; i < literals + distances;) {
    in = refill(in);
    uint32_t entry = symbol_at(&work->literals, in), symbol = entry >> 4;
    if (entry == 0) return failed;
    in = skip(in, entry & 15);
    if (symbol < 16) {
      lengths[i++] = symbol;
      continue;
    }
    if (symbol == 16 && i == 0) return failed;
    int width = symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
    int repeat = peek(in, width) + (symbol == 18 ? 11 : 3), value = symbol == 16 ? lengths[i - 1] : 0;
    in = skip(in, width);
    if (i + repeat > literals + distances) return failed;
    while (repeat-- > 0) lengths[i++] = value;
  }
  if (in.count < 0 || lengths[256] == 0) return failed;
  if (!build(&work->literals, lengths, literals, 0, work->offsets)) return failed;
  if (!build(&work->distances, lengths + literals, distances, 1, work->offsets)) return failed;
  return in;
}

/** Repeats what lies `distance` bytes before; `room` bytes may be written. */
INLINE void copy_match(uint8_t *to, int distance, int length, int room) {
  const uint8_t *from = to - distance;
  if (distance >= 8 && room >= length + 8) {
    for (uint8_t *end = to + length; to < end; to += 8, from += 8) *(uint64_t *)to = *(const uint64_t *)from;
  } else if (distance == 1 && room >= length + 8) {
    uint64_t same = *from * 0x0101010101010101;
    for (uint8_t *end = to + length; to < end; to += 8) *(uint64_t *)to = same;
  } else {
    for (; length > 0; length--) *to++ = *from++;
  }
}

/** Inflates one block. Returns what follows; `next` is null if it cannot be read. `*to` is moved through `at`. */
INLINE struct bits inflate_block(struct workspace *work, struct bits in, uint8_t *start, int *at, int size) {
  struct bits failed = {0, 0, 0, 0};
  int out = *at;
  for (;;) {
    in = refill(in);
    uint32_t entry = symbol_at(&work->literals, in), symbol = entry >> 4;
    if (entry == 0) return failed;
    in = skip(in, entry & 15);
    if (symbol < 256) {
      if (out >= size) return failed;
      start[out++] = symbol;
      continue;
    }
    if (symbol == 256) break;
    int i = symbol - 257;
    if (i > 28) return failed;
    int extra = i < 8 || i == 28 ? 0 : (i - 4) >> 2;
    int length = (i < 8 ? 3 + i : i == 28 ? 258 : ((4 + (i & 3)) << extra) + 3) + peek(in, extra);
    in = skip(in, extra);
    entry = symbol_at(&work->distances, in);
    if (entry == 0) return failed;
    in = skip(in, entry & 15);
    i = entry >> 4;
    if (i > 29) return failed;
    extra = i < 4 ? 0 : (i - 2) >> 1;
    int distance = (i < 4 ? 1 + i : ((2 + (i & 1)) << extra) + 1) + peek(in, extra);
    in = skip(in, extra);
    if (distance > out || out + length > size) return failed;
    copy_match(start + out, distance, length, size - out);
    out += length;
  }
  *at = out;
  if (in.count < 0) return failed;
  return in;
}

/** Inflates a stream to exactly `size` bytes that have the right checksum. */
INLINE int inflate(struct workspace *work, const uint8_t *from, const uint8_t *end, uint8_t *to, int size) {
  if (end - from < 6 || (from[0] & 15) != 8 || from[0] >> 4 > 7 || (from[0] << 8 | from[1]) % 31 != 0 || from[1] & 32) {
    return 0;
  }
  struct bits in = {from + 2, end, 0, 0};
  int at = 0;
  for (int is_last = 0; !is_last;) {
    in = refill(in);
    is_last = peek(in, 1);
    int type = peek(in, 3) >> 1;
    in = skip(in, 3);
    if (type == 1) {
      fixed_lengths(work->lengths);
      build(&work->literals, work->lengths, 288, 0, work->offsets);
      build(&work->distances, work->lengths + 288, 32, 1, work->offsets);
    } else if (type == 2) {
      in = read_codes(work, in);
    } else {
      return 0;
    }
    if (in.next == 0) return 0;
    in = inflate_block(work, in, to, &at, size);
    if (in.next == 0) return 0;
  }
  const uint8_t *rest = in.next - in.count / 8;
  if (at != size || end - rest != 4) return 0;
  uint32_t a = 1, b = 0;
  for (int i = 0; i < size;) {
    int stop = size - i < 4096 ? size : i + 4096;
    for (; i < stop; i++) b += a += to[i];
    a %= 65521;
    b %= 65521;
  }
  return big_endian(rest) == (b << 16 | a);
}

INLINE int paeth(int left, int up, int corner) {
  int to_left = up - corner, to_up = left - corner, to_corner = to_left + to_up;
  to_left = to_left < 0 ? -to_left : to_left;
  to_up = to_up < 0 ? -to_up : to_up;
  to_corner = to_corner < 0 ? -to_corner : to_corner;
  return to_left <= to_up && to_left <= to_corner ? left : to_up <= to_corner ? up : corner;
}

/** Undoes the filter of one row. `above` are zeros for the first one. */
INLINE int unfilter_row(const int channels, int filter, const uint8_t *from, const uint8_t *above, uint8_t *to, int length) {
  if (filter == 0) {
    __builtin_memcpy(to, from, length);
  } else if (filter == 2) {
    for (int i = 0; i < length; i++) to[i] = from[i] + above[i];
  } else if (filter == 1) {
    for (int i = 0; i < channels; i++) to[i] = from[i];
    for (int i = channels; i < length; i++) to[i] = from[i] + to[i - channels];
  } else if (filter == 3) {
    for (int i = 0; i < channels; i++) to[i] = from[i] + (above[i] >> 1);
    for (int i = channels; i < length; i++) to[i] = from[i] + ((to[i - channels] + above[i]) >> 1);
  } else if (filter == 4) {
    for (int i = 0; i < channels; i++) to[i] = from[i] + above[i];
    for (int i = channels; i < length; i++) to[i] = from[i] + paeth(to[i - channels], above[i], above[i - channels]);
  } else {
    return 0;
  }
  return 1;
}

INLINE int unfilter(const struct pngs *g, uint8_t *pixels) {
  int length = g->width * g->channels;
  const uint8_t *from = g->rows, *above = g->zeros;
  for (int y = 0; y < g->height; y++, from += length + 1, above = pixels, pixels += length) {
    int is_known = g->channels == 1 ? unfilter_row(1, from[0], from + 1, above, pixels, length)
                                    : unfilter_row(3, from[0], from + 1, above, pixels, length);
    if (!is_known) return 0;
  }
  return 1;
}

#define IHDR 0x49484452
#define PLTE 0x504c5445
#define TRNS 0x74524e53
#define IDAT 0x49444154
#define EXIF 0x65584966
/** How the keyword of a text begins that is EXIF data. */
#define RAW_ 0x52617720
#define IEND 0x49454e44

/** Whether a file begins with the signature and the header of an image that the model expects. */
INLINE int is_expected(const struct pngs *g, const uint8_t *p, int length) {
  return length >= 33 && big_endian(p) == 0x89504e47 && big_endian(p + 4) == 0x0d0a1a0a && big_endian(p + 8) == 13 &&
         big_endian(p + 12) == IHDR && (int)big_endian(p + 16) == g->width && (int)big_endian(p + 20) == g->height &&
         p[24] == 8 && p[25] == g->channels - 1 && p[28] == 0 && big_endian(p + 29) == checksum(g->workspace->crc, p + 12, 17);
}

INLINE int decode(const struct pngs *g, const uint8_t *file, int size, uint8_t *pixels) {
  if (!is_expected(g, file, size)) return 0;
  const uint8_t *data = 0, *end = 0;
  int at = 33;
  for (int count = 0; count < MAX_CHUNKS && size - at >= 12; count++) {
    uint32_t length = big_endian(file + at), type = big_endian(file + at + 4);
    if (type == IEND) {
      if (data == 0 || !inflate(g->workspace, data, end, g->rows, g->height * (g->width * g->channels + 1))) return 0;
      return unfilter(g, pixels);
    }
    if (length > (uint32_t)(size - at - 12)) return 0;
    if (type == IHDR || type == PLTE || type == TRNS || type == EXIF || (type == IDAT && data != 0)) return 0;
    if (length >= 4 && big_endian(file + at + 8) == RAW_) return 0;
    if (type == IDAT) {
      data = file + at + 8;
      end = data + length;
      if (big_endian(end) != checksum(g->workspace->crc, data - 4, length + 4)) return 0;
    }
    at += 12 + length;
  }
  return 0;
}

/** Decodes files, and looks up what becomes of their samples. */
EXPORT(decode_pngs)(const struct pngs *g, struct file *files, int count) {
  int size = g->width * g->height * g->channels;
  for (int i = 0; i < count; i++) {
    uint8_t *pixels = g->pixels + i * size;
    float *numbers = g->numbers + i * size;
    files[i].is_decoded = decode(g, files[i].bytes, files[i].length, pixels);
    if (!files[i].is_decoded) continue;
    if (g->channels == 1) {
      for (int k = 0; k < size; k++) numbers[k] = g->table[pixels[k]];
      continue;
    }
    for (int k = 0; k < size; k += 3) {
      numbers[k] = g->table[pixels[k]];
      numbers[k + 1] = g->table[256 + pixels[k + 1]];
      numbers[k + 2] = g->table[512 + pixels[k + 2]];
    }
  }
}

/** Fills in what all files need. */
EXPORT(prepare_workspace)(struct workspace *work) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; bit++) c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
    work->crc[0][i] = c;
  }
  for (int k = 1; k < 4; k++) {
    for (int i = 0; i < 256; i++) work->crc[k][i] = work->crc[0][work->crc[k - 1][i] & 255] ^ work->crc[k - 1][i] >> 8;
  }
}

/** Size of a workspace, in bytes. */
__attribute__((export_name("workspace_bytes"))) int workspace_bytes(void) { return sizeof(struct workspace); }
