import { randomUUID } from 'node:crypto'
import type { Guest } from '../../dsl/guest.ts'
import { IsobenchError } from '../../errors.ts'
import type { BenchData } from '../collect/types.ts'
import { compileForGuest } from '../compile.ts'

/** tinybench's outcome did not come out of the guest. */
export class InGuestError extends IsobenchError {
  readonly code = 'ISOBENCH_IN_GUEST'
}

/** Bundles of bench files for guests, each made once a run. */
export class GuestBundles {
  readonly #bundles = new Map<string, Promise<string>>()

  constructor(private readonly root: string) {}

  of(file: string): Promise<string> {
    const known = this.#bundles.get(file) ?? compileForGuest(this.root, file)
    this.#bundles.set(file, known)
    return known
  }
}

/**
 * Times a bench's function inside the guest. The bundle goes there by a command's input: not every guest's /data is a folder of
 * the host's.
 */
export async function runInGuest(
  bench: BenchData,
  bundle: string,
  { exec, seconds }: { readonly exec: Guest['exec']; readonly seconds: number },
): Promise<unknown> {
  const file = '/data/isobench-bench.mjs'
  await exec({ argv: ['dd', 'status=none', `of=${file}`] }, { input: bundle, untraced: true })
  // What a function prints cannot be taken for the outcome: it does not know this word.
  const marker = `isobench-${randomUUID()}:`
  const command = { argv: ['node', file, bench.name, String(seconds), marker] as const }
  const { stdout } = await exec(command)
  const line = stdout.split('\n').find((text) => text.startsWith(marker))
  if (line === undefined)
    throw new InGuestError(
      `the guest printed no outcome for "${bench.name}"`,
      'a bench function must not end the process',
    )
  return JSON.parse(line.slice(marker.length))
}
