/** What a cleanup journal lists. Files of older versions and damaged ones are read, too, so the fields are checked. */

import * as z from 'zod'

/** Identifies a process: see `ProcessId` in process.ts. */
export const processIdSchema = z.object({ pid: z.int(), started: z.string() })

const text = z.string().min(1)

/** A host resource that isobench creates and must remove. */
export const entrySchema = z.discriminatedUnion('kind', [
  /** A directory, with everything that is mounted below it. */
  z.object({ kind: z.literal('directory'), path: text }),
  /** A folder that stays if something is in it. */
  z.object({ kind: z.literal('empty-folder'), path: text }),
  /** A cgroup in every hierarchy, with all of its processes. */
  z.object({ kind: z.literal('cgroup'), name: text }),
  z.object({ kind: z.literal('netns'), name: text }),
  /** A tracefs instance, with its tracer and events. */
  z.object({ kind: z.literal('tracer'), name: text }),
  /** A network device in one of isobench's namespaces. */
  z.object({ kind: z.literal('link'), netns: text, name: text }),
  /** A process that isobench started, with its process group. */
  z.object({ kind: z.literal('process'), id: processIdSchema }),
  /**
   * Anything else, such as a container of a daemon: the command that removes it. `group`: the cgroup to thaw before.
   */
  z.object({
    kind: z.literal('command'),
    description: z.string(),
    argv: z.array(z.string()).min(1).readonly(),
    group: z.string().optional(),
  }),
])

export type Entry = Readonly<z.infer<typeof entrySchema>>
