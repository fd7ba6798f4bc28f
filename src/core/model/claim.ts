import * as z from 'zod'
import { isFindingId } from '../../dsl/finding-id.ts'
import { areDifferent, isCount, isFactor, isIdentifier, minRanked, minUnordered } from '../../dsl/rules.ts'
import { vocabulary } from './vocabulary.ts'

/** Schemas of what authors write, as run records and reports store it. The types are those of `src/dsl`. */

export const familySchema = vocabulary('PlatformFamily', 'How strongly, and by what, a platform isolates.', {
  native: 'no isolation: processes of the host',
  container: 'namespaces and cgroups on the host kernel',
  'secure-container': 'a kernel in user space, or a VM behind the interface of a container runtime',
  hypervisor: 'a virtual machine with its own kernel',
  unikernel: 'a virtual machine with one image for kernel and program',
})

export const workKindSchema = vocabulary('WorkKind', 'What a workload measures.', {
  commands: 'commands in a guest that is already running',
  boot: 'the start of a guest that runs one command',
  'vmm-start': 'the start of a VMM with a guest of a few hundred bytes',
  guests: 'several guests at the same time',
  snapshot: 'saving a guest and starting others from what was saved',
  'in-guest': 'a JavaScript function that Node.js runs inside the guest',
})

export const severitySchema = vocabulary('Severity', 'What a contradicted claim does to the exit code.', {
  fail: 'it fails the run',
  warn: 'nothing: the claim is judged and shown',
})

export const failOnSchema = vocabulary('FailOn', 'Which contradicted findings fail the run.', {
  worse: 'those that are worse than stated',
  any: 'all',
  never: 'none',
})

export const findingIdSchema = z
  .union([z.number(), z.string()])
  .refine(isFindingId, { message: 'is neither a number from 1 on nor a number of a series such as `2026-1`' })
  .meta({ id: 'FindingId', description: 'The number of a finding, or of a finding of a series: `2026-1`.' })

/** Where a publication states a finding. */
export const findingSourceSchema = z
  .object({
    title: z.string().describe('short reference of the publication'),
    doi: z.string().exactOptional().describe('DOI of the publication'),
    url: z.string().exactOptional().describe('address of a publication without a DOI'),
    section: z.string().exactOptional().describe('number of the section'),
    figures: z.array(z.number()).readonly().exactOptional().describe('numbers of the figures that show it'),
  })
  .meta({ id: 'FindingSource', description: 'The publication that states a finding, and where.' })

export const locationSchema = z
  .object({
    file: z.string().describe('absolute path'),
    line: z.number().describe('line, from 1'),
    column: z.number().describe('column, from 1'),
  })
  .meta({ id: 'Location', description: 'A position in a source file.' })

export const paramSchema = z.union([z.string(), z.number(), z.boolean()])
export const paramsSchema = z.record(z.string(), paramSchema).describe('values of the parameters, by name')

export const metricSchema = z
  .object({
    unit: z.string().describe('unit, such as `ms` or `MB/s`'),
    better: z.enum(['lower', 'higher']).describe('which direction is an improvement'),
  })
  .meta({ id: 'Metric', description: 'A value that a workload yields.' })

/** A bench by its id and by the two parts that people read. */
export const benchInfoSchema = z
  .object({
    id: z.string().describe('`<file>#<name>`'),
    file: z.string().describe('path of the bench file, relative to the project'),
    name: z.string().describe('name of the bench'),
  })
  .meta({ id: 'BenchInfo', description: 'A bench by its id and by the two parts that people read.' })

export type BenchInfo = z.infer<typeof benchInfoSchema>

const names = z.array(z.string()).readonly()
const over = z.string().describe('name of the parameter')
const percent = z.number().positive().describe('margin in percent; below 100 for a metric where more is better')
const by = z.number().refine(isFactor, 'expected a factor of 1 or more').describe('factor, 1 or more')

const different = (least: number) =>
  names.refine((all) => areDifferent(all, least), `expected at least ${least} different platforms`)

const reference = {
  platform: z.string().describe('the reference: name of a platform, or `the median of a, b, c`'),
  medianOf: names.exactOptional().describe('the reference is the median of these platforms, at least two'),
}

