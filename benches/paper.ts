import type { FindingSource } from 'isobench'

/**
 * The paper that states the findings. It is a constant, because watch mode does not follow a call of a function of
 * another file: it would measure again when only a claim changes.
 */
export const paper = {
  title: 'van Rijn and Rellermeyer, Middleware 2021',
  doi: '10.1145/3464298.3493404',
} satisfies Partial<FindingSource>
