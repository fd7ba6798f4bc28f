import * as z from 'zod'
import { benchInfoSchema, claimSchema, findingIdSchema, paramsSchema } from './claim.ts'
import { environmentSchema } from './record.ts'
import { directionSchema, findingOutcomeSchema } from './verdict.ts'
import { cpuModeSchema } from './vocabulary.ts'

/** The verdicts of several kinds of host side by side: what `isobench fleet --json` writes. */

/** Increases if a field is removed or changes its meaning, not if one is added. */
export const fleetVersion = 1

const hostIds = z.array(z.string()).readonly()

const kindSchema = z
  .object({
    id: z.string().describe('`H1`, `H2` ...'),
    hostnames: z.array(z.string()).readonly().describe('names of its hosts; none if the records have none'),
    records: z.array(z.string()).readonly().describe('paths of its run records'),
    environment: environmentSchema.describe('the environment of its first record'),
    attributes: z
      .record(z.string(), z.string())
      .describe('what may differ between kinds of host, by name: the fingerprint of the host and derived values'),
    exitCode: z.number().describe('exit code of this kind alone'),
    overloadedClaims: z
      .number()
      .describe('number of claims that are inconclusive because other processes used half of the CPUs in most rounds'),
    missingShards: z
      .array(z.string())
      .describe('shards without samples of some benches, such as `3/8`: claims about these are not evaluated'),
  })
  .meta({ id: 'HostKind', description: 'Hosts with equal fingerprints. Their records are merged and judged together.' })
export type HostKind = z.infer<typeof kindSchema>

const splitSchema = z
  .object({
    attributes: z
      .array(
        z
          .object({
            name: z.string().describe('name of the attribute'),
            value: z.string().describe('its value'),
            isOther: z.boolean().describe('whether the hosts have any other value than this one'),
          })
          .meta({ id: 'HostAttribute', description: 'An attribute and its value.' }),
      )
      .describe('attributes that exactly the same hosts have, so no verdict can distinguish them'),
    dissenting: z.number().describe('number of dissenting kinds of host that have them'),
    others: z.number().describe('number of other decided kinds of host that have them'),
    pValue: z.number().describe("two-sided p-value of Fisher's exact test"),
    adjustedP: z.number().describe('the same, adjusted for all attributes (Holm)'),
  })
  .meta({ id: 'HostSplit', description: 'Attributes that divide the hosts in one way.' })
export type HostSplit = z.infer<typeof splitSchema>

const dissentSchema = z
  .object({
    outcome: z.enum(['holds', 'contradicted']).describe('what the fewer kinds of host say; a tie: `contradicted`'),
    hosts: hostIds.describe('ids of the dissenting kinds of host'),
    others: z.number().describe('number of the other decided kinds of host'),
    separating: splitSchema
      .nullable()
      .describe('what all dissenting kinds of host have, and no other decided one has; null if nothing does'),
    nearest: z
      .array(splitSchema)
      .describe('if nothing separates them: the divisions with the smallest p-value. Several are equally good'),
    tests: z.number().describe('number of different divisions of the decided kinds of host by attributes'),
    leastP: z.number().describe('the smallest adjusted p-value that any attribute could have with these counts'),
  })
  .meta({
    id: 'Dissent',
    description: 'The kinds of host with the rarer verdict, and what they have in common. An association is no cause.',
  })
export type Dissent = z.infer<typeof dissentSchema>

const verdictSchema = z
  .object({
    finding: findingIdSchema.nullable().describe('number of the finding; null: an expectation of a bench'),
    title: z.string().describe('the statement of the finding; for an expectation the name of the bench'),
    bench: benchInfoSchema.nullable().describe('the bench of an expectation; null for a finding'),
    claim: claimSchema.nullable().describe('the expectation; null for a finding'),
    unit: z.string().nullable().describe('unit of the metric of an expectation; null for a finding'),
    params: paramsSchema,
    platforms: z.array(z.string()).readonly().describe('platforms of an expectation; empty for a finding'),
    hosts: z
      .array(
        z
          .object({
            outcome: findingOutcomeSchema.describe('the verdict'),
            direction: directionSchema,
            failsRun: z.boolean().describe('whether it makes the exit code other than 0'),
          })
          .meta({ id: 'HostVerdict', description: 'The verdict of one kind of host.' })
          .nullable(),
      )
      .describe('verdicts in the order of `hosts` of the fleet; null: the kind of host does not state it'),
    counts: z
      .object({
        holds: z.number().describe('it holds'),
        'holds-in-part': z.number().describe('it holds where it was measured'),
        contradicted: z.number().describe('it is contradicted'),
        inconclusive: z.number().describe('it is not decided'),
        'not-evaluated': z.number().describe('nothing could decide it'),
      })
      .meta({ id: 'OutcomeCounts', description: 'Numbers of kinds of host.' })
      .describe('numbers of kinds of host by outcome'),
    dissent: dissentSchema.nullable().describe('null if all decided kinds of host agree'),
  })
  .meta({ id: 'FleetVerdict', description: 'The verdicts of all kinds of host on one statement.' })