export const matcherSchema = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('withinNative').describe('not worse than native by more than `percent`'), percent }),
    z.object({
      kind: z.literal('equivalentTo').describe('neither worse nor better than the reference by more than `percent`'),
      ...reference,
      percent,
    }),
    z.object({
      kind: z.literal('notWorseThan').describe('not worse than the reference by more than `percent`'),
      ...reference,
      percent,
    }),
    z.object({
      kind: z.literal('betterThan').describe('better than the reference by at least the factor `by`'),
      ...reference,
      by,
    }),
    z.object({
      kind: z.literal('worseThan').describe('worse than the reference by at least the factor `by`'),
      ...reference,
      by,
    }),
    z.object({
      kind: z.literal('atMost').describe('the value is at most `value`'),
      value: z.number().describe("in the metric's unit"),
    }),
    z.object({
      kind: z.literal('atLeast').describe('the value is at least `value`'),
      value: z.number().describe("in the metric's unit"),
    }),
    z.object({
      kind: z.literal('ranked').describe('each platform is better than the next one'),
      platforms: different(minRanked).describe('names of platforms, best first'),
    }),
    z.object({
      kind: z.literal('noStableOrder').describe('the mean rank correlation of two rounds is below 0.5'),
      platforms: different(minUnordered).describe('names of platforms'),
    }),
    z.object({
      kind: z.literal('peaksAt').describe('the best value of the parameter `over` lies between `from` and `to`'),
      over,
      from: z.number().describe('smallest value of the parameter, inclusive'),
      to: z.number().describe('largest value of the parameter, inclusive'),
    }),
    z.object({
      kind: z.literal('constant').describe('no two values of the parameter `over` differ by more than `percent`'),
      over,
      percent,
    }),
    z.object({
      kind: z
        .literal('peakWithin')
        .describe("the best value over the parameter `over` is not worse than the reference's by more than `percent`"),
      ...reference,
      over,
      percent,
    }),
    z.object({
      kind: z
        .literal('worsensAtMost')
        .describe('from the value `from` of the parameter `over` to the value `to`, it becomes worse by at most `by`'),
      over,
      from: paramSchema.describe('value of the parameter'),
      to: paramSchema.describe('value of the parameter'),
      by,
    }),
  ])
  .meta({ id: 'Matcher', description: 'What a claim asserts. See docs/reference/matchers.md.' })

export const selectorSchema = z
  .discriminatedUnion('by', [
    z.object({ by: z.literal('name').describe('by name'), names: names.describe('names of platforms') }),
    z.object({
      by: z.literal('family').describe('by family'),
      families: z.array(familySchema).readonly().describe('families; one of them is enough'),
    }),
    z.object({
      by: z.literal('tag').describe('by tag'),
      tags: names.describe('tags; one of them is enough'),
    }),
    z.object({ by: z.literal('all').describe('all platforms of the run') }),
  ])
  .meta({ id: 'Selector', description: 'The platforms that a claim is about.' })

export const claimSchema = z
  .object({
    bench: z.string().describe('id of the bench'),
    metric: z.string().refine(isIdentifier, 'no valid name of a metric').describe('name of the metric'),
    matcher: matcherSchema.describe('what the claim asserts'),
    on: selectorSchema.describe('the platforms that it is about'),
    where: paramsSchema.describe('parameters that a case must have; the claim is about all such cases'),
    severity: severitySchema.describe('whether a contradiction fails the run'),
    onAtLeast: z
      .number()
      .refine(isCount, 'expected a number of platforms')
      .exactOptional()
      .describe('number of selected platforms on which it must hold; absent: on each of them, judged one by one'),
    fallbackLabel: z
      .string()
      .exactOptional()
      .describe('label of a claim that replaces the other claims of its finding if none of them can be judged'),
    reading: z
      .string()
      .exactOptional()
      .describe('the reading of the words that it tests, if the source allows several; see `parts[].readings`'),
    location: locationSchema.exactOptional().describe('where the claim is written'),
  })
  .meta({ id: 'Claim', description: 'An assertion about one metric of one bench.' })
