/**
 * A run by `functions` on a real kernel, recorded in an emulated VM by `npm run test:vm -- functions`. See
 * docs/evidence/attack-profile.md. It lacks crun and isobench's own processes, to be small.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import type { RunRecord } from '../../../../src/core/model/record.ts'
import { readRecord } from '../../../../src/core/records/record-file.ts'

const packed = new URL('../../../fixtures/records/attack-profile-functions.jsonl.br', import.meta.url)

/** Unpacks it into a folder that is gone again, and reads it as any record. */
export function recordedFunctions(): RunRecord {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-functions-'))
  try {
    const file = join(folder, 'record.jsonl')
    writeFileSync(file, brotliDecompressSync(readFileSync(packed)))
    return readRecord(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