export type FleetVerdict = z.infer<typeof verdictSchema>

const boundsOf = (what: string) => ({
  low: z.number().describe(`lower bound of ${what}`),
  high: z.number().describe(`upper bound of ${what}`),
})

const summarySchema = z
  .object({
    ratio: z.number().describe('mean over kinds of host, on a logarithmic scale'),
    ...boundsOf('the 90 % interval of the mean'),
    prediction: z
      .object(boundsOf('the interval'))
      .meta({ id: 'PredictionInterval', description: 'Where the ratio of one more kind of host lies, at 90 %.' })
      .describe('where the ratio of one more kind of host lies, at 90 %'),
    spread: z.number().describe('standard deviation of the true ratios of the kinds of host, as a factor, at least 1'),
    inconsistency: z
      .number()
      .describe('I²: share of the variation that is between kinds of host and not of the measuring, 0 to 1'),
  })
  .meta({ id: 'RatioSummary', description: 'The random-effects summary of a ratio.' })

const ratioSchema = z
  .object({
    bench: benchInfoSchema.describe('the bench'),
    case: z.string().describe('id of the case'),
    params: paramsSchema,
    metric: z.string().describe('name of the metric'),
    better: z.enum(['lower', 'higher']).describe('which direction is an improvement'),
    platform: z.string().describe('name of the platform, which is divided by native'),
    cpuMode: cpuModeSchema.describe('how the guests ran; hosts with another mode have a separate row'),
    hosts: z
      .array(
        z
          .object({
            host: z.string().describe('id of the kind of host'),
            ratio: z.number().describe('geometric mean over its rounds'),
            rounds: z.number().describe('number of pairs'),
          })
          .meta({ id: 'HostRatio', description: 'The ratio of one kind of host.' }),
      )
      .describe('the ratios of the kinds of host that measured the same work, at least two pairs each'),
    otherWork: hostIds.describe('ids of kinds of host that measured another version of the bench'),
    summary: summarySchema.nullable().describe('null with fewer than three kinds of host'),
  })
  .meta({ id: 'FleetRatio', description: 'The ratio of a platform to native on all kinds of host.' })
export type FleetRatio = z.infer<typeof ratioSchema>

/** What `isobench fleet --json` writes. */
export const fleetSchema = z
  .object({
    schemaVersion: z.literal(fleetVersion).describe('version of the format'),
    hosts: z.array(kindSchema).describe('kinds of host'),
    leftOut: z
      .array(
        z
          .object({ file: z.string().describe('path of the record'), why: z.string().describe('why') })
          .meta({ id: 'LeftOutRecord', description: 'A record that the comparison does not use.' }),
      )
      .describe('records that are not used'),
    verdicts: z.array(verdictSchema).describe('findings by number, then the expectations of benches'),
    ratios: z.array(ratioSchema).describe('ratios to native, those that differ most between hosts first'),
    falseAlarms: z
      .object({
        perHost: z.number().describe('chance that the verdicts of one kind of host have a false contradiction'),
        expected: z.number().describe('number of kinds of host with one, if all chances are used up'),
      })
      .meta({ id: 'FalseAlarms', description: 'How many contradictions may be chance.' })
      .describe('how many contradictions may be chance'),
    exit: z
      .object({
        code: z.number().describe('exit code: the most serious one of the kinds of host'),
        hosts: hostIds.describe('ids of the kinds of host with this code'),
      })
      .meta({ id: 'FleetExit', description: 'The exit code, and the kinds of host that make it other than 0.' })
      .describe('exit code'),
  })
  .meta({ title: 'isobench fleet', description: 'The verdicts of several kinds of host side by side.' })
export type Fleet = z.infer<typeof fleetSchema>
