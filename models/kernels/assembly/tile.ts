/**
 * The two inner loops that everything else uses: 6 × 8 sums are kept in registers. Twelve accumulators are as many as fit
 * beside two loads and a splat in the 16 vector registers of x86-64.
 *
 * @module
 */

/**
 * Six rows times eight columns, stored: out[i] = Σ over runs and steps of p[i] × w.
 *
 * @param p0 Six rows of numbers, each its own address.
 * @param w A panel of eight columns: 8 numbers per step, over all runs.
 * @param runs Number of runs of adjacent numbers per row.
 * @param length Bytes of one run.
 * @param stride Bytes from the start of a run to the next.
 * @param o0 Where the eight sums of each row go.
 */
export function rowsByPanel(
  p0: usize, p1: usize, p2: usize, p3: usize, p4: usize, p5: usize, w: usize,
  runs: usize, length: usize, stride: usize,
  o0: usize, o1: usize, o2: usize, o3: usize, o4: usize, o5: usize,
): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
  let c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
  for (let run: usize = 0; run < runs; run++) {
    const end = p0 + length;
    while (p0 < end) {
      const b0 = v128.load(w), b1 = v128.load(w, 16);
      let a = v128.load_splat<f32>(p0); c00 = f32x4.relaxed_madd(a, b0, c00); c01 = f32x4.relaxed_madd(a, b1, c01);
      a = v128.load_splat<f32>(p1); c10 = f32x4.relaxed_madd(a, b0, c10); c11 = f32x4.relaxed_madd(a, b1, c11);
      a = v128.load_splat<f32>(p2); c20 = f32x4.relaxed_madd(a, b0, c20); c21 = f32x4.relaxed_madd(a, b1, c21);
      a = v128.load_splat<f32>(p3); c30 = f32x4.relaxed_madd(a, b0, c30); c31 = f32x4.relaxed_madd(a, b1, c31);
      a = v128.load_splat<f32>(p4); c40 = f32x4.relaxed_madd(a, b0, c40); c41 = f32x4.relaxed_madd(a, b1, c41);
      a = v128.load_splat<f32>(p5); c50 = f32x4.relaxed_madd(a, b0, c50); c51 = f32x4.relaxed_madd(a, b1, c51);
      p0 += 4; p1 += 4; p2 += 4; p3 += 4; p4 += 4; p5 += 4; w += 32;
    }
    const next = stride - length;
    p0 += next; p1 += next; p2 += next; p3 += next; p4 += next; p5 += next;
  }
  v128.store(o0, c00); v128.store(o0, c01, 16);
  v128.store(o1, c10); v128.store(o1, c11, 16);
  v128.store(o2, c20); v128.store(o2, c21, 16);
  v128.store(o3, c30); v128.store(o3, c31, 16);
  v128.store(o4, c40); v128.store(o4, c41, 16);
  v128.store(o5, c50); v128.store(o5, c51, 16);
}

/**
 * Adds products of columns, summed over positions: sum[i][j] += Σ over positions of a[position][i] × y[position][j],
 * for six i and eight j.
 *
 * @param a Six adjacent numbers at the first position.
 * @param y Eight adjacent numbers at the first position.
 * @param runs Runs of positions. In `y` they follow each other; in `a` there are `gap` bytes between them.
 * @param length Positions of one run.
 * @param aStride Bytes from one position to the next.
 * @param yStride Likewise.
 * @param gap Bytes.
 * @param sum The first of six rows.
 * @param row Bytes from one row to the next.
 */
export function columnsByColumns(
  a: usize, y: usize, runs: usize, length: usize, aStride: usize, yStride: usize, gap: usize, sum: usize, row: usize,
): void {
  let c00 = v128.load(sum), c01 = v128.load(sum, 16), s = sum + row;
  let c10 = v128.load(s), c11 = v128.load(s, 16); s += row;
  let c20 = v128.load(s), c21 = v128.load(s, 16); s += row;
  let c30 = v128.load(s), c31 = v128.load(s, 16); s += row;
  let c40 = v128.load(s), c41 = v128.load(s, 16); s += row;
  let c50 = v128.load(s), c51 = v128.load(s, 16);
  for (let run: usize = 0; run < runs; run++) {
    const end = y + length * yStride;
    while (y < end) {
      const b0 = v128.load(y), b1 = v128.load(y, 16);
      let p = v128.load_splat<f32>(a); c00 = f32x4.relaxed_madd(p, b0, c00); c01 = f32x4.relaxed_madd(p, b1, c01);
      p = v128.load_splat<f32>(a, 4); c10 = f32x4.relaxed_madd(p, b0, c10); c11 = f32x4.relaxed_madd(p, b1, c11);
      p = v128.load_splat<f32>(a, 8); c20 = f32x4.relaxed_madd(p, b0, c20); c21 = f32x4.relaxed_madd(p, b1, c21);
      p = v128.load_splat<f32>(a, 12); c30 = f32x4.relaxed_madd(p, b0, c30); c31 = f32x4.relaxed_madd(p, b1, c31);
      p = v128.load_splat<f32>(a, 16); c40 = f32x4.relaxed_madd(p, b0, c40); c41 = f32x4.relaxed_madd(p, b1, c41);
      p = v128.load_splat<f32>(a, 20); c50 = f32x4.relaxed_madd(p, b0, c50); c51 = f32x4.relaxed_madd(p, b1, c51);
      a += aStride; y += yStride;
    }
    a += gap;
  }
  s = sum; v128.store(s, c00); v128.store(s, c01, 16); s += row;
  v128.store(s, c10); v128.store(s, c11, 16); s += row;
  v128.store(s, c20); v128.store(s, c21, 16); s += row;
  v128.store(s, c30); v128.store(s, c31, 16); s += row;
  v128.store(s, c40); v128.store(s, c41, 16); s += row;
  v128.store(s, c50); v128.store(s, c51, 16);
}
