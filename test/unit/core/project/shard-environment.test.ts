import { describe, expect, it } from 'vitest'
import { detectShard } from '../../../../src/core/project/shard-environment.ts'

const slurm = (id: number, over: Record<string, string> = {}) => ({
  SLURM_ARRAY_JOB_ID: '77',
  SLURM_ARRAY_TASK_ID: String(id),
  SLURM_ARRAY_TASK_MIN: '1',
  SLURM_ARRAY_TASK_MAX: '8',
  SLURM_ARRAY_TASK_STEP: '1',
  SLURM_ARRAY_TASK_COUNT: '8',
  ...over,
})
const inPlan = { count: 8, from: '--plan' }

describe('--shard auto', () => {
  it.each([
    ['Slurm', slurm(3), 3, 8, 'Slurm 77'],
    ['Slurm from 0', slurm(3, { SLURM_ARRAY_TASK_MIN: '0', SLURM_ARRAY_TASK_MAX: '7' }), 4, 8, 'Slurm 77'],
    [
      'Slurm with steps',
      slurm(6, { SLURM_ARRAY_TASK_MIN: '0', SLURM_ARRAY_TASK_MAX: '14', SLURM_ARRAY_TASK_STEP: '2' }),
      4,
      8,
      'Slurm 77',
    ],
    ['GitLab, from 1', { CI_NODE_INDEX: '3', CI_NODE_TOTAL: '4', CI_PIPELINE_ID: '5' }, 3, 4, 'GitLab 5'],
    [
      'Buildkite, from 0',
      { BUILDKITE_PARALLEL_JOB: '0', BUILDKITE_PARALLEL_JOB_COUNT: '2', BUILDKITE_BUILD_ID: 'x' },
      1,
      2,
      'Buildkite x',
    ],
    [
      'CircleCI, from 0',
      { CIRCLE_NODE_INDEX: '1', CIRCLE_NODE_TOTAL: '2', CIRCLE_WORKFLOW_WORKSPACE_ID: 'w' },
      2,
      2,
      'CircleCI w',
    ],
    ['Kubernetes, from 0', { JOB_COMPLETION_INDEX: '7', ISOBENCH_SHARD_COUNT: '8' }, 8, 8, null],
    // An unset variable of a script is empty.
    [
      'GitLab, beside an empty variable',
      { CI_NODE_INDEX: '1', CI_NODE_TOTAL: '1', SLURM_ARRAY_TASK_ID: '' },
      1,
      1,
      null,
    ],
    // GitLab sets the total of 1 for every job.
    ['Slurm in a job of GitLab', { ...slurm(2), CI_NODE_TOTAL: '1' }, 2, 8, 'Slurm 77'],
  ])('reads %s', (_, variables, index, count, run) => {
    expect(detectShard(variables)).toMatchObject({ index, count, run })
  })

  it('says what it read, and from where', () => {
    expect(detectShard({ JOB_COMPLETION_INDEX: '2' }, inPlan)).toEqual({
      index: 3,
      count: 8,
      run: null,
      sources: ['Kubernetes: JOB_COMPLETION_INDEX=2', '--plan: 8 shards'],
    })
    expect(detectShard(slurm(1)).sources).toEqual([
      'Slurm: SLURM_ARRAY_TASK_ID=1, SLURM_ARRAY_TASK_MIN=1, SLURM_ARRAY_TASK_MAX=8, SLURM_ARRAY_TASK_STEP=1, ' +
        'SLURM_ARRAY_TASK_COUNT=8',
    ])
  })

  it('says from where GitLab counts if the index is 0', () => {
    expect(() => detectShard({ CI_NODE_INDEX: '0', CI_NODE_TOTAL: '4' })).toThrow(
      expect.objectContaining({ fix: 'GitLab counts from 1' }),
    )
  })

  it('accepts two schedulers that agree', () => {
    const both = { ...slurm(3), JOB_COMPLETION_INDEX: '2' }
    expect(() => detectShard(both)).toThrow('Kubernetes gives the index 2, so shard 3, but no count')
    expect(detectShard({ ...both, ISOBENCH_SHARD_COUNT: '8' })).toMatchObject({ index: 3, count: 8, run: 'Slurm 77' })
  })

  it.each<[string, Record<string, string>, { count: number; from: string } | undefined, RegExp]>([
    ['no array', {}, undefined, /finds no array job: SLURM_ARRAY_TASK_ID, .*CIRCLE_NODE_INDEX are not set/],
    [
      'no count',
      { JOB_COMPLETION_INDEX: '0' },
      undefined,
      /index 0, so shard 1, but no count, because ISOBENCH_SHARD_COUNT/,
    ],
    ['no count of Slurm', slurm(1, { SLURM_ARRAY_TASK_COUNT: '' }), undefined, /SLURM_ARRAY_TASK_COUNT is not set/],
    ['no first task', slurm(1, { SLURM_ARRAY_TASK_MIN: '' }), undefined, /SLURM_ARRAY_TASK_MIN is not set/],
    [
      'an index beyond the count',
      { CI_NODE_INDEX: '5', CI_NODE_TOTAL: '4' },
      undefined,
      /shard 5 of 4 is out of range/,
    ],
    ['index 0 of GitLab', { CI_NODE_INDEX: '0', CI_NODE_TOTAL: '4' }, undefined, /shard 0 of 4 is out of range/],
    ['an index that is no number', { CI_NODE_INDEX: '-1', CI_NODE_TOTAL: '4' }, undefined, /CI_NODE_INDEX=-1 is not/],
    [
      'another count than the plan',
      { JOB_COMPLETION_INDEX: '0', ISOBENCH_SHARD_COUNT: '4' },
      inPlan,
      /--plan has 8 .* 4/,
    ],
    [
      'two schedulers that disagree',
      { ...slurm(3), CI_NODE_INDEX: '2', CI_NODE_TOTAL: '8' },
      undefined,
      /Slurm says shard 3\/8 and GitLab says 2\/8 \(Slurm: .*; GitLab: CI_NODE_INDEX=2/,
    ],
    // sbatch --array=3 repeats one task of eight. Read alone it would be a run of everything.
    [
      'a repeated task of Slurm',
      slurm(3, { SLURM_ARRAY_TASK_MIN: '3', SLURM_ARRAY_TASK_MAX: '3', SLURM_ARRAY_TASK_COUNT: '1' }),
      undefined,
      /the array starts at 3, not at 0 or 1/,
    ],
    [
      'the repeated first task of Slurm',
      slurm(1, { SLURM_ARRAY_TASK_MAX: '1', SLURM_ARRAY_TASK_COUNT: '1' }),
      inPlan,
      /--plan has 8 shards, and Slurm says 1/,
    ],
    [
      'gaps: --array=1,3,7',
      slurm(3, { SLURM_ARRAY_TASK_MAX: '7', SLURM_ARRAY_TASK_COUNT: '3' }),
      undefined,
      /has gaps/,
    ],
  ])('refuses %s', (_, variables, expected, message) => {
    expect(() => detectShard(variables, expected)).toThrow(message)
  })
})
